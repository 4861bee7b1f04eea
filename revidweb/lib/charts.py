"""Charts as SVG and HTML that needs no style attribute, no script and no size: bars, lines, and sparklines.

Sideways everything is measured in percent of the plot and upwards in pixels, so that bars fill any width while text,
strokes and corners keep their size. `templates/components/chart.html` puts the frame around: the legend, the axis,
and the table of the same numbers, which static/js/chart.js reads for its tooltip.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from revidweb.lib import axes, drawing
from revidweb.lib.axes import Axis, Number, Write

MOST_SERIES = 5
REST = "rest"

# The narrowest plots that the container queries in components.css tell apart.
_NARROW_PX, _MIDDLE_PX, _WIDE_PX = 260, 480, 760
_CELL = '<td class="number">'


class Bucket(NamedTuple):
    """What the values of one place on the axis are of. label: in full; tick: below the axis; href: where it leads."""

    label: str
    tick: str = ""
    href: str = ""


@dataclass(frozen=True)
class Series:
    """Values by bucket, never below zero; None where there is none. href: where its word in the legend leads.

    is_off: it stays in the legend, and is neither drawn nor counted. is_rest: grey, "other".
    """

    name: str
    values: Sequence[Number | None]
    href: str = ""
    is_off: bool = False
    is_rest: bool = False


class Word(NamedTuple):
    """A word of the legend. colour: "1" to "5" or "rest"."""

    name: str
    colour: str
    href: str
    is_off: bool


@dataclass(frozen=True)
class Chart:
    """A chart as components/chart.html takes it.

    look: bars or lines. per: what a bucket is, "Day". axis: its words, the highest first. columns, rows: of the table.
    nothing: what is said over the plot, where there is nothing to see.
    """

    title: str
    look: str
    per: str
    height: int
    axis: list[str]
    legend: list[Word]
    columns: list[Word]
    has_total: bool
    drawing: SafeString
    buckets: SafeString
    rows: SafeString
    totals: list[str]
    nothing: str


def bars(
    title: str,
    buckets: Sequence[Bucket],
    series: Sequence[Series],
    *,
    per: str,
    height: int = 220,
    write: Write | None = None,
    nothing: str = "",
) -> Chart:
    """Stacked bars, the first series at the bottom, with their totals.

    height: of the plot, in pixels. write: how values are written, "12,480" unless told.
    nothing: said where all is zero, or there is no bucket.
    """
    words, drawn = _legend(series), [one for one in series if not one.is_off]
    colours = [word.colour for word in words if not word.is_off]
    stacks = [[value or 0 for value in values] for values in _by_bucket(drawn, buckets)]
    sums = [sum(stack) for stack in stacks]
    axis = _axis(sums)
    return _chart(
        *(title, "bars", per, height, axis.words()),
        words=words,
        buckets=buckets,
        values=[[*stack, total] for stack, total in zip(stacks, sums, strict=True)] if len(drawn) > 1 else stacks,
        has_total=len(drawn) > 1,
        adds_up=True,
        drawing=drawing.grid(axis, height) + drawing.stacks(stacks, colours, axis, height),
        dots=None,
        write=write or axes.figures(),
        nothing="" if any(sums) else nothing or _("Nothing in this time"),
    )


def lines(
    title: str,
    buckets: Sequence[Bucket],
    series: Sequence[Series],
    *,
    per: str,
    height: int = 220,
    is_percent: bool = False,
    write: Write | None = None,
    nothing: str = "",
) -> Chart:
    """Lines with gaps where there is no value; one alone gets a soft ground.

    is_percent: values of 0 to 100 on an axis of just that.
    """
    words, drawn = _legend(series), [one for one in series if not one.is_off]
    colours = [word.colour for word in words if not word.is_off]
    known = [value for one in drawn for value in one.values if value is not None]
    axis = Axis((0, 25, 50, 75, 100), 0) if is_percent else _axis(known)
    heights = [[drawing.height_of(value, axis, height) for value in one.values] for one in drawn]
    return _chart(
        *(title, "lines", per, height, axis.words(" %" if is_percent else "")),
        words=words,
        buckets=buckets,
        values=_by_bucket(drawn, buckets),
        has_total=False,
        adds_up=False,
        drawing=drawing.grid(axis, height) + drawing.curves(heights, colours, height),
        dots=drawing.dots(heights, colours, height),
        write=write or (axes.percentages() if is_percent else axes.figures()),
        nothing="" if known else nothing or _("Nothing in this time"),
    )


def spark(values: Sequence[Number | None], *, height: int = 32) -> SafeString:
    """A small line for a stat tile, without axis or words: the tile says what it is."""
    axis = _axis([value for value in values if value is not None])
    heights = [drawing.height_of(value, axis, height - 4, margin=2) for value in values]
    line = drawing.curve(heights, "1", height, has_ground=True, is_wide=True)
    return mark_safe(  # noqa: S308 - numbers only
        f'<svg class="spark" width="100%" height="{height}" viewBox="0 0 {drawing.WIDE} {height}" '
        f'preserveAspectRatio="none" aria-hidden="true" focusable="false">{line}</svg>'
    )


# -- what both have --------------------------------------------------------------------------------------------------


def _axis(values: Sequence[Number]) -> Axis:
    return axes.up_to(max(values, default=0), is_whole=all(isinstance(value, int) for value in values))


def _by_bucket(series: Sequence[Series], buckets: Sequence[Bucket]) -> list[list[Number | None]]:
    return [[one.values[index] for one in series] for index in range(len(buckets))]


def _legend(series: Sequence[Series]) -> list[Word]:
    """The words, each with its colour: the same whether others are off. Raises ValueError for a sixth."""
    named = [one for one in series if not one.is_rest]
    if len(named) > MOST_SERIES:
        raise ValueError(f"{len(named)} series, and colours for {MOST_SERIES}")
    colours = {id(one): str(number) for number, one in enumerate(named, 1)}
    return [Word(str(one.name), colours.get(id(one), REST), one.href, one.is_off) for one in series]


def _chart(
    title: str,
    look: str,
    per: str,
    height: int,
    axis: list[str],
    *,
    words: list[Word],
    buckets: Sequence[Bucket],
    values: Sequence[Sequence[Number | None]],
    has_total: bool,
    adds_up: bool,
    drawing: str,
    dots: list[str] | None,
    write: Write,
    nothing: str,
) -> Chart:
    columns = [word for word in words if not word.is_off]
    names = [word.name for word in columns] + [_("Total")] * has_total
    written = [["–" if value is None else write(value) for value in row] for row in values]
    sums = [write(sum(value or 0 for value in column)) for column in zip(*values, strict=True)] if adds_up else []
    return Chart(
        *(title, look, per, height, axis[::-1], words, columns, has_total),
        drawing=mark_safe(drawing),  # noqa: S308 - numbers only
        buckets=mark_safe(_targets(buckets, names, written, dots)),  # noqa: S308 - escaped there
        rows=mark_safe(_rows(buckets, written)),  # noqa: S308 - escaped there
        totals=sums,
        nothing=nothing,
    )


def _targets(buckets: Sequence[Bucket], names: list[str], written: list[list[str]], dots: list[str] | None) -> str:
    """What is pointed at and reached by keyboard: columns of equal width, each with all that it says as its title."""
    ticks = _ticks(buckets)
    parts = []
    for index, bucket in enumerate(buckets):
        told = [f"{name}: {value}" for name, value in zip(names, written[index], strict=True)]
        title = escape("\n".join([bucket.label, *told]))
        opened, closed = (f'a href="{escape(bucket.href)}"', "a") if bucket.href else ('span role="img"', "span")
        inner = dots[index] if dots else ""
        parts.append(f'<li><{opened} class="bucket" title="{title}">{inner}</{closed}>{ticks[index]}</li>')
    return "".join(parts)


def _ticks(buckets: Sequence[Bucket]) -> list[str]:
    """The labels below the axis; each says at which widths it is shown: narrow, middle, wide."""
    labels = [bucket.tick or bucket.label for bucket in buckets]
    widths = (("n", _NARROW_PX), ("m", _MIDDLE_PX), ("w", _WIDE_PX))
    shown = [(letter, axes.shown(labels, width_px)) for letter, width_px in widths]
    at = ["".join(letter for letter, places in shown if index in places) for index in range(len(labels))]
    return [
        f'<span class="tick" data-at="{letters}" aria-hidden="true">{escape(label)}</span>' if letters else ""
        for letters, label in zip(at, labels, strict=True)
    ]


def _rows(buckets: Sequence[Bucket], written: list[list[str]]) -> str:
    parts = []
    for bucket, row in zip(buckets, written, strict=True):
        label = escape(bucket.label)
        head = f'<a href="{escape(bucket.href)}">{label}</a>' if bucket.href else label
        cells = escape("\n".join(row)).replace("\n", f"</td>{_CELL}")  # one escape for all is much quicker
        parts.append(f'<tr><th scope="row">{head}</th>{_CELL * bool(row)}{cells}{"</td>" * bool(row)}</tr>')
    return "".join(parts)
