"""Which database holds what: the embedded cache lives in a file of its own."""

from typing import Any


class CacheRouter:
    """Send the cache's table, and nothing else, to the `cache` database."""

    def _is_cache(self, model: Any) -> bool:
        return bool(model._meta.app_label == "django_cache")

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        """Reads of the cache go to its own file."""
        return "cache" if self._is_cache(model) else None

    db_for_write = db_for_read

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        """Only the cache's table is made there, and only there."""
        return (db == "cache") == (app_label == "django_cache")
