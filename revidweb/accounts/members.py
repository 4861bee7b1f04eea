"""Who belongs to a tenant, and as what."""

from django.db import transaction

from revidweb.lib.refusal import Refusal
from revidweb.trail import trail

from .actors import Actor, Right
from .models import Member, Person, Role, Tenant


def add(tenant: Tenant, person: Person, *, role: str, actor: str = trail.SYSTEM) -> Member:
    """Make the person a member; one who is a member already stays as they are.

    actor: who adds them, as the trail writes it.
    """
    with transaction.atomic():
        member, is_new = Member.objects.get_or_create(tenant=tenant, person=person, defaults={"role": Role(role)})
        if is_new:
            trail.record("member.added", about=member.reference, tenant=tenant.public_id, actor=actor, role=member.role)
    return member


def set_role(actor: Actor, member: Member, *, role: str) -> Member:
    """Give a member of the actor's tenant another role; the same role again changes and records nothing.

    Raises Refusal: "not_allowed", "unknown_role", "owners_only" (an owner is made or changed by someone who is none),
    "last_owner" (a tenant is never without an owner).
    """
    actor.must(Right.MANAGE_MEMBERS)
    if role not in Role.values:
        raise Refusal("unknown_role", field="role")
    with transaction.atomic():
        member = _locked(actor, member)
        if member.role != role:
            _refuse_owner_changes(actor, member, role)
            _write(actor, member, role)
    return member


def _locked(actor: Actor, member: Member) -> Member:
    """The member as it stands now. The tenant's row is the lock, so that two owners cannot unmake each other."""
    Tenant.objects.select_for_update(no_key=True).get(pk=actor.tenant.pk)
    return Member.objects.select_related("tenant", "person").get(pk=member.pk, tenant=actor.tenant)


def _refuse_owner_changes(actor: Actor, member: Member, role: str) -> None:
    if Role.OWNER not in (member.role, role):
        return
    if not actor.may(Right.MANAGE_OWNERS):
        raise Refusal("owners_only", field="role")
    others = Member.objects.filter(tenant=actor.tenant, role=Role.OWNER).exclude(pk=member.pk)
    if member.role == Role.OWNER and not others.exists():
        raise Refusal("last_owner", field="role")


def _write(actor: Actor, member: Member, role: str) -> None:
    was, member.role = member.role, Role(role)
    member.save(update_fields=["role"])
    trail.record(
        "member.role_changed",
        about=member.reference,
        tenant=actor.tenant.public_id,
        actor=actor.name,
        was=was,
        role=member.role,
    )
