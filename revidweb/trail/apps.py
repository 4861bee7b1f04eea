"""The record of what happened."""

from django.apps import AppConfig


class TrailConfig(AppConfig):
    """The record of what happened."""

    name = "revidweb.trail"
    default_auto_field = "django.db.models.BigAutoField"
