"""What happened to a job, and what went wrong with it, in sentences."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from revidweb.jobs.models import Job
from revidweb.jobs.states import State
from revidweb.jobs.timeline import Event
from revidweb.web.templatetags import house


@dataclass(frozen=True)
class Line:
    """One line of the timeline. tone: ok, warn, bad or ""; detail: the provider's own words, or a figure."""

    at: datetime
    title: str
    detail: str
    tone: str


@dataclass(frozen=True)
class Trouble:
    """Why a job failed: what, what to do, and in the provider's words (or the address that it was about)."""

    title: str | Promise
    advice: str | Promise
    answer: str
    is_worth_retrying: bool


_TITLES: dict[str, tuple[str | Promise, str]] = {
    "job.submitted": (_("Submitted"), ""),
    "job.cancel_asked": (_("Cancel asked for"), ""),
    "job.adopted": (_("Adopted from %(connection)s"), "ok"),
    "job.adopted_late": (_("Its late result was adopted as a job of its own"), "ok"),
    "job.stored": (_("Stored, nobody was charged"), "ok"),
    "job.refunded": (_("Given back to the payer"), "ok"),
    "job.late_success": (_("The provider finished it after it had failed here"), "warn"),
    "job.cost_differs": (_("The provider charged another price than it had listed"), "warn"),
    "job.found": (_("Found in the list of %(connection)s"), "ok"),
    "job.done": (_("Stored and charged"), "ok"),
    "job.failed": (_("Failed, nothing charged"), "bad"),
    "job.cancelled": (_("Cancelled"), ""),
    "job.lost": (_("Given up as lost, nothing charged"), "bad"),
    "output.deleted": (_("A result was deleted"), ""),
    "attempt.sending": (_("Attempt %(number)s sent over %(connection)s"), ""),
    "attempt.sent": (_("Accepted by %(connection)s"), ""),
    "attempt.busy": (_("%(connection)s was busy, nothing was created"), "warn"),
    "attempt.refused": (_("Refused by %(connection)s"), "bad"),
    "attempt.lost": (_("The answer of %(connection)s was lost"), "warn"),
}
_SURE_TO_FAIL_AGAIN = ("moderated", "refused", "input")
_ABOUT_COSTS = ("job.cost_differs",)  # for those who see what the tenant pays

_NO_PICTURE = _("What the address gave is not a picture that can be used")
_NOT_FETCHED = _("The picture could not be fetched from its address")
_SAVE_AND_ADD = _("Save the picture, add it as a file on Create, and try again.")
_CHECK_ADDRESS = _("Open the address in a private window: it has to show the picture itself. Then try again.")
_TROUBLES: dict[str, tuple[str | Promise, str | Promise]] = {
    "failed": (_("The provider could not make it"), _("Often a second try works. If not, say it in other words.")),
    "refused": (_("The provider refused the order"), _("Read its answer, change the order and try again.")),
    "moderated": (
        _("The provider's moderation refused the prompt"),
        _("Nothing was made. Say it in other words: the same prompt will be refused again."),
    ),
    "input": (_("The provider could not use the order"), _("Read its answer, change the order or its picture.")),
    "busy": (_("The provider was busy for a whole day"), _("Nothing was made. Try again, or take another model.")),
    "undeliverable": (
        _("It was made, but the result could not be brought here"),
        _("Try again. The provider may have charged the tenant for the first try; you were not charged."),
    ),
    "lost": (
        _("The outcome never became known"),
        _("We looked for days without finding it, so your credits came back. Try again."),
    ),
    "no_connection": (
        _("No connection took the order"),
        _("The connection was switched off. Ask an owner of the tenant, then try again."),
    ),
    "account_refused": (
        _("The provider refused the tenant's account"),
        _("An owner of the tenant has to mend the connection. Then try again."),
    ),
    "not_prepared": (
        _("It could not be prepared for sending"),
        _("Nothing was sent. Try again; if that fails too, start from another picture."),
    ),
    "not_created": (_("The provider took no new work"), _("It said so only after a long wait. Try again.")),
    "missing": (_("The provider no longer knows this job"), _("It was accepted and then forgotten there. Try again.")),
    "cancelled": (_("The provider cancelled it"), _("Nobody here asked for that. Try again.")),
    "input_unreachable": (_NOT_FETCHED, _CHECK_ADDRESS),
    "address_answered": (_NOT_FETCHED, _CHECK_ADDRESS),
    "too_many_redirects": (_NOT_FETCHED, _CHECK_ADDRESS),
    "bad_address": (_NOT_FETCHED, _SAVE_AND_ADD),
    "private_address": (_NOT_FETCHED, _SAVE_AND_ADD),
    "file_empty": (_NO_PICTURE, _CHECK_ADDRESS),
    "file_unknown_type": (_NO_PICTURE, _CHECK_ADDRESS),
    "file_broken": (_NO_PICTURE, _SAVE_AND_ADD),
    "file_too_large": (_("The picture at the address is too large"), _("Make it smaller and add it as a file.")),
    "image_too_large": (_("The picture at the address is too large"), _("Make it smaller and add it as a file.")),
    "image_bomb": (_("The picture at the address is too large"), _("Make it smaller and add it as a file.")),
    "image_animated": (_NO_PICTURE, _("It is animated. Add a still one.")),
    "not_an_image": (_NO_PICTURE, _("It is a clip. Add a picture.")),
    "clip_unplayable": (_NO_PICTURE, _("It is a clip. Add a picture.")),
}


