"""What an account tells of itself, as its pages show it: tiles, facts, tables and charts, whatever its shape is."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import groupby
from zoneinfo import ZoneInfo

from django.http import Http404, HttpResponse
from django.utils import formats
from django.utils.functional import Promise
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from revidweb.connections.mirror import Failure, Seen
from revidweb.lib import axes, charts, clock, jsontext
from revidweb.lib.charts import Bucket, Chart
from revidweb.providers.account_pages import (
    AccountPages,
    Copy,
    Endpoint,
    Fact,
    JobEntry,
    Question,
    Reading,
    Series,
    Table,
    Value,
)
from revidweb.providers.base import Mode, Status
from revidweb.web.forms import filters

ROWS_MOST = 100  # of one table: an upstream page's worth
RAW_MOST_CHARS = 500_000
_TILES_MOST = 4
_CHARTS_OF_ONE = 2
_BARS_MOST = 12
_PAGE_DIGITS = 6
TITLES: dict[Endpoint, str | Promise] = {
    Endpoint.ME: gettext_lazy("Account"),
    Endpoint.LIMITS: gettext_lazy("Limits"),
    Endpoint.JOBS: gettext_lazy("Jobs"),
    Endpoint.STATS: gettext_lazy("Usage"),
    Endpoint.EXPORT: gettext_lazy("Usage as CSV"),
    Endpoint.CREDITS: gettext_lazy("Credits"),
    Endpoint.MODELS: gettext_lazy("Models"),
    Endpoint.USERS: gettext_lazy("Users"),
    Endpoint.SUBS: gettext_lazy("Subscribers"),
    Endpoint.REVENUE: gettext_lazy("Revenue"),
}
_PAGED = frozenset({Endpoint.JOBS, Endpoint.CREDITS, Endpoint.USERS, Endpoint.SUBS})
_STATUSES = ("pending", "processing", "completed", "failed", "cancelled")  # in the provider's words
_KINDS = tuple(mode.value for mode in Mode)
_STATES = {Status.PENDING: "queued", Status.WORKING: "working", Status.DONE: "done", Status.MISSING: "unknown"}
_DRAWN_FIRST = ("revenue", "total", "credit", "amount", "jobs", "payments")
_WHY: dict[str, str | Promise] = {
    "unreachable": gettext_lazy("The provider could not be reached."),
    "rate": gettext_lazy("The provider asked for a pause: too many questions came with this key."),
    "invalid": gettext_lazy("The provider refuses the key."),
    "exhausted": gettext_lazy("The provider says that the account is out of credits."),
    "locked": gettext_lazy("The provider says that the account is locked."),
    "gone": gettext_lazy("The provider has no such page."),
    "not_owner": gettext_lazy("This page is for the keys of a tenant's owner there, and this key is none."),
    "input": gettext_lazy("The provider does not take this question."),
}
_WAITS: dict[str, str | Promise] = {
    "budget": gettext_lazy("The key's requests are used up for the moment: jobs go first. Try again in a few seconds."),
    "others": gettext_lazy("Too many pages wait for an answer at this moment. Try again in a few seconds."),
    "answer": gettext_lazy("It is being read at this moment."),
}


@dataclass(frozen=True)
class Tab:
    """A page of the account, as `components/tabs.html` takes it."""

    label: str | Promise
    href: str
    is_current: bool


@dataclass(frozen=True)
class Group:
    """Facts that stood together. facts: name and value."""

    title: str
    facts: list[tuple[str, SafeString]]


@dataclass(frozen=True)
class Sheet:
    """A table. head: name and whether figures stand below; rows: its body; left_out: rows that are not here."""

    title: str
    head: list[tuple[str, bool]]
    rows: SafeString
    left_out: int


@dataclass(frozen=True)
class JobRow:
    """A job as the provider lists it. state: in the words of our badges. ours: the job that it is here.

    can_adopt: whether it may be taken in, since nothing here is it.
    """

    entry: JobEntry
    state: str
    word: str
    ours: str = ""
    can_adopt: bool = False


@dataclass(frozen=True)
class Shown:
    """What stands in an answer. tiles: label and figure."""

    tiles: list[tuple[str, str]] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    sheets: list[Sheet] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    jobs: list[JobRow] = field(default_factory=list)
    text: str = ""
    newer: str = ""
    older: str = ""
    place: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether the answer says nothing at all."""
        return not (self.tiles or self.groups or self.sheets or self.jobs or self.text)


