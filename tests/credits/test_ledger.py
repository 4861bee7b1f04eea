"""Every deed of the ledger: it works, twice changes nothing more, and what it refuses."""

import pytest
from django.db import DatabaseError, connection, transaction

from revidweb.accounts.models import Role
from revidweb.credits import ledger
from revidweb.credits.models import Entry, Hold, HoldState, Transfer, TransferKind, Wallet, WalletKind
from revidweb.lib.refusal import Refusal
from revidweb.trail.models import TrailRow
from tests import makers
from tests.credits.makers import ACTOR, a_reference, a_wallet, figures

pytestmark = pytest.mark.django_db


def sides(transfer: Transfer) -> dict[str, int]:
    return dict(transfer.entries.values_list("wallet__kind", "credits"))


def test_a_member_has_one_wallet_and_a_tenant_one_house_and_one_spent():
    member = makers.a_member()
    assert ledger.wallet_of(member) == ledger.wallet_of(member)
    assert ledger.house(member.tenant) == ledger.house(member.tenant)
    assert ledger.spent(member.tenant) == ledger.spent(member.tenant)
    assert Wallet.objects.count() == 3


@pytest.mark.parametrize(("role", "kind"), [(Role.OWNER, "house"), (Role.ADMIN, "house"), (Role.USER, "member")])
def test_the_house_pays_for_owners_and_admins(role, kind):
    assert ledger.payer_of(makers.a_member(role=role)).kind == kind


# -- grant and transfer ----------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_the_house_is_looked_up_once_but_not_one_that_may_be_undone(django_assert_num_queries):
    tenant = makers.a_tenant()
    with transaction.atomic():
        ledger.house(tenant)
        transaction.set_rollback(True)
    house = ledger.house(tenant)
    assert Wallet.objects.get() == house
    with django_assert_num_queries(0):
        again = ledger.house(tenant)
    assert (again, again.kind, again.tenant_id) == (house, WalletKind.HOUSE, tenant.pk)


def test_a_grant_moves_credits_from_the_house_once():
    member = makers.a_member()
    first = ledger.grant(member, credits=100, reference="grant:1", actor=ACTOR, note="welcome")
    again = ledger.grant(member, credits=100, reference="grant:1", actor=ACTOR)
    assert again == first
    assert sides(first) == {"house": -100, "member": 100}
    assert figures(ledger.wallet_of(member)) == (100, 0, 100)
    assert (first.note, first.actor, first.tenant) == ("welcome", ACTOR, member.tenant)


def test_a_grant_stands_in_the_trail_once():
    member = makers.a_member()
    for _ in range(2):
        ledger.grant(member, credits=100, reference="grant:1", actor=ACTOR)
    row = TrailRow.objects.get()
    assert (row.what, row.actor, row.tenant) == ("credits.granted", ACTOR, member.tenant.public_id)
    assert (row.facts["credits"], row.facts["reference"]) == (100, "grant:1")


@pytest.mark.parametrize("amount", [0, -1, 10**12 + 1, 1.5, "5", True])
def test_an_amount_is_a_whole_number_in_bounds(amount):
    with pytest.raises(Refusal) as refused:
        ledger.grant(makers.a_member(), credits=amount, reference="grant:1", actor=ACTOR)
    assert (refused.value.code, refused.value.field) == ("credits_out_of_range", "credits")
    assert not Transfer.objects.exists()


@pytest.mark.parametrize("reference", ["", "x" * 101])
def test_a_cause_is_named_in_1_to_100_characters(reference):
    with pytest.raises(ValueError, match="reference"):
        ledger.grant(makers.a_member(), credits=1, reference=reference, actor=ACTOR)


def test_one_reference_cannot_grant_two_things():
    member = makers.a_member()
    ledger.grant(member, credits=100, reference="grant:1", actor=ACTOR)
    with pytest.raises(ledger.LedgerConflict):
        ledger.grant(member, credits=101, reference="grant:1", actor=ACTOR)
    with pytest.raises(ledger.LedgerConflict):
        ledger.grant(makers.a_member(), credits=100, reference="grant:1", actor=ACTOR)
    house = ledger.house(member.tenant)
    with pytest.raises(ledger.LedgerConflict):
        ledger.transfer(house, ledger.wallet_of(member), credits=100, reference="grant:1", actor=ACTOR)
    assert figures(ledger.wallet_of(member)) == (100, 0, 100)


def test_a_transfer_moves_free_credits_once_even_when_nothing_is_left():
    tenant = makers.a_tenant()
    source = a_wallet(50, member=makers.a_member(tenant))
    target = a_wallet(0, member=makers.a_member(tenant))
    first = ledger.transfer(source, target, credits=50, reference="transfer:1", actor=ACTOR)
    again = ledger.transfer(source, target, credits=50, reference="transfer:1", actor=ACTOR)
    assert again == first
    assert first.kind == TransferKind.TRANSFER
    assert (figures(source), figures(target)) == ((0, 0, 0), (50, 0, 50))


