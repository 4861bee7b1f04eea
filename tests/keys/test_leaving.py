"""A member's keys go with them: revoked at once, their credits to the house."""

import pytest

from revidweb.accounts.actors import of
from revidweb.accounts.models import Role
from revidweb.credits import checking as book
from revidweb.credits import ledger
from revidweb.credits.models import Wallet
from revidweb.keys import checking, leaving, proving
from revidweb.keys.leaving import Stake
from revidweb.keys.models import ApiKey
from revidweb.lib.refusal import Refusal
from tests import makers
from tests.credits.makers import figures
from tests.keys.makers import a_key

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner():
    return makers.an_actor(role=Role.OWNER)


def test_removing_a_member_revokes_their_keys_and_empties_their_wallets(owner):
    issued = a_key(tenant=owner.tenant, kind="budgeted", credits=50)
    member = issued.key.member
    shared, others = a_key(member), a_key(tenant=owner.tenant, kind="budgeted", credits=5)
    ledger.grant(member, credits=10, reference="grant:1", actor="system")
    hold = ledger.hold(issued.key.wallet, credits=20, reference="job:1")
    assert leaving.at_stake(member) == Stake(free=40, held=20, keys=2)
    for _ in range(2):
        leaving.remove(owner, member)
    assert set(ApiKey.objects.filter(revoked_at__isnull=False)) == {issued.key, shared.key}
    assert checking.by_secret(others.secret, address="") == others.key
    assert figures(ledger.wallet_of(member)) == (0, 0, 0)
    assert figures(issued.key.wallet) == (20, 20, 0)
    ledger.release(hold)
    assert figures(issued.key.wallet) == (0, 0, 0)
    assert [*book.faults(), *proving.faults()] == []
    assert leaving.at_stake(member) == Stake(free=0, held=0, keys=0)


def test_who_comes_back_finds_a_wallet_that_takes_credits_and_makes_new_keys(owner):
    issued = a_key(tenant=owner.tenant, kind="budgeted", credits=50)
    member = leaving.restore(owner, leaving.remove(owner, issued.key.member))
    with pytest.raises(Refusal, match="key_revoked"):
        checking.by_secret(issued.secret, address="")
    assert a_key(member, kind="budgeted", credits=5).key.wallet.free == 5
    assert [*book.faults(), *proving.faults()] == []


def test_an_admins_keys_return_to_the_house(owner):
    admin = makers.a_member(owner.tenant, role=Role.ADMIN)
    own, standalone = a_key(admin, kind="budgeted", credits=9), a_key(admin, kind="standalone", credits=7)
    leaving.remove(of(admin), admin)
    assert figures(own.key.wallet) == (0, 0, 0)
    assert figures(standalone.key.wallet) == (7, 0, 7)
    assert Wallet.objects.get(pk=standalone.key.wallet_id).closed_at is None
    assert [*book.faults(), *proving.faults()] == []
