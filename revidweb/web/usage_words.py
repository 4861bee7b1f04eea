"""Usage in words and pictures: what groups are called, the chart, the tiles above it and the rows below it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache, cached_property, lru_cache, partial
from typing import NamedTuple
from urllib.parse import quote_plus
from zoneinfo import ZoneInfo

from django.urls import reverse
from django.utils import formats
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from revidweb.accounts.actors import Actor
from revidweb.catalog import labels
from revidweb.jobs.listing import Filters
from revidweb.lib import axes, change, charts, clock, csvfile
from revidweb.lib.change import Change
from revidweb.lib.charts import Chart, Series
from revidweb.lib.csvfile import Column
from revidweb.stats import folding
from revidweb.stats import usage as counted
from revidweb.stats.models import Dimension, Grain
from revidweb.stats.naming import Directory, Name
from revidweb.stats.values import Bucket, Scope, Span, Sums, Usage
from revidweb.web.forms import jobs as jobs_forms
from revidweb.web.forms import usage as forms
from revidweb.web.forms.usage import Asked
from revidweb.web.templatetags import house

MOST_ROWS = 100
_MARK = "the-word-of-a-group"
_LOW = 120  # the height of a chart beside other things, in pixels
DIMENSIONS: dict[Dimension, str | Promise] = {
    Dimension.MODEL: gettext_lazy("Model"),
    Dimension.KEY: gettext_lazy("Key"),
    Dimension.MEMBER: gettext_lazy("Member"),
    Dimension.KIND: gettext_lazy("Kind"),
    Dimension.SERVER: gettext_lazy("Server"),
    Dimension.STATUS: gettext_lazy("Status"),
    Dimension.CONNECTION: gettext_lazy("Connection"),
    Dimension.ALL: gettext_lazy("All together"),
}
_STATES = {"done": gettext_lazy("Done"), "failed": gettext_lazy("Failed"), "cancelled": gettext_lazy("Cancelled")}
_NOBODYS = {Dimension.KEY: gettext_lazy("Without a key"), Dimension.MEMBER: gettext_lazy("Of no member")}
_PER: dict[Grain, str | Promise] = {
    Grain.HOUR: gettext_lazy("Hour"),
    Grain.DAY: gettext_lazy("Day"),
    Grain.MONTH: gettext_lazy("Month"),
}
_TITLES: dict[tuple[str, Grain], str | Promise] = {
    ("credits", Grain.HOUR): gettext_lazy("Credits per hour"),
    ("credits", Grain.DAY): gettext_lazy("Credits per day"),
    ("credits", Grain.MONTH): gettext_lazy("Credits per month"),
    ("jobs", Grain.HOUR): gettext_lazy("Jobs per hour"),
    ("jobs", Grain.DAY): gettext_lazy("Jobs per day"),
    ("jobs", Grain.MONTH): gettext_lazy("Jobs per month"),
}


@dataclass(frozen=True)
class Tile:
    """A figure above the chart, as components/stat.html takes it."""

    label: str
    figure: str
    unit: str = ""
    note: str = ""
    change: Change | None = None


class Figures(NamedTuple):
    """Sums as the table writes them, a dash for what is not known."""

    jobs: str
    credits: str
    success: str
    average: str
    time: str
    upstream: str


@dataclass(frozen=True)
class Row:
    """A group in the table. colour: of its part of the chart. href: the page of this group alone; jobs: its jobs."""

    label: str
    sums: Sums
    written: Figures
    colour: str
    href: str
    jobs: str


class FileRow(NamedTuple):
    """A group in a file. word: as addresses know it."""

    word: str
    label: str
    sums: Sums
    when: date | datetime | None


@dataclass(frozen=True)
class Removable:
    """A filter that the bar has no list for, and the address without it."""

    label: str
    value: str
    href: str


def label(dimension: Dimension, name: Name) -> str:
    """What a group is called."""
    if name.value == "0" and dimension in _NOBODYS:
        return str(_NOBODYS[dimension])
    if dimension == Dimension.SERVER:
        return labels.of_value("server", name.word)
    if dimension == Dimension.KIND:
        return str(jobs_forms.kinds().get(name.word, name.word.capitalize()))
    if dimension == Dimension.STATUS:
        return str(_STATES.get(name.word, name.word))
    return name.label or name.word


class Shown:
    """One answer as the page shows it, to one actor. directory: names what it tells apart."""

    def __init__(self, actor: Actor, asked: Asked, usage: Usage, directory: Directory, zone: ZoneInfo) -> None:
        self.actor, self.asked, self.usage, self.zone = actor, asked, usage, zone
        values = list(usage.groups)
        self._names: Mapping[str, Name] = directory.labelled(asked.by, values)
        self.directory = directory

    # -- tiles

    @cached_property
    def tiles(self) -> list[Tile]:
        """Credits, jobs, success and time, each with what it was in the days before."""
        now, before = self.usage.total, self.usage.before
        return [
            Tile(
                _("Credits used"),
                house.figure(now.credits),
                _("credits"),
                self._against,
                change.relative(now.credits, before.credits),
            ),
            Tile(
                _("Jobs"),
                house.figure(now.jobs),
                "",
                self._a_day(now.jobs),
                change.relative(now.jobs, before.jobs),
            ),
            self._success(now, before),
            self._time(now, before),
        ]

    @property
    def _against(self) -> str:
        days = self.usage.question.span.days
        return _("against the day before") if days == 1 else _("against the %(days)s days before") % {"days": days}

    def _a_day(self, jobs: int) -> str:
        days = self.usage.question.span.days
        return _("%(jobs)s a day") % {"jobs": house.figure(round(jobs / days))} if days > 1 else self._against

    def _success(self, now: Sums, before: Sums) -> Tile:
        rate, rate_before = now.success_percent, before.success_percent
        moved = None if rate is None or rate_before is None else change.in_points(rate, rate_before, good="up")
        note = _("%(failed)s failed, nothing charged") % {"failed": house.figure(now.failed)} if now.failed else ""
        return Tile(_("Succeeded"), "–" if rate is None else axes.percentages()(rate), "", note, moved)

    def _time(self, now: Sums, before: Sums) -> Tile:
        if now.median_s is None:
            return Tile(_("Time to result"), "–")
        moved = change.relative(now.median_s, before.median_s, good="down") if before.median_s else None
        note = _("median · p95 %(time)s") % {"time": house.duration(now.slow_s)}
        return Tile(_("Time to result"), house.duration(now.median_s), "", note, moved)

    # -- chart

    @cached_property
    def chart(self) -> Chart:
        """Bars of what adds up, lines of what does not."""
        asked, grain = self.asked, self.usage.grain
        write = _days()
        places = [self._place(bucket, write) for bucket in self.usage.buckets]
        nothing = _("No job ended in this time.")
        if asked.measure in ("credits", "jobs"):
            title = str(_TITLES[asked.measure, grain])
            return charts.bars(title, places, self._series(), per=str(_PER[grain]), nothing=nothing)
        is_rate = asked.measure == "success"
        return charts.lines(
            str(forms.MEASURES[asked.measure]),
            places,
            self._series(),
            per=str(_PER[grain]),
            is_percent=is_rate,
            write=axes.percentages() if is_rate else house.duration,
            nothing=nothing,
        )

    def _series(self) -> list[Series]:
        parts = self.usage.parts
        if self.asked.by == Dimension.ALL:
            return [Series(str(forms.MEASURES[self.asked.measure]), self._values(self.usage.by_bucket))]
        shown = [self._part(value) for value in parts]
        if len(self.usage.groups) > len(parts) and self.asked.measure in ("credits", "jobs"):
            shown.append(self._others(shown))
        return shown

    def _part(self, value: str) -> Series:
        word = self._names[value].word
        values = self._values(self.usage.parts[value])
        return Series(self._label(value), values, href=self._switched(word), is_off=word in self.asked.off)

    def _others(self, shown: list[Series]) -> Series:
        parts = zip(self._values(self.usage.by_bucket), *(one.values for one in shown), strict=True)
        rest = [(whole or 0) - sum(part or 0 for part in known) for whole, *known in parts]
        href, is_off = self._switched("other"), "other" in self.asked.off
        return Series(_("Other"), rest, href=href, is_off=is_off, is_rest=True)

    def _values(self, part: Mapping[Bucket, Sums]) -> list[int | float | None]:
        nothing = Sums()
        return [self._value(part.get(bucket, nothing)) for bucket in self.usage.buckets]

    def _value(self, sums: Sums) -> int | float | None:
        if self.asked.measure == "success":
            return sums.success_percent
        if self.asked.measure == "time":
            return sums.median_s
        return sums.jobs if self.asked.measure == "jobs" else sums.credits

    def _switched(self, word: str) -> str:
        """The page with this part drawn, or not."""
        off = self.asked.off
        return self.asked.but(off=tuple(one for one in off if one != word) if word in off else (*off, word)).address

    def _place(self, bucket: Bucket, write: "_WriteDay") -> charts.Bucket:
        grain = self.usage.grain
        if grain == Grain.HOUR:
            begins = (folding.midnight(bucket.day, self.zone) + timedelta(hours=bucket.hour)).astimezone(self.zone)
            at = f"{begins:%H:%M}"
            return charts.Bucket(f"{write(bucket.day, 'j M')}, {at}", at, self._jobs(_one(bucket.day)))
        if grain == Grain.DAY:
            return _place(bucket.day, self._jobs(_one(bucket.day)), write)
        span = self.usage.question.span
        month = Span(max(bucket.day, span.first), min(_month_end(bucket.day), span.last))
        tick = write(bucket.day, "M" if bucket.day.month > 1 else "M Y")
        return charts.Bucket(write(bucket.day, "F Y"), tick, self._jobs(month))

    # -- table

    @cached_property
    def rows(self) -> list[Row]:
        """The groups, the most credits first; at most a hundred unless all were asked for."""
        groups = list(self.usage.groups.items())
        shown = groups if self.asked.everything else groups[:MOST_ROWS]
        colours = {value: str(number) for number, value in enumerate(self.usage.parts, 1)}
        write = _writer()
        return [self._row(value, sums, write(sums), colours.get(value, "rest")) for value, sums in shown]

    @property
    def total(self) -> Figures:
        """The figures below them."""
        return _writer()(self.usage.total)

    @property
    def left_out(self) -> int:
        """How many rows are not shown."""
        return len(self.usage.groups) - len(self.rows)

    def _row(self, value: str, sums: Sums, written: Figures, colour: str) -> Row:
        if self.asked.by == Dimension.ALL:
            return Row(_("All jobs"), sums, written, "1", "", self._jobs(self.usage.question.span))
        word = quote_plus(self._names[value].word)
        href, jobs = (address.replace(_MARK, word) for address in self._of_one)
        return Row(self._label(value), sums, written, colour, href, jobs)

    @cached_property
    def _of_one(self) -> tuple[str, str]:
        """The address of one group alone and that of its jobs, with a mark for its word: each row has both."""
        others = Dimension.KIND if self.asked.by == Dimension.MODEL else Dimension.MODEL
        alone = self.asked.narrowed(self.asked.by, _MARK).but(by=others)
        return alone.address, self._jobs(self.usage.question.span, **{self.asked.by.value: _MARK})

    @property
    def head(self) -> str:
        """How the first column is headed."""
        return str(DIMENSIONS[self.asked.by])

    # -- files

    def in_all(self) -> Iterator[FileRow]:
        """Every group over the whole time."""
        return (self._in_file(value, sums) for value, sums in self.usage.groups.items())

    def by_bucket(self) -> Iterator[FileRow]:
        """Every group in each stretch of time in which something of it ended."""
        for bucket in self.usage.buckets:
            begins = folding.midnight(bucket.day, self.zone) + timedelta(hours=bucket.hour)
            when = begins if self.usage.grain == Grain.HOUR else bucket.day
            parts = self.usage.parts or {"": self.usage.by_bucket}
            for value, part in parts.items():
                if bucket in part:
                    yield self._in_file(value, part[bucket], when)

    def _in_file(self, value: str, sums: Sums, when: date | datetime | None = None) -> FileRow:
        if self.asked.by == Dimension.ALL:
            return FileRow("all", _("All jobs"), sums, when)
        return FileRow(self._names[value].word, self._label(value), sums, when)

    # -- elsewhere

    def _label(self, value: str) -> str:
        return label(self.asked.by, self._names[value])

    def _jobs(self, span: Span, **more: str) -> str:
        """The jobs behind it, as their page lists them."""
        return jobs_forms.of_days(self._narrowed_jobs(**more), span.first, span.last)

    def _narrowed_jobs(self, **more: str) -> str:
        asked = {dimension.value: word for dimension, word in self.asked.filters.items()} | more
        asked["state"] = asked.pop("status", "")
        return jobs_address(self.actor, Filters(**asked, ended_from=None, ended_to=None))

    @cached_property
    def removable(self) -> list[Removable]:
        """The filters that narrow the page beside those of the bar's lists."""
        listed = (Dimension.MODEL, Dimension.KEY, Dimension.MEMBER)
        return [
            Removable(
                str(DIMENSIONS[dimension]),
                label(dimension, self._named(dimension, word)),
                self.asked.narrowed(dimension, "").address,
            )
            for dimension, word in self.asked.filters.items()
            if dimension not in listed
        ]

    def _named(self, dimension: Dimension, word: str) -> Name:
        known = (name for name in self.directory.of(dimension) if name.word == word)
        return next(known, Name(word, word))


