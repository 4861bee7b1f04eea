"""Tenants' accounts at providers."""

from django.apps import AppConfig


class ConnectionsConfig(AppConfig):
    """Tenants' accounts at providers."""

    name = "revidweb.connections"
    default_auto_field = "django.db.models.BigAutoField"
