"""Keys: the list, a new one, and the page of one."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import push_url, reswap, retarget

from revidweb.accounts import members
from revidweb.accounts.actors import Actor, Right
from revidweb.catalog.params import Choice
from revidweb.jobs import listing as jobs
from revidweb.keys import issuing, listing
from revidweb.keys.issuing import Issued
from revidweb.keys.listing import Filters
from revidweb.keys.models import ApiKey, KeyKind
from revidweb.lib.refusal import Refusal
from revidweb.stats import pace
from revidweb.stats import usage as counted
from revidweb.stats.values import Scope
from revidweb.web import access, examples, exports, keycards, keytrail, parts, usage_words, wording
from revidweb.web.access import ActorRequest, actor_may
from revidweb.web.forms import keys as forms
from revidweb.web.forms.filters import choices, word
from revidweb.web.forms.keys import NewKeyForm
from revidweb.web.keycards import Card

_PER_PAGE = 50
_LATEST_JOBS = 5
_CHART_DAYS = 30


# -- the list


@require_safe
@vary_on_headers("HX-Request")
@actor_may()
def keys(request: ActorRequest) -> HttpResponse:
    """The actor's keys, and everybody's for those who manage them; the rows alone for htmx."""
    if request.htmx and not request.htmx.history_restore_request:
        return render(request, "keys/page.html#results", _listed(request))
    return _page(request)


@require_safe
@actor_may()
def export(request: ActorRequest) -> HttpResponseBase:
    """The list as a file: the rows of all its pages."""
    rows = listing.found(request.actor, _filters(request))
    return exports.of_query(request, rows, listing.columns(request.actor), name="keys")


def _page(request: ActorRequest, *, form: NewKeyForm | None = None, status: int = 200) -> HttpResponse:
    """form: of the new key, whose dialog then stands open."""
    return render(request, "keys/page.html", _listed(request) | {"form": form}, status=status)


def _listed(request: ActorRequest) -> dict[str, Any]:
    """Four queries."""
    filters = _filters(request)
    found = listing.found(request.actor, filters).values_list("pk", flat=True)
    page = Paginator(found, _PER_PAGE).get_page(request.GET.get("page"))
    keys = listing.shown(list(page))
    is_filtered = filters != Filters()
    return {
        "filters": filters,
        "kinds": choices(keycards.KINDS.items(), filters.kind, every=_("All kinds")),  # type: ignore[arg-type]
        "states": _states(filters),
        "page": page,
        "rows": [(card, card.payer(request.actor)) for card in keycards.of(keys)],
        "is_filtered": is_filtered,
        "is_empty": not keys and (not is_filtered or listing.is_empty(request.actor)),
        "manages": request.actor.may(Right.MANAGE_KEYS),
        "export": exports.address(request, "keys_export", _query(filters)),
        **parts.neighbours(page, _query(filters)),
    }


def _filters(request: ActorRequest) -> Filters:
    """What the address asks for; words that nobody knows are left out."""
    kind, state = word(request.GET, "kind"), word(request.GET, "state")
    return Filters(
        search=word(request.GET, "search")[:80],
        kind=kind if kind in KeyKind.values else "",
        state=state if state == listing.REVOKED else listing.LIVE,
    )


def _states(filters: Filters) -> list[Choice]:
    named = ((listing.LIVE, _("live")), (listing.REVOKED, _("revoked")))
    return [Choice(state, label, is_chosen=state == filters.state) for state, label in named]


def _query(filters: Filters) -> str:
    """The filters as the pager's addresses begin."""
    words = {name: value for name, value in vars(filters).items() if value and value != listing.LIVE}
    return f"?{urlencode(words)}&" if words else "?"


# -- a new one


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@actor_may()
def new(request: ActorRequest) -> HttpResponse:
    """Ask in a dialog over the list for a key, or make it and show its secret this once."""
    if request.method == "POST":
        return _make(request, NewKeyForm(request.actor, request.POST))
    return _dialog(request, forms.fresh(request.actor))


