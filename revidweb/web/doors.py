"""The door at which a visitor stands: which tenant they asked to join, by which invitation, and who may found one.

Where sign-in and sign-up lead on to a join page, they belong to that door. Of a link that was opened the session keeps
the token's hash alone.
"""

from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME, logout
from django.http import HttpRequest
from django.urls import Resolver404, resolve, reverse
from django.utils.http import url_has_allowed_host_and_scheme

from revidweb.accounts import invitations, joining
from revidweb.accounts.models import Invitation, JoinPolicy, Tenant
from revidweb.web import hosts

FOUNDING = ""  # where the session keeps the operator's invitation among those of tenants, which have a slug
_SESSION_KEY = "doors"


@dataclass(frozen=True)
class Door:
    """A tenant's door, as one visitor stands at it.

    invitation: a good one whose link they opened. is_over: they opened one that is not good any more.
    """

    tenant: Tenant
    invitation: Invitation | None = None
    is_over: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it stands open for a stranger, who has no account yet."""
        return self.invitation is not None or self.tenant.join_policy == JoinPolicy.OPEN

    @property
    def email(self) -> str:
        """The address that the invitation is for, "" where it is for whoever has the link."""
        return self.invitation.email if self.invitation else ""

    @property
    def href(self) -> str:
        """Its page."""
        return reverse("join", kwargs={"tenant_slug": self.tenant.slug})


def keep(request: HttpRequest, slug: str, token: str) -> None:
    """Remember in the session that this link was opened. slug: the tenant's, or FOUNDING."""
    request.session[_SESSION_KEY] = request.session.get(_SESSION_KEY, {}) | {slug: invitations.hash_of(token)}


def sign_out(request: HttpRequest) -> None:
    """End the session of a person who is not meant, and go on in another one with the links that were opened."""
    kept = request.session.get(_SESSION_KEY, {})
    logout(request)
    request.session[_SESSION_KEY] = kept


def at(request: HttpRequest, slug: str) -> Door | None:
    """The door of the tenant with this address; None where there is no such tenant, or nobody may join it.

    Asked once in a request: page, frame and form mean the same door.
    """
    known: dict[str, Door | None] = request.__dict__.setdefault("_doors", {})
    if slug not in known:
        known[slug] = _looked_at(request, slug)
    return known[slug]


def asked_for(request: HttpRequest) -> Door | None:
    """The door whose page the visitor is on, or will come to after signing in or up; None where there is none.

    On a tenant's own host every page outside the tenant is at that tenant's door.
    """
    host = hosts.of(request)
    slug = _slug_of(request.path_info) or _slug_of(_next(request)) or (host.tenant.slug if host else "")
    return at(request, slug) if slug else None


def founding_invitation(request: HttpRequest) -> Invitation | None:
    """The operator's invitation to found a tenant whose link was opened, or that was sent to the person's address."""
    shown = _shown(request, FOUNDING)
    held = invitations.by_hash(shown) if shown else None
    if held and held.tenant_id is None and invitations.is_good(held):
        return held
    return joining.founding_invitation_to(request.user) if request.user.is_authenticated else None


def may_found(request: HttpRequest) -> bool:
    """Whether the visitor may found a tenant of their own (REVIDWEB_SIGNUP); never on another tenant's own host."""
    if hosts.of(request):
        return False
    if settings.SIGNUP == "invite":
        return founding_invitation(request) is not None
    return bool(settings.SIGNUP == "open")


def may_sign_up(request: HttpRequest) -> bool:
    """Whether the visitor may make an account: to come in through a door that stands open, or to found a tenant."""
    door = asked_for(request)
    return door.is_open if door else may_found(request)


def invited_email(request: HttpRequest) -> str:
    """The address that an account made now must have, since the invitation is for it; "" for any."""
    door = asked_for(request)
    if door:
        return door.email
    invitation = founding_invitation(request) if settings.SIGNUP == "invite" else None
    return invitation.email if invitation else ""


def forget(request: HttpRequest, slug: str) -> None:
    """Forget the link that was opened: it has served."""
    kept = request.session.get(_SESSION_KEY, {})
    if kept.pop(slug, None):
        request.session[_SESSION_KEY] = kept


def _looked_at(request: HttpRequest, slug: str) -> Door | None:
    tenant = Tenant.objects.exclude(join_policy=JoinPolicy.CLOSED).filter(slug=slug).first()
    if tenant is None:
        return None
    shown = _shown(request, slug)
    held = invitations.by_hash(shown) if shown else None
    if held is None or held.tenant_id != tenant.pk or not invitations.is_good(held):
        return Door(tenant, is_over=bool(shown))
    return Door(tenant, invitation=held)


def _shown(request: HttpRequest, slug: str) -> str:
    """The hash of the link that was opened, "" where none was."""
    return str(request.session.get(_SESSION_KEY, {}).get(slug, ""))


def _next(request: HttpRequest) -> str:
    """The path of the page that comes after signing in, if it is one of ours."""
    page = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME) or ""
    ours = url_has_allowed_host_and_scheme(page, {request.get_host()}, require_https=request.is_secure())
    return urlsplit(page).path if ours else ""


def _slug_of(path: str) -> str:
    """The tenant whose join page this is, "" for any other page."""
    try:
        match = resolve(path)
    except Resolver404:
        return ""
    return str(match.kwargs["tenant_slug"]) if match.url_name == "join" else ""
