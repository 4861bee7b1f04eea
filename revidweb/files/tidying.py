"""What uploads leave in the storage: every name follows from the row, so that a crash leaves nothing unseen behind."""

import structlog
from django.conf import settings

from revidweb.lib import clock

from . import intake, storage
from .models import Upload, UploadState

_SWEEP_ROWS = 500
_ENDED = (UploadState.READY, UploadState.FAILED)

log = structlog.get_logger(__name__)


def raw(upload: Upload) -> str:
    """The name of the bytes that were received and not yet looked at."""
    return f"uploads/{upload.tenant.public_id}/{upload.public_id}"


def stem(upload: Upload, number: int) -> str:
    """The stem of a try's names; each has its own, so that a slow one never touches what a faster one placed."""
    return f"inputs/{upload.tenant.public_id}/{upload.public_id}/{number}"


def clear(upload: Upload) -> bool:
    """Delete the received bytes, and what tries placed that came to nothing; whether that worked. A repeat may."""
    try:
        _clear(upload)
    except Exception:  # every storage backend fails in its own way; the next sweep asks again
        log.exception("upload not cleared", upload=upload.public_id)
        return False
    return True


def close(upload: Upload) -> None:
    """Clear an ended upload away and give its lease back; until that worked the sweep comes again."""
    if clear(upload):
        Upload.objects.filter(pk=upload.pk, state__in=_ENDED).update(lease_until=None, path="")


def sweep() -> int:
    """Let uploads vanish that nobody confirmed within UPLOAD_WAIT_S, with their bytes; how many went.

    Failed ones go then too. Of those that ended meanwhile, what a crash left in the storage is deleted.
    """
    rows = Upload.objects.select_related("tenant", "file")
    for upload in rows.filter(state__in=_ENDED, lease_until__lt=clock.now())[:_SWEEP_ROWS]:
        close(upload)
    late = rows.filter(created_at__lt=clock.ago(settings.UPLOAD_WAIT_S)).exclude(state=UploadState.READY)
    return sum(map(_vanish, late.free().order_by("created_at")[:_SWEEP_ROWS]))


def _vanish(upload: Upload) -> int:
    """Delete the bytes, then the row: a crash in between only repeats it."""
    if not clear(upload):
        return 0
    gone, _by_table = Upload.objects.free().filter(pk=upload.pk, state=upload.state).delete()
    return gone


def _clear(upload: Upload) -> None:
    storage.delete(raw(upload))
    kept = upload.file.path if upload.file else ""
    for number in range(1, upload.tries + 1):
        tried = stem(upload, number)
        if not kept.startswith(f"{tried}."):
            intake.forget(tried)
