"""Rows that tests need, each with one call that shows only what differs."""

import itertools

from django.test import Client

from revidweb.accounts.actors import Actor, of
from revidweb.accounts.models import Member, Person, Role, Tenant

PASSWORD = "a long password"
_count = itertools.count(1)


def a_person(**fields: object) -> Person:
    number = next(_count)
    return Person.objects.create_user(
        **{"email": f"person{number}@example.test", "password": PASSWORD, "name": f"Person {number}"} | fields
    )


def a_tenant(**fields: object) -> Tenant:
    number = next(_count)
    return Tenant.objects.create(**{"slug": f"tenant-{number}", "name": f"Tenant {number}"} | fields)


def a_member(tenant: Tenant | None = None, *, role: str = Role.USER, person: Person | None = None) -> Member:
    return Member.objects.create(tenant=tenant or a_tenant(), person=person or a_person(), role=role)


def an_actor(tenant: Tenant | None = None, *, role: str = Role.USER) -> Actor:
    return of(a_member(tenant, role=role))


def a_client(member: Member | Person | None = None) -> Client:
    """A browser, signed in as the member (or person), or as nobody. It sends CSRF tokens only when asked to."""
    client = Client()
    if member is not None:
        client.force_login(member.person if isinstance(member, Member) else member)
    return client