def lately(actor: Actor, scope: Scope, *, days: int, **filters: str) -> Chart:
    """Credits a day in the last days. Three queries. filters: of the jobs to which a day leads."""
    zone = counted.zone_of(scope.tenant)
    span = Span.ending(clock.now().astimezone(zone).date(), days=days)
    return by_day(actor, span, counted.days(scope, span, zone), height=_LOW, **filters)


def by_day(actor: Actor, span: Span, found: Mapping[date, Sums], *, height: int, **filters: str) -> Chart:
    """Credits a day, each day leading to its jobs."""
    jobs = jobs_address(actor, Filters(**filters, ended_from=None, ended_to=None))
    write = _days()
    places = [_place(day, jobs_forms.of_days(jobs, day, day), write) for day in span.each]
    series = Series(_("Credits"), [found.get(day, Sums()).credits for day in span.each])
    nothing = ngettext("Nothing was spent on this day", "Nothing was spent in these %(days)s days", span.days)
    return charts.bars(
        _("Credits per day"), places, [series], per=_("Day"), height=height, nothing=nothing % {"days": span.days}
    )


def jobs_address(actor: Actor, filters: Filters) -> str:
    """The jobs page with these filters."""
    return _jobs_page(actor.place) + jobs_forms.address(filters)


@lru_cache(maxsize=1024)
def _jobs_page(place: str) -> str:
    """Every bar and row leads there."""
    return reverse("jobs", kwargs={"tenant_slug": place})


