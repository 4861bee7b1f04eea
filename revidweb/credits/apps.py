"""Money."""

from django.apps import AppConfig


class CreditsConfig(AppConfig):
    """Money."""

    name = "revidweb.credits"
    default_auto_field = "django.db.models.BigAutoField"
