"""Jobs: the table, one job's story, and its two deeds."""

import uuid
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import push_url

from revidweb.accounts import members
from revidweb.accounts.actors import Actor, Right
from revidweb.catalog import labels
from revidweb.catalog import listing as catalog
from revidweb.catalog.params import Choice
from revidweb.connections.models import Connection
from revidweb.files.models import StoredFile
from revidweb.jobs import adopt as adopting
from revidweb.jobs import cancel as cancelling
from revidweb.jobs import listing, timeline
from revidweb.jobs import retry as retrying
from revidweb.jobs.models import Job, JobInput
from revidweb.jobs.states import State
from revidweb.keys import listing as keyring
from revidweb.lib import ids
from revidweb.lib.refusal import Refusal
from revidweb.providers.base import Mode
from revidweb.web import access, events, exports, key_standing, standing, wording
from revidweb.web.access import ActorRequest
from revidweb.web.forms import jobs as forms
from revidweb.web.forms.filters import choices

MEMBERS_MOST = 200  # a filter to pick from by eye
FROM_PICTURES = (Mode.I2I, Mode.I2V)
CAN_RETRY = (State.FAILED, State.CANCELLED)


@require_safe
@access.actor_may()
def jobs(request: ActorRequest) -> HttpResponse:
    """The table; its rows alone for htmx."""
    filters = forms.of(request.GET)
    context = {"filters": filters, "tabs": _tabs(filters), "live_at": "jobs", **_page(request, filters)}
    context["sees_all"] = request.actor.may(Right.SEE_ALL)
    if request.htmx and not request.htmx.history_restore_request:
        answer = render(request, "jobs/page.html#results", context)
        return push_url(answer, request.path + forms.address(filters).removesuffix("?"))
    return render(request, "jobs/page.html", context | _choices(request.actor, filters))


@require_safe
@access.actor_may()
def export(request: ActorRequest) -> HttpResponseBase:
    """The table as a file: the rows of all its pages."""
    rows = listing.found(request.actor, forms.of(request.GET))
    return exports.of_query(request, rows, listing.columns(request.actor), name="jobs")


def _page(request: ActorRequest, filters: listing.Filters) -> dict[str, Any]:
    """The rows that the address asks for, and the addresses of those around them."""
    before, after = (access.job(request, name) if name else None for name in _places(request))
    page = listing.page(request.actor, filters, before=before, after=after)
    ends = {"newer": page.jobs[0].public_id, "older": page.jobs[-1].public_id} if page.jobs else {}
    return {
        "page": page,
        "newer": forms.address(filters, after=ends["newer"]) if page.has_newer and ends else "",
        "older": forms.address(filters, before=ends["older"]) if page.has_older else "",
        "is_filtered": filters != listing.Filters() or before is not None,
        "export": exports.address(request, "jobs_export", forms.address(filters)),
    }


def _places(request: ActorRequest) -> tuple[str, str]:
    return request.GET.get("before", ""), request.GET.get("after", "")


def _tabs(filters: listing.Filters) -> list[dict[str, Any]]:
    """The state filters as links that keep the other filters."""
    return [
        {"href": forms.address(replace(filters, state=state)), "label": label, "is_current": state == filters.state}
        for state, label in forms.states().items()
    ]


def _choices(actor: Actor, filters: listing.Filters) -> dict[str, list[Choice]]:
    """What the filter bar offers. Three queries."""
    models = [(model.name, model.title) for model in catalog.offered(actor.tenant)]
    offered = {
        "kinds": choices(forms.kinds().items(), filters.kind, every=_("any")),
        "models": choices(models, filters.model, every=_("any")),
    }
    if actor.may(Right.SEE_ALL):
        told = [(member.public_id, member.name) for member in members.told_apart(actor, most=MEMBERS_MOST)]
        offered["members"] = choices(told, filters.member, every=_("everyone"))
    if named := keyring.named(actor, chosen=filters.key):
        offered["keys"] = choices(named, filters.key, every=_("any"))
    return offered


@require_safe
@access.actor_may()
def job(request: ActorRequest, job_id: str) -> HttpResponse:
    """One job: what was asked, what happened, what it cost, what came of it."""
    context = detail(request.actor, access.job(request, job_id))
    return render(request, "jobs/job.html", context | {"live_at": "job"})


