"""Work."""

from django.apps import AppConfig


class JobsConfig(AppConfig):
    """Work."""

    name = "revidweb.jobs"
    default_auto_field = "django.db.models.BigAutoField"
