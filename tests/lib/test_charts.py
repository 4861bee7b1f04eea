"""Charts: what is drawn, and what is said of it."""

import re

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from revidweb.lib import charts, drawing
from revidweb.lib.charts import Bucket, Series

HOSTILE = '"><script>alert(1)</script>&'
DAYS = [Bucket(f"{day} May 2025", f"{day} May", f"/jobs/?day={day}") for day in range(1, 4)]
counts = st.integers(min_value=0, max_value=10**15)


def bars(*values, **options):
    return charts.bars(
        "Credits", DAYS, [Series(f"m{number}", row) for number, row in enumerate(values)], per="Day", **options
    )


def lines(*values, **options):
    return charts.lines(
        "Rate", DAYS, [Series(f"m{number}", row) for number, row in enumerate(values)], per="Day", **options
    )


def titles(chart):
    return re.findall(r'title="([^"]*)"', chart.buckets)


@given(st.lists(counts, min_size=1, max_size=6), st.integers(min_value=0, max_value=10**15))
def test_the_heights_of_a_stack_add_up_to_the_height_of_its_sum(values, more):
    top = sum(values) + more or 1
    segments = drawing.stack(values, top, 220)
    assert sum(one.height for one in segments) in (round(sum(values) * 220 / top), 2 * bool(sum(values)))
    assert all(one.height > 0 and 0 <= one.y < 220 for one in segments)


@given(st.lists(counts, min_size=1, max_size=6), counts)
def test_segments_meet_and_stand_on_the_ground(values, more):
    segments = drawing.stack(values, sum(values) + more or 1, 220)
    lower = [segment.y + segment.height for segment in segments]
    assert lower == [220, *(segment.y for segment in segments)][: len(segments)]


def test_what_is_more_than_nothing_is_seen():
    assert drawing.stack([0, 1], 10**12, 220) == [(1, 218, 2)]
    assert drawing.stack([0, 0], 100, 220) == []


def test_the_colour_of_a_series_stays_while_another_is_off():
    series = [Series("a", [1, 2, 3]), Series("b", [1, 2, 3], is_off=True), Series("c", [1, 2, 3])]
    chart = charts.bars("Credits", DAYS, series, per="Day")
    assert [(word.name, word.colour, word.is_off) for word in chart.legend] == [
        ("a", "1", False),
        ("b", "2", True),
        ("c", "3", False),
    ]
    assert 'data-series="3"' in chart.drawing
    assert 'data-series="2"' not in chart.drawing
    assert chart.totals == ["6", "6", "12"]


def test_the_table_and_the_titles_say_the_same():
    chart = bars([1000, 0, 5], [24, 1, 0])
    assert titles(chart)[0] == "1 May 2025\nm0: 1,000\nm1: 24\nTotal: 1,024"
    assert re.findall(r"<td[^>]*>([^<]*)", chart.rows) == ["1,000", "24", "1,024", "0", "1", "1", "5", "0", "5"]
    assert chart.totals == ["1,005", "25", "1,030"]


def test_one_series_has_no_total_beside_it():
    assert titles(bars([1, 2, 3]))[2] == "3 May 2025\nm0: 3"
    assert bars([1, 2, 3]).totals == ["6"]


def test_a_bucket_with_an_address_is_a_link_there_and_in_the_table():
    chart = bars([1, 2, 3])
    assert '<a href="/jobs/?day=2" class="bucket"' in chart.buckets
    assert '<a href="/jobs/?day=2">2 May 2025</a>' in chart.rows


def test_a_bucket_without_one_is_a_picture_with_a_name():
    chart = charts.bars("Credits", [Bucket("May")], [Series("a", [1])], per="Month")
    assert '<span role="img" class="bucket" title="May\na: 1">' in chart.buckets


@pytest.mark.parametrize("draw", [charts.bars, charts.lines])
def test_hostile_words_stay_words(draw):
    bucket = Bucket(HOSTILE, HOSTILE, f"/jobs/?day={HOSTILE}")
    chart = draw(HOSTILE, [bucket], [Series(HOSTILE, [1])], per="Day", write=lambda value: HOSTILE)
    for markup in (chart.buckets, chart.rows, chart.drawing):
        assert "<script" not in markup
        assert '"">' not in markup