def detail(actor: Actor, job: Job) -> dict[str, Any]:
    """What the page shows of a job. At most six queries."""
    inputs = list(_inputs(actor, job)) if job.mode in FROM_PICTURES else []
    sees_costs = actor.may(Right.SEE_ALL)
    happened = timeline.of(job)
    return {
        "job": job,
        "job_id": job.public_id,
        "inputs": inputs,
        "outputs": list(job.outputs.select_related("file")) if job.state == State.DONE else [],
        "params": [(labels.of_param(name), labels.of_value(name, value)) for name, value in _asked(job)],
        "server": labels.of_value("server", job.server),
        "modes": labels.of_modes([job.mode]),
        "events": events.worded(happened, sees_costs=sees_costs),
        "upstream": events.upstream_cost(happened) if sees_costs else "",
        "is_upstream_uncertain": sees_costs and events.is_cost_uncertain(happened),
        "is_mender": _is_mender(actor, job.connection),
        "hold_up": standing.hold_up(job.connection) if job.state == State.QUEUED else "",
        "trouble": events.trouble(job),
        "adopted_as": adopting.of(actor, job) if job.late_at else None,
        "is_charged": job.hold is not None and job.hold.captured > 0,
        **(_retry(actor, job, inputs) if job.state in CAN_RETRY else {}),
    }


def _inputs(actor: Actor, job: Job) -> QuerySet[JobInput]:
    """With their files, and whether the actor sees those: a program may start from one that was lent to it."""
    seen = StoredFile.objects.visible_to(actor).filter(pk=OuterRef("file"))
    return job.inputs.select_related("file").annotate(is_seen=Exists(seen))


def _is_mender(actor: Actor, connection: Connection) -> bool:
    """Whether the actor finds a page of the job's connection."""
    is_there = connection.removed_at is None and not connection.is_preview
    return is_there and actor.may(Right.MANAGE_CONNECTIONS)


def _asked(job: Job) -> list[tuple[str, Any]]:
    return [(name, value) for name, value in job.params.items() if name != "server"]


def _retry(actor: Actor, job: Job, inputs: list[JobInput]) -> dict[str, Any]:
    """What trying again would cost today, or why it cannot be. Two queries."""
    try:
        return {"quote": retrying.quote(actor, job, inputs), "retry_token": uuid.uuid4().hex}
    except Refusal as refusal:
        return {"why_no_retry": wording.of(refusal)}


@require_POST
@access.actor_may(Right.GENERATE)
def cancel(request: ActorRequest, job_id: str) -> HttpResponse:
    """Stop a job, or say why it cannot be stopped."""
    row = access.job(request, job_id)
    try:
        row = cancelling.cancel(request.actor, row)
    except Refusal as refusal:
        messages.error(request, wording.of(refusal))
    else:
        messages.success(request, _("Asked to stop.") if row.is_moving else _("Cancelled. Nothing was charged."))
    return redirect("job", tenant_slug=request.actor.place, job_id=row.public_id)


@require_POST
@access.actor_may(Right.GENERATE)
def adopt(request: ActorRequest, job_id: str) -> HttpResponse:
    """Make a job of the success that came after this one had failed."""
    row = access.job(request, job_id)
    try:
        row = adopting.adopt_late(request.actor, row)
    except Refusal as refusal:
        messages.error(request, wording.of(refusal))
    else:
        messages.success(request, _("Adopted. Its result is being brought here, and nobody is charged."))
    return redirect("job", tenant_slug=request.actor.place, job_id=row.public_id)


@require_POST
@access.actor_may(Right.GENERATE)
def retry(request: ActorRequest, job_id: str) -> HttpResponse:
    """Try an ended job again as a new one; the same form twice is one new job."""
    row = access.job(request, job_id)
    token = _token(request) or f"retry-{row.public_id}"
    try:
        batch = retrying.retry(request.actor, row, token=token, shown=_shown(request))
    except Refusal as refusal:
        messages.error(request, wording.of(key_standing.told(request.actor, refusal)))
        return redirect("job", tenant_slug=request.actor.place, job_id=row.public_id)
    messages.success(request, _("Submitted again as a new job."))
    return redirect("job", tenant_slug=request.actor.place, job_id=batch.jobs.get().public_id)


def _token(request: ActorRequest) -> str:
    """The form's token; "" for words that no form of ours carries."""
    token = request.POST.get("token", "")[:80]
    return token if ids.is_possible(token) else ""


def _shown(request: ActorRequest) -> int | None:
    """The credits that the button said; None for what no form of ours carries."""
    shown = request.POST.get("shown", "")[:20]
    return int(shown) if shown.isascii() and shown.isdigit() else None
