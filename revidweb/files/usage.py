"""How much of the disk results and inputs take."""

from collections.abc import Iterable

from django.core.cache import cache
from django.db.models import Sum

from revidweb.accounts.models import Tenant

from .models import Purpose, StoredFile, Upload

_KNOWN_S = 60


def bytes_of(tenants: Iterable[int]) -> dict[int, int]:
    """The bytes of these tenants' files that were not deleted, by the tenant's key; none that has none. One query."""
    rows = StoredFile.objects.present().filter(tenant__in=list(tenants))
    return dict(rows.order_by().values_list("tenant").annotate(Sum("size_bytes")))


def inputs_of(tenant: Tenant) -> int:
    """The bytes of a tenant's inputs that were not deleted, and of uploads on their way in. Two queries."""
    kept = StoredFile.objects.present().filter(tenant=tenant, purpose=Purpose.INPUT)
    coming = Upload.objects.filter(tenant=tenant).exclude(path="")
    return sum(rows.aggregate(total=Sum("size_bytes"))["total"] or 0 for rows in (kept, coming))


def all_bytes() -> int:
    """The bytes of every file that was not deleted, as they were within the last minute: it reads the whole table."""
    return int(cache.get_or_set("files.all_bytes", _all_bytes, _KNOWN_S) or 0)


def _all_bytes() -> int:
    return StoredFile.objects.present().aggregate(total=Sum("size_bytes"))["total"] or 0
