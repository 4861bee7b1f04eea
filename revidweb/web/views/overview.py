"""Overview: what is left, what was spent and made, what runs, and what wants a look. One glance."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from revidweb.accounts.actors import Actor, Right
from revidweb.connections import failing
from revidweb.connections.failing import Standing
from revidweb.jobs import listing, watch
from revidweb.keys import watching
from revidweb.lib import clock
from revidweb.library import gallery
from revidweb.notices import words
from revidweb.stats import usage
from revidweb.stats.values import Span
from revidweb.web import context as frames
from revidweb.web import glance, keycards
from revidweb.web.access import ActorRequest, actor_may
from revidweb.web.context import TENANT_COOKIE

CARDS = 3  # of jobs that run or have just ended
LATEST = 8
_KEYS_MOST = 5
_YEAR_S = 31_536_000


@require_safe
@actor_may()
def overview(request: ActorRequest) -> HttpResponse:
    """The page; of somebody who has made nothing yet, the way to a first picture."""
    actor, frame = request.actor, frames.of(request)
    now, shown = watch.watch(actor), news(request)
    frame.running = now.running  # the same figure, asked once
    context = {
        "watch": now,
        "cards": watch.with_facts(now.jobs[:CARDS]),
        "live_at": "overview",
        "is_first": False,
        **shown,
    }
    if now.jobs or shown["latest"].outputs or shown["has_usage"] or not listing.is_empty(actor):
        context |= _attention(actor)
    else:
        context |= {"is_first": True, "first_prompts": _first_prompts(), "connections": _connections(actor)}
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


def news(request: ActorRequest) -> dict[str, Any]:
    """What changes when a job ends: the figures and the latest results. Three queries, and the frame's balance."""
    actor = request.actor
    zone = usage.zone_for(actor)
    span = Span.ending(clock.now().astimezone(zone).date(), days=glance.DAYS)
    found = usage.glance(usage.scope_of(actor), span, zone)
    return {
        "latest": gallery.page(actor, gallery.Filters(), limit=LATEST),
        "tiles": glance.tiles(actor, frames.of(request).balance, found),
        "chart": glance.chart(actor, found),
        "models": glance.models(actor, found),
        "models_href": glance.usage_href(actor),
        "has_usage": bool(found.days),
        "sees_all": actor.may(Right.SEE_ALL),
        "time_zone": zone.key,
    }


def _attention(actor: Actor) -> dict[str, Any]:
    """What wants a look. At most three queries."""
    return {
        "connections": _connections(actor),
        "near_keys": [(key, keycards.gauge(meter)) for key, meter in watching.near(actor, most=_KEYS_MOST)],
        "notices": words.newest_unread(actor),
    }


def _connections(actor: Actor) -> Standing | None:
    """How they stand, for who manages them."""
    return failing.standing(actor) if actor.may(Right.MANAGE_CONNECTIONS) else None
