"""Round axes, the numbers on them, and the labels below."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from revidweb.lib import axes


@pytest.mark.parametrize(
    ("most", "words"),
    [
        (0, ["0", "1"]),
        (1, ["0", "1"]),
        (3, ["0", "1", "2", "3"]),
        (5, ["0", "2", "4", "6"]),
        (9, ["0", "5", "10"]),
        (99, ["0", "25", "50", "75", "100"]),
        (1_538, ["0", "500", "1,000", "1,500", "2,000"]),
        (999_999, ["0", "0.25M", "0.5M", "0.75M", "1M"]),
        (3 * 10**12, ["0", "1T", "2T", "3T"]),
    ],
)
def test_counts_have_round_whole_steps(most, words):
    assert axes.up_to(most, is_whole=True).words() == words


@pytest.mark.parametrize(
    ("most", "words"),
    [
        (0.00003, ["0", "0.00001", "0.00002", "0.00003"]),
        (0.7, ["0", "0.2", "0.4", "0.6", "0.8"]),
        (1.3, ["0", "0.5", "1.0", "1.5"]),
    ],
)
def test_fractions_have_as_many_decimals_as_tell_them_apart(most, words):
    assert axes.up_to(most, is_whole=False).words() == words


@given(st.integers(min_value=1, max_value=10**30))
def test_any_axis_covers_its_values_in_four_equal_steps_at_most(most):
    ticks = axes.up_to(most, is_whole=True).ticks
    step = ticks[1]
    assert ticks == tuple(step * number for number in range(len(ticks)))
    assert ticks[-2] < most <= ticks[-1]
    assert 2 <= len(ticks) <= 5
    assert str(step).rstrip("0") in ("1", "2", "25", "5")


@given(st.floats(min_value=1e-12, max_value=1e15))
def test_so_does_one_of_fractions(most):
    ticks = axes.up_to(most, is_whole=False).ticks
    assert 2 <= len(ticks) <= 5
    assert Fraction(str(most)) <= Fraction(str(ticks[-1]))


@pytest.mark.parametrize(
    ("value", "word"), [(12_480, "12,480"), (0.0000312, "0.0000312"), (1234.5, "1,234.5"), (0.0, "0")]
)
def test_a_number_is_written_out(value, word):
    assert axes.figures()(value) == word


@pytest.mark.parametrize(("value", "word"), [(0, "0 %"), (98.14, "98.1 %"), (99.99, "99.9 %"), (100, "100 %")])
def test_less_than_all_is_never_written_as_all(value, word):
    assert axes.percentages()(value) == word


@given(st.integers(min_value=1, max_value=400), st.integers(min_value=1, max_value=20), st.integers(240, 1200))
def test_labels_never_touch_each_other(count, letters, width_px):
    places = list(axes.shown(["x" * letters] * count, width_px))
    column_px = width_px / count
    assert places[0] == 0
    assert all((after - before) * column_px > letters * 7 for before, after in pairwise(places))
    assert len(places) == 1 or (count - places[-1] - 0.5) * column_px + 14 >= letters * 7 / 2 - 0.01


def test_where_there_are_no_labels_none_is_shown():
    assert list(axes.shown([], 260)) == []
