"""Charts and stat tiles in every state, drawn from numbers that are the same each time."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from revidweb.lib import change, charts
from revidweb.lib.charts import Bucket, Chart, Series

_MODELS = ("nano-banana-pro", "kling-2.6", "veo3.1-fast", "seedream-4.5", "seedance-1.5-pro")
_LONG = "Storefront of the northern branch, images for the spring catalogue"
_FIRST = dt.date(2024, 9, 1)
_HUGE = 480_000_000_000


def samples() -> dict[str, Any]:
    """What the styleguide shows of both."""
    return {"charts": list(_charts()), "tiles": _tiles()}


def _charts() -> Iterator[Chart]:
    """Full width each."""
    month = _days(30)
    yield charts.bars(_("Credits per day by model"), month, [*_series(30, 4), _rest(30)], per=_("Day"))
    yield charts.bars(
        _("92 days, one model switched off"), _days(92), [*_series(92, 5, off=1), _rest(92)], per=_("Day")
    )
    yield charts.lines(_("Success rate by model"), month, _rates(30), per=_("Day"), is_percent=True)
    yield charts.lines(_("Running at once, with gaps"), _days(24), [_with_gaps(24)], per=_("Day"), height=160)
    yield charts.bars(_("Seven days, one series"), _days(7), _series(7, 1), per=_("Day"), height=160)
    yield charts.bars(_("One bucket"), _days(1), _series(1, 3), per=_("Day"), height=160)
    yield charts.bars(_("Long names"), _days(12), _named(12), per=_("Day"), height=160)
    yield charts.bars(_("Very much"), _days(12), _series(12, 3, times=_HUGE), per=_("Day"), height=160)
    yield charts.bars(_("All zero"), _days(14), _series(14, 2, times=0), per=_("Day"), height=160)
    yield charts.bars(_("Empty"), [], [], per=_("Day"), height=160, nothing=_("No job ended in these 30 days"))


def _tiles() -> list[dict[str, Any]]:
    before = _("against the 30 days before")
    return [
        {
            "label": _("Credits used"),
            "figure": "35,590",
            "change": change.relative(35_590, 31_777),
            "note": before,
            "spark": charts.spark(_wave(30, 0)),
        },
        {
            "label": _("Jobs"),
            "figure": "1,438",
            "change": change.relative(1438, 1331, good="up"),
            "note": _("48 a day"),
            "spark": charts.spark(_wave(30, 2)),
        },
        {
            "label": _("Succeeded"),
            "figure": "98.1 %",
            "change": change.in_points(98.1, 98.5, good="up"),
            "note": _("27 failed, all given back"),
            "spark": charts.spark([None, None, *_wave(12, 1), None, None, *_wave(8, 3)]),
        },
        {
            "label": _("Time to result"),
            "figure": "22 s",
            "change": change.relative(22, 22, good="down"),
            "note": _("median; a link"),
            "href": "#stat",
            "spark": charts.spark([0] * 30),
        },
    ]


def _days(count: int) -> list[Bucket]:
    days = [_FIRST + dt.timedelta(days=number) for number in range(count)]
    return [Bucket(f"{day:%A}, {day.day} {day:%B %Y}", f"{day.day} {day:%b}", f"#day-{day}") for day in days]


def _series(count: int, names: int, *, off: int = -1, times: int = 10) -> list[Series]:
    return [
        Series(name, [value * times for value in _wave(count, number)], href=f"#{name}", is_off=number == off)
        for number, name in enumerate(_MODELS[:names])
    ]


def _rest(count: int) -> Series:
    return Series(_("Other"), [value // 2 * 10 for value in _wave(count, 6)], href="#other", is_rest=True)


def _named(count: int) -> list[Series]:
    return [Series(f"{_LONG} {number}", _wave(count, number)) for number in range(1, 4)]


def _rates(count: int) -> list[Series]:
    rates = [[round(100 - value % 19 / 3 - number * 9, 1) for value in _wave(count, number)] for number in range(3)]
    return [Series(name, values) for name, values in zip(_MODELS, rates, strict=False)]


def _with_gaps(count: int) -> Series:
    values = _wave(count, 1)
    return Series(_("Running"), [None if number % 9 in (5, 7) else value for number, value in enumerate(values)])


def _wave(count: int, number: int) -> list[int]:
    """Plausible whole numbers, high on working days and lower for the later series."""
    return [(62 - 22 * (day % 7 > 4) + (day * 37 + number * 53) % 29) // (number + 1) for day in range(count)]
