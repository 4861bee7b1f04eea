"""Read usage: what an actor sees of a range of days, told apart by one dimension and narrowed by others.

Cells answer one scope with one dimension; where filters are combined, the full cross does. What ended and was not
counted yet is added to either, so that nothing lags, and all of one answer is of one moment. Days are those of the zone
in which the tenant is counted.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from functools import reduce
from itertools import chain
from operator import or_
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from django.db.models import (
    BigIntegerField,
    CharField,
    DateField,
    F,
    Max,
    OuterRef,
    Q,
    QuerySet,
    SmallIntegerField,
    Subquery,
    Sum,
    Value,
)
from django.db.models.functions import Cast, TruncMonth

from revidweb.accounts.actors import Actor, Right
from revidweb.accounts.models import Member, Tenant
from revidweb.catalog.models import MediaModel
from revidweb.jobs import facts
from revidweb.jobs.facts import Fact
from revidweb.lib import clock, kept
from revidweb.lib.kept import Word

from . import cells, folding, sql
from .cells import Stretch, Wanted
from .counting import HOURS_KEPT_DAYS
from .folding import FIGURES, Amounts
from .models import Dimension, Grain, UsageCell, UsageDay, UsageMonth, UsageState
from .values import Bucket, Glance, Question, Scope, Span, Sums, Usage

K = TypeVar("K", bound=Hashable)

HOURS_MOST_DAYS = 2  # ranges so short are drawn by the hour
DAYS_MOST = 92  # longer ones by the month, and read so
# How the full cross, and a job, call each dimension; a job has no column for how it ended.
_COLUMNS = {
    Dimension.MEMBER: ("member_id", "member_id"),
    Dimension.KEY: ("key_id", "key_id"),
    Dimension.MODEL: ("model_id", "media_model_id"),
    Dimension.SERVER: ("server", "server"),
    Dimension.KIND: ("kind", "kind"),
    Dimension.CONNECTION: ("connection_id", "connection_id"),
    Dimension.STATUS: ("status", ""),
}
_DAY = timedelta(days=1)
_SUMS = {f"sum_{name}": Sum(name, default=0) for name in FIGURES}  # of no row too, where there is one group


# -- who and when ----------------------------------------------------------------------------------------------------


def scope_of(actor: Actor) -> Scope:
    """What the actor sees: a key its own, those who see all the tenant's, others their own."""
    if actor.key:
        return Scope(actor.tenant, key=actor.key.pk)
    return Scope(actor.tenant) if actor.may(Right.SEE_ALL) else Scope(actor.tenant, member=actor.in_person.pk)


def dimensions(actor: Actor) -> tuple[Dimension, ...]:
    """By what the actor may tell usage apart; connections are the business of who manages them."""
    scope = scope_of(actor)
    found = folding.dimensions(scope.member, scope.key)
    return tuple(one for one in found if one != Dimension.CONNECTION or actor.may(Right.MANAGE_CONNECTIONS))


def zone_of(tenant: Tenant) -> ZoneInfo:
    """The zone in which the tenant's usage is counted: for a while after it moved that is the old one. One query."""
    counted = UsageState.objects.filter(tenant=tenant).values_list("time_zone", flat=True).first()
    return ZoneInfo(counted or tenant.time_zone)


def with_zone(members: QuerySet[Member]) -> QuerySet[Member]:
    """The members, each with the zone in which their tenant is counted: its pages need not ask once more."""
    counted = UsageState.objects.filter(tenant=OuterRef("tenant")).values("time_zone")
    return members.annotate(usage_zone=Subquery(counted))


def zone_for(actor: Actor) -> ZoneInfo:
    """The zone of the actor's tenant, as `zone_of`. One query, and none for a member found `with_zone`."""
    if not hasattr(actor.member, "usage_zone"):
        return zone_of(actor.tenant)
    counted: str | None = getattr(actor.member, "usage_zone", None)
    return ZoneInfo(counted or actor.tenant.time_zone)


def grain_of(span: Span, zone: ZoneInfo) -> Grain:
    """How long a bucket of its chart is."""
    oldest_hour = clock.now().astimezone(zone).date() - timedelta(days=HOURS_KEPT_DAYS)
    if span.days <= HOURS_MOST_DAYS and span.first >= oldest_hour:
        return Grain.HOUR
    return Grain.DAY if span.days <= DAYS_MOST else Grain.MONTH


# -- the answer ------------------------------------------------------------------------------------------------------


