"""Invitations: doors that are opened for one address or for whoever has the link. Only a hash of the link is kept.

An invitation stands on the right of whoever made it: it lets nobody in any more when they were suspended or removed, or
may not invite to that role now.
"""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import F

from revidweb.lib import clock
from revidweb.lib.refusal import Refusal
from revidweb.trail import trail

from . import actors
from .actors import Actor, Right
from .models import Invitation, InvitationQuerySet, JoinPolicy, Member, MemberState, Role, Tenant

OPERATOR = "operator"
MOST_USES = 1000
MOST_DAYS = 365
MAILS_AN_HOUR = 50
_HOUR_S = 3600
_TOKEN_BYTES = 32


class State(StrEnum):
    """What has become of an invitation."""

    OPEN = "open"
    USED = "used"
    EXPIRED = "expired"
    REVOKED = "revoked"
    VOID = "void"  # whoever made it may not invite any more


def invite(
    actor: Actor, *, email: str = "", role: str, days: int | None = None, most_uses: int = 1
) -> tuple[Invitation, str]:
    """Open a door into the actor's tenant; its token is returned this once and stored nowhere.

    email: for whom, in any case; one that is open for them already is revoked. Without it, for whoever has the link, at
    most `most_uses` times (1 to 1000). days: how long it is good, 1 to 365, by default INVITATION_DAYS.
    Raises Refusal: "not_allowed", "unknown_role", "owners_only", "bad_email", "already_member", "member_suspended",
    "bad_days", "bad_uses", "nobody_may_join" (the tenant's policy), "too_many_mails" (50 an hour in a tenant).
    """
    email, days = _checked_email(email), settings.INVITATION_DAYS if days is None else days
    _refuse_role(actor, role)
    _refuse_out_of_range("bad_days", days, most=MOST_DAYS, field="days")
    _refuse_out_of_range("bad_uses", most_uses, most=MOST_USES, field="most_uses")
    with transaction.atomic():
        tenant = Tenant.objects.select_for_update(no_key=True).get(pk=actor.tenant.pk)
        if tenant.join_policy == JoinPolicy.CLOSED:
            raise Refusal("nobody_may_join")
        if email:
            _make_way(actor, email)
            most_uses = 1
        return _open(tenant, email=email, role=role, days=days, most_uses=most_uses, by=actor.name)


def invite_again(actor: Actor, invitation: Invitation) -> tuple[Invitation, str]:
    """Open the same door anew for the invited address: another token, as many days again; the old one is revoked.

    Raises what `invite` raises, and "bad_email" for an invitation that is for no address.
    """
    if not invitation.email:
        raise Refusal("bad_email", field="email")
    days = max(1, (invitation.expires_at - invitation.created_at).days)
    return invite(actor, email=invitation.email, role=invitation.role, days=days)


def invite_founder(email: str, *, actor: str = OPERATOR) -> tuple[Invitation, str]:
    """Open the door to founding a tenant for one address; one that is open for it already is revoked.

    actor: who invites, as the trail writes it. Raises Refusal "bad_email".
    """
    email = _checked_email(email)
    if not email:
        raise Refusal("bad_email", field="email")
    with transaction.atomic():
        for invitation in Invitation.objects.good().filter(tenant=None, email=email):
            _revoke(invitation, actor)
        return _open(None, email=email, role=Role.OWNER, days=settings.INVITATION_DAYS, most_uses=1, by=actor)


def revoke(actor: Actor, invitation: Invitation) -> None:
    """Let nobody in by it any more. Again: nothing happens. Raises Refusal: "not_allowed", "owners_only"."""
    _refuse_role(actor, invitation.role)
    if invitation.tenant_id != actor.tenant.pk:
        raise Refusal("not_allowed")
    _revoke(invitation, actor.name)


def revoke_founding(invitation: Invitation, *, actor: str = OPERATOR) -> None:
    """Let nobody found a tenant by it any more. Again: nothing happens.

    actor: who revokes, as the trail writes it. Raises Refusal "not_allowed" for an invitation into a tenant.
    """
    if invitation.tenant_id is not None:
        raise Refusal("not_allowed")
    _revoke(invitation, actor)


def revoke_unsent(invitation: Invitation) -> None:
    """Revoke one whose mail could not be sent, in the name of who made it. Again: nothing happens."""
    _revoke(invitation, invitation.invited_by)


def hash_of(token: str) -> str:
    """What is kept of a token: its SHA-256 in hex. The token has 256 bits of chance, so nothing more is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


def by_hash(token_hash: str) -> Invitation | None:
    """The invitation whose link had the token with this hash, in whatever state, with its tenant."""
    return Invitation.objects.select_related("tenant").filter(token_hash=token_hash).first()


def to_addresses(emails: Iterable[str]) -> InvitationQuerySet:
    """Invitations to any of these addresses that are neither used up, revoked nor expired, with tenants, newest first.

    Whether one still stands on its maker's right is for `good_of`.
    """
    known = [email.lower() for email in emails]
    return Invitation.objects.good().filter(email__in=known).select_related("tenant").order_by("-pk")


def listed(actor: Actor) -> InvitationQuerySet:
    """The invitations that the actor may see, newest first."""
    return Invitation.objects.visible_to(actor).order_by("-pk")


def makers(invitations: Iterable[Invitation]) -> dict[int, Member]:
    """The members who made them, each of the invitation's own tenant, by the invitation's key. One query."""
    made = list(invitations)
    ids = {invitation.invited_by.removeprefix("member:") for invitation in made}
    rows = Member.objects.filter(public_id__in=ids).select_related("tenant", "person")
    known = {row.reference: row for row in rows}
    found = {invitation: known.get(invitation.invited_by) for invitation in made}
    return {one.pk: maker for one, maker in found.items() if maker and maker.tenant_id == one.tenant_id}


def good_of(invitations: Iterable[Invitation]) -> list[Invitation]:
    """Those that would let somebody in now, in the same order. One query for their makers."""
    known = list(invitations)
    by = makers(known)
    return [invitation for invitation in known if state_of(invitation, by.get(invitation.pk)) == State.OPEN]


def state_of(invitation: Invitation, maker: Member | None) -> State:
    """What has become of it. maker: the member who made it, None where the operator did or nobody is known."""
    if invitation.uses >= invitation.most_uses:
        return State.USED
    if invitation.revoked_at:
        return State.REVOKED
    if invitation.expires_at <= clock.now():
        return State.EXPIRED
    return State.OPEN if _stands(invitation, maker) else State.VOID


def is_good(invitation: Invitation) -> bool:
    """Whether it would let somebody in now. One query, none for the operator's."""
    return state_of(invitation, maker_of(invitation)) == State.OPEN


