"""What changed among the running jobs: one small request per page, silent while nothing did."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from revidweb.jobs import watch
from revidweb.web import access
from revidweb.web.access import ActorRequest

PAGES = ("create", "overview", "jobs", "job", "frame")


@require_GET
@access.actor_may()
def live(request: ActorRequest) -> HttpResponse:
    """The pieces of the page that changed since its version, or 204; one query finds out, one more is the balance's."""
    version = request.GET.get("v", "")
    now = watch.watch(request.actor, version)
    if now.version == version:
        return HttpResponse(status=204)
    at = request.GET.get("at", "")
    context = {
        "watch": now,
        "changed": now.changed_after(version),
        "live_at": at if at in PAGES else "frame",
        "live_job": request.GET.get("job", ""),
    }
    return render(request, "live/changes.html", context)
