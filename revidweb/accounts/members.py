"""Who belongs to a tenant, and as what."""

from collections.abc import Iterable

from django.db import transaction
from django.db.models import Case, IntegerField, Value, When

from revidweb.lib.refusal import Refusal
from revidweb.trail import trail

from .actors import Actor, Right
from .models import Member, MemberQuerySet, Person, Role, Tenant

_OWNERS_FIRST = Case(
    *(When(role=role, then=Value(place)) for place, role in enumerate(Role.values)), output_field=IntegerField()
)


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


def listed(actor: Actor) -> MemberQuerySet:
    """The members whom the actor may see, with tenant and person, owners first."""
    rows = Member.objects.visible_to(actor).select_related("tenant", "person")
    return rows.order_by(_OWNERS_FIRST, "person__name", "pk")


def told_apart(actor: Actor) -> MemberQuerySet:
    """The members whose work and money the actor may tell apart, by name: none where they see only their own."""
    if not actor.may(Right.SEE_ALL):
        return Member.objects.none()
    return Member.objects.visible_to(actor).select_related("tenant", "person").order_by("person__name", "pk")


def names(tenant: Tenant, public_ids: Iterable[str]) -> dict[str, str]:
    """What the tenant's members of these public ids are called. One query."""
    rows = Member.objects.filter(tenant=tenant, public_id__in=public_ids).select_related("person")
    return {member.public_id: str(member.person) for member in rows}


def of(person: Person) -> MemberQuerySet:
    """Everything that the person is a member of, with its tenant, by the tenant's name."""
    return Member.objects.filter(person=person).select_related("tenant", "person").order_by("tenant__name", "pk")


def first_of(person: Person) -> Member | None:
    """The membership that the person has had the longest; None for who is in no tenant. One query."""
    return of(person).order_by("joined_at", "pk").first()


def owner_count(tenant: Tenant) -> int:
    """How many owners the tenant has. One query."""
    return Member.objects.filter(tenant=tenant, role=Role.OWNER).count()


def roles_for(actor: Actor, member: Member, *, owners: int) -> list[Role]:
    """The other roles that the actor may give the member; none where the role stands. `set_role` judges again.

    owners: how many the tenant has.
    """
    may_owners = actor.may(Right.MANAGE_OWNERS)
    if member.role == Role.OWNER and (owners == 1 or not may_owners):
        return []
    return [role for role in Role if role != member.role and (role != Role.OWNER or may_owners)]


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
