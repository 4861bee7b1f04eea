"""The filters of the jobs table, as the address carries them."""

from collections.abc import Mapping
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from revidweb.jobs.listing import STATES, Filters
from revidweb.providers.base import Kind


def of(query: Mapping[str, str]) -> Filters:
    """The filters that an address asks for; what it does not know is left out."""
    words = {name: query.get(name, "").strip()[:200] for name in ("state", "kind", "model", "member", "search")}
    if words["state"] not in STATES:
        words["state"] = ""
    if words["kind"] not in (Kind.IMAGE, Kind.VIDEO):
        words["kind"] = ""
    words["search"] = words["search"].replace("\x00", "")
    return Filters(**words)


def address(filters: Filters, **more: str) -> str:
    """The query string of these filters and what else the address carries."""
    words = {name: value for name, value in (vars(filters) | more).items() if value}
    return f"?{urlencode(words)}" if words else ""


def states() -> dict[str, str]:
    """What each state filter is called, in the order of the tabs."""
    return {
        "": _("All"),
        "moving": _("Running"),
        "done": _("Done"),
        "failed": _("Failed"),
        "cancelled": _("Cancelled"),
    }
