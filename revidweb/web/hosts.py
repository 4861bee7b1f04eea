"""Which hosts are served at all, and what each of them serves: this alone judges the Host header.

The installation's own hosts (`MAIN_HOSTS`) serve everything. A tenant's web host serves that tenant, and its `/` leads
there, or a stranger to its door. A tenant's media host serves media and no page. Whatever else is asked for is not
here, and nothing is said of who answers.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotFound
from django.http.request import split_domain_port, validate_host
from django.shortcuts import redirect
from django.urls import ResolverMatch

from revidweb.accounts import hosts, members
from revidweb.accounts.models import Host, HostPurpose, Member, Person, Tenant

_MAIN_ONLY = ("styleguide", "found")  # pages that no tenant's host has
_OPERATOR = "admin"  # their namespace


class KnownHosts:
    """Serve what the host that was asked for serves. `request.tenant_host` is the tenant's own, if it is one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer as the host does, or as nobody."""
        name = _name(request)
        request.tenant_host = None  # type: ignore[attr-defined]
        if not validate_host(name, settings.MAIN_HOSTS):
            host = hosts.served(name) if name else None
            if host is None or not _serves(host, request):
                return nothing_here()
            request.tenant_host = host  # type: ignore[attr-defined]
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: object, args: object, words: dict[str, Any]) -> Any:
        """Let a tenant's host lead to that tenant alone."""
        host = of(request)
        match = request.resolver_match
        if host is None or match is None:
            return None
        if match.url_name == "home":
            return redirect("join" if _is_stranger(request, host.tenant) else "overview", host.tenant.slug)
        if _is_elsewhere(match, host.tenant):
            raise Http404
        return None


def of(request: HttpRequest) -> Host | None:
    """The tenant's own host by which the request came; None for the installation's."""
    host: Host | None = getattr(request, "tenant_host", None)
    return host


def memberships(request: HttpRequest, person: Person) -> list[Member]:
    """The tenants that the person may go to from here, by name: on a tenant's own host that one alone. One query."""
    everywhere, host = members.of(person), of(request)
    return [member for member in everywhere if member.tenant == host.tenant] if host else everywhere


def nothing_here(*args: object, **kwargs: object) -> HttpResponse:
    """A 404 that could be anybody's."""
    return HttpResponseNotFound("Not found\n", content_type="text/plain; charset=utf-8")


def _name(request: HttpRequest) -> str:
    """The name in the Host header, in lower case and without port; "" for what is none."""
    try:
        return split_domain_port(request.get_host())[0]
    except DisallowedHost:
        return ""


def _serves(host: Host, request: HttpRequest) -> bool:
    """Whether the host has such an address at all; a media host gets addresses of its own."""
    if host.purpose != HostPurpose.MEDIA:
        return True
    request.urlconf = settings.MEDIA_URLCONF
    is_static: bool = request.path_info.startswith(settings.STATIC_URL)
    return not is_static


def _is_stranger(request: HttpRequest, tenant: Tenant) -> bool:
    """Whether somebody is signed in who is no member, not even a suspended one. At most one query."""
    if not request.user.is_authenticated:
        return False
    return not Member.objects.present().filter(tenant=tenant, person=request.user).exists()


def _is_elsewhere(match: ResolverMatch, tenant: Tenant) -> bool:
    """Whether it is a page of another tenant or of the installation; a key's says itself of which tenant it is."""
    if match.url_name in _MAIN_ONLY or _OPERATOR in match.namespaces:
        return True
    asked: str = match.kwargs.get("tenant_slug", tenant.slug)
    return asked not in ("", tenant.slug)
