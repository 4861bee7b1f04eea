"""All that a request may have changed."""

from pathlib import Path

from django.apps import apps
from django.contrib.sessions.models import Session
from django.core.files.storage import default_storage
from django.db.models import Model, QuerySet


def everything() -> dict[str, list]:
    """All rows of all tables, and the names of all stored files; not a visitor's own session, nor when they came."""
    rows = {model._meta.label: list(_rows(model)) for model in apps.get_models() if model is not Session}
    return rows | {"files": sorted(str(path) for path in Path(default_storage.location).rglob("*") if path.is_file())}


_OF_VISITORS = ("last_login", "last_used_at")  # when somebody came in


def _rows(model: type[Model]) -> QuerySet:
    columns = [column.attname for column in model._meta.concrete_fields if column.attname not in _OF_VISITORS]
    return model._base_manager.order_by("pk").values(*columns)


def changed(before: dict[str, list]) -> list[str]:
    """The tables that are not as they were."""
    now = everything()
    return [name for name in before if before[name] != now[name]]
