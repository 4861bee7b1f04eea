"""Who."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Who."""

    name = "revidweb.accounts"
    default_auto_field = "django.db.models.BigAutoField"
