"""The frame as an app: its checks, and the commands that join rooms."""

from django.apps import AppConfig


class FrameConfig(AppConfig):
    """Joins the rooms; no room imports it."""

    name = "revidweb"

    def ready(self) -> None:
        """Register the system checks."""
        from . import checks  # noqa: F401
