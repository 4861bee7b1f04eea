"""A large tenant: many members and keys, three connections, and a history of as many jobs as wanted."""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import cycle, islice, product
from typing import Any

from allauth.account.models import EmailAddress
from django.db import transaction
from django.utils.text import slugify

from revidweb.accounts.models import Member, Person, Role, Tenant
from revidweb.catalog import founding
from revidweb.catalog.models import Offer
from revidweb.connections.models import Connection, Credential
from revidweb.credits import ledger
from revidweb.keys import minting
from revidweb.keys.models import ApiKey, KeyKind
from revidweb.lib import sealing
from revidweb.trail import trail

from . import history
from .rows import Keeping
from .script import Plan

NOTE = "Made-up history"
_REAL = 200  # of the latest results so many have bytes of their own
_GIVEN = ("Ada", "Bao", "Carla", "Dmitri", "Elif", "Femi", "Greta", "Hanh", "Ivo", "Jun")
_FAMILY = ("Okafor", "Nguyen", "Silva", "Weber", "Tanaka", "Rossi", "Haddad", "Kowalska", "Larsen", "Mbeki")
_USES = ("Shop pictures", "Newsletter", "Clips for ads", "Product catalogue", "Social posts", "Tests", "Thumbnails")
_KINDS = (KeyKind.SHARED, KeyKind.SHARED, KeyKind.BUDGETED, KeyKind.SHARED, KeyKind.STANDALONE)
_ACCOUNTS = ("Main account", "Second account")
_NEAR = 10  # of so many keys one is near its limit of a month


@dataclass(frozen=True)
class Filled:
    """What was made, and how its owner signs in."""

    tenant: Tenant
    email: str
    password: str


@transaction.atomic
def make(name: str, plan: Plan, *, members: int, keys: int) -> Filled:
    """Make the tenant and write its history; its usage is counted afterwards, by `history.count`.

    Each call makes another tenant. Deterministic from the plan, but for the ids of people and keys and their secrets.
    """
    since = plan.until - timedelta(days=plan.days)
    password = secrets.token_urlsafe(12)
    owner = _owner(name, since, password)
    tenant = owner.tenant
    people = [owner, *_members(tenant, members - 1, since)]
    _keys(tenant, people, keys, since)
    for account in _ACCOUNTS:
        _former_account(tenant, account, since)
    history.write(tenant, plan, keeping=Keeping(_REAL, are_all=True), note=NOTE)
    _bring_near_their_limits(tenant)
    return Filled(tenant, owner.person.email, password)


def _owner(name: str, since: datetime, password: str) -> Member:
    person = Person.objects.create_user(f"owner@{slugify(name)}.example", password, name="Olga Owner")
    EmailAddress.objects.create(user=person, email=person.email, primary=True, verified=True)
    owner = founding.found(person, name=name)
    Member.objects.filter(pk=owner.pk).update(joined_at=since, state_since=since)
    Tenant.objects.filter(pk=owner.tenant_id).update(created_at=since)
    return owner


def _members(tenant: Tenant, count: int, since: datetime) -> list[Member]:
    """Two admins, all others users; they have no password."""
    domain = f"{tenant.slug}.example"
    people = [Person(email=f"{number}@{domain}", name=name) for number, name in _names(count)]
    for person in people:
        person.set_unusable_password()
    Person.objects.bulk_create(people)
    roles = [Role.ADMIN, Role.ADMIN, *[Role.USER] * count]
    members = [
        Member(tenant=tenant, person=person, role=role, joined_at=since, state_since=since)
        for person, role in zip(people, roles, strict=False)
    ]
    return Member.objects.bulk_create(members)


def _names(count: int) -> Iterator[tuple[int, str]]:
    names = (f"{given} {family}" for family, given in product(_FAMILY, _GIVEN))
    return islice(enumerate(cycle(names), start=2), count)


def _keys(tenant: Tenant, people: Sequence[Member], count: int, since: datetime) -> None:
    """Keys of all kinds, dealt out to the members in turn."""
    for number, member in zip(range(count), cycle(people), strict=False):
        kind = _KINDS[number % len(_KINDS)]
        its: dict[str, Any] = {"member": None if kind == KeyKind.STANDALONE else member}
        if kind != KeyKind.SHARED:
            payer = ledger.payer_of(member) if its["member"] else ledger.house(tenant)
            its["wallet"] = ledger.open_for_key(payer)
        key = ApiKey.objects.create(
            tenant=tenant,
            kind=kind,
            name=f"{_USES[number % len(_USES)]} {number + 1}",
            made_by=trail.SYSTEM,
            created_at=since,
            signing_secret=sealing.seal(minting.for_signing()),
            **its,
        )
        minting.mint(key)


def _former_account(tenant: Tenant, name: str, since: datetime) -> None:
    """An account that was disconnected: its jobs stay, its key is forgotten, and nobody is ever asked there again."""
    connection = Connection.objects.create(
        tenant=tenant,
        provider="revidapi",
        name=name,
        is_enabled=False,
        disabled_at=since,
        removed_at=since,
        synced_at=since,
        created_at=since,
    )
    connection.credential = Credential.objects.create(
        connection=connection, base_url="https://revidapi.example", hint="sk_live_…", retired_at=since
    )
    connection.save(update_fields=["credential"])
    offers = Offer.objects.filter(connection__tenant=tenant, connection__provider="preview")
    for offer in offers:
        offer.pk, offer.connection, offer.is_available = None, connection, False
    Offer.objects.bulk_create(offers)


def _bring_near_their_limits(tenant: Tenant) -> None:
    """Limit some keys to a little more than they have used this month."""
    keys = list(ApiKey.objects.filter(tenant=tenant).order_by("pk")[::_NEAR])
    for key in keys:
        key.month_limit = key.month_credits * 10 // 9 + 100
    ApiKey.objects.bulk_update(keys, ["month_limit"])
