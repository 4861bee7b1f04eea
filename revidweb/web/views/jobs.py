"""Jobs: the table, one job's story, and its two deeds."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from revidweb.accounts.actors import Right
from revidweb.catalog import listing as catalog
from revidweb.jobs import cancel as cancelling
from revidweb.jobs import listing, timeline
from revidweb.jobs import retry as retrying
from revidweb.jobs.models import Job
from revidweb.lib.refusal import Refusal
from revidweb.web import access, events, wording
from revidweb.web.access import ActorRequest
from revidweb.web.forms import jobs as forms


@require_safe
@access.actor_may()
def jobs(request: ActorRequest) -> HttpResponse:
    """The table; its rows alone for htmx."""
    filters = forms.of(request.GET)
    before = request.GET.get("before", "")
    last = access.job(request, before) if before else None
    page = listing.page(request.actor, filters, before=last)
    older = forms.address(filters, before=page.jobs[-1].public_id) if page.has_older else ""
    context = {
        "page": page,
        "filters": filters,
        "older": older,
        "tabs": _tabs(filters),
        "models": catalog.names(),
        "is_filtered": filters != listing.Filters(),
    }
    part = "#table" if request.htmx and not request.htmx.history_restore_request else ""
    return render(request, f"jobs/page.html{part}", context)


def _tabs(filters: listing.Filters) -> list[dict[str, Any]]:
    """The state filters as links that keep the other filters."""
    others = {name: value for name, value in vars(filters).items() if name != "state"}
    return [
        {
            "href": forms.address(listing.Filters(**others, state=state)) or "?",
            "label": label,
            "is_current": state == filters.state,
        }
        for state, label in forms.states().items()
    ]


@require_safe
@access.actor_may()
def job(request: ActorRequest, job_id: str) -> HttpResponse:
    """One job: what was asked, what happened, what it cost, what came of it."""
    return render(request, "jobs/job.html", detail(access.job(request, job_id)))


def detail(job: Job) -> dict[str, Any]:
    """What the page shows of a job. Four queries."""
    return {
        "job": job,
        "outputs": list(job.outputs.select_related("file")),
        "inputs": list(job.inputs.select_related("file")),
        "events": events.worded(timeline.of(job)),
        "hold": job.hold,
        "retry_token": f"retry-{job.public_id}-{job.retries.count()}",
    }


@require_POST
@access.actor_may(Right.GENERATE)
def cancel(request: ActorRequest, job_id: str) -> HttpResponse:
    """Stop a job, or say why it cannot be stopped."""
    row = access.job(request, job_id)
    try:
        cancelling.cancel(request.actor, row)
    except Refusal as refusal:
        messages.error(request, wording.of(refusal))
    else:
        messages.success(request, _("The job is cancelled.") if not row.is_moving else _("Cancelling."))
    return redirect("job", tenant_slug=request.actor.tenant.slug, job_id=row.public_id)


@require_POST
@access.actor_may(Right.GENERATE)
def retry(request: ActorRequest, job_id: str) -> HttpResponse:
    """Try an ended job again as a new one; the same form twice is one new job."""
    row = access.job(request, job_id)
    try:
        batch = retrying.retry(request.actor, row, token=request.POST.get("token", "")[:80] or f"retry-{row.public_id}")
    except Refusal as refusal:
        messages.error(request, wording.of(refusal))
        return redirect("job", tenant_slug=request.actor.tenant.slug, job_id=row.public_id)
    messages.success(request, _("Submitted again as a new job."))
    return redirect("job", tenant_slug=request.actor.tenant.slug, job_id=batch.jobs.get().public_id)
