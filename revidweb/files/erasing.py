"""Delete files: the row at once, the bytes after the commit, and again by the sweep when that failed."""

from collections.abc import Iterable
from functools import partial

import structlog
from django.db import transaction

from revidweb.lib import clock

from . import storage
from .models import StoredFile, StoredFileQuerySet

_log = structlog.get_logger(__name__)
_GRACE_S = 60.0  # the transaction's own deletion comes first
_SCRATCH_S = 86_400.0
_SWEEP_ROWS = 1000


def erase(files: StoredFileQuerySet) -> int:
    """Mark these files deleted and, on commit, remove their bytes; how many were not deleted before.

    The rows stay without the blur, which is a picture too. A repeat changes nothing.
    """
    with transaction.atomic():
        doomed = list(files.present().select_for_update(of=("self",)).order_by("pk"))
        StoredFile.objects.filter(pk__in=[file.pk for file in doomed]).update(deleted_at=clock.now(), blur="")
        transaction.on_commit(partial(_remove, doomed))
    return len(doomed)


def sweep() -> int:
    """Remove the bytes of deleted files that a crash left, and scratch files older than a day; how many went."""
    doomed = StoredFile.objects.filter(deleted_at__lt=clock.ago(_GRACE_S), erased_at__isnull=True)
    return _remove(doomed.order_by("deleted_at")[:_SWEEP_ROWS]) + storage.clear_scratch(older_than_s=_SCRATCH_S)


def _remove(files: Iterable[StoredFile]) -> int:
    gone = [file.pk for file in files if _is_removed(file)]
    StoredFile.objects.filter(pk__in=gone).update(erased_at=clock.now())
    return len(gone)


def _is_removed(file: StoredFile) -> bool:
    """Whether the file's bytes are seen to be gone; a storage in trouble is asked again by the next sweep."""
    try:
        storage.delete(*file.names)
        return not any(storage.exists(name) for name in file.names)
    except Exception:  # every storage backend fails in its own way
        _log.exception("file not erased", file=file.public_id)
        return False