@sql.one_moment()
def read(question: Question, zone: ZoneInfo) -> Usage:
    """The answer, in at most three queries."""
    grain = grain_of(question.span, zone)
    now, before = _live(question, zone, grain)
    answer = _of_cross if _is_cross(question) else _of_cells
    found = answer(question, zone, grain, now, before)
    return Usage(
        question=question,
        grain=grain,
        buckets=tuple(_buckets(question.span, grain, zone)),
        total=Sums.of(found.groups.values()),
        before=found.before,
        groups=found.groups,
        by_bucket=found.by_bucket,
        parts=found.parts,
    )


class _Found(NamedTuple):
    """What an answer is made of, as `Usage` has it."""

    groups: dict[str, Sums]
    parts: dict[str, dict[Bucket, Sums]]
    by_bucket: dict[Bucket, Sums]
    before: Sums


def _of_cells(question: Question, zone: ZoneInfo, grain: Grain, now: "_Live", before: "_Live") -> _Found:
    """Two queries: the groups; then the first of them and all together, bucket by bucket, and the span before."""
    stretches = _stretches(question.span, grain, zone)
    summed = _wanted("groups", question, stretches, is_summed=True)
    groups = _groups([*_told(question, grain, cells.read(summed))["groups"], *now])
    first = _first(question, groups)
    values = first if len(first) < len(groups) else summed.values
    parts = [replace(summed, name="parts", values=values, is_summed=False)] if first else []
    every = _wanted("every", replace(question, by=Dimension.ALL), stretches)
    told = _told(question, grain, cells.read(*parts, every, _earlier(question, zone)))
    return _Found(
        groups,
        _parts([*told["parts"], *now], first),
        _by_bucket([*told["every"], *now]),
        _together([*told["before"], *before]),
    )


def _of_cross(question: Question, zone: ZoneInfo, grain: Grain, now: "_Live", before: "_Live") -> _Found:
    """Two queries; none where nothing is counted so finely: then the jobs themselves have told all of it."""
    tables = _tables(question, zone, grain)
    each = list(_each(tables, now))
    groups = _groups(each)
    counted = _before(question, zone) if tables else []
    return _Found(groups, _parts(each, _first(question, groups)), _by_bucket(each), _together([*counted, *before]))


def _before(question: Question, zone: ZoneInfo) -> "_Live":
    """What is counted of the span before, where the full cross answers. One query."""
    earlier = replace(question, span=question.span.before, by=Dimension.ALL)
    if not _is_cross(earlier):
        return _told(earlier, Grain.DAY, cells.read(_earlier(question, zone)))["before"]
    found = _tally(_tables(earlier, zone, _grain_before(earlier.span)), [], ("what",), lambda what, _bucket: what)
    return [(what, _NO_BUCKET, list(sums.amounts)) for what, sums in found.items()]


def _earlier(question: Question, zone: ZoneInfo) -> Wanted:
    """The cells of the span before, together."""
    earlier = replace(question, span=question.span.before, by=Dimension.ALL)
    stretches = _stretches(earlier.span, _grain_before(earlier.span), zone)
    return _wanted("before", earlier, stretches, is_summed=True)


def _grain_before(span: Span) -> Grain:
    """Of a span that is not drawn."""
    return Grain.DAY if span.days <= DAYS_MOST else Grain.MONTH


def _wanted(name: str, question: Question, stretches: list[Stretch], *, is_summed: bool = False) -> Wanted:
    """The cells that answer it."""
    scope, filters = _narrowed(question)
    dimension = next(iter(_asked(question)), Dimension.ALL)
    values = [filters[dimension]] if dimension in filters else None
    return Wanted(name, scope, dimension, stretches, values, is_summed=is_summed)


def _told(question: Question, grain: Grain, rows: Iterable[cells.Row]) -> "Mapping[str, _Live]":
    """What the cells tell of the question, by the name under which they were wanted."""
    told: defaultdict[str, _Live] = defaultdict(list)
    for name, value, day, hour, figures in rows:
        begins = day.replace(day=1) if day and grain == Grain.MONTH else day or date.min
        told[name].append(("" if question.by == Dimension.ALL else value, Bucket(begins, hour), figures))
    return told


def _groups(rows: "_Live") -> dict[str, Sums]:
    """The sums of each value, the most credits first."""
    groups = _summed((what, figures) for what, _bucket, figures in rows)
    ranked = sorted(groups, key=lambda what: (-groups[what].credits, -groups[what].jobs, what))
    return {what: groups[what] for what in ranked}


