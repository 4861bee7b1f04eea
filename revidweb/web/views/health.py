"""Is the process alive, and can it work? For whoever watches over the processes, so without words for people."""

import secrets
from collections.abc import Callable

import structlog
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

log = structlog.get_logger(__name__)


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """This process answers. Asks nothing of the database, so that an ill database does not restart the web."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when all that a page needs works, else 503 with the names of what does not; the reasons are in the log."""
    failing = [name for name, check in CHECKS.items() if not _passes(name, check)]
    status = "failing" if failing else "ok"
    return JsonResponse({"status": status, "failing": failing}, status=503 if failing else 200)


def _passes(name: str, check: Callable[[], bool]) -> bool:
    """Whatever goes wrong in there is the answer, so nothing is left to rise from here."""
    try:
        return check()
    except Exception as error:
        log.warning("ready.failed", check=name, reason=type(error).__name__)
        return False


def _database() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return bool(cursor.fetchone())


def _migrations() -> bool:
    executor = MigrationExecutor(connection)
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


def _cache() -> bool:
    value = secrets.token_hex(8)
    cache.set(f"ready:{value}", value, timeout=10)
    return bool(cache.get(f"ready:{value}") == value)


def _storage() -> bool:
    name = default_storage.save(f"ready/{secrets.token_hex(8)}", ContentFile(b"ready"))
    default_storage.delete(name)
    return True


CHECKS: dict[str, Callable[[], bool]] = {
    "database": _database,
    "migrations": _migrations,
    "cache": _cache,
    "storage": _storage,
}
