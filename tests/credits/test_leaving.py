"""Closing a wallet with its membership: what is free goes to the house at once, what is held when it is released."""

import pytest

from revidweb.accounts import members
from revidweb.accounts.models import MemberState, Role
from revidweb.credits import checking, ledger
from revidweb.credits.models import Hold, Transfer, Wallet
from revidweb.keys import leaving
from revidweb.lib.refusal import Refusal
from revidweb.trail import trail
from tests import makers
from tests.credits.makers import ACTOR, a_wallet, figures

pytestmark = pytest.mark.django_db


@pytest.fixture
def wallet() -> Wallet:
    return a_wallet(100)


def close(wallet: Wallet) -> Transfer | None:
    return ledger.close(wallet, actor=ACTOR)


def is_closed(wallet: Wallet) -> bool:
    return Wallet.objects.get(pk=wallet.pk).closed_at is not None


def sides(transfer: Transfer) -> dict[str, int]:
    return dict(transfer.entries.values_list("wallet__kind", "credits"))


def afterwards(wallet: Wallet) -> list[str]:
    """The causes by which credits left the wallet, oldest first."""
    return list(wallet.entries.filter(credits__lt=0).order_by("id").values_list("transfer__reference", flat=True))


# -- close -----------------------------------------------------------------------------------------------------------


def test_what_is_free_goes_to_the_house_at_once(wallet):
    returned = close(wallet)
    assert sides(returned) == {"member": -100, "house": 100}
    assert (returned.reference, returned.actor) == (f"close:{wallet.pk}:1", ACTOR)
    assert figures(wallet) == (0, 0, 0)
    assert is_closed(wallet)


def test_closing_twice_returns_credits_once(wallet):
    close(wallet)
    closed_at = Wallet.objects.get(pk=wallet.pk).closed_at
    assert close(wallet) is None
    assert Wallet.objects.get(pk=wallet.pk).closed_at == closed_at
    assert [row.what for row in trail.of(f"wallet:{wallet.pk}")] == ["credits.granted", "wallet.closed"]


def test_an_empty_wallet_closes_without_a_transfer():
    empty = a_wallet()
    assert close(empty) is None
    assert is_closed(empty)
    assert not Transfer.objects.exists()


def test_what_is_held_stays_until_its_verdict(wallet):
    ledger.hold(wallet, credits=30, reference="job:1")
    assert sides(close(wallet)) == {"member": -70, "house": 70}
    assert figures(wallet) == (30, 30, 0)


def test_what_is_released_later_follows_to_the_house(wallet):
    hold = ledger.hold(wallet, credits=30, reference="job:1")
    close(wallet)
    for _ in range(2):
        ledger.release(hold)
    assert afterwards(wallet) == [f"close:{wallet.pk}:1", "return:job:1"]
    assert sides(Transfer.objects.get(reference="return:job:1")) == {"member": -30, "house": 30}
    assert (figures(wallet), hold.state) == ((0, 0, 0), "released")


def test_a_capture_takes_as_ever_and_its_rest_follows(wallet):
    hold = ledger.hold(wallet, credits=30, reference="job:1")
    close(wallet)
    for _ in range(2):
        ledger.capture(hold, actor=ACTOR, credits=20)
    assert afterwards(wallet) == [f"close:{wallet.pk}:1", "capture:job:1", "return:job:1"]
    assert sides(Transfer.objects.get(reference="capture:job:1")) == {"member": -20, "spent": 20}
    assert sides(Transfer.objects.get(reference="return:job:1")) == {"member": -10, "house": 10}
    assert figures(wallet) == (0, 0, 0)


def test_a_whole_capture_leaves_nothing_to_follow(wallet):
    hold = ledger.hold(wallet, credits=30, reference="job:1")
    close(wallet)
    ledger.capture(hold, actor=ACTOR)
    assert afterwards(wallet) == [f"close:{wallet.pk}:1", "capture:job:1"]
    assert figures(wallet) == (0, 0, 0)


def test_the_book_is_sound_after_every_way(wallet):
    holds = [ledger.hold(wallet, credits=20, reference=f"job:{n}") for n in range(3)]
    leaving.remove(makers.an_actor(wallet.tenant, role=Role.OWNER), wallet.member)
    ledger.release(holds[0])
    ledger.capture(holds[1], actor=ACTOR, credits=5)
    assert list(checking.faults()) == []


