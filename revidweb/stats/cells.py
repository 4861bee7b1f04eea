"""Cells as they are read: by statements that are kept, since to write so many sums takes longer than to add them up.

Each stretch of time is a statement of its own in a union: of stretches joined by OR, a plan that PostgreSQL keeps reads
every cell of the dimension.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

from django.db.models import (
    BigIntegerField,
    CharField,
    DateField,
    Field,
    QuerySet,
    SmallIntegerField,
    Sum,
    Value,
)
from django.db.models.functions import Cast

from revidweb.lib import kept
from revidweb.lib.kept import Word

from .folding import FIGURES, Amounts
from .models import Dimension, Grain, UsageCell
from .values import Scope, Span

_FEW_VALUES, _FEW_DAYS = 10, 92
Stretch = tuple[Grain, Span]


@dataclass(frozen=True)
class Wanted:
    """Cells of a scope, a dimension and some stretches of time.

    name: by which their rows come back. values: those of these alone, None for each. is_summed: by value over each
    stretch, instead of one by one.
    """

    name: str
    scope: Scope
    dimension: Dimension
    stretches: Sequence[Stretch]
    values: Sequence[str] | None = None
    is_summed: bool = False


class Row(NamedTuple):
    """A cell, or the sum of some. day: None of a sum. figures: in the order of FIGURES."""

    name: str
    value: str
    day: date | None
    hour: int
    figures: Amounts


def read(*wanted: Wanted) -> Iterator[Row]:
    """The rows of all that is wanted. One query."""
    each = [(one, stretch) for one in wanted for stretch in one.stretches]
    shapes = tuple(_shape(one, stretch) for one, stretch in each)
    words: dict[str, Any] = {}
    for number, (one, stretch) in enumerate(each):
        words |= _words(number, one, stretch)
    for name, value, day, hour, *figures in _statement(shapes).all(**words):
        yield Row(name, value, day, hour, figures)


class _Shape(NamedTuple):
    """What tells one statement of a union from another, beside its words.

    values: how many are asked for. days: of a few values how many days, each named: so the index finds every cell,
    where it would read those of all values between two days.
    """

    name: str
    is_summed: bool
    values: int | None
    days: int | None


def _shape(one: Wanted, stretch: Stretch) -> _Shape:
    grain, span = stretch
    values = None if one.values is None else len(one.values)
    are_named = values is not None and values <= _FEW_VALUES and grain == Grain.DAY and span.days <= _FEW_DAYS
    return _Shape(one.name, one.is_summed, values, span.days if are_named else None)


def _words(number: int, one: Wanted, stretch: Stretch) -> dict[str, Any]:
    """The words of the union's statement of this number."""
    grain, span = stretch
    its: dict[str, Any] = {"tenant": one.scope.tenant.pk, "member": one.scope.member, "key": one.scope.key}
    its |= {"dimension": one.dimension, "grain": grain, "first": span.first, "last": span.last}
    its |= {f"value{place}": value for place, value in enumerate(one.values or ())}
    if _shape(one, stretch).days:
        its |= {f"day{place}": day for place, day in enumerate(span.each)}
    return {f"{word}_{number}": value for word, value in its.items()}


@lru_cache(maxsize=256)
def _statement(shapes: tuple[_Shape, ...]) -> kept.Values:
    return kept.Values(lambda: _union([_rows(number, shape) for number, shape in enumerate(shapes)]))


def _union(statements: "list[QuerySet[Any, Any]]") -> "QuerySet[Any, Any]":
    first, *others = statements
    return first.union(*others, all=True) if others else first


def _rows(number: int, shape: _Shape) -> "QuerySet[Any, Any]":
    def word(name: str, field: "type[Field[Any, Any]]") -> Word:
        return Word(f"{name}_{number}", field())

    rows = UsageCell.objects.filter(
        tenant=word("tenant", BigIntegerField),
        member_id=word("member", BigIntegerField),
        key_id=word("key", BigIntegerField),
        dimension=word("dimension", CharField),
        grain=word("grain", CharField),
    )
    if shape.days is None:
        rows = rows.filter(day__range=(word("first", DateField), word("last", DateField)))
    else:
        rows = rows.filter(day__in=[word(f"day{place}", DateField) for place in range(shape.days)], hour=0)
    if shape.values is not None:
        rows = rows.filter(value__in=[word(f"value{place}", CharField) for place in range(shape.values)])
    name = Value(shape.name, CharField())
    if not shape.is_summed:
        return rows.values_list(name, "value", "day", "hour", *FIGURES)
    sums = {f"sum_{figure}": Cast(Sum(figure), BigIntegerField()) for figure in FIGURES}
    no_day, no_hour = Value(None, DateField()), Value(0, SmallIntegerField())
    return rows.order_by().values("value").annotate(**sums).values_list(name, "value", no_day, no_hour, *sums)
