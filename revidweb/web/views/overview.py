"""Overview: what runs, what there is to spend, what was made last, and today's and this month's figures."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from revidweb.accounts.actors import Actor, Right
from revidweb.connections import preview
from revidweb.jobs import figures, listing, watch
from revidweb.library import gallery
from revidweb.web.access import ActorRequest, actor_may
from revidweb.web.context import TENANT_COOKIE

LATEST = 10
_YEAR_S = 31_536_000


@require_safe
@actor_may()
def overview(request: ActorRequest) -> HttpResponse:
    """The page; of somebody who has made nothing yet, the way to a first picture."""
    actor, now = request.actor, watch.watch(request.actor)
    context = {"watch": now, "live_at": "overview", "is_first": False, **news(actor)}
    if not now.jobs and not context["latest"].outputs:
        context["is_first"] = listing.is_empty(actor)
        context["first_prompts"] = _first_prompts()
        context["is_unconnected"] = actor.may(Right.MANAGE_CONNECTIONS) and preview.is_alone(actor)
        context["draws_previews"] = context["is_unconnected"] and preview.is_on(actor)
    return _remembered(request, render(request, "overview/page.html", context))


def _remembered(request: ActorRequest, answer: HttpResponse) -> HttpResponse:
    """Keep in a cookie that this tenant was used last: home leads here next time."""
    slug = request.actor.place
    if request.COOKIES.get(TENANT_COOKIE) != slug:
        answer.set_cookie(
            TENANT_COOKIE, slug, max_age=_YEAR_S, secure=request.is_secure(), httponly=True, samesite="Lax"
        )
    return answer


def _first_prompts() -> list[str]:
    return [
        _("Paper boats on a canal at dusk, lantern light"),
        _("A glass city in fog, wide shot"),
        _("Desert highway at noon, shot on film"),
    ]


def news(actor: Actor) -> dict[str, Any]:
    """What changes when a job ends: the figures and the latest results. Two queries."""
    return {
        "latest": gallery.page(actor, gallery.Filters(), limit=LATEST),
        "figures": figures.of(actor),
        "sees_all": actor.may(Right.SEE_ALL),
    }
