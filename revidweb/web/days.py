"""Days that an address names: the tenant's, both ends included."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta, tzinfo

from django.utils.dateparse import parse_date


def named(asked: Mapping[str, str], name: str) -> date | None:
    """The day that stands under this name; None for what is none."""
    try:
        day = parse_date(asked.get(name, ""))
    except ValueError:
        return None
    return day if day and date(1970, 1, 2) <= day < date(9999, 12, 30) else None


def begin(day: date | None, zone: tzinfo, *, later: int = 0) -> datetime | None:
    """Midnight there, so many days later; None for no day."""
    return datetime.combine(day + timedelta(days=later), time.min, tzinfo=zone) if day else None
