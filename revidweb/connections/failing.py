"""Which connections need somebody's look."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import BigIntegerField, Count, Q

from revidweb.accounts.actors import Actor
from revidweb.lib import kept
from revidweb.lib.kept import Word

from .models import Connection, ConnectionQuerySet


@dataclass(frozen=True)
class Standing:
    """How a tenant's connections stand together. failing: those in use that take no orders now.

    is_alone: whether preview is the only one. draws_previews: whether preview is on.
    """

    failing: list[Connection]
    is_alone: bool
    draws_previews: bool


def standing(actor: Actor) -> Standing:
    """Of the actor's tenant. One query."""
    rows = _OF_TENANT.all(tenant=actor.tenant.pk)
    return Standing(
        failing=[row for row in rows if row.is_enabled and not row.takes_orders],
        is_alone=all(row.is_preview for row in rows),
        draws_previews=any(row.is_preview and row.is_enabled for row in rows),
    )


def _of_tenant() -> ConnectionQuerySet:
    return Connection.objects.filter(tenant=Word("tenant", BigIntegerField())).present().order_by("pk")


_OF_TENANT = kept.Rows(_of_tenant)  # of every overview


def failing() -> ConnectionQuerySet:
    """Those whose account takes no orders, or that were not reached of late."""
    return Connection.objects.present().filter(~Q(trouble="") | Q(failing_since__isnull=False))


def counts(tenants: Iterable[int]) -> dict[int, int]:
    """How many of these tenants' connections fail, by the tenant's key; none that has none. One query."""
    rows = failing().filter(tenant__in=list(tenants)).order_by().values_list("tenant").annotate(Count("pk"))
    return dict(rows)
