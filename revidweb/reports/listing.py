"""Reconciliations as a page reads them: the runs of a connection, one run's differences, and their sums."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db.models import Case, Count, F, OuterRef, Q, QuerySet, Subquery, Sum, When
from django.db.models.functions import Coalesce

from revidweb.accounts import members
from revidweb.connections.models import Connection

from .models import Difference, Match, Reconciliation, Sort, Stage, Standing
from .reconcile import RUNS_LISTED

_JOB = "attempt__job__"


class Matched(NamedTuple):
    """An order on which both books agree. job: its public id. who: the member who made it, else the key."""

    job: str
    prompt: str
    model: str
    who: str
    ticket: str
    micros: int
    charged: int
    refunded: int
    at: datetime


@dataclass(frozen=True)
class Tally:
    """The differences of one sort in one run. micros: by how much our book says more."""

    sort: Sort
    count: int
    micros: int
    open: int


def latest(connection: Connection) -> Reconciliation | None:
    """The newest run that came to an end, or the newest of all while none has. One query."""
    runs = Reconciliation.objects.filter(connection=connection).select_related("connection")
    return runs.order_by(Case(When(stage=Stage.DONE, then=0), default=1), "-pk").first()


def runs(connection: Connection) -> Sequence[Reconciliation]:
    """The newest runs, each with how many of its differences are open (`open`). One query."""
    found = Difference.objects.filter(reconciliation=OuterRef("pk"))
    counted = Reconciliation.objects.filter(connection=connection).annotate(
        found=_number(found), open=_number(found.filter(standing=Standing.OPEN))
    )
    return list(counted.order_by("-pk")[:RUNS_LISTED])


def matches(run: Reconciliation) -> "QuerySet[Match]":
    """The orders on which the books agreed, the newest first; none of a run that is not listed any more."""
    return run.matches.order_by("-at", "-pk")


def keeps_matches(run: Reconciliation) -> bool:
    """Whether the orders on which the books agreed can still be listed. One query, none where there were none."""
    return bool(run.matched) and run.matches.exists()


def matched(rows: "QuerySet[Match]") -> list[Matched]:
    """What a table says of these. One query."""
    who = Coalesce(members.called(f"{_JOB}member__"), f"{_JOB}key__name")
    of_job = (f"{_JOB}public_id", f"{_JOB}prompt", f"{_JOB}media_model__title", who)
    return [
        Matched(*each) for each in rows.values_list(*of_job, "attempt__ticket", "micros", "charged", "refunded", "at")
    ]


def _number(rows: "QuerySet[Difference]") -> Coalesce:
    """How many, as a subquery: only the runs that are shown are counted."""
    counted = rows.order_by().values("reconciliation").annotate(number=Count("pk")).values("number")
    return Coalesce(Subquery(counted), 0)


def tallies(run: Reconciliation) -> list[Tally]:
    """A line for each sort, in one order, also where there is none. One query."""
    micros = Sum(F("ours_micros") - (F("charged") - F("refunded")) * 1_000_000)
    is_open = Count("pk", filter=Q(standing=Standing.OPEN))
    rows = run.differences.order_by().values_list("sort").annotate(count=Count("pk"), micros=micros, open=is_open)
    found = {sort: figures for sort, *figures in rows}
    return [Tally(sort, *found.get(sort, (0, 0, 0))) for sort in Sort]


def differences(run: Reconciliation, sort: str = "") -> "QuerySet[Difference]":
    """Those of one sort, or all: what is open first, then the newest; with their jobs and who ordered them."""
    rows = run.differences.filter(sort=sort) if sort else run.differences.all()
    whose = ("job__media_model", "job__member__person", "job__key", "job__hold")
    rows = rows.select_related("reconciliation__connection", *whose)
    open_first = Case(When(standing=Standing.OPEN, then=0), default=1)
    return rows.order_by(open_first, F("at").desc(nulls_last=True), "pk")
