import pytest

from revidweb.accounts import actors
from revidweb.accounts.models import Role
from revidweb.connections.models import Connection
from revidweb.credits import ledger
from revidweb.jobs import balance, submit
from revidweb.jobs.balance import Balance
from revidweb.lib import clock
from revidweb.providers.base import ProviderBusy, Receipt
from tests.makers import a_member, a_tenant, an_actor

from .steps import send_all, states

pytestmark = pytest.mark.django_db


def test_a_user_has_what_is_free_in_the_own_wallet():
    member = a_member()
    ledger.grant(member, credits=500, reference="grant:1", actor="system")
    ledger.hold(ledger.wallet_of(member), credits=60, reference="job:1")
    assert balance.of(actors.of(member)) == Balance(440, 60, is_paid_by_house=False)


def test_a_user_without_a_wallet_has_nothing():
    assert balance.of(an_actor()) == Balance(0, 0, is_paid_by_house=False)


def test_the_house_has_what_its_connections_told_less_what_is_held():
    actor = an_actor(role=Role.OWNER)
    Connection.objects.create(tenant=actor.tenant, provider="revidapi", name="A", balance=1000, synced_at=clock.now())
    Connection.objects.create(tenant=actor.tenant, provider="preview", name="B", balance=500)
    Connection.objects.create(tenant=actor.tenant, provider="fal", name="C", balance=9000, is_enabled=False)
    Connection.objects.create(tenant=a_tenant(), provider="fal", name="D", balance=70)
    ledger.hold(ledger.house(actor.tenant), credits=60, reference="job:1")
    assert balance.of(actor) == Balance(1440, 60, is_paid_by_house=True)


@pytest.mark.parametrize("role", [Role.OWNER, Role.USER])
def test_the_balance_takes_one_question(role, django_assert_num_queries):
    actor = an_actor(role=role)
    with django_assert_num_queries(1):
        balance.of(actor)


def test_what_the_account_has_taken_is_not_held_against_the_house_once_more(owner, real, order, upstream):
    """It charges when an order is made, and tells what is left."""
    Connection.objects.update(balance=1000)
    submit.submit(owner, order, count=2, token="two")
    assert balance.of(owner) == Balance(992, 8, is_paid_by_house=True)
    upstream.submits = [Receipt("first", cost=4, balance=996), ProviderBusy("later", retry_after_s=60)]
    send_all()
    assert states() == ["working", "queued"]
    assert balance.of(owner) == Balance(992, 4, is_paid_by_house=True)


def test_preview_takes_nothing_so_all_is_held_against_it(owner, order, upstream):
    Connection.objects.update(balance=1000)
    submit.submit(owner, order, count=2, token="two")
    send_all()
    assert balance.of(owner) == Balance(992, 8, is_paid_by_house=True)
