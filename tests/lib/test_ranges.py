"""Byte ranges."""

import pytest

from revidweb.lib import ranges
from revidweb.lib.ranges import Range


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-99", Range(0, 99)),
        ("bytes=0-0", Range(0, 0)),
        ("bytes=100-", Range(100, 999)),
        ("bytes=-1", Range(999, 999)),
        ("bytes=-5000", Range(0, 999)),
        ("bytes=990-5000", Range(990, 999)),
        ("Bytes = 5 - 9", Range(5, 9)),
        ("", None),
        ("bytes=", None),
        ("bytes=-", None),
        ("bytes=9-5", None),
        ("bytes=0-1,5-6", None),
        ("items=0-1", None),
        ("bytes=a-b", None),
        ("bytes=--5", None),
        ("bytes=1-2-3", None),
        ("bytes=" + "9" * 30 + "-", None),
    ],
)
def test_what_a_header_asks_of_a_thousand_bytes(header, expected):
    assert ranges.asked(header, 1000) == expected


@pytest.mark.parametrize(
    ("header", "size"), [("bytes=1000-", 1000), ("bytes=-0", 1000), ("bytes=0-", 0), ("bytes=-1", 0)]
)
def test_what_lies_beyond_the_end_is_not_satisfiable(header, size):
    with pytest.raises(ranges.NotSatisfiable):
        ranges.asked(header, size)


def test_a_range_knows_its_length():
    assert Range(10, 19).length == 10
