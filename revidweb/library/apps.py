"""What people do with results."""

from django.apps import AppConfig


class LibraryConfig(AppConfig):
    """What people do with results."""

    name = "revidweb.library"
    default_auto_field = "django.db.models.BigAutoField"