def trouble(job: Job) -> Trouble | None:
    """Why the job failed, None for one that did not. A code without a sentence is shown as a plain failure."""
    if job.state != State.FAILED:
        return None
    title, advice = _TROUBLES.get(job.error_code, _TROUBLES["failed"])
    is_code = job.error.isidentifier() and "_" in job.error  # the house's own word, which says nothing to a person
    return Trouble(title, advice, "" if is_code else job.error, job.error_code not in _SURE_TO_FAIL_AGAIN)


def worded(happened: Iterable[Event], *, sees_costs: bool) -> list[Line]:
    """The events as lines; one that has no sentence is shown by its own word rather than left out.

    sees_costs: also what the provider charged the tenant.
    """
    return [_line(event) for event in happened if sees_costs or event.what not in _ABOUT_COSTS]


def upstream_cost(happened: Sequence[Event]) -> str:
    """What the provider charged over all attempts, "" while it is not known to have charged anything."""
    told = [event.facts for event in happened if event.facts.get("upstream_cost") is not None]
    if not told:
        return ""
    cost = house.credits(sum(facts["upstream_cost"] for facts in told))
    return str(_("up to %(cost)s") % {"cost": cost}) if is_cost_uncertain(happened) else cost


def is_cost_uncertain(happened: Iterable[Event]) -> bool:
    """Whether nobody knows what the provider charged for some attempt."""
    return any(event.facts.get("is_cost_uncertain") for event in happened)


def _line(event: Event) -> Line:
    is_free = event.what == "job.done" and not event.facts["credits"]
    what = "job.stored" if is_free else event.what
    title, tone = _TITLES.get(what, (what, ""))
    return Line(event.at, str(title) % event.facts if "%(" in str(title) else str(title), _detail(event), tone)


def _detail(event: Event) -> str:
    facts: dict[str, Any] = event.facts
    match event.what:
        case "job.submitted":
            return str(_("%(credits)s held") % {"credits": house.credits(facts["credits"])})
        case "job.done" if not facts["credits"]:
            return ""
        case "job.refunded":
            return str(
                _("%(credits)s, because the provider gave its charge back")
                % {"credits": house.credits(facts["credits"])}
            )
        case "job.done":
            return str(_("%(credits)s taken from the hold") % {"credits": house.credits(facts["credits"])})
        case "job.failed" | "job.lost":
            return str(_("The held credits were given back"))
        case "job.cancelled":
            if facts["credits"]:
                return str(_("%(credits)s taken from the hold") % {"credits": house.credits(facts["credits"])})
            return str(_("The held credits were given back"))
        case "job.cost_differs":
            return str(_("%(upstream)s instead of %(quoted)s") % facts)
        case _:
            return str(facts.get("answer", ""))
