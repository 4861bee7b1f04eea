"""What a tenant's connections have to do at this moment."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Q

from revidweb.connections.models import Connection
from revidweb.providers.base import Kind

from .models import Attempt, Job
from .states import State


@dataclass(frozen=True)
class Load:
    """Jobs of ours at one connection. images, others: those that hold a slot there, by what they make.

    queued: those that wait for a slot; moving: all without a verdict.
    """

    images: int = 0
    others: int = 0
    queued: int = 0
    moving: int = 0


def of(connections: Iterable[Connection]) -> dict[int, Load]:
    """By the connection's primary key, for each that has moving jobs. One query."""
    mine = Job.objects.filter(connection__in=list(connections))
    is_there, is_image = Q(pk__in=mine.holding_slots().values("pk")), Q(kind=Kind.IMAGE)
    counted = (
        mine.moving()
        .order_by()
        .values("connection")
        .annotate(
            images=Count("pk", filter=is_there & is_image),
            others=Count("pk", filter=is_there & ~is_image),
            queued=Count("pk", filter=Q(state=State.QUEUED)),
            moving=Count("pk"),
        )
    )
    return {row["connection"]: Load(row["images"], row["others"], row["queued"], row["moving"]) for row in counted}


def is_unused(connection: Connection) -> bool:
    """Whether nothing was ever sent there. One query."""
    return not Attempt.objects.filter(connection=connection).exists()