def test_a_transfer_does_not_touch_what_is_held():
    source = a_wallet(50)
    ledger.hold(source, credits=20, reference=a_reference())
    with pytest.raises(ledger.NotEnoughCredits) as refused:
        ledger.transfer(source, ledger.house(source.tenant), credits=31, reference="transfer:1", actor=ACTOR)
    assert refused.value.facts == {"needed": 31, "free": 30}
    ledger.transfer(source, ledger.house(source.tenant), credits=30, reference="transfer:1", actor=ACTOR)
    assert figures(source) == (20, 20, 0)


def test_a_transfer_needs_two_wallets_of_one_tenant():
    wallet, stranger = a_wallet(50), a_wallet(50)
    for source, target in [(wallet, wallet), (wallet, stranger)]:
        with pytest.raises(ValueError, match="one tenant"):
            ledger.transfer(source, target, credits=1, reference="transfer:1", actor=ACTOR)


def test_only_a_capture_reaches_what_is_spent():
    wallet = a_wallet(50)
    spent = ledger.spent(wallet.tenant)
    for source, target in [(wallet, spent), (spent, wallet)]:
        with pytest.raises(ValueError, match="Only a capture"):
            ledger.transfer(source, target, credits=1, reference="transfer:1", actor=ACTOR)
    with pytest.raises(ValueError, match="cannot be held"):
        ledger.hold(spent, credits=1, reference="job:1")


# -- hold ------------------------------------------------------------------------------------------------------------


def test_a_hold_sets_credits_aside_once():
    wallet = a_wallet(30)
    first = ledger.hold(wallet, credits=30, reference="job:1")
    assert ledger.hold(wallet, credits=30, reference="job:1") == first
    assert first.state == HoldState.OPEN
    assert figures(wallet) == (30, 30, 0)


def test_a_hold_beyond_what_is_free_is_refused_and_writes_nothing():
    wallet = a_wallet(30)
    ledger.hold(wallet, credits=20, reference="job:1")
    with pytest.raises(ledger.NotEnoughCredits) as refused:
        ledger.hold(wallet, credits=11, reference="job:2")
    assert (refused.value.code, refused.value.facts) == ("not_enough_credits", {"needed": 11, "free": 10})
    assert Hold.objects.count() == 1
    assert figures(wallet) == (30, 20, 10)


def test_one_reference_cannot_hold_two_things():
    wallet = a_wallet(30)
    ledger.hold(wallet, credits=10, reference="job:1")
    with pytest.raises(ledger.LedgerConflict):
        ledger.hold(wallet, credits=11, reference="job:1")
    with pytest.raises(ledger.LedgerConflict):
        ledger.hold(a_wallet(30), credits=10, reference="job:1")
    assert figures(wallet) == (30, 10, 20)


def test_the_house_holds_without_limit_and_stores_nothing():
    house = ledger.house(makers.a_tenant())
    hold = ledger.hold(house, credits=10**9, reference="job:1")
    assert figures(house) == (0, 0, 0)
    taken = ledger.capture(hold, actor=ACTOR)
    assert sides(taken) == {"house": -(10**9), "spent": 10**9}
    assert set(taken.entries.values_list("balance_after", flat=True)) == {None}
    assert figures(house) == (0, 0, 0)


# -- capture and release ---------------------------------------------------------------------------------------------


def test_a_capture_takes_what_is_held_once():
    wallet = a_wallet(100)
    hold = ledger.hold(wallet, credits=30, reference="job:1")
    first = ledger.capture(hold, actor=ACTOR)
    assert ledger.capture(Hold.objects.get(), actor=ACTOR) == first
    assert (first.kind, first.reference) == (TransferKind.CAPTURE, "capture:job:1")
    assert sides(first) == {"member": -30, "spent": 30}
    assert (hold.state, hold.captured, hold.transfer) == (HoldState.CAPTURED, 30, first)
    assert figures(wallet) == (70, 0, 70)


def test_a_capture_of_less_gives_the_rest_back():
    wallet = a_wallet(100)
    hold = ledger.hold(wallet, credits=30, reference="job:1")
    first = ledger.capture(hold, actor=ACTOR, credits=12)
    assert ledger.capture(hold, actor=ACTOR, credits=12) == first
    assert figures(wallet) == (88, 0, 88)


