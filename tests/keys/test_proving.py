"""`check_keys` passes on sound keys and finds each kind of fault."""

import re
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from revidweb.accounts.models import Member
from revidweb.credits import ledger
from revidweb.credits.models import Wallet
from revidweb.keys import budgets, proving
from revidweb.keys.models import ApiKey
from tests import makers
from tests.credits.makers import a_wallet
from tests.keys.makers import a_key

pytestmark = pytest.mark.django_db


@pytest.fixture
def key() -> ApiKey:
    """A budgeted key that spent 10 of its 30 credits, with others beside it."""
    key = a_key(kind="budgeted", credits=30).key
    hold = ledger.hold(key.wallet, credits=20, reference="job:1")
    day = budgets.hold(key, credits=20, jobs=1)
    ledger.capture(hold, actor="system", credits=10)
    budgets.settle(key.pk, held_on=day, held=20, taken=10)
    a_key(tenant=key.tenant)
    a_key(tenant=key.tenant, kind="standalone", credits=5)
    return key


FAULTS = {
    "key_tenant": lambda key: ApiKey.objects.filter(pk=key.pk).update(member=makers.a_member()),
    "key_wallet": lambda key: ApiKey.objects.filter(pk=key.pk).update(
        wallet=a_wallet(0, member=makers.a_member(key.tenant)), filled=0, spent=0
    ),
    "wallet_without_key": lambda key: ledger.open_for_key(ledger.house(key.tenant)),
    "key_wallet_open": lambda key: ledger.close(key.wallet, actor="system"),
    "key_of_removed": lambda key: Member.objects.filter(api_keys=key).update(state="removed"),
    "key_filled": lambda key: ApiKey.objects.filter(pk=key.pk).update(filled=29),
    "key_spent": lambda key: ApiKey.objects.filter(pk=key.pk).update(spent=11),
}


def test_sound_keys_pass(key):
    said = StringIO()
    call_command("check_keys", stdout=said)
    assert said.getvalue() == "The keys are sound: 3 keys, 3 secrets.\n"


@pytest.mark.parametrize("what", FAULTS)
def test_each_kind_of_fault_is_found(key, what):
    FAULTS[what](key)
    allowed = {what, "wallet_without_key"} if what == "key_wallet" else {what}
    assert {fault.what for fault in proving.faults()} == allowed
    with pytest.raises(SystemExit):
        call_command("check_keys", stdout=StringIO(), stderr=StringIO())


def test_every_fault_that_a_check_names_is_planted_here():
    named = set(re.findall(r'(?:Fault|_differing)\("(\w+)"', Path(proving.__file__).read_text()))
    assert named == set(FAULTS)


def test_a_revoked_keys_wallet_must_be_closed(key):
    Wallet.objects.filter(pk=key.wallet_id).update(closed_at=None)
    ApiKey.objects.filter(pk=key.pk).update(revoked_at=key.created_at)
    assert [fault.what for fault in proving.faults()] == ["key_wallet_open"]