def test_nothing_goes_in_or_out_of_a_closed_wallet(wallet):
    other = a_wallet(50, member=makers.a_member(wallet.tenant))
    close(wallet)
    refused = [
        lambda: ledger.hold(wallet, credits=1, reference="job:1"),
        lambda: ledger.grant(wallet.member, credits=1, reference="grant:late", actor=ACTOR),
        lambda: ledger.transfer(other, wallet, credits=1, reference="transfer:1", actor=ACTOR),
        lambda: ledger.transfer(wallet, other, credits=1, reference="transfer:2", actor=ACTOR),
    ]
    for deed in refused:
        with pytest.raises(ledger.WalletClosed) as said:
            deed()
        assert said.value.code == "wallet_closed"
    assert (figures(wallet), figures(other)) == ((0, 0, 0), (50, 0, 50))
    assert not Hold.objects.exists()


def test_what_was_done_before_the_closing_is_still_answered_alike(wallet):
    hold = ledger.hold(wallet, credits=30, reference="job:1")
    paid = ledger.grant(wallet.member, credits=5, reference="grant:before", actor=ACTOR)
    close(wallet)
    assert ledger.hold(wallet, credits=30, reference="job:1") == hold
    assert ledger.grant(wallet.member, credits=5, reference="grant:before", actor=ACTOR) == paid


@pytest.mark.parametrize("kind", ["house", "spent"])
def test_a_tenants_own_wallets_never_close(kind):
    with pytest.raises(ValueError, match="metered"):
        close(getattr(ledger, kind)(makers.a_tenant()))


# -- reopen ----------------------------------------------------------------------------------------------------------


def test_a_reopened_wallet_takes_credits_again_and_got_none_back(wallet):
    close(wallet)
    for _ in range(2):
        ledger.reopen(wallet, actor=ACTOR)
    assert figures(wallet) == (0, 0, 0)
    ledger.grant(wallet.member, credits=7, reference="grant:again", actor=ACTOR)
    assert figures(wallet) == (7, 0, 7)
    assert [row.what for row in trail.of(f"wallet:{wallet.pk}")].count("wallet.reopened") == 1


def test_what_was_held_over_a_closing_and_a_reopening_is_the_members_again(wallet):
    hold = ledger.hold(wallet, credits=30, reference="job:1")
    close(wallet)
    ledger.reopen(wallet, actor=ACTOR)
    ledger.release(hold)
    assert figures(wallet) == (30, 0, 30)


def test_each_closing_has_a_cause_of_its_own(wallet):
    close(wallet)
    ledger.reopen(wallet, actor=ACTOR)
    ledger.grant(wallet.member, credits=7, reference="grant:again", actor=ACTOR)
    assert close(wallet).reference == f"close:{wallet.pk}:2"


def test_wallets_whose_numbers_begin_alike_do_not_count_each_others_closings():
    tenant = makers.a_tenant()
    wallets = [a_wallet(5, member=makers.a_member(tenant)) for _ in range(12)]
    references = {wallet.pk: close(wallet).reference for wallet in wallets}
    assert references == {pk: f"close:{pk}:1" for pk in references}


# -- with the membership ---------------------------------------------------------------------------------------------


def test_removing_a_member_closes_their_wallet_and_restoring_opens_it(wallet):
    owner = makers.an_actor(wallet.tenant, role=Role.OWNER)
    for _ in range(2):
        assert leaving.remove(owner, wallet.member).state == MemberState.REMOVED
    assert (is_closed(wallet), figures(wallet)) == (True, (0, 0, 0))
    for _ in range(2):
        assert leaving.restore(owner, wallet.member).state == MemberState.ACTIVE
    assert not is_closed(wallet)


def test_a_member_who_never_had_a_wallet_gets_a_closed_one():
    owner = makers.an_actor(role=Role.OWNER)
    member = leaving.remove(owner, makers.a_member(owner.tenant))
    with pytest.raises(ledger.WalletClosed):
        ledger.grant(member, credits=1, reference="grant:1", actor=ACTOR)


def test_who_may_not_be_removed_keeps_wallet_and_credits(wallet):
    user = makers.an_actor(wallet.tenant)
    with pytest.raises(Refusal, match="not_allowed"):
        leaving.remove(user, wallet.member)
    assert (is_closed(wallet), figures(wallet)) == (False, (100, 0, 100))


def test_a_suspension_leaves_the_wallet_alone(wallet):
    owner = makers.an_actor(wallet.tenant, role=Role.OWNER)
    members.suspend(owner, wallet.member)
    assert figures(wallet) == (100, 0, 100)
    leaving.restore(owner, wallet.member)
    assert [row.what for row in trail.of(f"wallet:{wallet.pk}")] == ["credits.granted"]
