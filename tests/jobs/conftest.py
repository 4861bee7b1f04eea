"""A tenant that can work, and an upstream that does as it is told."""

import pytest

from revidweb.accounts import members
from revidweb.accounts.actors import Actor, of
from revidweb.accounts.models import Role
from revidweb.catalog import founding
from revidweb.catalog.models import Price
from revidweb.connections import credentials
from revidweb.connections.models import Connection
from revidweb.credits import ledger
from revidweb.credits.models import Wallet
from revidweb.jobs import submit
from revidweb.jobs.models import Job
from revidweb.lib import clock
from revidweb.providers import registry
from revidweb.providers.base import Kind, Mode, Order
from tests import makers
from tests.upstreams.scripted import Scripted


@pytest.fixture
def owner(db) -> Actor:
    return of(founding.found(makers.a_person(), name="Studio"))


@pytest.fixture
def user(owner) -> Actor:
    """A user with 100 credits."""
    member = members.add(owner.tenant, makers.a_person(), role=Role.USER)
    ledger.grant(member, credits=100, reference="grant:first", actor="system")
    return of(member)


@pytest.fixture
def wallet(user) -> Wallet:
    return ledger.wallet_of(user.member)


@pytest.fixture
def upstream(monkeypatch) -> Scripted:
    scripted = Scripted()
    monkeypatch.setattr(registry, "provider", lambda name: scripted)
    return scripted


@pytest.fixture
def order() -> Order:
    """A picture for 4 credits: image-4.0 has one price."""
    return Order(kind=Kind.IMAGE, mode=Mode.T2I, model="image-4.0", prompt="Paper boats at dusk")


@pytest.fixture
def job(user, order, upstream) -> Job:
    """Queued, 4 credits held."""
    return submit.submit(user, order, count=1, token="form-1").jobs.get()


@pytest.fixture
def real(owner) -> Connection:
    """The tenant's connection as one with an account: name it before `job`."""
    Connection.objects.update(provider="scripted", synced_at=clock.now())
    Price.objects.update(is_estimate=False)
    connection = Connection.objects.get()
    credentials.keep(connection, base_url=Scripted.base_url, key="sk_live_first")
    return connection
