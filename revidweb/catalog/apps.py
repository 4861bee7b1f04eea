"""What can be made, and its price."""

from django.apps import AppConfig


class CatalogConfig(AppConfig):
    """What can be made, and its price."""

    name = "revidweb.catalog"
    default_auto_field = "django.db.models.BigAutoField"
