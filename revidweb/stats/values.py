"""What usage is asked and answered with: a scope, days, figures and how they are told apart."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from revidweb.accounts.models import Tenant

from .folding import FIGURES, TOOK_S
from .models import Dimension, Grain


@dataclass(frozen=True)
class Scope:
    """Whose usage: the tenant's (both 0), a member's or a key's, by primary keys."""

    tenant: Tenant
    member: int = 0
    key: int = 0


@dataclass(frozen=True)
class Span:
    """Days of the tenant's own, both included."""

    first: date
    last: date

    @classmethod
    def ending(cls, last: date, *, days: int) -> "Span":
        """So many days up to this one."""
        return cls(last - timedelta(days=days - 1), last)

    @property
    def days(self) -> int:
        """How many."""
        return (self.last - self.first).days + 1

    @property
    def each(self) -> tuple[date, ...]:
        """The days, one by one."""
        return tuple(self.first + timedelta(days=number) for number in range(self.days))

    @property
    def before(self) -> "Span":
        """As many days directly before them."""
        return Span(self.first - timedelta(days=self.days), self.first - timedelta(days=1))


@dataclass(frozen=True)
class Sums:
    """Figures of jobs that ended. credits: whole, what was paid for them."""

    amounts: tuple[int, ...] = (0,) * len(FIGURES)

    @classmethod
    def of(cls, several: "Iterable[Sums]") -> "Sums":
        """All of these together."""
        return cls(tuple(map(sum, zip(*(sums.amounts for sums in several), strict=True)))) or cls()

    def __add__(self, other: "Sums") -> "Sums":
        return Sums(tuple(a + b for a, b in zip(self.amounts, other.amounts, strict=True)))

    def __sub__(self, other: "Sums") -> "Sums":
        return Sums(tuple(a - b for a, b in zip(self.amounts, other.amounts, strict=True)))

    def __bool__(self) -> bool:
        return any(self.amounts)

    @property
    def jobs(self) -> int:
        """Jobs that ended, however."""
        return self.amounts[0]

    @property
    def done(self) -> int:
        """Of them, those with a result."""
        return self.amounts[1]

    @property
    def failed(self) -> int:
        """Of them, those that failed or were lost."""
        return self.amounts[2]

    @property
    def cancelled(self) -> int:
        """Of them, those that somebody stopped."""
        return self.amounts[3]

    @property
    def credits(self) -> int:
        """What was paid for them."""
        return self.amounts[4]

    @property
    def upstream_cost_micros(self) -> int:
        """What upstream took for them, in millionths of its credit."""
        return self.amounts[5]

    @property
    def success_percent(self) -> float | None:
        """Done of done and failed; None where there is neither."""
        ended = self.done + self.failed
        return 100 * self.done / ended if ended else None

    @property
    def average_credits(self) -> float | None:
        """What a job with a result cost on average; None where there is none."""
        return self.credits / self.done if self.done else None

    @property
    def median_s(self) -> float | None:
        """The time that half of the results took at most, in seconds; as `took_s`."""
        return self.took_s(50)

    @property
    def slow_s(self) -> float | None:
        """The time that 95 of 100 results took at most, in seconds; as `took_s`."""
        return self.took_s(95)

    def took_s(self, percent: int) -> float | None:
        """The time that so many of the results took at most, in seconds, estimated from buckets; None without results.

        Within a bucket times are taken to lie evenly; of those beyond the last one no more is known than that.
        """
        rank, seen, least = self.done * percent / 100, 0, 0
        for most, count in zip(TOOK_S, self.amounts[7:], strict=True):
            if count and seen + count >= rank:
                return least + (most - least) * (rank - seen) / count
            seen, least = seen + count, most
        return float(least) if self.done else None


@dataclass(frozen=True)
class Bucket:
    """A stretch of the chart: an hour of a day (how many hours after midnight), a day, or a month by its first."""

    day: date
    hour: int = 0


@dataclass(frozen=True)
class Usage:
    """What a question is answered with. grain: how long a bucket is; every bucket of the span is there, also empty.

    before: the sums of the span before. groups: the values of the dimension with their sums, the most credits first.
    parts: the sums of the first groups by bucket; by_bucket: those of all groups together.
    """

    question: "Question"
    grain: Grain
    buckets: tuple[Bucket, ...]
    total: Sums
    before: Sums
    groups: Mapping[str, Sums]
    by_bucket: Mapping[Bucket, Sums]
    parts: Mapping[str, Mapping[Bucket, Sums]]


@dataclass(frozen=True)
class Question:
    """What is asked of a scope. filters: values by dimension, as cells keep them. top: how many groups get parts."""

    scope: Scope
    span: Span
    by: Dimension = Dimension.ALL
    filters: Mapping[Dimension, str] = field(default_factory=dict)
    top: int = 5


@dataclass(frozen=True)
class Glance:
    """What a start page tells. days: those of the span and of the one before it on which something ended.

    models: of the span alone, the sums of each model by its name, the most credits first.
    """

    span: Span
    days: Mapping[date, Sums]
    models: Mapping[str, Sums]

    def sums(self, span: Span) -> Sums:
        """The sums of some of these days together."""
        return sum((sums for day, sums in self.days.items() if span.first <= day <= span.last), Sums())

    def last(self, days: int) -> Span:
        """So many days at the end of the span."""
        return Span.ending(self.span.last, days=days)
