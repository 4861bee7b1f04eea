"""Round axes from zero, and numbers as they are written beside them."""

import math
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import count
from typing import NamedTuple

from django.utils import formats

Number = int | float
Write = Callable[[Number], str]

MOST_STEPS = 4
_TENTHS = (10, 20, 25, 50)  # steps of 1, 2, 2.5 and 5
_LARGE = ((10**12, "T"), (10**9, "B"), (10**6, "M"))


class Axis(NamedTuple):
    """Values from zero upwards, equally far apart, and how many decimals tell them apart."""

    ticks: tuple[Number, ...]
    decimals: int

    @property
    def top(self) -> Number:
        """The highest value, never zero."""
        return self.ticks[-1]

    def words(self, unit: str = "") -> list[str]:
        """The ticks as written, the lowest first: "0", "500", "1,000"; from a million on "0", "0.5M", "1M"."""
        size, letter = next(((size, letter) for size, letter in _LARGE if self.top >= size), (1, ""))
        put = separators()
        return [put(_short(tick, size, self.decimals)) + letter * bool(tick) + unit for tick in self.ticks]


def up_to(most: Number, *, is_whole: bool) -> Axis:
    """The shortest axis of at most four round steps (1, 2, 2.5 or 5 times a power of ten) that covers `most`.

    is_whole: counts, which have no steps between whole numbers.
    """
    if not most:
        return Axis((0, 1), 0)
    covered = Fraction(str(most))  # 0.3 as it is written
    fitting = (step for step in _steps(most) if step * MOST_STEPS >= covered)
    step = next(step for step in fitting if step.denominator == 1 or not is_whole)
    ticks = [step * number for number in range(math.ceil(covered / step) + 1)]
    return Axis(tuple(_plain(tick) for tick in ticks), _decimals(step))


def _steps(most: Number) -> Iterator[Fraction]:
    """Round steps in their order, from well below the first that can fit."""
    least = math.floor(math.log10(most)) - 3
    return (Fraction(tenths) * Fraction(10) ** power for power in count(least) for tenths in _TENTHS)


def _plain(value: Fraction) -> Number:
    return value.numerator if value.denominator == 1 else value.numerator / value.denominator


def _decimals(step: Fraction) -> int:
    return next(digits for digits in count() if (step * 10**digits).denominator == 1)


def _short(tick: Number, size: int, decimals: int) -> str:
    if not tick:
        return "0"
    return f"{tick:,.{decimals}f}" if size == 1 and decimals else f"{_plain(Fraction(tick) / size):,}"


# -- numbers ---------------------------------------------------------------------------------------------------------


def separators() -> Callable[[str], str]:
    """How a number written as "1,234.5" becomes one of the reader's language. Ask once, use for many."""
    ours = formats.get_format("THOUSAND_SEPARATOR"), formats.get_format("DECIMAL_SEPARATOR")
    if ours == (",", "."):
        return str
    table = {ord(","): ours[0], ord("."): ours[1]}
    return lambda written: written.translate(table)


def figures() -> Write:
    """A writer of numbers: 12,480; fractions with six digits that count: 0.0000312."""
    put = separators()
    return lambda value: put(f"{value:,}" if isinstance(value, int) else f"{Decimal(f'{value:.6g}'):,f}")


def percentages() -> Write:
    """A writer of percentages: 98.1 %. What is less than all is never written as 100 %."""
    put = separators()
    return lambda value: put(f"{_tenth(value):,.1f}".removesuffix(".0")) + " %"


def _tenth(value: Number) -> float:
    return 99.9 if 99.9 < value < 100 else round(value, 1)


# -- labels ----------------------------------------------------------------------------------------------------------

_LETTER_PX = 7
_BETWEEN_PX = 14
_OUTSIDE_PX = 14


def shown(labels: Sequence[str], width_px: int) -> range:
    """Which of these labels, centred below columns of equal width, stand free of each other on so many pixels.

    The last is left out where it would reach further beyond the edge than the margin there.
    """
    if not labels:
        return range(0)
    label_px = max(map(len, labels)) * _LETTER_PX
    stride = math.ceil(len(labels) * (label_px + _BETWEEN_PX) / width_px)
    column_px = width_px / len(labels)
    last = math.floor(len(labels) - 0.5 - max(0, label_px / 2 - _OUTSIDE_PX) / column_px)
    return range(0, max(1, last + 1), stride)
