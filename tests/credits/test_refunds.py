"""What an ended hold took goes back to who paid, once; out of a closed wallet on to where its rest went."""

import pytest

from revidweb.credits import checking, ledger
from revidweb.credits.figures import house_summary
from revidweb.credits.models import Hold, Transfer, Wallet
from tests import makers
from tests.credits.makers import ACTOR, a_wallet, figures
from tests.crowd import at_once

pytestmark = pytest.mark.django_db


def a_capture(wallet: Wallet, credits: int = 10) -> Hold:
    hold = ledger.hold(wallet, credits=credits, reference=f"job:{Hold.objects.count()}")
    ledger.capture(hold, actor=ACTOR)
    return hold


def test_the_payer_gets_all_of_it():
    wallet = a_wallet(30)
    hold = a_capture(wallet)
    given = ledger.refund(hold, actor=ACTOR)
    assert (given.kind, given.reference) == ("refund", f"refund:{hold.reference}")
    assert figures(wallet) == (30, 0, 30)
    assert list(checking.faults()) == []


def test_a_second_time_gives_nothing():
    wallet = a_wallet(30)
    hold = a_capture(wallet)
    assert ledger.refund(hold, actor=ACTOR) == ledger.refund(hold, actor="member:other")
    assert figures(wallet) == (30, 0, 30)


def test_what_took_nothing_gives_nothing():
    hold = ledger.hold(a_wallet(30), credits=10, reference="job:1")
    ledger.release(hold)
    assert ledger.refund(hold, actor=ACTOR) is None


def test_an_open_hold_is_no_refunds_matter():
    with pytest.raises(ValueError, match="has not ended"):
        ledger.refund(ledger.hold(a_wallet(30), credits=10, reference="job:1"), actor=ACTOR)


def test_the_house_has_spent_less_then():
    house = ledger.house(makers.a_tenant())
    hold = a_capture(house)
    a_capture(house, 7)
    ledger.refund(hold, actor=ACTOR)
    found = house_summary(house)
    assert (found.spent, found.issued) == (7, 0)


def test_what_a_removed_member_gets_back_goes_on_to_the_house():
    wallet = a_wallet(30)
    hold = a_capture(wallet)
    ledger.close(wallet, actor=ACTOR)
    ledger.refund(hold, actor=ACTOR)
    assert figures(wallet) == (0, 0, 0)
    assert Transfer.objects.filter(reference=f"return:refund:{hold.reference}").count() == 1


def test_what_a_revoked_keys_wallet_gets_back_goes_on_to_its_origin():
    origin = a_wallet(30)
    wallet = ledger.open_for_key(origin)
    ledger.transfer(origin, wallet, credits=20, reference="fill:1", actor=ACTOR)
    hold = a_capture(wallet)
    ledger.close(wallet, actor=ACTOR)
    ledger.refund(hold, actor=ACTOR)
    assert figures(wallet) == (0, 0, 0)
    assert figures(origin) == (30, 0, 30)


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_gives_back():
    wallet = a_wallet(30)
    hold = a_capture(wallet)
    answers = at_once(8, lambda _: ledger.refund(Hold.objects.get(pk=hold.pk), actor=ACTOR).pk)
    assert set(answers) == {Transfer.objects.get(kind="refund").pk}
    assert figures(wallet) == (30, 0, 30)
