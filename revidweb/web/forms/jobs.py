"""The filters of the jobs table, as the address carries them."""

from collections.abc import Mapping
from datetime import date
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from revidweb.jobs.listing import STATES, Filters
from revidweb.providers.base import Kind
from revidweb.web import days

from . import filters

_DAYS = ("ended_from", "ended_to")


def of(query: Mapping[str, str]) -> Filters:
    """The filters that an address asks for; what it does not know is left out."""
    words = {name: filters.word(query, name) for name in vars(Filters()) if name not in _DAYS}
    if words["state"] not in STATES:
        words["state"] = ""
    if words["kind"] not in kinds():
        words["kind"] = ""
    ended_from, ended_to = (days.named(query, name) for name in _DAYS)
    return Filters(**words, ended_from=ended_from, ended_to=ended_to)


def address(filters: Filters, **more: str) -> str:
    """The query string of these filters and what else the address carries; "?" for none."""
    words = {name: str(value) for name, value in (vars(filters) | more).items() if value}
    return f"?{urlencode(words)}"


def of_days(address: str, first: date, last: date) -> str:
    """The same address, of jobs alone that ended in these days: of many days it is quicker than each by itself."""
    return f"{address}{'' if address.endswith('?') else '&'}ended_from={first}&ended_to={last}"


def states() -> dict[str, str]:
    """What each state filter is called, in the order of the tabs."""
    return {
        "": _("All"),
        "moving": _("Running"),
        "done": _("Done"),
        "failed": _("Failed"),
        "cancelled": _("Cancelled"),
        "unknown": _("Unknown"),
    }


def kinds() -> dict[str, str]:
    """What each kind that can be made is called."""
    return {Kind.IMAGE: _("Image"), Kind.VIDEO: _("Video")}