def _place(day: date, href: str, write: "_WriteDay") -> charts.Bucket:
    """A day on the axis."""
    return charts.Bucket(write(day, "D j M Y"), write(day, "j M"), href)


# -- many words ------------------------------------------------------------------------------------------------------
# To ask for the reader's language takes longer than to write a number, so it is asked for once.

_WriteDay = Callable[[date, str], str]


def _days() -> _WriteDay:
    """A writer of days in a format of Django's."""
    return partial(_day, get_language())


@lru_cache(maxsize=4096)
def _day(language: str | None, day: date, style: str) -> str:
    return formats.date_format(day, style)


def _writer() -> Callable[[Sums], Figures]:
    """A writer of rows."""
    whole, percentage, put, took = axes.figures(), axes.percentages(), axes.separators(), cache(house.duration)

    def figure(number: int) -> str:
        return f"−{whole(-number)}" if number < 0 else whole(number)

    def write(sums: Sums) -> Figures:
        rate, average, median_s = sums.success_percent, sums.average_credits, sums.median_s
        return Figures(
            figure(sums.jobs),
            figure(sums.credits),
            "–" if rate is None else percentage(rate),
            "–" if average is None else put(f"{average:,.1f}"),
            "–" if median_s is None else took(round(median_s)),
            figure(round(upstream_credits(sums))),
        )

    return write


