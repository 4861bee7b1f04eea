"""To people."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """To people."""

    name = "revidweb.web"
    default_auto_field = "django.db.models.BigAutoField"
