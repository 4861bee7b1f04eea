"""The gallery: the results that stand, one of them in full, and what can be done with it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo
from itertools import groupby
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import push_url, trigger_client_event

from revidweb.catalog import labels
from revidweb.jobs.models import Job, Output
from revidweb.lib import clock
from revidweb.lib.refusal import Refusal
from revidweb.library import favourites
from revidweb.library import gallery as library
from revidweb.web import access, wording
from revidweb.web.access import ActorRequest, actor_may
from revidweb.web.forms.gallery import FilterBar


@dataclass(frozen=True)
class Day:
    """The results of one day of the tenant. label: "" where the page before ended on the same day."""

    label: str
    outputs: list[Output]


@require_safe
@vary_on_headers("HX-Request")
@actor_may()
def gallery(request: ActorRequest) -> HttpResponse:
    """Results, newest first, from the position in the address on; for htmx the grid, or what comes further down."""
    bar = FilterBar(request.actor, request.GET)
    asked = request.GET.get("before", "")
    before = library.position(request.actor, asked) if asked else None
    page = library.page(request.actor, bar.filters, before=before)
    is_more = bool(request.htmx and before)
    context = {
        "bar": bar,
        "days": _days(page.outputs, request.actor.tenant.zone, after=before if is_more else None),
        "before": before,
        "position": bar.address_of(before=before.public_id) if before else bar.address or "?",
        "older": bar.address_of(before=page.outputs[-1].public_id) if page.has_older else "",
    }
    if not request.htmx or request.htmx.history_restore_request:
        return render(request, "gallery/page.html", context)
    if is_more:
        return render(request, "gallery/page.html#tiles", context)
    return push_url(render(request, "gallery/page.html#update", context), request.path + bar.address)


@require_safe
@vary_on_headers("HX-Request")
@actor_may()
def output(request: ActorRequest, output_id: str) -> HttpResponse:
    """One result in full, with the way to its neighbours; for htmx the part that opens over the gallery."""
    bar = FilterBar(request.actor, request.GET)
    row = access.output(request, output_id)
    context = {
        "output": row,
        "is_favourite": favourites.has(request.actor, row),
        "bar": bar,
        "params": list(_params(row.job)),
        "beside": library.neighbours(request.actor, bar.filters, row),
        "is_over": bool(request.htmx),
    }
    return render(request, "gallery/output.html#detail" if request.htmx else "gallery/output.html", context)


@require_POST
@actor_may()
def favourite(request: ActorRequest, output_id: str) -> HttpResponse:
    """Mark a result or take the mark away, as the form says; the same again changes nothing."""
    row, is_wanted = access.output(request, output_id), request.POST.get("favourite") == "yes"
    deed = favourites.put if is_wanted else favourites.remove
    deed(request.actor, row)
    if not request.htmx:
        return redirect(_address_of(request, row))
    facts = {"output": row.public_id, "marked": is_wanted}
    return trigger_client_event(HttpResponse(status=204), "favourite", facts)


@require_POST
@actor_may()
def delete(request: ActorRequest, output_id: str) -> HttpResponse:
    """Delete a result for good, or say why it stays."""
    row = access.output(request, output_id)
    try:
        library.erase(request.actor, row)
    except Refusal as refusal:
        return _kept(request, row, wording.of(refusal))
    said = _("Deleted. The job and what it cost stay on record.")
    if not request.htmx:
        messages.success(request, said)
        return redirect(reverse("gallery", args=[request.actor.place]) + FilterBar(request.actor, request.GET).address)
    answer = trigger_client_event(HttpResponse(status=204), "deleted", {"output": row.public_id})
    return trigger_client_event(answer, "toast", {"text": said, "level": "success"})


def _kept(request: ActorRequest, row: Output, reason: str) -> HttpResponse:
    if not request.htmx:
        messages.error(request, reason)
        return redirect(_address_of(request, row))
    return trigger_client_event(HttpResponse(status=204), "toast", {"text": reason, "level": "error"})


def _address_of(request: ActorRequest, row: Output) -> str:
    """The result's own page, with the filters that the form's address carried."""
    path = reverse("output", args=[request.actor.place, row.public_id])
    return path + FilterBar(request.actor, request.GET).address


def _params(job: Job) -> Iterator[dict[str, Any]]:
    """The job's parameters in the words of Create."""
    for name, value in job.params.items():
        yield {"label": labels.of_param(name), "value": labels.of_value(name, value)}


def _days(outputs: Iterable[Output], zone: tzinfo, *, after: Output | None) -> list[Day]:
    """The results by the tenant's days. after: the last result above them, whose day needs no second heading."""
    last, today = _day(after, zone) if after else None, clock.now().astimezone(zone).date()
    by_day = groupby(outputs, key=lambda row: _day(row, zone))
    return [Day("" if day == last else _label(day, today), list(rows)) for day, rows in by_day]


def _day(row: Output, zone: tzinfo) -> date:
    return row.created_at.astimezone(zone).date()


def _label(day: date, today: date) -> str:
    if day == today:
        return _("Today")
    if day == today - timedelta(days=1):
        return _("Yesterday")
    return date_format(day, "j F" if day.year == today.year else "j F Y")
