"""A tenant's door: its page in the tenant's own name and colours, for those who are not members yet."""

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from revidweb.accounts import invitations, joining
from revidweb.accounts.models import Invitation, Member, MemberState, Person, Role
from revidweb.keys import leaving
from revidweb.lib.refusal import Refusal
from revidweb.web import access, doors, roles, wording
from revidweb.web.doors import Door

from . import media, theme


@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, tenant_slug: str) -> HttpResponse:
    """Say who invites to what and how to come in, or come in; members are led on. Closed: 404, as if it were not."""
    door = _door(request, tenant_slug)
    person = request.user
    if not person.is_authenticated:
        return _to_sign_in(door) if request.method == "POST" else _page(request, door, door.invitation)
    if "another" in request.POST:
        doors.sign_out(request)
        return _to_sign_in(door)
    member = Member.objects.select_related("tenant").filter(tenant=door.tenant, person=person).first()
    if member is not None and member.state != MemberState.REMOVED:
        return _lead_on(request, member)
    invitation = _for(door, person)
    try:
        joining.refuse_return(member, invitation)
    except Refusal as refusal:
        return _ended(request, door, refusal)
    return _come_in(request, door, person) if request.method == "POST" else _page(request, door, invitation)


@require_safe
def link(request: HttpRequest, tenant_slug: str, token: str) -> HttpResponse:
    """An invitation's link: remember it and go on, so that it stands in no address that is shown or kept."""
    door = _door(request, tenant_slug)
    doors.keep(request, tenant_slug, token)
    return redirect(door.href)


@require_safe
def logo(request: HttpRequest, tenant_slug: str) -> HttpResponseBase:
    """The tenant's logo, for its door alone."""
    return media.logo_of(request, _door(request, tenant_slug).tenant)


@require_safe
def accent(request: HttpRequest, tenant_slug: str) -> HttpResponse:
    """The tenant's accent, for its door alone."""
    return theme.stylesheet_of(request, _door(request, tenant_slug).tenant)


def _to_sign_in(door: Door) -> HttpResponse:
    return redirect_to_login(door.href, resolve_url("account_login"))


def _door(request: HttpRequest, tenant_slug: str) -> Door:
    door = doors.at(request, tenant_slug)
    if door is None:
        raise Http404
    return door


def _for(door: Door, person: Person) -> Invitation | None:
    """The invitation whose link they opened, or one that was sent to a verified address of theirs."""
    return door.invitation or joining.invitation_to(person, door.tenant)


def _lead_on(request: HttpRequest, member: Member) -> HttpResponse:
    """A member finds their tenant, a suspended one the page that says so."""
    doors.forget(request, member.tenant.slug)
    if member.state == MemberState.SUSPENDED:
        raise access.Suspended(member)
    return redirect("overview", member.tenant.slug)


def _ended(request: HttpRequest, door: Door, refusal: Refusal) -> HttpResponse:
    """The page of who was removed: what happened, whom to ask, and no way in (422 for who tries)."""
    status = 422 if request.method == "POST" else 200
    return _page(request, door, None, refusal=wording.of(refusal), is_ended=True, status=status)


def _come_in(request: HttpRequest, door: Door, person: Person) -> HttpResponse:
    """Become a member and go to the tenant, or the page with the reason why not (422)."""
    try:
        member = leaving.join(person, door.tenant, invitation=door.invitation)
    except Refusal as refusal:
        return _page(request, door, _for(door, person), refusal=wording.of(refusal), status=422)
    messages.success(request, _("Welcome to %(tenant)s.") % {"tenant": door.tenant.name})
    return _lead_on(request, member)


def _page(
    request: HttpRequest,
    door: Door,
    invitation: Invitation | None,
    *,
    refusal: str = "",
    is_ended: bool = False,
    status: int = 200,
) -> HttpResponse:
    if door.is_over and request.method == "GET":
        doors.forget(request, door.tenant.slug)  # told once; later visits find the door as it is without the link
    maker = invitations.maker_of(invitation) if invitation else None
    role = Role(invitation.role if invitation else Role.USER)
    shown = {
        "door": door,
        "invitation": invitation,
        "maker": maker.person if maker else None,
        "role": role,
        "meaning": roles.MEANINGS[role],
        "refusal": refusal,
        "is_ended": is_ended,
    }
    return render(request, "join/page.html", shown, status=status)
