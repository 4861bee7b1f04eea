"""Credits of a key: its limits, and the statement of its own wallet or, of a shared key, what its own jobs cost."""

from datetime import datetime
from urllib.parse import urlencode

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _

from revidweb.credits import columns, figures, statements
from revidweb.credits.models import TransferKind, Wallet
from revidweb.credits.statements import Line, Wanted
from revidweb.jobs import charges
from revidweb.jobs.listing import Named
from revidweb.jobs.models import Job
from revidweb.keys import budgets
from revidweb.keys.listing import Secrets
from revidweb.web import access, creditlines, days, exports
from revidweb.web.access import ActorRequest
from revidweb.web.creditlines import Row
from revidweb.web.forms import filters
from revidweb.web.keycards import Card

_PER_PAGE = 50


def shown(request: ActorRequest) -> HttpResponse:
    """The page; its statement alone for htmx. Nothing in it is of the member, or of another key."""
    key = budgets.key_of(request.actor)
    told = {name: days.named(request.GET, name) for name in ("from", "to")}
    context = {
        "days": told,
        "is_filtered": any(told.values()),
        "export": exports.address(request, "credits_export", _days(request)),
        "gauges": Card(key, Secrets(), budgets.meters(key)).gauges,
        "figures": figures.summary(key.wallet) if key.wallet else None,
        "spent": key.spent,
        **(_statement(request, key.wallet) if key.wallet else _charges(request)),
    }
    part = "#statement" if request.htmx and not request.htmx.history_restore_request else ""
    return render(request, f"credits/key.html{part}", context)


def export(request: ActorRequest) -> HttpResponseBase:
    """The statement as a file: the lines of all its pages, and as little of the member."""
    key, (since, until) = budgets.key_of(request.actor), _span(request)
    if key.wallet is None:
        rows = charges.found(request.actor, since=since, until=until)
        return exports.of_query(request, rows, charges.columns(), name="credits")
    lines = statements.found(key.wallet, Wanted(since=since, until=until))
    return exports.of_query(request, lines, columns.of_lines(), name="credits")


def _span(request: ActorRequest) -> tuple[datetime | None, datetime | None]:
    zone = request.actor.tenant.zone
    since, until = (days.named(request.GET, name) for name in ("from", "to"))
    return days.begin(since, zone), days.begin(until, zone, later=1)


def _days(request: ActorRequest) -> str:
    """The days that the address asks for, as the export's address ends."""
    return f"?{urlencode({day: request.GET[day] for day in ('from', 'to') if request.GET.get(day)})}"


def _address(request: ActorRequest, name: str, position: str) -> str:
    """The same days at another position; "" for none."""
    words = {day: request.GET[day] for day in ("from", "to") if request.GET.get(day)}
    return f"?{urlencode(words | {name: position})}" if position else ""


# -- of a key with a wallet of its own


def _statement(request: ActorRequest, wallet: Wallet) -> dict[str, object]:
    since, until = _span(request)
    before, after = (filters.number(request.GET, name) for name in ("before", "after"))
    wanted = Wanted(since=since, until=until)
    page = statements.page(wallet, before=before, after=after, limit=_PER_PAGE, wanted=wanted)
    jobs = creditlines.jobs_of(request.actor, page.lines)
    return {
        "rows": [_of_line(line, jobs) for line in page.lines],
        "older": _address(request, "before", str(page.older or "")),
        "newer": _address(request, "after", str(page.newer or "")),
    }


def _of_line(line: Line, jobs: dict[str, Named]) -> Row:
    job_id = statements.job_of(line.reference)
    job = jobs.get(job_id)
    title, detail = (job.model, job.prompt) if job else (_moved(line), "")
    if job and line.kind == TransferKind.REFUND:
        title = creditlines.given_back(title)
    return Row(line.at, title, detail, line.credits, line.balance_after, job=job_id if job else "")


def _moved(line: Line) -> str:
    """What happened to the wallet, without a name."""
    if line.kind == TransferKind.CAPTURE:
        return _("A job")
    if line.kind == TransferKind.REFUND:
        return _("Given back for a job")
    return _("Filled up") if line.credits > 0 else _("Taken back")


# -- of a shared key


def _charges(request: ActorRequest) -> dict[str, object]:
    since, until = _span(request)
    before, after = (_place(request, name) for name in ("before", "after"))
    page = charges.page(request.actor, since=since, until=until, before=before, after=after, limit=_PER_PAGE)
    ends = (page.jobs[0].public_id, page.jobs[-1].public_id) if page.jobs else ("", "")
    return {
        "rows": [_of_charge(job) for job in page.jobs],
        "older": _address(request, "before", ends[1] if page.has_older else ""),
        "newer": _address(request, "after", ends[0] if page.has_newer else ""),
    }


def _place(request: ActorRequest, name: str) -> Job | None:
    """The job where the page beside this one ends. One that has not ended stands on no page."""
    job = access.job(request, request.GET[name]) if request.GET.get(name) else None
    return job if job and job.ended_at else None


def _of_charge(job: Job) -> Row:
    at = job.ended_at or job.created_at
    return Row(at, job.media_model.title, job.prompt, -job.cost, None, job=job.public_id)
