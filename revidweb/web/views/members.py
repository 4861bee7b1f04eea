"""Members of the tenant: who they are, what they may do, whether they are let in, and credits for them."""

from dataclasses import dataclass

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import reswap, retarget, trigger_client_event

from revidweb.accounts import members as membership
from revidweb.accounts.actors import Actor, Right
from revidweb.accounts.models import Member, MemberQuerySet, MemberState, Role
from revidweb.credits import columns
from revidweb.credits.models import Wallet
from revidweb.keys import leaving
from revidweb.lib.refusal import Refusal
from revidweb.web import access, exports, parts, roles, wording
from revidweb.web.access import ActorRequest, actor_may
from revidweb.web.forms.members import GrantForm, new_token

_PER_PAGE = 50
_SHOWN = (
    *("public_id", "role", "state", "state_since", "joined_at", "person__name", "person__email"),
    *("wallet__member", "wallet__balance", "wallet__held"),
)


@dataclass(frozen=True)
class Choice:
    """A role in words: a member's own, or one that they could have instead."""

    role: Role
    label: str
    meaning: str


@dataclass(frozen=True)
class Row:
    """A member in the table, and what the actor may do to them.

    wallet: theirs, or an empty one. choices: roles that the actor may give, none at all when the role stands.
    """

    member: Member
    role: Choice
    wallet: Wallet
    choices: list[Choice]
    is_self: bool
    may_let_go: bool
    may_restore: bool
    error: str = ""


@require_safe
@actor_may(Right.MANAGE_MEMBERS)
def members(request: ActorRequest) -> HttpResponse:
    """List the tenant's members, owners first; or, with `?state=removed`, those who were removed."""
    return _page(request)


@require_safe
@actor_may(Right.MANAGE_MEMBERS)
def export(request: ActorRequest) -> HttpResponseBase:
    """The list as a file: the rows of all its pages."""
    rows = _listed(request.actor, of_removed=request.GET.get("state") == MemberState.REMOVED)
    return exports.of_query(request, rows, columns.of_members(), name="members")


@require_POST
@actor_may(Right.MANAGE_MEMBERS)
def role(request: ActorRequest, member_id: str) -> HttpResponse:
    """Give a member another role; answer their row, or the row with the reason why not (422)."""
    member = access.member(request, member_id)
    try:
        member = membership.set_role(request.actor, member, role=request.POST.get("role", ""))
    except Refusal as refusal:
        return _refused(request, member, wording.of(refusal))
    return _role_given(request, member)


@require_POST
@actor_may(Right.MANAGE_MEMBERS)
def suspend(request: ActorRequest, member_id: str) -> HttpResponse:
    """Let a member in no longer, for now; answer their row, or the row with the reason why not (422)."""
    member = access.member(request, member_id)
    try:
        member = membership.suspend(request.actor, member)
    except Refusal as refusal:
        return _refused(request, member, wording.of(refusal))
    return _done(request, member, _("%(name)s is suspended.") % {"name": member.person})


@require_POST
@actor_may(Right.MANAGE_MEMBERS)
def restore(request: ActorRequest, member_id: str) -> HttpResponse:
    """Let a suspended or removed member in again; answer their row, or the row with the reason why not (422)."""
    member = access.member(request, member_id)
    was_removed = member.state == MemberState.REMOVED
    try:
        member = leaving.restore(request.actor, member)
    except Refusal as refusal:
        return _refused(request, member, wording.of(refusal))
    said = _("%(name)s is let in again.") % {"name": member.person}
    return _list_anew(request, said) if was_removed else _done(request, member, said)


@require_http_methods(["GET", "HEAD", "POST"])
@actor_may(Right.MANAGE_MEMBERS)
def remove(request: ActorRequest, member_id: str) -> HttpResponse:
    """Ask in a dialog over the list whether to remove a member, or remove them."""
    member = access.member(request, member_id)
    if request.method == "POST":
        return _remove(request, member)
    return _removal(request, member)


@require_http_methods(["GET", "HEAD", "POST"])
@actor_may()
def leave(request: ActorRequest) -> HttpResponse:
    """Ask a member whether they want to leave the tenant, or let them go."""
    if request.method == "POST":
        return _leave(request)
    return _leaving(request)


@require_http_methods(["GET", "HEAD", "POST"])
@actor_may(Right.GRANT)
def grant(request: ActorRequest, member_id: str) -> HttpResponse:
    """Ask in a dialog over the list how many credits to grant, or grant them."""
    member = access.member(request, member_id)
    if request.method == "POST":
        return _grant(request, member)
    return _dialog(request, member, GrantForm(initial={"token": new_token()}))


def _grant(request: ActorRequest, member: Member) -> HttpResponse:
    """Answer the member's row, or the form with what is wrong (422)."""
    form = GrantForm(request.POST)
    if form.is_valid():
        try:
            return _granted(request, member, form.grant(member, actor=request.actor.name))
        except Refusal as refusal:
            wording.put_on(form, refusal)
    return _dialog(request, member, form.again(), status=422)


def _granted(request: ActorRequest, member: Member, credits: int) -> HttpResponse:
    said = ngettext("%(credits)s credit granted to %(name)s.", "%(credits)s credits granted to %(name)s.", credits)
    figure = number_format(credits, force_grouping=True)
    return _done(request, member, said % {"credits": figure, "name": member.person})