def maker_of(invitation: Invitation) -> Member | None:
    """The member who made it; None for the operator."""
    if invitation.tenant is None:
        return None
    return makers([invitation]).get(invitation.pk)


def use(invitation: Invitation) -> None:
    """Count one use, in the caller's transaction: of two at once only as many pass as it has uses left.

    Raises Refusal "invitation_over" when it is used up, revoked, expired, or its maker may not invite any more.
    """
    counted = Invitation.objects.good().filter(pk=invitation.pk, token_hash=invitation.token_hash)
    if not is_good(invitation) or not counted.update(uses=F("uses") + 1):
        raise Refusal("invitation_over")


def _stands(invitation: Invitation, maker: Member | None) -> bool:
    """Whether its maker may still invite to this role; what no member made stands on nobody's right."""
    if not invitation.invited_by.startswith("member:"):
        return True
    if maker is None or maker.state != MemberState.ACTIVE:
        return False
    return _may_invite(actors.of(maker), invitation.role)


def _may_invite(actor: Actor, role: str) -> bool:
    return actor.may(Right.MANAGE_OWNERS if role == Role.OWNER else Right.MANAGE_MEMBERS)


def _refuse_role(actor: Actor, role: str) -> None:
    actor.must(Right.MANAGE_MEMBERS)
    if role not in Role.values:
        raise Refusal("unknown_role", field="role")
    if not _may_invite(actor, role):
        raise Refusal("owners_only", field="role")


def _refuse_out_of_range(code: str, number: int, *, most: int, field: str) -> None:
    if not 1 <= number <= most:
        raise Refusal(code, field=field, most=most)


def _checked_email(email: str) -> str:
    """In small letters; no newline passes, so none can end in a mail's head."""
    email = email.strip().lower()
    try:
        if email:
            validate_email(email)
    except ValidationError:
        raise Refusal("bad_email", field="email") from None
    if len(email) > (Invitation._meta.get_field("email").max_length or 0):
        raise Refusal("bad_email", field="email")
    return email


def _make_way(actor: Actor, email: str) -> None:
    """Refuse to invite who is in already or to mail without end; revoke what is open for the address."""
    _refuse_member(actor.tenant, email)
    _refuse_too_many_mails(actor.tenant)
    for invitation in Invitation.objects.good().filter(tenant=actor.tenant, email=email):
        revoke(actor, invitation)


def _refuse_member(tenant: Tenant, email: str) -> None:
    """Members are known to those who invite, so this tells them nothing new."""
    people = EmailAddress.objects.filter(email=email, verified=True).values("user")
    here = Member.objects.filter(tenant=tenant)
    known = (here.filter(person__email=email) | here.filter(person__in=people)).present().first()
    if known is not None:
        code = "member_suspended" if known.state == MemberState.SUSPENDED else "already_member"
        raise Refusal(code, field="email")


def _refuse_too_many_mails(tenant: Tenant) -> None:
    """Each mail is a row, also the second to the same address, so the rows of the last hour are the mails."""
    recent = Invitation.objects.filter(tenant=tenant, created_at__gt=clock.ago(_HOUR_S)).exclude(email="")
    if recent.count() >= MAILS_AN_HOUR:
        raise Refusal("too_many_mails", most=MAILS_AN_HOUR)


def _open(
    tenant: Tenant | None, *, email: str, role: str, days: int, most_uses: int, by: str
) -> tuple[Invitation, str]:
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    made_at = clock.now()
    invitation = Invitation.objects.create(
        tenant=tenant,
        email=email,
        role=Role(role),
        token_hash=hash_of(token),
        most_uses=most_uses,
        invited_by=by,
        created_at=made_at,
        expires_at=made_at + timedelta(days=days),
    )
    _record("invitation.made", invitation, by, email=email, role=invitation.role, most_uses=most_uses, days=days)
    return invitation, token


def _revoke(invitation: Invitation, by: str) -> None:
    now = clock.now()
    if Invitation.objects.filter(pk=invitation.pk, revoked_at__isnull=True).update(revoked_at=now):
        invitation.revoked_at = now
        _record("invitation.revoked", invitation, by)


def _record(what: str, invitation: Invitation, by: str, **facts: object) -> None:
    tenant = invitation.tenant.public_id if invitation.tenant else ""
    trail.record(what, about=f"invitation:{invitation.public_id}", tenant=tenant, actor=by, **facts)
