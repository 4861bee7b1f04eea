"""What stands in the plot of a chart: a grid, stacks, curves and their points. Percent sideways, pixels upwards."""

from collections.abc import Sequence
from typing import NamedTuple

from revidweb.lib.axes import Axis, Number

Point = tuple[float, float]

WIDE = 1000  # units that curves are drawn in, whatever the width
_BAR = 0.68  # of its column
_WIDEST_BAR = 7.0  # percent of the plot
_GAP_PX = 1
_LEAST_PX = 2


def grid(axis: Axis, height: int) -> str:
    """A hairline at each tick but the lowest, which is the plot's own edge."""
    steps = len(axis.ticks) - 1
    places = [round(height * number / steps) + 0.5 for number in range(steps)]
    return "".join(f'<line x1="0" x2="100%" y1="{y}" y2="{y}"/>' for y in places)


# -- bars ------------------------------------------------------------------------------------------------------------


class Segment(NamedTuple):
    """One value of a stack: its place among them, its upper edge and its height in pixels."""

    place: int
    y: int
    height: int


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


def stacks(rows: list[list[Number]], colours: list[str], axis: Axis, height: int) -> str:
    """A stack for each row of values, in columns of equal width. A few bars are no wider than many."""
    if not rows:
        return ""
    column = 100 / len(rows)
    width = min(column * _BAR, _WIDEST_BAR)
    parts = []
    for number, values in enumerate(rows):
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


def height_of(value: Number | None, axis: Axis, height: int, margin: int = 0) -> float | None:
    """How far from the upper edge a value stands, in pixels."""
    return None if value is None else round(margin + height - min(height, value * height / axis.top), 1)


def curves(heights: list[list[float | None]], colours: list[str], height: int) -> str:
    """The lines of several series, or one with its ground."""
    drawn = [
        curve(places, colour, height, has_ground=len(heights) == 1)
        for places, colour in zip(heights, colours, strict=True)
    ]
    return (
        f'<svg width="100%" height="{height}" viewBox="0 0 {WIDE} {height}" preserveAspectRatio="none">'
        f"{''.join(drawn)}</svg>"
    )


def curve(places: list[float | None], colour: str, height: int, *, has_ground: bool, is_wide: bool = False) -> str:
    """A line through the middles of its columns; is_wide: from edge to edge instead."""
    step = WIDE / max(1, len(places) - is_wide)
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


def dots(heights: list[list[float | None]], colours: list[str], height: int) -> list[str]:
    """For each bucket the points in it, shown while it is looked at."""
    drawn = []
    for places in zip(*heights, strict=True):
        known = [(y, colour) for y, colour in zip(places, colours, strict=True) if y is not None]
        circles = "".join(f'<circle data-series="{colour}" cx="50%" cy="{y:g}" r="4"/>' for y, colour in known)
        drawn.append(f'<svg width="100%" height="{height}" aria-hidden="true">{circles}</svg>' if circles else "")
    return drawn
