"""How it looks to one person (the theme) and in one tenant (the accent)."""

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.utils.cache import patch_cache_control
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import etag, require_POST, require_safe

from revidweb.accounts.models import Tenant
from revidweb.web import accent
from revidweb.web.access import ActorRequest, actor_may
from revidweb.web.context import THEME_COOKIE, THEMES

_YEAR_S = 31_536_000


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Remember the theme in a cookie and go back to the page; the server writes it on the next page's first byte."""
    chosen = request.POST.get("theme", "")
    if chosen not in [name for name, _icon, _label in THEMES]:
        return HttpResponseBadRequest()
    answer = HttpResponseRedirect(_back(request))
    answer.set_cookie(THEME_COOKIE, chosen, max_age=_YEAR_S, secure=request.is_secure(), httponly=True, samesite="Lax")
    return answer


def _back(request: HttpRequest) -> str:
    """The page that the form stood on, when it is one of ours."""
    page = request.POST.get("next", "")
    ours = url_has_allowed_host_and_scheme(page, {request.get_host()}, require_https=request.is_secure())
    return page if ours else resolve_url("home")


@require_safe
@actor_may()
def accent_stylesheet(request: ActorRequest) -> HttpResponse:
    """The tenant's accent, to its members."""
    return stylesheet_of(request, request.actor.tenant)


@etag(lambda request, tenant: f'"{tenant.accent.lstrip("#") or "none"}"')
def stylesheet_of(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """A tenant's accent as a stylesheet, to whom the caller lets see it.

    Its address carries a version, so it is kept for a year.
    """
    answer = HttpResponse(accent.stylesheet(tenant.accent), content_type="text/css; charset=utf-8")
    patch_cache_control(answer, private=True, max_age=_YEAR_S, immutable=True)
    return answer
