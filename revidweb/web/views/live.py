"""What changed among the running jobs: one small request per page, silent while nothing did."""

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from revidweb.accounts.actors import Right
from revidweb.jobs import watch
from revidweb.jobs.watch import Watch
from revidweb.web import access
from revidweb.web.access import ActorRequest

from . import create, jobs, overview

PAGES = ("create", "overview", "jobs", "job", "frame")
KEY_PAGES = ("create", "jobs", "job", "frame")
NEWS: dict[str, Callable[[ActorRequest], dict[str, Any]]] = {"create": create.news, "overview": overview.news}
CARDS = {"create": watch.MOST, "overview": overview.CARDS}


@require_GET
@access.actor_may()
def live(request: ActorRequest) -> HttpResponse:
    """The pieces of the page that changed since its version, or 204: one query finds out.

    at: which page asks; v: its version; shown: the moving jobs of its table; job: the one that it tells of.
    """
    version = request.GET.get("v", "")
    now = watch.watch(request.actor, version)
    if now.version == version:
        return HttpResponse(status=204)
    asked = request.GET.get("at", "")
    at = asked if asked in (KEY_PAGES if request.actor.key else PAGES) else "frame"
    context = {"watch": now, "version": now.version, "live_at": at} | _pieces(request, at, now, version)
    return render(request, "live/changes.html", context)


def _pieces(request: ActorRequest, at: str, now: Watch, version: str) -> dict[str, Any]:
    """What the page shows otherwise than its version. Only pieces that it has: htmx complains about others."""
    changed = now.changed_after(version)
    match at:
        case "create" | "overview":
            news = {} if now.ended_the_same(version) else NEWS[at](request)
            cards = watch.with_facts(now.jobs[: CARDS[at]])
            told = [job for job in cards if job in changed]
            return {"changed": told, "cards": cards, "is_new_list": not now.lists_the_same(version), **news}
        case "jobs":
            shown = set(request.GET.getlist("shown"))
            rows = watch.with_facts([job for job in now.jobs if job.public_id in shown])
            return {"changed": rows, "sees_all": request.actor.may(Right.SEE_ALL)}
        case "job":
            asked = request.GET.get("job", "")
            if any(job.public_id == asked for job in changed):
                return jobs.detail(request.actor, access.job(request, asked))
            return {"job_id": asked}
    return {}
