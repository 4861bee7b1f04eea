"""What the address of a usage page asks for: days, by what to tell them apart, what to draw, and filters."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from urllib.parse import urlencode

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from revidweb.stats.models import Dimension
from revidweb.stats.values import Span
from revidweb.web import days

from . import filters

DAYS = {"today": 1, "7d": 7, "30d": 30, "90d": 90, "365d": 365}
DEFAULT = "30d"
PRESETS: dict[str, str | Promise] = {
    "today": _("Today"),
    "7d": _("7 days"),
    "30d": _("30 days"),
    "90d": _("90 days"),
    "365d": _("Year"),
}
MEASURES: dict[str, str | Promise] = {
    "credits": _("Credits"),
    "jobs": _("Jobs"),
    "success": _("Success rate"),
    "time": _("Time to result"),
}
MOST_DAYS = 3660
_MOST_OFF = 10
_FILTERS = tuple(dimension for dimension in Dimension if dimension != Dimension.ALL)


@dataclass(frozen=True)
class Asked:
    """preset: a key of PRESETS, "" for days that were chosen freely. filters: words of addresses by dimension.

    off: words of groups that are not drawn. everything: whether all rows of a long table are shown.
    """

    preset: str
    span: Span
    by: Dimension
    measure: str = "credits"
    filters: Mapping[Dimension, str] = field(default_factory=dict)
    off: tuple[str, ...] = ()
    everything: bool = False

    @property
    def address(self) -> str:
        """The query string; "?" for what stands without one."""
        words: list[tuple[str, str]] = []
        if self.preset != DEFAULT:
            words += [("range", self.preset)] if self.preset else self._days()
        words += [("by", self.by.value)] if self.by != Dimension.MODEL else []
        words += [("show", self.measure)] if self.measure != "credits" else []
        words += [(dimension.value, word) for dimension, word in self.filters.items()]
        words += [("off", word) for word in self.off]
        words += [("rows", "all")] if self.everything else []
        return f"?{urlencode(words)}"

    def _days(self) -> list[tuple[str, str]]:
        return [("from", self.span.first.isoformat()), ("to", self.span.last.isoformat())]

    def but(self, **changes: object) -> "Asked":
        """The same with changes; what is off belongs to one grouping."""
        changes.setdefault("off", self.off if "by" not in changes and "filters" not in changes else ())
        return replace(self, **changes)  # type: ignore[arg-type]

    def narrowed(self, dimension: Dimension, word: str) -> "Asked":
        """With one more filter, or without it for ""."""
        kept = {one: its for one, its in self.filters.items() if one != dimension}
        return self.but(filters=kept | ({dimension: word} if word else {}))


def of(query: QueryDict, *, today: date, dimensions: tuple[Dimension, ...]) -> Asked:
    """What the address asks for; what makes no sense there is left out.

    today: the tenant's. dimensions: by which the actor may tell usage apart, and narrow it.
    """
    preset, span = _span(query, today)
    by, measure = filters.word(query, "by"), filters.word(query, "show")
    words = {dimension: filters.word(query, dimension.value) for dimension in _FILTERS if dimension in dimensions}
    return Asked(
        preset=preset,
        span=span,
        by=Dimension(by) if by in dimensions else Dimension.MODEL,
        measure=measure if measure in MEASURES else "credits",
        filters={dimension: word for dimension, word in words.items() if word},
        off=tuple(dict.fromkeys(map(filters.plain, query.getlist("off"))))[:_MOST_OFF],
        everything=query.get("rows") == "all",
    )


def _span(query: QueryDict, today: date) -> tuple[str, Span]:
    """The preset and its days; chosen ones, either end of which may be left out, where there is no preset."""
    preset = query.get("range", "")
    first, last = days.named(query, "from"), days.named(query, "to")
    if preset in DAYS or not (first or last):
        preset = preset if preset in DAYS else DEFAULT
        return preset, Span(today - timedelta(days=DAYS[preset] - 1), today)
    last = min(last or today, today)
    first = min(first or last, last)
    return "", Span(max(first, last - timedelta(days=MOST_DAYS)), last)
