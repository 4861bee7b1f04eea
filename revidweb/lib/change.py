"""How a figure compares with the one before it: "+12 %", and whether that is good."""

from dataclasses import dataclass
from typing import Literal

from django.utils.translation import gettext as _

from revidweb.lib.axes import Number, separators

Direction = Literal["up", "down", "same"]
_MOST_PERCENT = 999


@dataclass(frozen=True)
class Change:
    """As components/stat.html takes it. tone: ok, bad, or nothing where it is neither."""

    text: str
    direction: Direction
    tone: str


def relative(now: Number, before: Number, *, good: Direction | None = None) -> Change:
    """The change in percent of what was before: "+12 %", "−0.4 %", "new" where there was nothing.

    good: the direction that is welcome; None where neither is.
    """
    if before:
        percent = (now - before) / before * 100
        return _change(now - before, _signed(percent, _MOST_PERCENT) + " %", good)
    return _change(now, _("new") if now else _signed(0) + " %", good)


def in_points(now: Number, before: Number, *, good: Direction | None = None) -> Change:
    """The change between two percentages, in points: "−0.4"."""
    return _change(now - before, _signed(now - before), good)


def _change(difference: Number, text: str, good: Direction | None) -> Change:
    direction: Direction = "up" if difference > 0 else "down" if difference < 0 else "same"
    if direction == "same" or good is None:
        return Change(text, direction, "")
    return Change(text, direction, "ok" if direction == good else "bad")


def _signed(value: Number, most: int | None = None) -> str:
    """With a sign, true minus, and one decimal below ten: "+12", "−0.4", "±0", ">999"."""
    if most is not None and value > most:
        return f">{most}"
    size = abs(value)
    written = f"{size:,.0f}" if size >= 9.95 else f"{size:.1f}".removesuffix(".0")
    if written == "0":
        return "±0"
    return ("+" if value > 0 else "−") + separators()(written)