@pytest.mark.parametrize("amount", [31, -1])
def test_a_capture_takes_no_more_than_is_held(amount):
    wallet = a_wallet(100)
    hold = ledger.hold(wallet, credits=30, reference="job:1")
    with pytest.raises(ValueError, match="cannot be taken"):
        ledger.capture(hold, actor=ACTOR, credits=amount)
    assert figures(wallet) == (100, 30, 70)


def test_a_release_gives_everything_back_once():
    wallet = a_wallet(100)
    hold = ledger.hold(wallet, credits=30, reference="job:1")
    ledger.release(hold)
    ledger.release(Hold.objects.get())
    assert (hold.state, hold.captured) == (HoldState.RELEASED, 0)
    assert figures(wallet) == (100, 0, 100)


def test_a_capture_of_nothing_is_a_release():
    hold = ledger.hold(a_wallet(100), credits=30, reference="job:1")
    assert ledger.capture(hold, actor=ACTOR, credits=0) is None
    ledger.release(hold)
    assert hold.state == HoldState.RELEASED


def test_an_ended_hold_never_ends_otherwise():
    wallet = a_wallet(100)
    captured = ledger.hold(wallet, credits=30, reference="job:1")
    released = ledger.hold(wallet, credits=30, reference="job:2")
    ledger.capture(captured, actor=ACTOR)
    ledger.release(released)
    with pytest.raises(ledger.LedgerConflict):
        ledger.release(captured)
    with pytest.raises(ledger.LedgerConflict):
        ledger.capture(captured, actor=ACTOR, credits=29)
    with pytest.raises(ledger.LedgerConflict):
        ledger.capture(released, actor=ACTOR)
    assert figures(wallet) == (70, 0, 70)


def test_a_hold_that_ended_is_still_the_answer_to_its_reference():
    wallet = a_wallet(30)
    first = ledger.hold(wallet, credits=30, reference="job:1")
    ledger.capture(first, actor=ACTOR)
    assert ledger.hold(wallet, credits=30, reference="job:1").state == HoldState.CAPTURED
    assert figures(wallet) == (0, 0, 0)


def test_entries_of_a_metered_wallet_say_the_balance_after_them():
    wallet = a_wallet(100)
    ledger.capture(ledger.hold(wallet, credits=30, reference="job:1"), actor=ACTOR)
    ledger.transfer(wallet, ledger.house(wallet.tenant), credits=5, reference="transfer:1", actor=ACTOR)
    assert list(wallet.entries.order_by("id").values_list("credits", "balance_after")) == [
        (100, 100),
        (-30, 70),
        (-5, 65),
    ]


# -- what the database forbids ---------------------------------------------------------------------------------------


def refused_by_the_database(*deeds):
    for deed in deeds:
        with pytest.raises(DatabaseError), transaction.atomic():
            deed()


def test_entries_transfers_and_ended_holds_never_change():
    hold = ledger.hold(a_wallet(100), credits=30, reference="job:1")
    ledger.capture(hold, actor=ACTOR)
    refused_by_the_database(
        lambda: Entry.objects.update(credits=1),
        lambda: Transfer.objects.update(note="changed"),
        lambda: Hold.objects.update(reference="other"),
    )


def test_a_wallet_is_never_overdrawn():
    wallet = a_wallet(30)
    house = ledger.house(wallet.tenant)
    refused_by_the_database(
        lambda: Wallet.objects.filter(pk=wallet.pk).update(held=31),
        lambda: Wallet.objects.filter(pk=wallet.pk).update(balance=-1),
        lambda: Wallet.objects.filter(pk=house.pk).update(balance=1),
        lambda: Wallet.objects.create(tenant=wallet.tenant, kind=WalletKind.HOUSE),
    )


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite cannot wait for the commit")
def test_a_transfer_that_does_not_sum_to_zero_cannot_be_committed():
    def unbalanced(*amounts):
        wallets = [a_wallet(10), a_wallet(10)]
        moved = Transfer.objects.create(tenant=wallets[0].tenant, kind="transfer", reference=a_reference(), actor=ACTOR)
        for wallet, amount in zip(wallets, amounts, strict=False):
            Entry.objects.create(transfer=moved, wallet=wallet, credits=amount)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    refused_by_the_database(unbalanced, lambda: unbalanced(5), lambda: unbalanced(5, -4))


@pytest.mark.skipif(connection.vendor != "postgresql", reason="Django empties SQLite's tables with DELETE")
def test_entries_transfers_and_ended_holds_are_never_deleted():
    ledger.capture(ledger.hold(a_wallet(100), credits=30, reference="job:1"), actor=ACTOR)
    tables = ("credits_entry", "credits_transfer", "credits_hold")
    with connection.cursor() as cursor:
        refused_by_the_database(*(lambda table=table: cursor.execute(f"DELETE FROM {table}") for table in tables))