def question(pages: AccountPages | None, endpoint: str, query: Mapping[str, str]) -> Question:
    """What an address asks. Raises Http404 for a page that there is not; filters that nobody knows are left out."""
    if pages is None or endpoint not in pages.endpoints:
        raise Http404
    asked = Endpoint(endpoint)
    page = query.get("page", "") if asked in _PAGED else ""
    number = int(page) if page.isascii() and page.isdecimal() and len(page) <= _PAGE_DIGITS else 1
    if asked is not Endpoint.JOBS:
        return Question(asked, page=max(1, number))
    status, kind = query.get("status", ""), query.get("type", "")
    return Question(asked, max(1, number), status if status in _STATUSES else "", kind if kind in _KINDS else "")


def tabs(pages: AccountPages, current: Endpoint, href: "Mapping[Endpoint, str]") -> list[Tab]:
    """A tab for each page; the export belongs to usage."""
    at = Endpoint.STATS if current is Endpoint.EXPORT else current
    return [Tab(TITLES[one], href[one], one is at) for one in pages.endpoints if one is not Endpoint.EXPORT]


def context(pages: AccountPages, seen: Seen, zone: ZoneInfo) -> dict[str, object]:
    """What `upstream/answer.html` takes, but for addresses."""
    asked = seen.question
    return {
        "seen": seen,
        "title": TITLES[asked.endpoint],
        "endpoint": asked.endpoint.value,
        "shown": shown(pages, seen, zone) if seen.copy else None,
        "why": why(seen.failure) if seen.failure else "",
        "waits": _WAITS.get(seen.waits_for, ""),
        "is_not_owner": seen.failure is not None and seen.failure.code == "not_owner",
        "raw_query": _query(asked, raw="1"),
        "here_query": _query(asked),
        "statuses": filters.choices(_named(_STATUSES), asked.status, every=_("Any")),
        "types": filters.choices(_named(_KINDS), asked.kind, every=_("Any")),
        "is_filtered": bool(asked.status or asked.kind),
        "is_csv": asked.endpoint is Endpoint.EXPORT,
        "is_cut": seen.copy is not None and seen.copy.is_cut,
    }


def matched(shown: Shown, known: Mapping[str, str]) -> Shown:
    """With what each listed job is here. known: our jobs by the tickets there."""
    jobs = [
        replace(row, ours=known.get(row.entry.ticket, ""), can_adopt=_can_adopt(row.entry, known)) for row in shown.jobs
    ]
    return replace(shown, jobs=jobs)


def _can_adopt(entry: JobEntry, known: Mapping[str, str]) -> bool:
    return entry.status == Status.DONE and bool(entry.results) and entry.ticket not in known


def why(failure: Failure) -> str:
    """What went wrong, in a sentence."""
    return str(_WHY.get(failure.code) or _("The provider did not answer as it should."))


def raw(copy: Copy) -> HttpResponse:
    """The answer itself as plain text, JSON in lines, its beginning where it is long."""
    if copy.media_type == "text/csv":
        text = copy.text[:RAW_MOST_CHARS]
    else:
        text = jsontext.indented(copy.text, most_chars=RAW_MOST_CHARS)
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


def file(copy: Copy, read_at: dt.datetime | None) -> HttpResponse:
    """The provider's own export, byte for byte, to be kept."""
    answer = HttpResponse(copy.text, content_type="text/csv; charset=utf-8")
    day = (read_at or clock.now()).strftime("%Y-%m-%d")
    answer["Content-Disposition"] = f'attachment; filename="upstream-usage-{day}.csv"'
    return answer


