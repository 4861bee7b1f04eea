"""What a settlement is worth to statistics: of whom, of what, when the job ended, and how much.

A settlement may be corrected after statistics took it. It keeps what was taken, so that each taking gives what is new.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import lru_cache
from typing import Any

from django.db.models import BigIntegerField, DateTimeField, F, Field, QuerySet, Sum
from django.db.models.functions import Coalesce

from revidweb.accounts.models import Tenant
from revidweb.lib import clock, kept
from revidweb.lib.kept import Word

from .models import Job, Settlement, Verdict

_STATUS = {Verdict.DONE: "done", Verdict.CANCELLED: "cancelled"}  # all else failed
_COLUMNS = (
    *("job__member_id", "job__key_id", "job__media_model_id", "job__server", "job__kind", "job__connection_id"),
    *("verdict", "job__ended_at", "job__created_at", "counted_at"),
    *("credits", "counted_credits", "upstream_cost_micros", "counted_cost_micros"),
)


@dataclass(frozen=True, slots=True)
class Fact:
    """One job that ended, or what became known of it later. member and key are 0 where there is none.

    status: done, failed or cancelled. jobs: 1, or 0 for a correction. credits, upstream_cost_micros: signed, what is
    new. took_s: seconds from the order to the result; None for what has none, and for a correction.
    """

    member: int
    key: int
    model: int
    server: str
    kind: str
    connection: int
    status: str
    ended_at: datetime
    jobs: int
    credits: int
    upstream_cost_micros: int
    took_s: float | None


class _Reading(Enum):
    """How much of a settlement a fact tells: what is new, what was taken, or all of it."""

    NEW = "new"
    TAKEN = "taken"
    WHOLE = "whole"


def take(tenant: Tenant, *, limit: int) -> list[Fact]:
    """What is new since it was last taken, of at most so many settlements, marked as taken in the caller's transaction.

    Of two at once each takes others; after a rollback the same ones come again.
    """
    due = _due(tenant).select_for_update(skip_locked=True, no_key=True).order_by("pk")
    rows = Settlement.objects.filter(pk__in=[row.pk for row in due.only("pk")[:limit]])
    facts = _facts(rows, _Reading.NEW)
    _mark(rows)
    return facts


def taken(tenant: Tenant) -> Iterator[Fact]:
    """All that was ever taken of the tenant, what is due now included, by the time at which the jobs ended.

    In the caller's transaction, which lets nobody else take meanwhile. What is corrected while it is read is due again.
    """
    _mark(_due(tenant))
    rows = Settlement.objects.filter(tenant=tenant, counted_at__isnull=False).order_by("job__ended_at", "pk")
    for row in rows.values_list(*_COLUMNS).iterator(chunk_size=5000):
        yield _fact(row, _Reading.TAKEN)


def due_tenants() -> list[int]:
    """The tenants of which something is to be taken, by their primary keys. One query."""
    rows = Settlement.objects.filter(is_due=True).order_by("tenant_id")
    return list(rows.values_list("tenant_id", flat=True).distinct())


def not_taken(tenant: Tenant, where: Mapping[str, object], *, since: datetime, until: datetime) -> list[Fact]:
    """What `take` would give of jobs that ended from `since` up to, not including, `until`. One query.

    where: values by the columns of a job.
    """
    return [_fact(row, _Reading.NEW) for row in _asked(tenant, where, since, until, is_due=True)]


def credits_not_taken(tenant: Tenant, where: Mapping[str, object], *, since: datetime) -> "QuerySet[Any, Any]":
    """The credits of what `take` would give of jobs that ended from `since` on: one row with their sum, or none."""
    asked = {f"job__{column}": value for column, value in where.items()}
    rows = _due(tenant).filter(job__ended_at__gte=since, job__ended_at__lt=clock.now(), **asked)
    summed = rows.order_by().values("tenant").annotate(new=Sum(F("credits") - F("counted_credits")))
    return summed.values_list("new")


def ended(tenant: Tenant, where: Mapping[str, object], *, since: datetime, until: datetime) -> list[Fact]:
    """Every job that ended in that time, taken or not; where, since, until as above. One query; for short times."""
    return [_fact(row, _Reading.WHOLE) for row in _asked(tenant, where, since, until, is_due=False)]


def _asked(
    tenant: Tenant, where: Mapping[str, object], since: datetime, until: datetime, *, is_due: bool
) -> list[tuple[Any, ...]]:
    """Rows of settlements, those that are due alone or all; by a statement of each shape that is kept."""
    shape = tuple((column, value is None) for column, value in where.items())
    return _statement(is_due, shape).all(tenant=tenant.pk, since=since, until=until, **where)


@lru_cache(maxsize=256)
def _statement(is_due: bool, shape: tuple[tuple[str, bool], ...]) -> kept.Values:
    """shape: the columns of a job that are asked for, and whether by none."""
    return kept.Values(lambda: _rows(is_due, shape))


def _rows(is_due: bool, shape: tuple[tuple[str, bool], ...]) -> "QuerySet[Any, Any]":
    tenant, moment = Word("tenant", BigIntegerField()), DateTimeField()
    rows = Settlement.objects.filter(
        tenant=tenant, job__ended_at__gte=Word("since", moment), job__ended_at__lt=Word("until", moment)
    )
    rows = rows.filter(is_due=True) if is_due else rows.filter(job__tenant=tenant)
    for column, is_none in shape:
        rows = rows.filter(**{f"job__{column}": None if is_none else Word(column, _field(column))})
    return rows.values_list(*_COLUMNS)


def _field(column: str) -> "Field[Any, Any]":
    """What a word of this column is, of a relation its key."""
    field: Any = Job._meta.get_field(column)
    own: Field[Any, Any] = field.target_field if field.is_relation else field
    return own


def _due(tenant: Tenant) -> "QuerySet[Settlement]":
    return Settlement.objects.filter(tenant=tenant, is_due=True)


def _mark(rows: "QuerySet[Settlement]") -> None:
    rows.update(
        is_due=False,
        counted_at=Coalesce("counted_at", clock.now()),
        counted_credits=F("credits"),
        counted_cost_micros=F("upstream_cost_micros"),
    )


def _facts(rows: "QuerySet[Settlement]", reading: _Reading) -> list[Fact]:
    return [_fact(row, reading) for row in rows.values_list(*_COLUMNS)]


def _fact(row: Sequence[Any], reading: _Reading) -> Fact:
    member, key, model, server, kind, connection, verdict, ended_at, created_at, counted_at, *amounts = row
    credits, counted_credits, cost, counted_cost = amounts
    is_job = reading is not _Reading.NEW or counted_at is None
    if reading is _Reading.TAKEN:
        credits, cost = counted_credits, counted_cost
    elif reading is _Reading.NEW:
        credits, cost = credits - counted_credits, cost - counted_cost
    return Fact(
        member=member or 0,
        key=key or 0,
        model=model,
        server=server,
        kind=kind,
        connection=connection,
        status=_STATUS.get(verdict, "failed"),
        ended_at=ended_at,
        jobs=1 if is_job else 0,
        credits=credits,
        upstream_cost_micros=cost,
        took_s=(ended_at - created_at).total_seconds() if verdict == Verdict.DONE and is_job else None,
    )
