"""Invitations into the tenant: who was invited as what, and what became of it."""

from dataclasses import dataclass

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from revidweb.accounts import invitations as inviting
from revidweb.accounts.actors import Actor, Right
from revidweb.accounts.invitations import State
from revidweb.accounts.models import Invitation, Member, Role
from revidweb.lib.refusal import Refusal
from revidweb.web import access, mailing, parts, wording
from revidweb.web.access import ActorRequest, actor_may
from revidweb.web.forms.invitations import InviteForm

_PER_PAGE = 50
_BADGES: dict[State, tuple[str, str | Promise]] = {
    State.OPEN: ("ok", gettext_lazy("Open")),
    State.USED: ("idle", gettext_lazy("Used")),
    State.EXPIRED: ("warn", gettext_lazy("Expired")),
    State.REVOKED: ("idle", gettext_lazy("Revoked")),
    State.VOID: ("warn", gettext_lazy("No longer valid")),
}


@dataclass(frozen=True)
class Row:
    """An invitation in the table. maker: the member who made it. tone and word: of its badge."""

    invitation: Invitation
    maker: Member | None
    tone: str
    word: str | Promise
    note: str
    may_revoke: bool
    may_send_again: bool


@require_safe
@actor_may(Right.MANAGE_MEMBERS)
def invitations(request: ActorRequest) -> HttpResponse:
    """List the tenant's invitations, newest first."""
    return _page(request)


@require_http_methods(["GET", "HEAD", "POST"])
@actor_may(Right.MANAGE_MEMBERS)
def new(request: ActorRequest) -> HttpResponse:
    """Ask in a dialog over the list whom to invite, or invite them: by mail, or by a link that is shown this once."""
    if request.method == "POST":
        return _invite(request)
    return _dialog(request, form=InviteForm(request.actor))


@require_POST
@actor_may(Right.MANAGE_MEMBERS)
def again(request: ActorRequest, invitation_id: str) -> HttpResponse:
    """Mail another link to the invited address; the one before ends."""
    invitation = access.invitation(request, invitation_id)
    try:
        fresh, token = inviting.invite_again(request.actor, invitation)
        _mail(request, fresh, token)
    except Refusal as refusal:
        messages.error(request, wording.of(refusal))
    return redirect("invitations", request.actor.place)


@require_POST
@actor_may(Right.MANAGE_MEMBERS)
def revoke(request: ActorRequest, invitation_id: str) -> HttpResponse:
    """Let nobody in by it any more."""
    invitation = access.invitation(request, invitation_id)
    try:
        inviting.revoke(request.actor, invitation)
        messages.success(request, _("The invitation was revoked."))
    except Refusal as refusal:
        messages.error(request, wording.of(refusal))
    return redirect("invitations", request.actor.place)


def _invite(request: ActorRequest) -> HttpResponse:
    """Answer the list, the link, or the form with what is wrong (422)."""
    form = InviteForm(request.actor, request.POST)
    if form.is_valid():
        try:
            invitation, token = form.invite()
            if not invitation.email:
                return _dialog(request, link=mailing.link_of(invitation, token), invitation=invitation)
            _mail(request, invitation, token)
            return parts.lead_to(request, reverse("invitations", args=[request.actor.place]))
        except Refusal as refusal:
            wording.put_on(form, refusal)
    return _dialog(request, form=form, status=422)


def _mail(request: ActorRequest, invitation: Invitation, token: str) -> None:
    """Send it and say so. Raises Refusal."""
    mailing.send(invitation, token, inviter=str(request.actor.in_person.person))
    said = _("The invitation is on its way to %(email)s.")
    if mailing.is_kept():
        said = _(
            "No mail server is set: the invitation to %(email)s lies in the data folder, under mail. Send that file on,"
            " or invite by a link."
        )
    messages.success(request, said % {"email": invitation.email})


def _dialog(request: ActorRequest, *, status: int = 200, **inside: object) -> HttpResponse:
    """The dialog's part, or the page with the dialog open. inside: the form, or the link that was made."""
    if request.htmx:
        part = "dialog" if request.method in ("GET", "HEAD") else "inside"
        return render(request, f"invitations/page.html#{part}", {"asking": inside}, status=status)
    return _page(request, asking=inside, status=status)


def _page(request: ActorRequest, *, asking: dict[str, object] | None = None, status: int = 200) -> HttpResponse:
    page = Paginator(inviting.listed(request.actor), _PER_PAGE).get_page(request.GET.get("page"))
    makers = inviting.makers(page)
    rows = [_as_row(request.actor, one, makers.get(one.pk)) for one in page]
    shown = {"page": page, "rows": rows, "asking": asking} | parts.neighbours(page)
    return render(request, "invitations/page.html", shown, status=status)


def _as_row(actor: Actor, invitation: Invitation, maker: Member | None) -> Row:
    state = inviting.state_of(invitation, maker)
    may = invitation.role != Role.OWNER or actor.may(Right.MANAGE_OWNERS)
    tone, word = _BADGES[state]
    return Row(
        invitation,
        maker,
        tone,
        word,
        note=_("Who made it may not invite any more.") if state == State.VOID else "",
        may_revoke=may and state in (State.OPEN, State.VOID),
        may_send_again=may and bool(invitation.email) and state in (State.OPEN, State.EXPIRED, State.VOID),
    )
