"""How people come in through a tenant's door: by invitation, or where it stands open."""

from allauth.account.models import EmailAddress
from django.db import transaction

from revidweb.lib import clock
from revidweb.lib.refusal import Refusal
from revidweb.trail import trail

from . import invitations
from .models import Invitation, InvitationQuerySet, JoinPolicy, Member, MemberState, Person, Role, Tenant


def join(person: Person, tenant: Tenant, *, invitation: Invitation | None = None) -> Member:
    """Let the person into the tenant. A member who is in already stays as they are, and nothing is used up.

    invitation: one whose link they opened; one for an address proves that the address is theirs. Without it: one that
    was sent to a verified address of theirs, else the open door. Who was removed comes back by a new invitation, in its
    role; their wallet is opened by `keys.leaving.join`, which calls this.
    Raises Refusal: "nobody_may_join", "suspended", "by_invitation_only", "invitation_over", "other_address" (fact
    email), and what `refuse_return` raises.
    """
    with transaction.atomic():
        tenant = Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)
        member = Member.objects.select_related("tenant", "person").filter(tenant=tenant, person=person).first()
        if member and member.state == MemberState.ACTIVE:
            return member
        _refuse(tenant, member)
        invitation = invitation or invitation_to(person, tenant)
        return _let_in(person, tenant, member, invitation)


def invitation_to(person: Person, tenant: Tenant) -> Invitation | None:
    """The newest good invitation into the tenant that was sent to a verified address of the person."""
    return next(iter(invitations.good_of(_sent_to(person).filter(tenant=tenant))), None)


def waiting_for(person: Person) -> list[Invitation]:
    """Every good invitation into a tenant that was sent to a verified address of the person, newest first.

    Three queries, however many there are.
    """
    return invitations.good_of(_sent_to(person).filter(tenant__isnull=False))


def refuse_return(member: Member | None, invitation: Invitation | None) -> None:
    """Let nobody back who was removed, or left, but by an invitation that was made since.

    member: as whom the person is known in the tenant. Neither an open door nor a link that was given away earlier
    undoes a removal. Raises Refusal: "membership_ended", "invited_before_removal" (both with the fact tenant).
    """
    if member is None or member.state != MemberState.REMOVED:
        return
    if invitation is None:
        raise Refusal("membership_ended", tenant=member.tenant.name)
    if invitation.created_at <= member.state_since:
        raise Refusal("invited_before_removal", tenant=member.tenant.name)


def founding_invitation_to(person: Person) -> Invitation | None:
    """The newest good invitation to found a tenant that was sent to a verified address of the person."""
    return invitations.to_addresses(_verified(person)).filter(tenant=None).first()


def use_founding(person: Person, invitation: Invitation) -> None:
    """Take the operator's invitation, in the caller's transaction, for a tenant that the person founds.

    Raises Refusal: "invitation_over", "other_address" (fact email).
    """
    if invitation.tenant_id is not None:
        raise Refusal("invitation_over")
    _claim(person, invitation)
    trail.record("invitation.used", about=f"invitation:{invitation.public_id}", tenant="", actor=person.reference)


def _sent_to(person: Person) -> InvitationQuerySet:
    """What was sent to verified addresses of the person, without tenants that nobody may join, newest first."""
    return invitations.to_addresses(_verified(person)).exclude(tenant__join_policy=JoinPolicy.CLOSED)


def _verified(person: Person) -> list[str]:
    return list(EmailAddress.objects.filter(user=person, verified=True).values_list("email", flat=True))


def _refuse(tenant: Tenant, member: Member | None) -> None:
    if tenant.join_policy == JoinPolicy.CLOSED:
        raise Refusal("nobody_may_join")
    if member and member.state == MemberState.SUSPENDED:
        raise Refusal("suspended", tenant=tenant.name)


def _let_in(person: Person, tenant: Tenant, member: Member | None, invitation: Invitation | None) -> Member:
    refuse_return(member, invitation)
    if invitation is None and tenant.join_policy != JoinPolicy.OPEN:
        raise Refusal("by_invitation_only", tenant=tenant.name)
    if invitation is not None:
        _use(person, tenant, invitation)
    member = _written(person, tenant, member, Role(invitation.role) if invitation else Role.USER)
    through = f"invitation:{invitation.public_id}" if invitation else "open door"
    about, public_id = member.reference, tenant.public_id
    trail.record(
        "member.joined", about=about, tenant=public_id, actor=person.reference, role=member.role, through=through
    )
    return member


def _use(person: Person, tenant: Tenant, invitation: Invitation) -> None:
    if invitation.tenant_id != tenant.pk:
        raise Refusal("invitation_over")
    _claim(person, invitation)


def _claim(person: Person, invitation: Invitation) -> None:
    """Use the invitation, if it is for the person. Its link went to its address alone: who has it, has the mailbox."""
    if invitation.email and not _prove(person, invitation.email):
        raise Refusal("other_address", email=invitation.email)
    invitations.use(invitation)


def _prove(person: Person, email: str) -> bool:
    """Keep the address as verified, if it is one of the person's and nobody else has verified it; whether it is so.

    Of a person who is just signing up, allauth writes the row of the address afterwards.
    """
    address = EmailAddress.objects.filter(user=person, email=email).first()
    if address is not None:
        return bool(address.set_verified())
    return person.email == email and not EmailAddress.objects.filter(email=email, verified=True).exists()


def _written(person: Person, tenant: Tenant, member: Member | None, role: Role) -> Member:
    if member is None:
        return Member.objects.create(person=person, tenant=tenant, role=role)
    member.role, member.state, member.state_since = role, MemberState.ACTIVE, clock.now()
    member.save(update_fields=["role", "state", "state_since"])
    return member