def _make(request: ActorRequest, form: NewKeyForm) -> HttpResponse:
    if form.is_valid():
        try:
            return _made(request, form.issue())
        except Refusal as refusal:
            wording.put_on(form, refusal)
    return _dialog(request, form, status=422)


def _made(request: ActorRequest, issued: Issued) -> HttpResponse:
    """The secret; or, for a form that came twice, the page of the key that it has made."""
    if issued.secret:
        return show_secret(request, issued)
    said = _("This form has made %(name)s already. A secret is shown only once: rotate the key for a new one.")
    messages.info(request, said % {"name": issued.key.name})
    return parts.lead_to(request, page_of(request, issued.key))


def show_secret(request: ActorRequest, issued: Issued, **more: object) -> HttpResponse:
    """The page with the secret. Its address is the key's page, where a reload leads; nobody keeps it."""
    here = page_of(request, issued.key)
    shown = {
        "key": issued.key,
        "secret": issued.secret,
        "example": examples.of(request, issued.key, issued.secret),
        "here": here,
    } | more
    if not request.htmx:
        return render(request, "keys/made.html", shown)
    answer = render(request, "keys/made.html#made", shown)
    return push_url(reswap(retarget(answer, "#main"), "innerHTML"), here)


def page_of(request: ActorRequest, key: ApiKey) -> str:
    """Where the key's page is."""
    return reverse("key", args=[request.actor.place, key.public_id])


def _dialog(request: ActorRequest, form: NewKeyForm, *, status: int = 200) -> HttpResponse:
    if request.htmx:
        part = "form" if form.is_bound else "dialog"
        return render(request, f"keys/page.html#{part}", {"form": form}, status=status)
    return _page(request, form=form, status=status)


# -- one


@require_safe
@actor_may()
def key(request: ActorRequest, key_id: str) -> HttpResponse:
    """One key: what is left of its limits, what it did lately, and what can be done with it."""
    return page(request, access.key(request, key_id))


@require_safe
@actor_may()
def usage(request: ActorRequest, key_id: str) -> HttpResponse:
    """What the key spent in the last thirty days, day by day, which its page fetches once it stands."""
    row = access.key(request, key_id)
    scope = Scope(row.tenant, key=row.pk)
    chart = usage_words.lately(request.actor, scope, days=_CHART_DAYS, key=row.public_id)
    return render(request, "keys/usage.html", {"chart": chart, "key": row})


def page(request: ActorRequest, row: ApiKey, *, status: int = 200, opened: str = "", **asked: object) -> HttpResponse:
    """The key's page. opened: the dialog that stands open, over a form that came back refused (asked)."""
    shown = _shown(request.actor, row) | {"opened": opened} | asked
    return render(request, "keys/key.html", shown, status=status)


def _shown(actor: Actor, row: ApiKey) -> dict[str, Any]:
    """Six queries; seven of a paused one."""
    (card,) = keycards.of([row])
    return {
        "card": card,
        "payer": card.payer(actor),
        "jobs": jobs.latest_of(actor, row, most=_LATEST_JOBS),
        "deeds": keytrail.of(row),
        "may_manage": row.revoked_at is None and issuing.may_manage(actor, row),
        "may_rotate": row.revoked_at is None and issuing.may_rotate(actor, row),
        "may_resume": row.revoked_at is None and issuing.may_resume(actor, row),
        "paused_by": _paused_by(row),
        **_paced(actor, card),
        "rotate_form": forms.rotation_of(card.secrets.current),
        "top_up_form": forms.fresh_top_up(),
    }


def _paused_by(row: ApiKey) -> str:
    """What whoever paused it is called, "" where nobody in person did. One query for a paused one."""
    member = row.paused_by.removeprefix("member:")
    return members.names(row.tenant, [member]).get(member, "") if member else ""


def _paced(actor: Actor, card: Card) -> dict[str, Any]:
    """How fast it spends, and how long what is left lasts. One query."""
    lately = pace.of(card.key, counted.zone_for(actor))
    return {"pace": lately, "lasts": None if card.left is None else lately.lasts_days(card.left)}