def _first(question: Question, groups: Iterable[str]) -> list[str]:
    """The groups that are told bucket by bucket."""
    return list(groups)[: question.top] if question.by != Dimension.ALL else []


def _parts(rows: "_Live", first: list[str]) -> dict[str, dict[Bucket, Sums]]:
    """The sums of these values, bucket by bucket."""
    parts: dict[str, dict[Bucket, Sums]] = {what: {} for what in first}
    told = _summed(((what, bucket), figures) for what, bucket, figures in rows if what in parts)
    for (what, bucket), sums in told.items():
        parts[what][bucket] = sums
    return parts


def _by_bucket(rows: "_Live") -> dict[Bucket, Sums]:
    return _summed((bucket, figures) for _what, bucket, figures in rows)


def _together(rows: "_Live") -> Sums:
    return Sums.of(Sums(tuple(figures)) for _what, _bucket, figures in rows)


def _summed(rows: Iterable[tuple[K, Amounts]]) -> dict[K, Sums]:
    """The sums by key; those of which nothing is left are not there."""
    found: dict[K, Amounts] = {}
    for at, figures in rows:
        folding.add(found, at, figures)
    return {at: Sums(tuple(figures)) for at, figures in found.items() if any(figures)}


def days(scope: Scope, span: Span, zone: ZoneInfo) -> dict[date, Sums]:
    """The sums of each day on which something ended, in two queries; of a span of any length."""
    return {day: sums for (day, _value), sums in days_by(Dimension.ALL, scope, span, zone).items()}


@sql.one_moment()
def days_by(by: Dimension, scope: Scope, span: Span, zone: ZoneInfo) -> dict[tuple[date, str], Sums]:
    """The same of each value of a dimension of the scope, by day and value."""
    question = Question(scope, span, by)
    now, _before = _live(question, zone, Grain.DAY)
    columns = ("what", "begins", "part")
    return _tally(_tables(question, zone, Grain.DAY), now, columns, lambda what, bucket: (bucket.day, what))


def _each(tables: "_Tables", live: "_Live") -> "Iterator[tuple[str, Bucket, Amounts]]":
    """Every value and bucket by itself. Many rows of the cross come to few of these: so they are read only once."""
    found = _tally(tables, live, ("what", "begins", "part"), lambda what, bucket: (what, bucket))
    for (what, bucket), sums in found.items():
        yield what, bucket, list(sums.amounts)


@sql.one_moment()
def glance(scope: Scope, span: Span, zone: ZoneInfo) -> Glance:
    """Each day of the span and of the one before it, and what each model made in the span. Two queries."""
    now, before = _live(Question(scope, span, Dimension.MODEL), zone, Grain.DAY)
    days: dict[date, Amounts] = {}
    models: dict[str, Amounts] = {}
    names: dict[str, str] = {}
    whose = {"tenant": scope.tenant.pk, "member": scope.member, "key": scope.key}
    for name, what, day, *figures in _GLANCED.all(**whose, before=span.before.first, first=span.first, last=span.last):
        if name:
            names[what] = name
        elif what:
            folding.add(models, what, figures)
        else:
            folding.add(days, day, figures)
    for what, _bucket, figures in now:
        folding.add(models, what, figures)
    for _what, bucket, figures in (*now, *before):
        folding.add(days, bucket.day, figures)
    made = {what: Sums(tuple(figures)) for what, figures in models.items()}
    ranked = sorted(made, key=lambda what: (-made[what].credits, -made[what].jobs, names[what]))
    return Glance(
        span,
        days={day: Sums(tuple(figures)) for day, figures in days.items()},
        models={names[what]: made[what] for what in ranked},
    )


def _glanced() -> QuerySet[Any, Any]:
    """Rows (name, model, day, figures…): the days without a model, the models' sums, and the names of all models."""
    tenant, member, key = (Word(name, BigIntegerField()) for name in ("tenant", "member", "key"))
    before, first, last = (Word(name, DateField()) for name in ("before", "first", "last"))
    of_scope = UsageCell.objects.filter(tenant=tenant, member_id=member, key_id=key, grain=Grain.DAY).order_by()
    days = of_scope.filter(dimension=Dimension.ALL, day__range=(before, last))
    models = of_scope.filter(dimension=Dimension.MODEL, day__range=(first, last))
    summed = {f"sum_{name}": Cast(Sum(name), BigIntegerField()) for name in FIGURES}  # PostgreSQL sums to numeric
    no_day, zero = Value(None, output_field=DateField()), Value(0, output_field=BigIntegerField())
    rows: QuerySet[Any, Any] = days.values_list(Value(""), "value", "day", *FIGURES)
    return rows.union(
        models.values_list(Value(""), "value").annotate(newest=Max("day"), **summed),
        MediaModel.objects.order_by().values_list("name", Cast("pk", CharField()), no_day, *(zero for _ in FIGURES)),
        all=True,
    )


