"""Who belongs to a tenant, and as what."""

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from django.db import transaction
from django.db.models import (
    BigIntegerField,
    Case,
    CharField,
    Count,
    IntegerField,
    OuterRef,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce, NullIf

from revidweb.lib import clock, kept
from revidweb.lib.kept import Word
from revidweb.lib.refusal import Refusal
from revidweb.trail import trail

from .actors import Actor, Right
from .models import Member, MemberQuerySet, MemberState, Person, Role, Tenant


def _in_order(column: str, values: list[str]) -> Case:
    """Rows by the place of a column's value in the list."""
    places = (When(**{column: value}, then=Value(place)) for place, value in enumerate(values))
    return Case(*places, output_field=IntegerField())


_OWNERS_FIRST = _in_order("role", Role.values)
_ACTIVE_FIRST = _in_order("state", MemberState.values)
_DEEDS = {
    MemberState.ACTIVE: "member.restored",
    MemberState.SUSPENDED: "member.suspended",
    MemberState.REMOVED: "member.removed",
}


class Named(NamedTuple):
    """A member as a list to choose from shows them."""

    pk: int
    public_id: str
    name: str


def add(tenant: Tenant, person: Person, *, role: str, actor: str = trail.SYSTEM) -> Member:
    """Make the person a member; one who is or was a member already stays as they are.

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
    "last_owner" (a tenant is never without an active owner), "member_removed".
    """
    actor.must(Right.MANAGE_MEMBERS)
    if role not in Role.values:
        raise Refusal("unknown_role", field="role")
    with transaction.atomic():
        member = _locked(actor, member)
        if member.role != role:
            _refuse_removed(member)
            _refuse_owner_changes(actor, member, role)
            _write(actor, member, role)
    return member


def suspend(actor: Actor, member: Member) -> Member:
    """Let a member in no longer, for now: their work goes on and their credits stay. Again: nothing happens.

    Raises Refusal: "not_allowed", "not_yourself", "owners_only", "last_owner", "member_removed".
    """
    actor.must(Right.MANAGE_MEMBERS)
    if member.pk == actor.in_person.pk:
        raise Refusal("not_yourself")
    with transaction.atomic():
        member = _locked(actor, member)
        _refuse_removed(member)
        _set_state(actor, member, MemberState.SUSPENDED)
    return member


def restore(actor: Actor, member: Member) -> Member:
    """Let a suspended or removed member in again, in the role that they had. Again: nothing happens.

    A removed member's wallet is opened by `keys.leaving.restore`, which calls this.
    Raises Refusal: "not_allowed", "owners_only".
    """
    actor.must(Right.MANAGE_MEMBERS)
    with transaction.atomic():
        member = _locked(actor, member)
        _set_state(actor, member, MemberState.ACTIVE)
    return member


def remove(actor: Actor, member: Member) -> Member:
    """End a membership; everybody may end their own. What the member made stays the tenant's. Again: nothing happens.

    Their wallet is closed by `keys.leaving.remove`, which calls this.
    Raises Refusal: "not_allowed", "owners_only", "last_owner".
    """
    if member.pk != actor.in_person.pk:
        actor.must(Right.MANAGE_MEMBERS)
    with transaction.atomic():
        member = _locked(actor, member)
        _set_state(actor, member, MemberState.REMOVED)
    return member


def listed(actor: Actor) -> MemberQuerySet:
    """The members whom the actor may see, with their persons, owners first; not those who were removed."""
    return _seen(actor).present().order_by(_OWNERS_FIRST, "person__name", "pk")


def removed(actor: Actor) -> MemberQuerySet:
    """The removed members whom the actor may see, with their persons, the last removed first."""
    return _seen(actor).filter(state=MemberState.REMOVED).order_by("-state_since", "-pk")


def told_apart(actor: Actor, *, most: int | None = None) -> list[Named]:
    """The members whose work and money the actor may tell apart, by name: none where they see only their own.

    Those who were removed come last: what they made and paid is still there. One query.
    """
    if not actor.may(Right.SEE_ALL):
        return []
    return [Named(*columns) for columns in _told_apart(most).all(tenant=actor.tenant.pk)]


@cache
def _told_apart(most: int | None) -> kept.Values:
    rows = Member.objects.filter(tenant=Word("tenant", BigIntegerField())).order_by(_ACTIVE_FIRST, "person__name", "pk")
    return kept.Values(lambda: rows.values_list("pk", "public_id", called())[:most])


def names(tenant: Tenant, public_ids: Iterable[str]) -> dict[str, str]:
    """What the tenant's members of these public ids are called. One query."""
    rows = Member.objects.filter(tenant=tenant, public_id__in=public_ids).select_related("person")
    return {member.public_id: str(member.person) for member in rows}


def called(member: str = "") -> Coalesce:
    """What a member is called, as `names` says it, for a query. member: the path to it, with "__" at its end."""
    return Coalesce(NullIf(f"{member}person__name", Value("")), f"{member}person__email", output_field=CharField())


def with_tenants(members: QuerySet[Member]) -> QuerySet[Member]:
    """The members, each with how many tenants let their person in: who has but one is not asked which."""
    theirs = Member.objects.filter(person=OuterRef("person")).active().order_by().values("person")
    return members.annotate(tenant_count=Coalesce(Subquery(theirs.annotate(count=Count("pk")).values("count")), 0))


def of(person: Person) -> list[Member]:
    """Everything that lets the person in, with its tenant, by the tenant's name. One query."""
    return _OF_PERSON.all(person=person.pk)


def _letting_in() -> MemberQuerySet:
    return _of(Word("person", BigIntegerField())).active().order_by("tenant__name", "pk")


_OF_PERSON = kept.Rows(_letting_in, is_planned_once=True)


def first_of(person: Person) -> Member | None:
    """The membership that the person has had the longest; None for who is in no tenant. One query.

    A suspended one only where there is no other: its page says what happened and whom to ask.
    """
    return _of(person).present().order_by(_ACTIVE_FIRST, "joined_at", "pk").first()


def owners(tenant: Tenant) -> MemberQuerySet:
    """The tenant's active owners, with their persons, by name."""
    rows = Member.objects.filter(tenant=tenant, role=Role.OWNER).active()
    return rows.select_related("person").order_by("person__name", "pk")


def owner_count(tenant: Tenant) -> int:
    """How many active owners the tenant has. One query."""
    return owners(tenant).count()


def counts(tenants: Iterable[int]) -> dict[int, int]:
    """How many members these tenants have who were not removed, by the tenant's key. One query."""
    rows = Member.objects.present().filter(tenant__in=list(tenants)).order_by()
    return dict(rows.values_list("tenant").annotate(Count("pk")))


def roles_for(actor: Actor, member: Member, *, owners: int) -> list[Role]:
    """The other roles that the actor may give the member; none where the role stands. `set_role` judges again.

    owners: how many active ones the tenant has.
    """
    may_owners = actor.may(Right.MANAGE_OWNERS)
    if not may_let_go(actor, member, owners=owners):
        return []
    return [role for role in Role if role != member.role and (role != Role.OWNER or may_owners)]


def may_let_go(actor: Actor, member: Member, *, owners: int) -> bool:
    """Whether the actor may take the member's role, suspend or remove them. The deeds judge again.

    owners: how many active ones the tenant has.
    """
    if member.state == MemberState.REMOVED:
        return False
    if member.role != Role.OWNER:
        return True
    is_last = member.state == MemberState.ACTIVE and owners == 1
    return actor.may(Right.MANAGE_OWNERS) and not is_last


def may_restore(actor: Actor, member: Member) -> bool:
    """Whether the actor may let the member in again. `restore` judges again."""
    return member.state != MemberState.ACTIVE and (member.role != Role.OWNER or actor.may(Right.MANAGE_OWNERS))


def _of(person: Person | Word) -> MemberQuerySet:
    return Member.objects.filter(person=person).select_related("tenant", "person")


def _seen(actor: Actor) -> MemberQuerySet:
    return Member.objects.visible_to(actor).select_related("person")


def _locked(actor: Actor, member: Member) -> Member:
    """The member as it stands now. The tenant's row is the lock, so that two owners cannot unmake each other."""
    Tenant.objects.select_for_update(no_key=True).get(pk=actor.tenant.pk)
    return Member.objects.select_related("tenant", "person").get(pk=member.pk, tenant=actor.tenant)


def _refuse_removed(member: Member) -> None:
    if member.state == MemberState.REMOVED:
        raise Refusal("member_removed")


def _refuse_owner_changes(actor: Actor, member: Member, role: str) -> None:
    """Owners are made and changed by owners alone, and the last one who is let in stays."""
    if Role.OWNER not in (member.role, role):
        return
    if not actor.may(Right.MANAGE_OWNERS):
        raise Refusal("owners_only", field="role")
    if role != Role.OWNER:
        _refuse_last_owner(member)


def _refuse_last_owner(member: Member) -> None:
    is_counted = member.role == Role.OWNER and member.state == MemberState.ACTIVE
    if is_counted and not owners(member.tenant).exclude(pk=member.pk).exists():
        raise Refusal("last_owner", field="role")


def _set_state(actor: Actor, member: Member, state: MemberState) -> None:
    """Move a locked member to a state, and say so in the trail; where they are already, nothing happens."""
    if member.state == state:
        return
    if member.role == Role.OWNER and not actor.may(Right.MANAGE_OWNERS):
        raise Refusal("owners_only")
    if state != MemberState.ACTIVE:
        _refuse_last_owner(member)
    was, member.state, member.state_since = member.state, state, clock.now()
    member.save(update_fields=["state", "state_since"])
    about, tenant = member.reference, actor.tenant.public_id
    trail.record(_DEEDS[state], about=about, tenant=tenant, actor=actor.name, was=was)


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
