"""The actor: who acts, in which tenant, with which rights. Every list and every deed starts from one."""

from dataclasses import dataclass
from enum import StrEnum

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


_USER = frozenset({Right.GENERATE})
_ADMIN = _USER | {Right.SEE_ALL, Right.MANAGE_MEMBERS, Right.GRANT, Right.MANAGE_TENANT, Right.MANAGE_CONNECTIONS}
RIGHTS: dict[str, frozenset[Right]] = {
    Role.USER: _USER,
    Role.ADMIN: frozenset(_ADMIN),
    Role.OWNER: frozenset(_ADMIN | {Right.MANAGE_OWNERS}),
}


@dataclass(frozen=True)
class Actor:
    """A member at work in one tenant. `name` is how the trail writes it."""

    tenant: Tenant
    member: Member
    rights: frozenset[Right]

    def may(self, right: str) -> bool:
        """Whether the actor holds the right."""
        return right in self.rights

    def must(self, right: str) -> None:
        """Refuse ("not_allowed") what the actor has no right to."""
        if not self.may(right):
            raise Refusal("not_allowed", right=str(right))

    @property
    def name(self) -> str:
        """The actor in the trail: "member:mem_…"."""
        return self.member.reference


def of(member: Member) -> Actor:
    """The member as an actor, with the rights of their role."""
    return Actor(tenant=member.tenant, member=member, rights=RIGHTS[member.role])
