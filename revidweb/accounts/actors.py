"""The actor: who acts, in which tenant, with which rights. Every list and every deed starts from one."""

from dataclasses import dataclass
from enum import StrEnum

from django.db.models import Q

from revidweb.lib.refusal import Refusal

from .models import Member, Role, Tenant


class Right(StrEnum):
    """What an actor may do beyond seeing what is theirs."""

    GENERATE = "generate"
    SEE_ALL = "see_all"  # other members' jobs, results and credits
    MANAGE_MEMBERS = "manage_members"  # see members and change roles
    MANAGE_OWNERS = "manage_owners"  # make, change or remove owners
    GRANT = "grant"  # credits from the house
    MANAGE_TENANT = "manage_tenant"  # name, time zone, accent, logo, hosts, who may join
    MANAGE_CONNECTIONS = "manage_connections"  # provider accounts, their keys and prices
    MANAGE_KEYS = "manage_keys"  # everybody's API keys, and standalone ones


_USER = frozenset({Right.GENERATE})
_ADMIN = _USER | {
    Right.SEE_ALL,
    Right.MANAGE_MEMBERS,
    Right.GRANT,
    Right.MANAGE_TENANT,
    Right.MANAGE_CONNECTIONS,
    Right.MANAGE_KEYS,
}
RIGHTS: dict[str, frozenset[Right]] = {
    Role.USER: _USER,
    Role.ADMIN: frozenset(_ADMIN),
    Role.OWNER: frozenset(_ADMIN | {Right.MANAGE_OWNERS}),
}


@dataclass(frozen=True)
class ActingKey:
    """The API key by which somebody acts, as rooms below its own may know it."""

    pk: int
    public_id: str
    name: str

    @property
    def reference(self) -> str:
        """The key as the trail names it: "key:key_…"."""
        return f"key:{self.public_id}"


@dataclass(frozen=True)
class Actor:
    """Who is at work in one tenant: a member, or a key, which sees and does nothing but its own.

    member: of a key, whose it is; None for a standalone one. `name` is how the trail writes it.
    """

    tenant: Tenant
    member: Member | None
    rights: frozenset[Right]
    key: ActingKey | None = None

    def may(self, right: str) -> bool:
        """Whether the actor holds the right."""
        return right in self.rights

    def must(self, right: str) -> None:
        """Refuse ("not_allowed") what the actor has no right to."""
        if not self.may(right):
            raise Refusal("not_allowed", right=str(right))

    @property
    def name(self) -> str:
        """The actor in the trail: "member:mem_…" or "key:key_…"."""
        return self.key.reference if self.key else self.in_person.reference

    @property
    def in_person(self) -> Member:
        """The member who acts in person. Raises Refusal "not_allowed" for a key."""
        if self.key or self.member is None:
            raise Refusal("not_allowed")
        return self.member

    def scope(self, *, key: str = "pk") -> Q:
        """What the actor sees of a table with tenant, member and key: a key what is its own, those who see all the
        tenant's, others their own.

        key: which of the acting key's values the table's column holds.
        """
        tenants = Q(tenant=self.tenant)
        if self.key:
            return tenants & Q(key=getattr(self.key, key))
        return tenants if self.may(Right.SEE_ALL) else tenants & Q(member=self.member)

    @property
    def place(self) -> str:
        """Where the actor's pages are, as addresses take it: the tenant's slug; "" under `/key/`."""
        return "" if self.key else self.tenant.slug


def of(member: Member) -> Actor:
    """The member as an actor, with the rights of their role."""
    return Actor(tenant=member.tenant, member=member, rights=RIGHTS[member.role])


def by_key(key: ActingKey, *, tenant: Tenant, member: Member | None) -> Actor:
    """The key as an actor: it generates and sees its own, whoever's it is."""
    return Actor(tenant=tenant, member=member, rights=_USER, key=key)