def shown(pages: AccountPages, seen: Seen, zone: ZoneInfo) -> Shown:
    """What stands in a copy. A copy must be there."""
    assert seen.copy is not None
    asked, reading = seen.question, pages.read(seen.question.endpoint, seen.copy)
    jobs = _jobs(pages, seen.copy, asked.page) if asked.endpoint is Endpoint.JOBS else []
    writer = _Writer(zone)
    is_paged = asked.endpoint in _PAGED
    tiles, facts = _tiles(reading.facts) if not is_paged else ([], [])
    return Shown(
        tiles=[(labelled(fact.name), writer.plain(fact)) for fact in tiles],
        groups=[]
        if is_paged and (jobs or reading.tables)
        else list(_groups(reading.facts if is_paged else facts, writer)),
        sheets=[] if jobs else [writer.sheet(table) for table in reading.tables],
        charts=list(_charts(reading)),
        jobs=jobs,
        text=reading.text,
        **_neighbours(asked, reading) if is_paged else {},
    )


def labelled(name: str) -> str:
    """A name as people read it: "limits.total_concurrent" as "Total concurrent"."""
    last = name.rpartition(".")[2].replace("_", " ").strip()
    return last[:1].upper() + last[1:]


def _titled(path: str) -> str:
    """Where something stood: "models.pricing" as "Models, pricing"."""
    words = path.replace("_", " ").replace(".", ", ")
    return words[:1].upper() + words[1:]


def _tiles(facts: Sequence[Fact]) -> tuple[list[Fact], list[Fact]]:
    """The figures at the top of an answer, and what else is told."""
    first = [fact for fact in facts if "." not in fact.name and _is_figure(fact.name, fact.value)][:_TILES_MOST]
    return first, [fact for fact in facts if fact not in first]


def _is_figure(name: str, value: Value) -> bool:
    """Whether it counts something; an id does not."""
    is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
    return is_number and not name.lower().endswith(("id", "year"))


def _groups(facts: Sequence[Fact], writer: "_Writer") -> Iterator[Group]:
    for path, together in groupby(sorted(facts, key=_path), key=_path):
        yield Group(_titled(path), [(labelled(one.name), writer.cell(one.name, one.value)) for one in together])


def _path(fact: Fact) -> str:
    return fact.name.rpartition(".")[0]


def _jobs(pages: AccountPages, copy: Copy, page: int) -> list[JobRow]:
    return [_job(entry) for entry in pages.job_page(copy, page=page).entries]


def _job(entry: JobEntry) -> JobRow:
    state = _STATES.get(entry.status, entry.status.value) if entry.status else "unknown"
    return JobRow(entry, state, "" if entry.status else _("Not told"))


def _neighbours(asked: Question, reading: Reading) -> dict[str, str]:
    """The pages before and after; where the answer does not say how many there are, a full page has one after it."""
    place = reading.place
    rows = max((len(table.rows) for table in reading.tables), default=0)
    is_last = asked.page >= place.pages if place.pages is not None else rows < ROWS_MOST
    write = axes.figures()
    told = {"page": write(asked.page), "pages": write(place.pages or 0), "total": write(place.total or 0)}
    where = _("Page %(page)s of %(pages)s") if place.pages else _("Page %(page)s")
    return {
        "newer": _query(asked, page=asked.page - 1) if asked.page > 1 else "",
        "older": "" if is_last else _query(asked, page=asked.page + 1),
        "place": (where + (_(", %(total)s in all") if place.total is not None else "")) % told,
    }


def _query(asked: Question, **more: object) -> str:
    """The address's query for this question; nothing hostile can be in it."""
    parts = {"status": asked.status, "type": asked.kind, "page": asked.page if asked.page > 1 else ""} | more
    return "?" + "&".join(f"{name}={value}" for name, value in parts.items() if value)


def _named(words: Sequence[str]) -> list[tuple[str, str]]:
    """Words of the provider's are their own labels."""
    return [(str(word), str(word)) for word in words]


# -- charts ----------------------------------------------------------------------------------------------------------


