"""Invitations and people at a tenant's door."""

from allauth.account.models import EmailAddress

from revidweb.accounts import invitations
from revidweb.accounts.actors import Actor
from revidweb.accounts.models import Invitation, JoinPolicy, Person, Role
from tests.makers import a_person, a_tenant, an_actor


def an_owner(**tenant: object) -> Actor:
    return an_actor(a_tenant(**tenant), role=Role.OWNER)


def an_open_house() -> Actor:
    """The owner of a tenant that everybody may join."""
    return an_owner(join_policy=JoinPolicy.OPEN)


def verified(person: Person) -> Person:
    """The person, whose address is known to be theirs."""
    EmailAddress.objects.create(user=person, email=person.email, verified=True, primary=True)
    return person


def a_verified_person(**fields: object) -> Person:
    return verified(a_person(**fields))


def invited(actor: Actor, **wish: object) -> Invitation:
    """An invitation whose token nobody needs."""
    return invitations.invite(actor, **{"role": Role.USER} | wish)[0]
