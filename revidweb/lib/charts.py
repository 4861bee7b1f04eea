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

from revidweb.lib import axes
from revidweb.lib.axes import Axis, Number, Write

MOST_SERIES = 5
REST = "rest"
Point = tuple[float, float]

_NARROW_PX, _MIDDLE_PX, _WIDE_PX = (
    260,
    480,
    760,
)  # the narrowest plots that container queries in components.css tell apart
_BAR = 0.68  # of its column
_WIDEST_BAR = 7.0  # percent of the plot
_GAP_PX = 1
_LEAST_PX = 2
_CELL = '<td class="number">'
_WIDE = 1000  # units that lines are drawn in, whatever the width


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


class Segment(NamedTuple):
    """One value of a stack: its place among them, its upper edge and its height in pixels."""

    place: int
    y: int
    height: int


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
        drawing=_grid(axis, height) + _stacks(stacks, colours, axis, height),
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
    adds_up: bool = False,
    write: Write | None = None,
    nothing: str = "",
) -> Chart:
    """Lines with gaps where there is no value; one alone gets a soft ground.

    is_percent: values of 0 to 100 on an axis of just that. adds_up: whether the table ends with a sum of each series.
    """
    words, drawn = _legend(series), [one for one in series if not one.is_off]
    colours = [word.colour for word in words if not word.is_off]
    known = [value for one in drawn for value in one.values if value is not None]
    axis = Axis((0, 25, 50, 75, 100), 0) if is_percent else _axis(known)
    heights = [[_height(value, axis, height) for value in one.values] for one in drawn]
    return _chart(
        *(title, "lines", per, height, axis.words(" %" if is_percent else "")),
        words=words,
        buckets=buckets,
        values=_by_bucket(drawn, buckets),
        has_total=False,
        adds_up=adds_up,
        drawing=_grid(axis, height) + _curves(heights, colours, height),
        dots=_dots(heights, colours, height),
        write=write or (axes.percentages() if is_percent else axes.figures()),
        nothing="" if known else nothing or _("Nothing in this time"),
    )


def spark(values: Sequence[Number | None], *, height: int = 32) -> SafeString:
    """A small line for a stat tile, without axis or words: the tile says what it is."""
    axis = _axis([value for value in values if value is not None])
    heights = [_height(value, axis, height - 4, margin=2) for value in values]
    return mark_safe(  # noqa: S308 - numbers only
        f'<svg class="spark" height="{height}" width="100%" viewBox="0 0 {_WIDE} {height}" preserveAspectRatio="none" '
        f'aria-hidden="true" focusable="false">{_curve(heights, "1", height, has_ground=True, is_wide=True)}</svg>'
    )


def folded(series: Sequence[Series], *, rest: str, rest_href: str = "") -> list[Series]:
    """The five with the highest sums, in that order, and the others' values added up as one more by the name `rest`."""
    ordered = sorted(series, key=lambda one: -sum(value or 0 for value in one.values))
    kept, others = ordered[:MOST_SERIES], ordered[MOST_SERIES:]
    if not others:
        return kept
    sums = [sum(value or 0 for value in values) for values in zip(*(one.values for one in others), strict=True)]
    return [*kept, Series(rest, sums, href=rest_href, is_rest=True)]


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


def _grid(axis: Axis, height: int) -> str:
    """A hairline at each tick but the lowest, which is the plot's own edge."""
    steps = len(axis.ticks) - 1
    places = [round(height * number / steps) + 0.5 for number in range(steps)]
    return "".join(f'<line x1="0" x2="100%" y1="{y}" y2="{y}"/>' for y in places)


# -- bars ------------------------------------------------------------------------------------------------------------


def stack(values: Sequence[Number], top: Number, height: int) -> list[Segment]:
    """Where the values stand on each other in a plot of so many pixels; those that are no pixel high are left out.

    The heights add up to that of the sum, which is never nothing where there is something. Segments meet: drawing
    leaves the gap.
    """
    total = sum(values)
    if not total:
        return []
    segments: list[Segment] = []
    below: Number = 0
    lower = 0
    for place, value in enumerate(values):
        below += value
        upper = min(height, round(below * height / top))
        if upper > lower:
            segments.append(Segment(place, height - upper, upper - lower))
            lower = upper
    if lower >= _LEAST_PX:
        return segments
    return [Segment(max(range(len(values)), key=values.__getitem__), height - _LEAST_PX, _LEAST_PX)]


