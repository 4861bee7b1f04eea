"""What syncs found to be different, as pages tell it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, Q, QuerySet

from revidweb.connections.models import Connection
from revidweb.lib import clock

from .models import CatalogChange, Change

LATELY = timedelta(days=7)
WAITING = Q(what=Change.HELD, decided_at__isnull=True)


@dataclass(frozen=True)
class Tally:
    """How many prices wait for the owner, and how many differences of the last seven days do not."""

    waiting: int = 0
    lately: int = 0


def tally(connections: Iterable[Connection]) -> dict[int, Tally]:
    """By the connection's primary key, for each that has any. One query."""
    rows = CatalogChange.objects.filter(connection__in=list(connections)).order_by().values("connection")
    lately = ~Q(what=Change.HELD) & Q(at__gte=clock.now() - LATELY)
    counted = rows.annotate(waiting=Count("pk", filter=WAITING), lately=Count("pk", filter=lately))
    return {row["connection"]: Tally(row["waiting"], row["lately"]) for row in counted}


def waiting(connection: Connection) -> QuerySet[CatalogChange]:
    """The prices that wait for the owner, in the order of their models."""
    return CatalogChange.objects.filter(WAITING, connection=connection).order_by("model", "server", "key", "pk")


def of(connection: Connection) -> QuerySet[CatalogChange]:
    """Every difference but those that still wait, newest first."""
    return CatalogChange.objects.filter(connection=connection).exclude(WAITING).order_by("-id")