def _charts(reading: Reading) -> Iterator[Chart]:
    """Two of each series at most: those whose names promise most. What goes below zero is not drawn."""
    for series in reading.series:
        if len(series.labels) < 2:
            continue
        lines = [line for line in series.lines if all((figure or 0) >= 0 for figure in line.figures)]
        for line in sorted(lines, key=lambda line: _promise(line.name))[:_CHARTS_OF_ONE]:
            title = _("%(figures)s by %(label)s") % {"figures": labelled(line.name), "label": series.label}
            buckets, values = _bars(series, line.figures)
            one = charts.Series(labelled(line.name), values)
            yield charts.bars(title, buckets, [one], per=labelled(series.label), height=180)


def _promise(name: str) -> int:
    words = [at for at, word in enumerate(_DRAWN_FIRST) if name.lower().startswith(word)]
    return words[0] if words else len(_DRAWN_FIRST)


def _bars(series: Series, figures: Sequence[int | Decimal | None]) -> tuple[list[Bucket], list[int | float | None]]:
    """In time as they came, names from the most to the least and the rest in one."""
    pairs = list(zip(series.labels, figures, strict=True))
    if series.is_by_time:
        return [Bucket(label, label[-5:] if len(label) > 7 else label) for label, _figure in pairs], _drawn(pairs)
    pairs.sort(key=lambda pair: -(pair[1] or 0))
    kept, others = pairs[:_BARS_MOST], pairs[_BARS_MOST:]
    if others:
        kept.append((_("other"), sum((figure or 0 for _label, figure in others), start=0)))
    return [Bucket(label, label) for label, _figure in kept], _drawn(kept)


def _drawn(pairs: Sequence[tuple[str, int | Decimal | None]]) -> list[int | float | None]:
    """Heights: a bar needs no more digits than a float has."""
    return [float(figure) if isinstance(figure, Decimal) else figure for _label, figure in pairs]


# -- words -----------------------------------------------------------------------------------------------------------


class _Writer:
    """Values as they are shown, in the tenant's time zone. Not written by a template: a table has thousands."""

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone
        self._put = axes.separators()

    def figure(self, number: int | Decimal) -> str:
        """A number with all its digits."""
        return self._put(f"{number:,}" if isinstance(number, int) else f"{number:,f}")

    def plain(self, fact: Fact) -> str:
        """A figure."""
        return self.figure(fact.value) if isinstance(fact.value, int | Decimal) else str(fact.value)

    def cell(self, name: str, value: Value) -> SafeString:
        """Any value; an address is text and leads nowhere."""
        match value:
            case None | "":
                return mark_safe("–")
            case bool():
                return conditional_escape(_("Yes") if value else _("No"))
            case int() | Decimal():
                return conditional_escape(self.figure(value) if _is_figure(name, value) else str(value))
            case dt.datetime():
                local = value.astimezone(self.zone)
                words = formats.date_format(local, "j M Y, H:i")
                return format_html('<time datetime="{}">{}</time>', value.isoformat(timespec="seconds"), words)
        return conditional_escape(value)

    def sheet(self, table: Table) -> Sheet:
        """The first rows of a table; a column is right-aligned where figures stand in it and nothing else."""
        figures = [self._is_of_figures(table, at) for at in range(len(table.columns))]
        marks = ['<td class="number">' if is_figure else "<td>" for is_figure in figures]
        rows = table.rows[:ROWS_MOST]
        written = "".join(
            "<tr>"
            + "".join(
                f"{mark}{self._shut(self.cell(name, value))}</td>"
                for mark, name, value in zip(marks, table.columns, row, strict=True)
            )
            + "</tr>"
            for row in rows
        )
        head = [(labelled(name) or "–", is_figure) for name, is_figure in zip(table.columns, figures, strict=True)]
        left_out = table.left_out + len(table.rows) - len(rows)
        return Sheet(_titled(table.name), head, mark_safe(written), left_out)  # noqa: S308 - each cell is escaped

    def _shut(self, cell: SafeString) -> str:
        """A long text in a box that keeps the row low."""
        return f'<div class="told-long">{cell}</div>' if len(cell) > 120 else cell

    def _is_of_figures(self, table: Table, at: int) -> bool:
        cells = [row[at] for row in table.rows if row[at] is not None]
        return bool(cells) and all(_is_figure(table.columns[at], cell) for cell in cells)
