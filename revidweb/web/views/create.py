"""Create: an order is written, priced while it is written, and submitted."""

from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render, resolve_url
from django.views.decorators.http import require_GET, require_http_methods

from revidweb.accounts.actors import Right
from revidweb.jobs import submit, watch
from revidweb.jobs.models import Batch
from revidweb.lib.refusal import Refusal
from revidweb.library import gallery
from revidweb.library.gallery import Filters
from revidweb.providers.base import Kind
from revidweb.web import access, context, key_standing, kinds, parts, wording
from revidweb.web.access import ActorRequest
from revidweb.web.forms import create as forms
from revidweb.web.forms.create import CreateForm

LATEST = 12


@require_http_methods(["GET", "HEAD", "POST"])
@access.actor_may(Right.GENERATE)
def create(request: ActorRequest, kind: str) -> HttpResponse:
    """The page; a POST submits it. A key that may not make the kind is led to one that it may."""
    if kind not in kinds.KINDS:
        raise Http404
    makes = kinds.of(request.actor)
    if makes and kind not in makes:
        return parts.lead_to(request, resolve_url("create", request.actor.place, makes[0]))
    return _submit(request, Kind(kind)) if request.method == "POST" else _show(request, Kind(kind))


@require_GET
@access.actor_may(Right.GENERATE)
def options(request: ActorRequest, kind: str) -> HttpResponse:
    """The part with the model's choices and the price, for what is chosen now."""
    if kind not in kinds.of(request.actor):
        raise Http404
    form = _form(request, Kind(kind), request.GET)
    return render(request, "create/page.html#chosen", {"form": form})


def news(request: ActorRequest) -> dict[str, Any]:
    """What changes beside the form when a job ends: the latest results. One query."""
    return {"latest": gallery.page(request.actor, Filters(), limit=LATEST)}


def _show(request: ActorRequest, kind: Kind) -> HttpResponse:
    return _page(request, _form(request, kind, _asked(request)))


def _form(request: ActorRequest, kind: Kind, values: Mapping[str, str], *, is_sent: bool = False) -> CreateForm:
    balance = context.of(request).balance
    return CreateForm(request.actor, kind, values, request.FILES, balance=balance, is_sent=is_sent)


def _asked(request: ActorRequest) -> dict[str, str]:
    """The form's first values: those of a job to make again, of an input to start from, or of the address."""
    values = request.GET.dict()
    if remix := values.pop("remix", ""):
        return forms.of_job(access.job(request, remix)) | {"count": values.get("count", "1")}
    if file_id := values.pop("input", ""):
        return values | {"input_file": access.file(request, file_id).public_id}
    return values


def _page(request: ActorRequest, form: CreateForm, *, status: int = 200) -> HttpResponse:
    values = {"form": form, "kinds": kinds.of(request.actor), **_now(request), **news(request)}
    return render(request, "create/page.html", values, status=status)


def _now(request: ActorRequest) -> dict[str, Any]:
    """What runs or has just ended."""
    now = watch.watch(request.actor)
    return {"watch": now, "cards": watch.with_facts(now.jobs), "live_at": "create"}


def _submit(request: ActorRequest, kind: Kind) -> HttpResponse:
    """Submit the form: the new jobs' cards and the form with its prompt, or the form with what is wrong (422)."""
    form = _form(request, kind, request.POST, is_sent=True)
    if form.is_valid():
        try:
            batch = submit.submit(
                request.actor,
                form.order(),
                count=form.cleaned_data["count"],
                token=form.cleaned_data["token"] or form.fresh_token,
                shown=form.cleaned_data["shown"],
            )
            return _submitted(request, form, batch)
        except Refusal as refusal:
            wording.put_on(form, key_standing.told(request.actor, refusal))
    if not request.htmx:
        return _page(request, form, status=422)
    return render(request, "create/page.html#order-form", {"form": form, "kinds": kinds.of(request.actor)}, status=422)


def _submitted(request: ActorRequest, form: CreateForm, batch: Batch) -> HttpResponse:
    if not request.htmx:
        first = batch.jobs.order_by("pk")[0]
        remix = QueryDict(mutable=True)
        remix.update({"remix": first.public_id, "count": str(batch.count)})
        path = redirect("create", tenant_slug=request.actor.place, kind=form.kind)
        path["Location"] += f"?{remix.urlencode()}"
        return path
    context.renew(request)
    form = _form(request, form.kind, request.POST)
    values = {"form": form, "kinds": kinds.of(request.actor), **_now(request), "is_submitted": True}
    return render(request, "create/page.html#submitted", values)
