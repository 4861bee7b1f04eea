"""A RevidAPI key of a visitor's own: its door, its account's pages, and out again. Nobody has to be signed in."""

from allauth.core import ratelimit
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from revidweb.connections.mirror import Failure, Seen
from revidweb.keys import visiting
from revidweb.keys.visiting import Place
from revidweb.lib import clock
from revidweb.lib.refusal import Refusal
from revidweb.providers.account_pages import Endpoint, Question
from revidweb.providers.base import AccountRefused, ProviderError
from revidweb.web import own_key, told, wording
from revidweb.web.forms.own_key import OwnKeyForm
from revidweb.web.own_key import OwnKey

from .media import logo_of
from .theme import stylesheet_of

_TRY, _READ = "own_key", "own_key_page"  # in ACCOUNT_RATE_LIMITS
_WHY: dict[str, str | Promise] = {
    "over": gettext_lazy("Your key was held for twelve hours, or belongs to another address. Enter it again."),
    "refused": gettext_lazy("The provider does not take this key any more."),
}


@sensitive_post_parameters("key")
@require_http_methods(["GET", "HEAD", "POST"])
def door(request: HttpRequest, tenant_slug: str) -> HttpResponse:
    """Ask for a key, or try it and let in; whoever is in goes on at once."""
    place = own_key.place(request, tenant_slug)
    if request.method == "POST":
        return _try(request, place)
    if own_key.of(request, place):
        return redirect("own_key_page", tenant_slug, Endpoint.ME.value)
    return _door(request, place, OwnKeyForm(), why=str(_WHY.get(request.GET.get("why", ""), "")))


@require_POST
def leave(request: HttpRequest, tenant_slug: str) -> HttpResponse:
    """Drop the key."""
    return _out(own_key.place(request, tenant_slug))


@require_safe
def page(request: HttpRequest, tenant_slug: str, endpoint: str) -> HttpResponse:
    """One page of the key's account, as its provider tells it now; nothing of it is kept."""
    place = own_key.place(request, tenant_slug)
    question = told.question(visiting.pages(), endpoint, request.GET)
    held = own_key.of(request, place)
    if held is None:
        return _out(place, why="over" if own_key.is_named(request) else "")
    try:
        seen = _asked(request, place, held, question)
    except AccountRefused as refused:
        if refused.code == "invalid":
            return _out(place, why="refused")
        seen = _failed(question, refused.code, refused.reason)
    if seen.copy and "raw" in request.GET:
        return told.raw(seen.copy)
    if seen.copy and "download" in request.GET and question.endpoint is Endpoint.EXPORT:
        return told.file(seen.copy, seen.read_at)
    return render(request, "key/own.html", _shown(place, held, seen))


@require_safe
def accent(request: HttpRequest, tenant_slug: str) -> HttpResponse:
    """The tenant's accent, for these pages."""
    return stylesheet_of(request, own_key.place(request, tenant_slug).tenant)


@require_safe
def logo(request: HttpRequest, tenant_slug: str) -> HttpResponseBase:
    """The tenant's logo, for these pages."""
    return logo_of(request, own_key.place(request, tenant_slug).tenant)


def _try(request: HttpRequest, place: Place) -> HttpResponse:
    """Let in with a key, or the form with what is wrong with it (422, and 429 for who guesses)."""
    form = OwnKeyForm(request.POST)
    if not ratelimit.consume(request, action=_TRY):
        form.add_error("key", _("That was tried too often. Wait a few minutes."))
        return _door(request, place, form, status=429)
    is_ours = False
    if form.is_valid():
        try:
            key = visiting.check(place, form.cleaned_data["key"])
        except Refusal as refusal:
            is_ours = refusal.code == "key_is_ours"
            form.add_error("key", wording.of(refusal))
        else:
            answer = redirect("own_key_page", place.tenant.slug, Endpoint.ME.value)
            own_key.put(answer, place, key)
            return answer
    return _door(request, place, form, is_ours=is_ours, status=422)


def _door(
    request: HttpRequest, place: Place, form: OwnKeyForm, *, why: str = "", is_ours: bool = False, status: int = 200
) -> HttpResponse:
    shown = {"place": place, "form": form, "why": why, "is_ours": is_ours}
    return render(request, "key/own_door.html", shown, status=status)


def _out(place: Place, *, why: str = "") -> HttpResponse:
    """Back to the door, without the key."""
    where = reverse("own_key", args=[place.tenant.slug])
    answer = redirect(f"{where}?why={why}" if why else where)
    own_key.forget(answer, place)
    return answer


def _asked(request: HttpRequest, place: Place, held: OwnKey, question: Question) -> Seen:
    """What the account tells, or why not. Raises AccountRefused."""
    if not ratelimit.consume(request, action=_READ):
        return Seen(question, waits_for="others")
    try:
        return Seen(question, visiting.ask(place, held.key, question), clock.now())
    except AccountRefused:
        raise
    except ProviderError as error:
        return _failed(question, error.code, error.reason)
    except Refusal:
        return Seen(question, waits_for="others")


def _failed(question: Question, code: str, reason: str) -> Seen:
    return Seen(question, failure=Failure(code, reason, clock.now()))


def _shown(place: Place, held: OwnKey, seen: Seen) -> dict[str, object]:
    slug, endpoint, pages = place.tenant.slug, seen.question.endpoint, visiting.pages()
    hrefs = {one: reverse("own_key_page", args=[slug, one.value]) for one in Endpoint}
    return told.context(pages, seen, place.tenant.zone) | {
        "place": place,
        "held": held,
        "tabs": told.tabs(pages, endpoint, hrefs),
        "here": hrefs[endpoint],
        "export_href": hrefs[Endpoint.EXPORT] if endpoint is Endpoint.STATS else "",
        "asks": False,
        "changes": None,
    }
