"""Add an account at a provider, replace its key, rename it. A key is tried before it is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import urlsplit

from django.db import transaction

from revidweb.accounts.actors import Actor, Right
from revidweb.accounts.models import Tenant
from revidweb.connections import budget, credentials, health, switching, trying
from revidweb.connections.models import PREVIEW, Connection
from revidweb.lib.refusal import Refusal
from revidweb.providers import registry
from revidweb.providers.base import (
    Account,
    AccountRefused,
    OutcomeUnknown,
    Provider,
    ProviderBusy,
    ProviderError,
    ProviderRefused,
)
from revidweb.trail import trail

from . import sync

NAME_MAX_CHARS = 80
MOST = 20  # connections of a tenant: each is asked by the clock, whatever its server makes of that
_KEY_CODES = {"exhausted": "key_exhausted", "locked": "key_locked"}


@dataclass(frozen=True)
class _Proof:
    """What a provider answered to a key: its models, and the columns that balance and slots fill."""

    account: Account
    models: Sequence[Mapping[str, object]]
    figures: Mapping[str, int]


def connect(actor: Actor, *, provider: str, name: str, base_url: str, key: str) -> Connection:
    """A new connection of the actor's tenant, usable at once: key tried and sealed, catalogue, balance and slots known.

    The provider is asked outside any transaction; then all is written in one, or nothing. The tenant's first account
    switches its preview off. The same key a second time is refused, so a double click adds one connection.
    Raises Refusal: not_allowed; connection_name_needed, name_too_long (field name); unknown_provider; bad_address,
    private_address, plain_http, unreachable, provider_busy, not_the_provider (base_url); key_needed, bad_key,
    wrong_key, key_exhausted, key_locked, connection_exists (key); too_many_connections (fact most=), and what
    `trying.turn` raises.
    """
    actor.must(Right.MANAGE_CONNECTIONS)
    connection = Connection(tenant=actor.tenant, provider=provider, name=_clean_name(name))
    _refuse_too_many(actor)
    proof = _proof(actor, connection, base_url, key)
    with transaction.atomic():
        Tenant.objects.select_for_update(no_key=True).get(pk=actor.tenant.pk)
        _refuse_too_many(actor)
        connection.save()
        _take_in(connection, proof)
        switching.hide_preview_beside_the_first(connection, by=actor.name)
        _record("connection.added", connection, actor, provider=provider, name=connection.name)
    return connection


def replace_key(actor: Actor, connection: Connection, *, base_url: str, key: str) -> Connection:
    """Use another key, and with it perhaps another address, for new orders; what runs stays with the old one.

    Tried and written as in `connect`, catalogue and all. The key that is in use already is tried again and stays.
    Raises Refusal as `connect`, and connection_removed.
    """
    actor.must(Right.MANAGE_CONNECTIONS)
    found = Connection.objects.visible_to(actor).filter(pk=connection.pk).first()
    if found is None:
        raise Refusal("connection_removed")
    proof = _proof(actor, found, base_url, key)
    with transaction.atomic():
        _take_in(found, proof)
        _record("connection.key_replaced", found, actor)
    return found


@transaction.atomic
def rename(actor: Actor, connection: Connection, *, name: str) -> Connection:
    """Call it something else. A repeat changes nothing. Raises Refusal: not_allowed, and as `connect` for the name."""
    actor.must(Right.MANAGE_CONNECTIONS)
    name, before = _clean_name(name), connection.name
    present = Connection.objects.visible_to(actor).filter(pk=connection.pk).exclude(name=name)
    if present.update(name=name):
        connection.name = name
        _record("connection.renamed", connection, actor, before=before, name=name)
    return connection


def read_now(actor: Actor, connection: Connection) -> bool:
    """Read the connection's models and prices while the actor waits, as `sync.sync` does.

    Raises Refusal: not_allowed, and what `trying.turn` raises.
    """
    actor.must(Right.MANAGE_CONNECTIONS)
    with trying.turn(actor):
        return sync.sync(connection, rank=budget.Rank.PAGE)


def _refuse_too_many(actor: Actor) -> None:
    if Connection.objects.visible_to(actor).exclude(provider=PREVIEW).count() >= MOST:
        raise Refusal("too_many_connections", most=MOST)


def _clean_name(text: str) -> str:
    name = " ".join(text.split())
    if not name or not name.isprintable():
        raise Refusal("connection_name_needed", field="name")
    if len(name) > NAME_MAX_CHARS:
        raise Refusal("name_too_long", field="name", most=NAME_MAX_CHARS)
    return name


def _proof(actor: Actor, connection: Connection, base_url: str, key: str) -> _Proof:
    """Ask the provider whether it is there and takes the key."""
    provider = _provider(connection.provider)
    account = Account(connection.public_id, credentials.clean_base_url(base_url), credentials.clean_key(key))
    with trying.turn(actor):
        return _Proof(account, _models(provider, account), _figures(provider, account))


def _models(provider: Provider, account: Account) -> Sequence[Mapping[str, object]]:
    try:
        return provider.check(account)
    except (ProviderError, Refusal) as error:
        _refuse(error, urlsplit(account.base_url).netloc)


def _provider(name: str) -> Provider:
    try:
        provider = registry.provider(name)
    except registry.UnknownProvider:
        raise Refusal("unknown_provider", field="provider") from None
    if not provider.base_url:  # it needs no account
        raise Refusal("unknown_provider", field="provider")
    return provider


def _figures(provider: Provider, account: Account) -> Mapping[str, int]:
    """Balance and slots, where the account tells them now; else the first check does."""
    try:
        return health.figures(health.ask(provider, account))
    except (ProviderError, Refusal):
        return {}


def _refuse(error: ProviderError | Refusal, host: str) -> NoReturn:
    """A provider's no as the person's who asked."""
    match error:
        case AccountRefused():
            raise Refusal(_KEY_CODES.get(error.code, "wrong_key"), field="key", host=host) from None
        case ProviderRefused():
            raise Refusal("not_the_provider", field="base_url", host=host) from None
        case ProviderBusy() if error.code != "unreachable":
            raise Refusal("provider_busy", field="base_url", host=host) from None
        case ProviderBusy() | OutcomeUnknown():
            raise Refusal("unreachable", field="base_url", host=host) from None
        case Refusal():
            raise Refusal(error.code, field="base_url", **error.facts) from None
    raise error


def _take_in(connection: Connection, proof: _Proof) -> None:
    """The key in use, the catalogue and the figures, in the caller's transaction. What it was asked counts."""
    credentials.keep(connection, base_url=proof.account.base_url, key=proof.account.key)
    asked = registry.provider(connection.provider).requests
    budget.take(connection.credential, wanted=asked.check + asked.account, rank=budget.Rank.SEND)
    sync.write(connection, proof.models)
    Connection.objects.filter(pk=connection.pk).update(**proof.figures)
    for name, value in proof.figures.items():
        setattr(connection, name, value)
    health.answered(connection)


def _record(what: str, connection: Connection, actor: Actor, **facts: str) -> None:
    if connection.credential is not None and what != "connection.renamed":
        facts |= {"host": urlsplit(connection.credential.base_url).netloc, "key": connection.credential.hint}
    trail.record(what, about=connection.reference, tenant=actor.tenant.public_id, actor=actor.name, **facts)