_GLANCED = kept.Values(_glanced)  # of every overview


def _buckets(span: Span, grain: Grain, zone: ZoneInfo) -> Iterator[Bucket]:
    """Every bucket of the span, in order; of a day that is longer for its clock change each hour too."""
    if grain == Grain.HOUR:
        for day in span.each:
            length = folding.midnight(day + timedelta(days=1), zone) - folding.midnight(day, zone)
            yield from (Bucket(day, hour) for hour in range(-(-int(length.total_seconds()) // 3600)))
    elif grain == Grain.DAY:
        yield from map(Bucket, span.each)
    else:
        yield from map(Bucket, dict.fromkeys(day.replace(day=1) for day in span.each))


# -- what is counted: rows with `what`, `begins` and `part` ----------------------------------------------------------

_Tables = list[QuerySet[Any]]
_Live = list[tuple[str, Bucket, Amounts]]
_NO_BUCKET = Bucket(date.min)


def _tally(
    tables: _Tables, live: _Live, columns: tuple[str, ...], key: Callable[[str, Bucket], Any]
) -> dict[Any, Sums]:
    """The sums by these columns, of what is counted and what is not yet. One query, none without tables.

    key: what stands for a value and a bucket in the answer.
    """
    found: dict[Any, Amounts] = {}
    summed = [rows.order_by().values_list(*columns).annotate(**_SUMS) for rows in tables]
    for row in summed[0].union(*summed[1:], all=True) if len(summed) > 1 else chain(*summed):
        at, figures = dict(zip(columns, row, strict=False)), list(row[len(columns) :])
        bucket = Bucket(at["begins"], at["part"]) if "begins" in at else _NO_BUCKET
        folding.add(found, key(at["what"], bucket), figures)
    for what, bucket, figures in live:
        folding.add(found, key(what, bucket), figures)
    return {at: Sums(tuple(figures)) for at, figures in found.items() if any(figures)}


def _tables(question: Question, zone: ZoneInfo, grain: Grain) -> _Tables:
    """The rows that answer, as few as do; none where the jobs themselves do."""
    scope, filters = _narrowed(question)
    stretches = _stretches(question.span, grain, zone)
    if not _is_cross(question):
        cells = _cells(scope, next(iter(_asked(question)), Dimension.ALL), filters, stretches)
        return [_named(cells, question.by, grain, "value", F("hour"))]
    if grain == Grain.HOUR:
        return []
    column = _COLUMNS[question.by][0] if question.by != Dimension.ALL else ""
    no_hour = Value(0, output_field=SmallIntegerField())
    return [_named(rows, question.by, grain, column, no_hour) for rows in _cross(scope, filters, stretches)]


def _is_cross(question: Question) -> bool:
    """Whether only the full cross answers, or the jobs themselves: cells tell a scope apart by one dimension."""
    scope, _filters = _narrowed(question)
    asked = _asked(question)
    return len(asked) > 1 or not asked <= set(folding.dimensions(scope.member, scope.key))


def _asked(question: Question) -> set[Dimension]:
    """By what the rows have to be told apart."""
    _scope, filters = _narrowed(question)
    return {question.by, *filters} - {Dimension.ALL}


def _narrowed(question: Question) -> tuple[Scope, dict[Dimension, str]]:
    """A tenant's usage by one member or one key is that member's or key's own: a smaller scope, a filter less."""
    scope, filters = question.scope, dict(question.filters)
    for dimension in (Dimension.KEY, Dimension.MEMBER):
        value = filters.get(dimension, "0")
        if value != "0" and question.by != dimension and not (scope.member or scope.key):
            rest = {one: word for one, word in filters.items() if one != dimension}
            if Dimension.MEMBER not in rest and Dimension.KEY not in rest:
                return Scope(scope.tenant, **{dimension.value: int(value)}), rest
    return scope, filters


def _stretches(span: Span, grain: Grain, zone: ZoneInfo) -> list[Stretch]:
    """What of which grain covers the days: months where they are whole, and the days at both edges.

    This month is whole up to today: nothing has ended later.
    """
    if grain != Grain.MONTH:
        return [(grain, span)]
    today = clock.now().astimezone(zone).date()
    first = span.first if span.first.day == 1 else _month_after(span.first)
    is_whole = span.last >= today or _month_after(span.last) == span.last + _DAY
    end = _month_after(span.last) if is_whole else span.last.replace(day=1)
    if first >= end:
        return [(Grain.DAY, span)]
    edges = [Span(span.first, first - _DAY), Span(end, span.last)]
    return [(Grain.MONTH, Span(first, end - _DAY)), *((Grain.DAY, edge) for edge in edges if edge.days > 0)]


def _month_after(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1)


def _cells(
    scope: Scope, dimension: Dimension, filters: dict[Dimension, str], stretches: list[Stretch]
) -> QuerySet[Any]:
    when = Q()
    for grain, span in stretches:
        when |= Q(grain=grain, day__range=(span.first, span.last))
    rows = UsageCell.objects.filter(
        when, tenant=scope.tenant, member_id=scope.member, key_id=scope.key, dimension=dimension
    )
    return rows.filter(value=filters[dimension]) if dimension in filters else rows


def _cross(scope: Scope, filters: dict[Dimension, str], stretches: list[Stretch]) -> _Tables:
    """Of the full cross: months, and days, each where there are any."""
    wanted: dict[str, object] = {_COLUMNS[one][0]: word for one, word in filters.items()}
    wanted |= {f"{name}_id": pk for name, pk in (("member", scope.member), ("key", scope.key)) if pk}
    tables: _Tables = []
    for table, grain in ((UsageMonth, Grain.MONTH), (UsageDay, Grain.DAY)):
        spans = [span for its, span in stretches if its == grain]
        if spans:
            when = reduce(or_, (Q(day__range=(span.first, span.last)) for span in spans))
            tables.append(table._default_manager.filter(when, tenant=scope.tenant, **wanted))
    return tables


def _named(rows: QuerySet[Any], by: Dimension, grain: Grain, value: str, hour: F | Value) -> QuerySet[Any]:
    named: QuerySet[Any] = rows.annotate(
        what=Value("") if by == Dimension.ALL else F(value) if value == "value" else Cast(value, CharField()),
        begins=TruncMonth("day") if grain == Grain.MONTH else F("day"),
        part=hour,
    )
    return named


# -- what is not counted, or not so finely ---------------------------------------------------------------------------


def _live(question: Question, zone: ZoneInfo, grain: Grain) -> tuple[_Live, _Live]:
    """Of the jobs themselves: what is not counted yet; where no table answers, all that ended. One query.

    Of the question's span, and of the one before.
    """
    read = facts.ended if _is_cross(question) and grain == Grain.HOUR else facts.not_taken
    scope, filters = question.scope, question.filters
    where: dict[str, object] = {_COLUMNS[one][1]: _in_jobs(one, word) for one, word in filters.items()}
    status = str(where.pop("", ""))
    where |= {f"{name}_id": pk for name, pk in (("member", scope.member), ("key", scope.key)) if pk}
    begins = folding.midnight(question.span.first, zone)
    since, until = folding.midnight(question.span.before.first, zone), folding.midnight(question.span.last + _DAY, zone)
    found = [fact for fact in read(scope.tenant, where, since=since, until=until) if status in ("", fact.status)]
    return (
        list(_placed(question.by, [fact for fact in found if fact.ended_at >= begins], grain, zone)),
        list(_placed(question.by, [fact for fact in found if fact.ended_at < begins], grain, zone)),
    )


def _in_jobs(dimension: Dimension, word: str) -> object:
    """A filter's value as a job has it: "0" is none."""
    return None if dimension in (Dimension.MEMBER, Dimension.KEY) and word == "0" else word


def _placed(
    by: Dimension, found: Iterable[Fact], grain: Grain, zone: ZoneInfo
) -> Iterator[tuple[str, Bucket, Amounts]]:
    for (day, hour, cross), row in folding.by_hour(found, zone).items():
        begins = day.replace(day=1) if grain == Grain.MONTH else day
        yield folding.value(cross, by), Bucket(begins, hour if grain == Grain.HOUR else 0), row