def _role_given(request: ActorRequest, member: Member) -> HttpResponse:
    """Whoever changed their own role may not see this page any more, and their frame changes: they start anew."""
    said = _("%(name)s is now %(role)s.") % {"name": member.person, "role": Role(member.role).label}
    if member != request.actor.in_person:
        return _done(request, member, said)
    messages.success(request, said)
    return parts.lead_to(request, reverse("home"))


def _done(request: ActorRequest, member: Member, said: str) -> HttpResponse:
    """The member's row as it is now, and a toast."""
    if not request.htmx:
        messages.success(request, said)
        return redirect("members", request.actor.place)
    answer = _row(request, access.member(request, member.public_id))
    trigger_client_event(answer, "toast", {"text": said, "level": "success"})
    return trigger_client_event(answer, "dialog-close")


def _remove(request: ActorRequest, member: Member) -> HttpResponse:
    """The list without them, or the dialog with the reason why not (422)."""
    try:
        leaving.remove(request.actor, member)
    except Refusal as refusal:
        return _removal(request, member, error=wording.of(refusal), status=422)
    return _list_anew(request, _("%(name)s was removed.") % {"name": member.person})


def _removal(request: ActorRequest, member: Member, *, error: str = "", status: int = 200) -> HttpResponse:
    removing = {"member": member, "error": error, "stake": leaving.at_stake(member)}
    if request.htmx:
        part = "remove-form" if request.method == "POST" else "remove"
        return render(request, f"members/page.html#{part}", {"removing": removing}, status=status)
    return _page(request, removing=removing, status=status)


def _leave(request: ActorRequest) -> HttpResponse:
    """Home, wherever that is now, or the page with the reason why not (422)."""
    member = request.actor.in_person
    try:
        leaving.remove(request.actor, member)
    except Refusal as refusal:
        return _leaving(request, error=wording.of(refusal), status=422)
    messages.success(request, _("You have left %(tenant)s.") % {"tenant": member.tenant.name})
    return redirect("home")


def _leaving(request: ActorRequest, *, error: str = "", status: int = 200) -> HttpResponse:
    shown = {"error": error, "stake": leaving.at_stake(request.actor.in_person)}
    return render(request, "members/leave.html", shown, status=status)


def _list_anew(request: ActorRequest, said: str) -> HttpResponse:
    """The whole list, for somebody came or went."""
    messages.success(request, said)
    return parts.lead_to(request, reverse("members", args=[request.actor.place]))


def _refused(request: ActorRequest, member: Member, reason: str) -> HttpResponse:
    if request.htmx:
        return _row(request, member, error=reason, status=422)
    if member.state == MemberState.REMOVED:  # has no row in the list
        messages.error(request, reason)
    return _page(request, errors={member.pk: reason}, status=422)


def _row(request: ActorRequest, member: Member, *, error: str = "", status: int = 200) -> HttpResponse:
    """The member's row alone, in place of the one that stands there."""
    row = _as_row(request.actor, member, membership.owner_count(request.actor.tenant), _roles(), error)
    answer = render(request, "members/page.html#rows", {"rows": [row]}, status=status)
    return reswap(retarget(answer, f"#{member.public_id}"), "outerHTML")


def _dialog(request: ActorRequest, member: Member, form: GrantForm, *, status: int = 200) -> HttpResponse:
    granting = {"member": member, "form": form}
    if request.htmx:
        part = "grant-form" if form.is_bound else "grant"
        return render(request, f"members/page.html#{part}", {"granting": granting}, status=status)
    return _page(request, granting=granting, status=status)


def _page(
    request: ActorRequest,
    *,
    errors: dict[int, str] | None = None,
    granting: dict[str, object] | None = None,
    removing: dict[str, object] | None = None,
    status: int = 200,
) -> HttpResponse:
    of_removed = request.GET.get("state") == MemberState.REMOVED
    page, owners = _members_page(request, of_removed=of_removed), membership.owner_count(request.actor.tenant)
    words = _roles()
    rows = [_as_row(request.actor, member, owners, words, (errors or {}).get(member.pk, "")) for member in page]
    shown = {
        "page": page,
        "rows": rows,
        "granting": granting,
        "removing": removing,
        "of_removed": of_removed,
        "export": exports.address(request, "members_export", "?state=removed" if of_removed else "?"),
    }
    around = parts.neighbours(page, "?state=removed&" if of_removed else "?")
    return render(request, "members/page.html", shown | around, status=status)


def _members_page(request: ActorRequest, *, of_removed: bool) -> Page[Member]:
    rows = _listed(request.actor, of_removed=of_removed)
    return Paginator(rows.select_related("wallet").only(*_SHOWN), _PER_PAGE).get_page(request.GET.get("page"))


def _listed(actor: Actor, *, of_removed: bool) -> MemberQuerySet:
    return membership.removed(actor) if of_removed else membership.listed(actor)


def _roles() -> dict[str, Choice]:
    """Every role in words, which take long to translate: once for all rows."""
    return {role: Choice(role, str(role.label), str(roles.MEANINGS[role])) for role in Role}


def _as_row(actor: Actor, member: Member, owners: int, words: dict[str, Choice], error: str = "") -> Row:
    return Row(
        member,
        words[member.role],
        getattr(member, "wallet", None) or Wallet(),
        [words[role] for role in membership.roles_for(actor, member, owners=owners)],
        is_self=member == actor.member,
        may_let_go=membership.may_let_go(actor, member, owners=owners),
        may_restore=membership.may_restore(actor, member),
        error=error,
    )