def upstream_credits(sums: Sums) -> Decimal:
    """What upstream took, in its credits."""
    return Decimal(sums.upstream_cost_micros) / 1_000_000


def _one(day: date) -> Span:
    return Span(day, day)


def _month_end(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


# -- files -----------------------------------------------------------------------------------------------------------

_FIGURES: tuple[tuple[str, Callable[[Sums], object]], ...] = (
    ("jobs", lambda sums: sums.jobs),
    ("done", lambda sums: sums.done),
    ("failed", lambda sums: sums.failed),
    ("cancelled", lambda sums: sums.cancelled),
    ("credits", lambda sums: sums.credits),
    ("success_percent", lambda sums: _rounded(sums.success_percent, 2)),
    ("average_credits", lambda sums: _rounded(sums.average_credits, 2)),
    ("median_s", lambda sums: _rounded(sums.median_s, 1)),
    ("upstream_credits", lambda sums: upstream_credits(sums).normalize()),
)


def columns(grain: Grain | None, *, sees_upstream: bool) -> list[Column]:
    """What a file says of each group. grain: how long a stretch of time is, None where it is all of it."""
    times = {Grain.HOUR: [csvfile.moment("hour")], Grain.DAY: [csvfile.day("day")], Grain.MONTH: [csvfile.day("month")]}
    figures = [csvfile.number(name) for name, _of in _FIGURES if sees_upstream or name != "upstream_credits"]
    return [*(times[grain] if grain else []), csvfile.text("group"), csvfile.text("name"), *figures]


def cells(row: FileRow, columns: Sequence[Column]) -> list[object]:
    """The row's values for these columns."""
    figures = dict(_FIGURES)
    known = {"group": row.word, "name": row.label, "hour": row.when, "day": row.when, "month": row.when}
    return [known[one.name] if one.name in known else figures[one.name](row.sums) for one in columns]


def _rounded(number: float | None, places: int) -> Decimal | None:
    return None if number is None else Decimal(str(round(number, places)))
