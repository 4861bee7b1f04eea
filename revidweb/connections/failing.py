"""Which connections need somebody's look."""

from collections.abc import Iterable

from django.db.models import Count, Q

from .models import Connection, ConnectionQuerySet


def failing() -> ConnectionQuerySet:
    """Those whose account takes no orders, or that were not reached of late."""
    return Connection.objects.present().filter(~Q(trouble="") | Q(failing_since__isnull=False))


def counts(tenants: Iterable[int]) -> dict[int, int]:
    """How many of these tenants' connections fail, by the tenant's key; none that has none. One query."""
    rows = failing().filter(tenant__in=list(tenants)).order_by().values_list("tenant").annotate(Count("pk"))
    return dict(rows)
