"""From facts to cells: which hour, day and month of a tenant's own a job counts in, and under which values.

Values only, no rows: both ways of counting, as jobs end and all anew, go through here, and so does what a page adds.
"""

from bisect import bisect_left
from collections.abc import Hashable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, tzinfo
from functools import lru_cache
from typing import NamedTuple, TypeVar

from revidweb.jobs.facts import Fact

from .models import Dimension, Grain

K = TypeVar("K", bound=Hashable)
Amounts = list[int]  # in the order of FIGURES

TOOK_S = (4, 8, 16, 32, 64, 128, 256)
FIGURES = (
    *("jobs", "done", "failed", "cancelled", "credits", "upstream_cost_micros", "took_s"),
    *(f"took_{seconds}" for seconds in TOOK_S),
)
_DONE, _CREDITS, _COST, _TOOK, _BUCKETS = 1, 4, 5, 6, 7  # where they stand
_VERDICTS = {"done": _DONE, "failed": _DONE + 1, "cancelled": _DONE + 2}
_HOUR_S = 3600


class Cross(NamedTuple):
    """All that tells one sum from another but its time."""

    member: int
    key: int
    model: int
    server: str
    kind: str
    connection: int
    status: str


class Hour(NamedTuple):
    """One hour of a day, with all its values. hour: how many whole hours after midnight it begins."""

    day: date
    hour: int
    cross: Cross


class Day(NamedTuple):
    """One day, or a month by its first, with all its values."""

    day: date
    cross: Cross


class Cell(NamedTuple):
    """Of whom, by what and when, as `UsageCell` keeps it."""

    member: int
    key: int
    dimension: str
    grain: str
    day: date
    hour: int
    value: str


_OF_KEY = (Dimension.ALL, Dimension.MODEL, Dimension.SERVER, Dimension.KIND, Dimension.STATUS)
_OF_MEMBER = (*_OF_KEY, Dimension.KEY)
_OF_TENANT = (*_OF_MEMBER, Dimension.MEMBER, Dimension.CONNECTION)


def dimensions(member: int, key: int) -> tuple[Dimension, ...]:
    """By what the cells of a scope are told apart: a key's have no member, and what a member sees no connection."""
    return _OF_KEY if key else _OF_MEMBER if member else _OF_TENANT


# -- time ------------------------------------------------------------------------------------------------------------


def place(at: datetime, zone: tzinfo) -> tuple[date, int]:
    """The day there, and how many whole hours after its midnight: an hour that the clocks repeat is another one."""
    day = at.astimezone(zone).date()
    return day, int((at - midnight(day, zone)).total_seconds()) // _HOUR_S


@lru_cache(maxsize=4096)
def midnight(day: date, zone: tzinfo) -> datetime:
    """When the day begins there, in UTC; where the clocks skip midnight, when they do."""
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)


# -- sums ------------------------------------------------------------------------------------------------------------


def add(sums: dict[K, Amounts], at: K, row: Amounts) -> None:
    """Add a row of figures to what stands there."""
    there = sums.get(at)
    if there is None:
        sums[at] = row[:]
        return
    for number, amount in enumerate(row):
        if amount:
            there[number] += amount


def by_hour(facts: Iterable[Fact], zone: tzinfo) -> dict[Hour, Amounts]:
    """The facts in the tenant's hours."""
    sums: dict[Hour, Amounts] = {}
    for fact in facts:
        day, hour = place(fact.ended_at, zone)
        add(sums, Hour(day, hour, _cross(fact)), amounts(fact))
    return sums


def by_day(hours: Mapping[Hour, Amounts]) -> dict[Day, Amounts]:
    """The hours put together."""
    sums: dict[Day, Amounts] = {}
    for (day, _hour, cross), row in hours.items():
        add(sums, Day(day, cross), row)
    return sums


def by_month(days: Mapping[Day, Amounts]) -> dict[Day, Amounts]:
    """The days put together, under the first of their month."""
    sums: dict[Day, Amounts] = {}
    for (day, cross), row in days.items():
        add(sums, Day(day.replace(day=1), cross), row)
    return sums


def cells(grain: Grain, sums: Iterable[tuple[date, int, Cross, Amounts]]) -> dict[Cell, Amounts]:
    """What stands in each cell of this length: every sum counts in each scope, and there in each dimension."""
    found: dict[Cell, Amounts] = {}
    for day, hour, cross, row in sums:
        for member, key in _scopes(cross):
            for dimension in dimensions(member, key):
                add(found, Cell(member, key, dimension, grain, day, hour, value(cross, dimension)), row)
    return found


def value(cross: Cross, dimension: str) -> str:
    """What stands in a cell of this dimension; "" for all."""
    return "" if dimension == Dimension.ALL else str(getattr(cross, dimension))


def amounts(fact: Fact) -> Amounts:
    """The fact in figures."""
    row = [0] * len(FIGURES)
    row[0], row[_CREDITS], row[_COST] = fact.jobs, fact.credits, fact.upstream_cost_micros
    row[_VERDICTS[fact.status]] = fact.jobs
    if fact.took_s is not None:
        row[_TOOK] = round(fact.took_s)
        bucket = bisect_left(TOOK_S, fact.took_s)
        if bucket < len(TOOK_S):
            row[_BUCKETS + bucket] = 1
    return row


def _cross(fact: Fact) -> Cross:
    return Cross(fact.member, fact.key, fact.model, fact.server, fact.kind, fact.connection, fact.status)


def _scopes(cross: Cross) -> Iterator[tuple[int, int]]:
    """Whose usage it is, as (member, key): the tenant's always, a member's and a key's where there is one."""
    yield 0, 0
    if cross.member:
        yield cross.member, 0
    if cross.key:
        yield 0, cross.key
