"""What happened to a job, in sentences."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from revidweb.jobs.timeline import Event
from revidweb.web.templatetags import house


@dataclass(frozen=True)
class Line:
    """One line of the timeline. tone: ok, warn, bad or "" ; detail: the provider's own words, or a figure."""

    at: datetime
    title: str
    detail: str
    tone: str


_TITLES: dict[str, tuple[str | Promise, str]] = {
    "job.submitted": (_("Submitted"), ""),
    "job.cancel_asked": (_("Cancel asked for"), ""),
    "job.cost_differs": (_("Upstream charged another price than it had listed"), "warn"),
    "job.done": (_("Stored and charged"), "ok"),
    "job.failed": (_("Failed, nothing charged"), "bad"),
    "job.cancelled": (_("Cancelled"), ""),
    "job.lost": (_("Given up as lost, nothing charged"), "bad"),
    "attempt.sending": (_("Attempt %(number)s sent over %(connection)s"), ""),
    "attempt.sent": (_("Accepted by %(connection)s"), ""),
    "attempt.busy": (_("%(connection)s was busy, nothing was created"), "warn"),
    "attempt.refused": (_("Refused by %(connection)s"), "bad"),
    "attempt.lost": (_("The answer was lost"), "warn"),
}


def worded(happened: Iterable[Event]) -> list[Line]:
    """The events as lines; one that has no sentence is shown by its own word rather than left out."""
    return [_line(event) for event in happened]


def _line(event: Event) -> Line:
    title, tone = _TITLES.get(event.what, (event.what, ""))
    return Line(event.at, str(title) % event.facts if "%(" in str(title) else str(title), _detail(event), tone)


def _detail(event: Event) -> str:
    facts: dict[str, Any] = event.facts
    match event.what:
        case "job.submitted":
            return str(_("%(credits)s held") % {"credits": house.credits(facts["credits"])})
        case "job.done":
            return str(_("%(credits)s captured") % {"credits": house.credits(facts["credits"])})
        case "job.failed" | "job.lost":
            return str(_("The held credits were given back"))
        case "job.cancelled":
            if facts["credits"]:
                return str(_("%(credits)s captured") % {"credits": house.credits(facts["credits"])})
            return str(_("The held credits were given back"))
        case "job.cost_differs":
            return str(_("%(upstream)s instead of %(quoted)s") % facts)
        case _:
            return str(facts.get("answer", ""))
