"""What syncs found to be different, as pages tell it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from revidweb.connections.models import Connection
from revidweb.lib import clock

from .models import CatalogChange, Change, MediaModel

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
    """The prices that wait for the owner, in the order of their models, each with its model's `title`."""
    rows = CatalogChange.objects.filter(WAITING, connection=connection)
    return _titled(rows).order_by("model", "server", "key", "pk")


def of(connection: Connection) -> QuerySet[CatalogChange]:
    """Every difference but those that still wait, newest first, each with its model's `title`.

    told_at: when it came to stand as it does: a price that waited, by its decision.
    """
    rows = CatalogChange.objects.filter(connection=connection).exclude(WAITING)
    return _titled(rows).annotate(told_at=Coalesce("decided_at", "at")).order_by("-told_at", "-id")


def title_of(change: CatalogChange) -> str:
    """The name of its model that people read; the id it had, where the model is not known any more."""
    return MediaModel.objects.filter(name=change.model).values_list("title", flat=True).first() or change.model


def _titled(rows: QuerySet[CatalogChange]) -> QuerySet[CatalogChange]:
    known = MediaModel.objects.filter(name=OuterRef("model"))
    return rows.annotate(title=Coalesce(Subquery(known.values("title")[:1]), F("model")))
