"""How much may be brought in: uploads in an hour by one member, and inputs on the disk of one tenant.

A member and all their keys share one count, so that more keys bring no more in. A key of no member has its own.
"""

from django.conf import settings

from revidweb.accounts.actors import Actor
from revidweb.accounts.models import Tenant
from revidweb.lib import clock
from revidweb.lib.refusal import Refusal

from . import usage
from .models import Upload

_HOUR_S = 3600.0


def check(actor: Actor, *, size_bytes: int = 0) -> None:
    """Refuse one more upload of so many bytes, as far as they are known. Three queries.

    Raises Refusal "uploads_too_many" (most=, retry_after_s=) or "disk_full" (max_mb=).
    """
    _check_count(actor)
    check_disk(actor.tenant, size_bytes=size_bytes)


def check_disk(tenant: Tenant, *, size_bytes: int) -> None:
    """Refuse so many bytes more when the tenant's inputs would take over UPLOAD_DISK_BYTES. Two queries.

    Raises Refusal "disk_full" (max_mb=).
    """
    most = settings.UPLOAD_DISK_BYTES
    if usage.inputs_of(tenant) + size_bytes > most:
        raise Refusal("disk_full", max_mb=most // 1_048_576)


def _check_count(actor: Actor) -> None:
    """The upload that is UPLOADS_PER_HOUR back says when there is room again."""
    most = settings.UPLOADS_PER_HOUR
    uploads = Upload.objects.filter(tenant=actor.tenant, created_at__gt=clock.ago(_HOUR_S))
    mine = uploads.filter(member=actor.member) if actor.member else uploads.filter(key=_key(actor))
    times = mine.order_by("-created_at").values_list("created_at", flat=True)[most - 1 : most]
    for then in times:
        wait_s = _HOUR_S - (clock.now() - then).total_seconds()
        raise Refusal("uploads_too_many", most=most, retry_after_s=max(1.0, wait_s))


def _key(actor: Actor) -> str:
    return actor.key.public_id if actor.key else ""
