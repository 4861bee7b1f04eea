"""The door of those who have nothing but a key: in with it, out again, and how it looks on a tenant's own host."""

from allauth.core import ratelimit
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from revidweb.accounts.models import Tenant
from revidweb.keys import checking
from revidweb.keys.models import ApiKey
from revidweb.lib.refusal import Refusal
from revidweb.web import hosts, key_session, kinds, wording
from revidweb.web.forms.key_door import KeyDoorForm

from .media import logo_of
from .theme import stylesheet_of

_LIMIT = "key"  # in ACCOUNT_RATE_LIMITS


@sensitive_post_parameters("key")
@require_http_methods(["GET", "HEAD", "POST"])
def door(request: HttpRequest) -> HttpResponse:
    """Ask for a key, or let in with it; whoever is in goes on at once. Of a session that ended it says why."""
    return _sign_in(request) if request.method == "POST" else _show(request)


@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """End the session of the key, and no other."""
    key_session.end(request)
    answer = redirect("key_door")
    key_session.forget(answer)
    return answer


@require_safe
def dashboard(request: HttpRequest) -> HttpResponse:
    """The address by which other houses know this door."""
    return redirect("key_door")


@require_safe
def accent(request: HttpRequest) -> HttpResponse:
    """The accent of the tenant whose own host this is, to everybody at its door."""
    return stylesheet_of(request, _tenant_of_host(request))


@require_safe
def logo(request: HttpRequest) -> HttpResponseBase:
    """The logo of the tenant whose own host this is, to everybody at its door."""
    return logo_of(request, _tenant_of_host(request))


def _tenant_of_host(request: HttpRequest) -> Tenant:
    host = hosts.of(request)
    if host is None:
        raise Http404
    return host.tenant


def _show(request: HttpRequest) -> HttpResponse:
    try:
        key = key_session.of(request)
    except Refusal as refusal:
        answer = _page(request, KeyDoorForm(), why=wording.of(refusal) if key_session.is_named(request) else "")
        if refusal.code == "key_session_over":
            key_session.forget(answer)
        return answer
    return redirect(_next(request) or _first_page(key))


def _sign_in(request: HttpRequest) -> HttpResponse:
    """Let in with a key, or the form with what is wrong with it (422, and 429 for who guesses)."""
    form = KeyDoorForm(request.POST)
    if not ratelimit.consume(request, action=_LIMIT):
        form.add_error("key", _("That was tried too often. Wait a few minutes."))
        return _page(request, form, status=429)
    if form.is_valid():
        try:
            return _let_in(request, form.cleaned_data["key"])
        except Refusal as refusal:
            form.add_error("key", wording.of(refusal))
    return _page(request, form, status=422)


def _let_in(request: HttpRequest, secret: str) -> HttpResponse:
    session, key = key_session.sign_in(request, secret)
    answer = redirect(_next(request) or _first_page(key))
    key_session.put(answer, session)
    return answer


def _page(request: HttpRequest, form: KeyDoorForm, *, why: str = "", status: int = 200) -> HttpResponse:
    context = {"form": form, "why": why, "next": _next(request)}
    return render(request, "key/door.html", context, status=status)


def _next(request: HttpRequest) -> str:
    """The page that was asked for before, if it is one of a key's; "" for none."""
    page = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME) or ""
    ours = url_has_allowed_host_and_scheme(page, {request.get_host()}, require_https=request.is_secure())
    return page if ours and page.startswith(key_session.PATH) and page != key_session.PATH else ""


def _first_page(key: ApiKey) -> str:
    """Create, of a kind that the key may make; the gallery where that is none."""
    makes = kinds.of(checking.actor_of(key))
    return resolve_url("create", tenant_slug="", kind=makes[0]) if makes else resolve_url("gallery", tenant_slug="")
