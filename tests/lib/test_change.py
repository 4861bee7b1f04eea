"""How a figure compares with the one before."""

import pytest

from revidweb.lib import change
from revidweb.lib.change import Change


@pytest.mark.parametrize(
    ("now", "before", "text", "direction"),
    [
        (112, 100, "+12 %", "up"),
        (996, 1000, "−0.4 %", "down"),
        (1000, 996, "+0.4 %", "up"),
        (0, 50, "−100 %", "down"),
        (5, 0, "new", "up"),
        (0, 0, "±0 %", "same"),
        (7, 7, "±0 %", "same"),
        (10**15, 1, ">999 %", "up"),
        (1099, 1000, "+9.9 %", "up"),
        (10_001, 10_000, "±0 %", "up"),
    ],
)
def test_it_is_told_in_percent_of_what_was(now, before, text, direction):
    told = change.relative(now, before)
    assert (told.text, told.direction, told.tone) == (text, direction, "")


def test_the_caller_says_what_is_good():
    assert change.relative(2, 1, good="up").tone == "ok"
    assert change.relative(2, 1, good="down").tone == "bad"
    assert change.relative(1, 1, good="up").tone == ""


def test_rates_change_by_points():
    assert change.in_points(98.1, 98.5, good="up") == Change("−0.4", "down", "bad")
    assert change.in_points(50, 50) == Change("±0", "same", "")