def _stacks(stacks: list[list[Number]], colours: list[str], axis: Axis, height: int) -> str:
    if not stacks:
        return ""
    column = 100 / len(stacks)
    width = min(column * _BAR, _WIDEST_BAR)
    parts = []
    for number, values in enumerate(stacks):
        segments = stack(values, axis.top, height)
        if segments:
            x = (number + 0.5) * column - width / 2
            rects = "".join([_rect(segment, colours[segment.place]) for segment in segments])
            parts.append(f'<svg x="{x:.3f}%" width="{width:.3f}%">{rects}</svg>')
    return "".join(parts)


def _rect(segment: Segment, colour: str) -> str:
    """A segment, which leaves a gap to the one below where it is high enough; the lowest leaves one to the axis."""
    height = segment.height - _GAP_PX if segment.height > 2 * _GAP_PX else segment.height
    return f'<rect data-series="{colour}" y="{segment.y}" width="100%" height="{height}"/>'


# -- lines -----------------------------------------------------------------------------------------------------------


def _height(value: Number | None, axis: Axis, height: int, margin: int = 0) -> float | None:
    """How far from the upper edge a value stands, in pixels."""
    return None if value is None else round(margin + height - min(height, value * height / axis.top), 1)


def _curves(heights: list[list[float | None]], colours: list[str], height: int) -> str:
    curves = [
        _curve(places, colour, height, has_ground=len(heights) == 1)
        for places, colour in zip(heights, colours, strict=True)
    ]
    return (
        f'<svg width="100%" height="{height}" viewBox="0 0 {_WIDE} {height}" preserveAspectRatio="none">'
        f"{''.join(curves)}</svg>"
    )


def _curve(places: list[float | None], colour: str, height: int, *, has_ground: bool, is_wide: bool = False) -> str:
    """A line through the middles of its columns; is_wide: from edge to edge instead."""
    step = _WIDE / max(1, len(places) - is_wide)
    first = 0 if is_wide else step / 2
    runs = _runs([None if y is None else (round(first + step * number, 1), y) for number, y in enumerate(places)])
    path = _strokes([run for run in runs if len(run) > 1], "curve", colour)
    path += _strokes([run * 2 for run in runs if len(run) == 1], "curve curve-alone", colour)
    if not has_ground:
        return path
    ground = "".join(f"M{run[0][0]:g} {height}{_through(run)}L{run[-1][0]:g} {height}Z" for run in runs if len(run) > 1)
    return f'<path class="curve-ground" data-series="{colour}" d="{ground}"/>{path}'


def _strokes(runs: list[list[Point]], look: str, colour: str) -> str:
    """One path of these runs. A point alone is a run to itself, which its round ends make a dot."""
    line = "".join("M" + _through(run)[1:] for run in runs)
    return f'<path class="{look}" data-series="{colour}" d="{line}"/>' if line else ""


def _through(run: list[Point]) -> str:
    return "".join(f"L{x:g} {y:g}" for x, y in run)


def _runs(points: Sequence[Point | None]) -> list[list[Point]]:
    """The points that follow each other without a gap."""
    runs: list[list[Point]] = [[]]
    for point in points:
        if point is not None:
            runs[-1].append(point)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _dots(heights: list[list[float | None]], colours: list[str], height: int) -> list[str]:
    """For each bucket the points in it, shown while it is looked at."""
    drawn = []
    for places in zip(*heights, strict=True):
        known = [(y, colour) for y, colour in zip(places, colours, strict=True) if y is not None]
        circles = "".join(f'<circle data-series="{colour}" cx="50%" cy="{y:g}" r="4"/>' for y, colour in known)
        drawn.append(f'<svg width="100%" height="{height}" aria-hidden="true">{circles}</svg>' if circles else "")
    return drawn
