"""Many at once on one book: nothing is spent twice, nothing happens twice, nobody waits for ever."""

import pytest

from revidweb.accounts.models import Role
from revidweb.credits import checking, ledger
from revidweb.credits.models import Entry, Hold, Transfer, Wallet
from revidweb.keys import leaving
from tests import makers
from tests.credits.makers import ACTOR, a_wallet, figures
from tests.crowd import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def test_of_64_holds_on_credits_for_20_exactly_20_are_accepted():
    wallet = a_wallet(20)
    answers = at_once(64, lambda n: ledger.hold(wallet, credits=1, reference=f"job:{n}"))
    assert answers.count("NotEnoughCredits") == 44
    assert Hold.objects.count() == 20
    assert figures(wallet) == (20, 20, 0)


def test_the_same_hold_from_many_sides_happens_once():
    wallet = a_wallet(10)
    answers = at_once(16, lambda _: ledger.hold(wallet, credits=10, reference="job:1").pk)
    assert set(answers) == {Hold.objects.get().pk}
    assert figures(wallet) == (10, 10, 0)


def test_the_same_hold_on_the_house_from_many_sides_happens_once():
    house = ledger.house(makers.a_tenant())
    answers = at_once(16, lambda _: ledger.hold(house, credits=10, reference="job:1").pk)
    assert set(answers) == {Hold.objects.get().pk}


@pytest.mark.parametrize("wallet_kind", ["house", "member"])
def test_a_capture_races_a_release_and_one_of_them_wins(wallet_kind):
    wallet = a_wallet(10)
    payer = wallet if wallet_kind == "member" else ledger.house(wallet.tenant)
    hold = ledger.hold(payer, credits=10, reference="job:1")

    def end(number: int) -> object:
        mine = Hold.objects.get(pk=hold.pk)
        return ledger.capture(mine, actor=ACTOR) if number % 2 else ledger.release(mine)

    answers = at_once(16, end)
    hold.refresh_from_db()
    taken = Transfer.objects.filter(kind="capture")
    assert answers.count("LedgerConflict") == 8
    assert len(taken) == (hold.state == "captured")
    assert figures(wallet)[1] == 0


def test_a_closing_races_64_holds_and_nothing_is_lost_or_stuck():
    wallet = a_wallet(40)

    def deed(number: int) -> object:
        if number == 32:
            return ledger.close(wallet, actor=ACTOR)
        return ledger.hold(wallet, credits=1, reference=f"job:{number}")

    answers = at_once(65, deed)
    held = Hold.objects.count()
    assert set(answers) & {"LedgerConflict"} == set()
    assert answers.count("NotEnoughCredits") + answers.count("WalletClosed") == 64 - held
    assert figures(wallet) == (held, held, 0)
    assert Wallet.objects.get(pk=wallet.pk).closed_at
    at_once(8, lambda number: [ledger.release(hold) for hold in Hold.objects.order_by("pk")[number::8]])
    assert figures(wallet) == (0, 0, 0)
    assert sum(Entry.objects.filter(wallet__kind="house").values_list("credits", flat=True)) == 0


def test_many_closings_and_verdicts_at_once_return_each_credit_once():
    wallet = a_wallet(100)
    holds = [ledger.hold(wallet, credits=5, reference=f"job:{number}") for number in range(12)]

    def deed(number: int) -> object:
        if number >= len(holds):
            return ledger.close(wallet, actor=ACTOR)
        hold = Hold.objects.get(pk=holds[number].pk)
        return ledger.capture(hold, actor=ACTOR, credits=2) if number % 2 else ledger.release(hold)

    at_once(16, deed)
    assert figures(wallet) == (0, 0, 0)
    spent = sum(Entry.objects.filter(wallet__kind="spent").values_list("credits", flat=True))
    returned = sum(Entry.objects.filter(wallet__kind="house").values_list("credits", flat=True)) + 100
    assert (spent, returned) == (12, 88)
    assert Transfer.objects.filter(reference__startswith="close:").count() == 1
    assert [fault for fault in checking.faults() if fault.what != "wallet_open"] == []


def test_a_removal_races_a_restoring_and_the_wallet_is_as_the_member_is():
    wallet = a_wallet(10)
    owner = makers.an_actor(wallet.tenant, role=Role.OWNER)
    deeds = (leaving.remove, leaving.restore)
    at_once(16, lambda number: deeds[number % 2](owner, wallet.member))
    assert list(checking.faults()) == []


def test_crosswise_transfers_never_lock_each_other():
    tenant = makers.a_tenant()
    one, other = (a_wallet(1000, member=makers.a_member(tenant)) for _ in range(2))

    def cross(number: int) -> None:
        source, target = (one, other) if number % 2 else (other, one)
        for turn in range(5):
            ledger.transfer(source, target, credits=1, reference=f"transfer:{number}:{turn}", actor=ACTOR)

    at_once(16, cross)
    assert (figures(one), figures(other)) == ((1000, 0, 1000), (1000, 0, 1000))
    assert Transfer.objects.filter(kind="transfer").count() == 80


def test_the_same_grant_from_many_sides_happens_once():
    member = makers.a_member()
    answers = at_once(16, lambda _: ledger.grant(member, credits=10, reference="grant:1", actor=ACTOR).pk)
    assert set(answers) == {Transfer.objects.get().pk}
    assert figures(ledger.wallet_of(member)) == (10, 0, 10)
    assert Wallet.objects.count() == 2
