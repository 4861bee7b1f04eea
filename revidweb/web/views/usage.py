"""Usage: what was made in some days, by whom and what, what it cost, and how well it went."""

from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import push_url

from revidweb.accounts.actors import Actor, Right
from revidweb.catalog.params import Choice
from revidweb.lib import clock
from revidweb.stats import naming, usage
from revidweb.stats.models import Dimension
from revidweb.stats.values import Question, Scope
from revidweb.web import access, exports, usage_words
from revidweb.web.access import ActorRequest
from revidweb.web.forms import usage as forms
from revidweb.web.forms.filters import choices
from revidweb.web.forms.usage import Asked
from revidweb.web.usage_words import Shown

_NO_SUCH = "-1"  # the value of what an address names and the actor does not have
_EVERY_GROUP = 1_000_000
_LISTED = (Dimension.MODEL, Dimension.KEY, Dimension.MEMBER)
_LEAST_TO_CHOOSE = 2


@require_safe
@vary_on_headers("HX-Request")
@access.actor_may()
def page(request: ActorRequest) -> HttpResponse:
    """The page; its answer alone for htmx."""
    shown = _shown(request)
    context = {
        "shown": shown,
        "asked": shown.asked,
        "sees_upstream": request.actor.may(Right.MANAGE_CONNECTIONS),
        "is_moving": str(shown.zone) != request.actor.tenant.time_zone,
        "export": exports.address(request, "usage_export", shown.asked.address),
        **_choices(request.actor, shown),
    }
    if request.htmx and not request.htmx.history_restore_request:
        answer = render(request, "usage/page.html#usage", context)
        return push_url(answer, request.path + shown.asked.address.removesuffix("?"))
    return render(request, "usage/page.html", context)


@require_safe
@access.actor_may()
def export(request: ActorRequest) -> HttpResponseBase:
    """The table as a file, every group of it; with `?each=bucket` those of each hour, day or month."""
    is_by_bucket = request.GET.get("each") == "bucket"
    shown = _shown(request, top=_EVERY_GROUP if is_by_bucket else 0)
    sees_upstream = request.actor.may(Right.MANAGE_CONNECTIONS)
    rows = shown.by_bucket() if is_by_bucket else shown.in_all()
    columns = usage_words.columns(shown.usage.grain if is_by_bucket else None, sees_upstream=sees_upstream)
    cells = (usage_words.cells(row, columns) for row in rows)
    return exports.of_rows(request, cells, columns, name=f"usage-by-{shown.asked.by}")


def _shown(request: ActorRequest, *, top: int = 5) -> Shown:
    actor = request.actor
    zone = usage.zone_for(actor)
    today = clock.now().astimezone(zone).date()
    asked = forms.of(request.GET, today=today, dimensions=usage.dimensions(actor))
    directory = naming.Directory(actor)
    answer = usage.read(_question(usage.scope_of(actor), asked, directory, top), zone)
    return Shown(actor, asked, answer, directory, zone)


def _question(scope: Scope, asked: Asked, directory: naming.Directory, top: int) -> Question:
    filters = {dimension: directory.value(dimension, word) or _NO_SUCH for dimension, word in asked.filters.items()}
    return Question(scope, asked.span, asked.by, filters, top=top)


def _choices(actor: Actor, shown: Shown) -> dict[str, Any]:
    """What the bar offers. No query: the directory is read."""
    asked = shown.asked
    groups = [(dimension.value, str(usage_words.DIMENSIONS[dimension])) for dimension in usage_words.DIMENSIONS]
    allowed = usage.dimensions(actor)
    return {
        "presets": [
            {"href": asked.but(preset=preset).address, "label": label, "is_current": preset == asked.preset}
            for preset, label in forms.PRESETS.items()
        ],
        "groupings": [Choice(value, label, is_chosen=value == asked.by) for value, label in groups if value in allowed],
        "measures": [
            Choice(value, str(label), is_chosen=value == asked.measure) for value, label in forms.MEASURES.items()
        ],
        "lists": [found for found in (_list(shown, dimension) for dimension in _LISTED) if found],
        "listed": _LISTED,
        "all_rows": asked.but(everything=True).address,
        "is_filtered": bool(asked.filters),
    }


def _list(shown: Shown, dimension: Dimension) -> dict[str, Any] | None:
    """The bar's list of one dimension; None where there is nothing to choose from."""
    named = [(name.word, name.label) for name in shown.directory.of(dimension)]
    chosen = shown.asked.filters.get(dimension, "")
    if dimension in (Dimension.KEY, Dimension.MEMBER) and chosen == "none":
        named.append((chosen, usage_words.label(dimension, naming.Name("0", chosen))))
    if len(named) < _LEAST_TO_CHOOSE and not chosen:
        return None
    label = str(usage_words.DIMENSIONS[dimension])
    return {"name": dimension.value, "label": label, "choices": choices(named, chosen, every=_("any"))}