@pytest.mark.parametrize("draw", [charts.bars, charts.lines])
def test_without_buckets_there_is_a_word_and_nothing_else(draw):
    chart = draw("Credits", [], [Series("a", [])], per="Day", nothing="No job yet")
    assert (chart.nothing, chart.buckets, chart.rows, chart.axis) == ("No job yet", "", "", ["1", "0"])


@pytest.mark.parametrize("draw", [charts.bars, charts.lines])
def test_without_series_too(draw):
    assert draw("Credits", [], [], per="Day").nothing
    chart = draw("Credits", DAYS, [], per="Day")
    assert chart.nothing
    assert (chart.rows.count("<tr>"), chart.rows.count("<td")) == (3, 0)


def test_all_zero_says_so_and_keeps_its_buckets():
    chart = bars([0, 0, 0])
    assert chart.nothing
    assert "<rect" not in chart.drawing
    assert len(titles(chart)) == 3


def test_a_single_bar_is_no_wall():
    chart = charts.bars("Credits", DAYS[:1], [Series("a", [7])], per="Day")
    assert '<svg x="46.500%" width="7.000%">' in chart.drawing


def test_a_line_has_gaps_where_there_is_no_value():
    drawing = lines([1, 2, None]).drawing
    assert len(re.findall(r"M", re.search(r'class="curve" data-series="1" d="([^"]+)"', drawing).group(1))) == 1
    assert titles(lines([1, 2, None]))[2].endswith("m0: –")


def test_a_point_between_gaps_is_a_dot():
    assert "curve-alone" in lines([None, 2, None]).drawing
    assert "curve-alone" not in lines([1, 2, 3]).drawing


def test_only_a_line_alone_has_a_ground():
    assert "curve-ground" in lines([1, 2, 3]).drawing
    assert "curve-ground" not in lines([1, 2, 3], [3, 2, 1]).drawing


def test_percentages_stand_on_an_axis_of_all():
    chart = lines([98.1, 100, 99.97], is_percent=True)
    assert chart.axis == ["100 %", "75 %", "50 %", "25 %", "0 %"]
    assert [title.rsplit(": ")[1] for title in titles(chart)] == ["98.1 %", "100 %", "99.9 %"]
    assert chart.totals == []


def test_the_points_of_a_bucket_are_drawn_in_it():
    first = lines([0, 1, 2], [2, None, 2]).buckets.split("</li>")[0]
    assert re.findall(r'data-series="(\d)" cx="50%" cy="([\d.]+)"', first) == [("1", "220"), ("2", "0")]


@given(st.lists(counts, min_size=3, max_size=3), st.lists(counts, min_size=3, max_size=3))
def test_any_counts_can_be_drawn(first, second):
    chart = bars(first, second)
    assert all(float(y) >= 0 for y in re.findall(r' y="([^"%]+)"', chart.drawing))
    assert chart.totals[-1] == f"{sum(first) + sum(second):,}"
    assert bool(chart.nothing) == (not any(first + second))


@given(st.lists(st.none() | st.floats(min_value=0, max_value=1e12), min_size=3, max_size=3))
def test_any_fractions_can_be_drawn(values):
    heights = [float(y) for y in re.findall(r'cy="([^"]+)"', lines(values).buckets)]
    assert len(heights) == sum(value is not None for value in values)
    assert all(0 <= y <= 220 for y in heights)


def test_there_is_no_colour_for_a_sixth_series():
    series = [Series(f"m{number}", [number, 1, 1]) for number in range(8)]
    with pytest.raises(ValueError, match="8 series"):
        charts.bars("Credits", DAYS, series, per="Day")


@pytest.mark.parametrize("values", [[], [3], [0, 0, 0], [1, None, 2, None, None, 3], [None]])
def test_any_values_make_a_spark(values):
    markup = charts.spark(values)
    assert markup.startswith('<svg class="spark"')
    assert "nan" not in markup


def test_numbers_are_written_in_the_readers_language():
    with translation.override("de"):
        assert titles(bars([1234, 0, 0]))[0].endswith("1.234")
        assert bars([1234, 0, 0]).axis[0] == "1.500"
