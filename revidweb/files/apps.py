"""Stored files."""

from django.apps import AppConfig


class FilesConfig(AppConfig):
    """Stored files."""

    name = "revidweb.files"
    default_auto_field = "django.db.models.BigAutoField"
