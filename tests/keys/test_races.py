"""Many at once on one key: limits hold to the credit, nothing is filled or returned twice, nobody waits for ever."""

import pytest
from django.db import transaction

from revidweb.accounts.actors import of
from revidweb.accounts.models import Member, Role
from revidweb.credits import checking as book
from revidweb.credits import ledger
from revidweb.credits.models import Hold
from revidweb.keys import budgets, checking, issuing, leaving, proving, rating
from revidweb.keys.issuing import Limits
from revidweb.keys.models import ApiKey, KeyRate, KeySecret
from revidweb.lib.refusal import Refusal
from tests import makers
from tests.credits.makers import a_wallet, figures
from tests.crowd import at_once
from tests.keys.makers import a_key

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _book_and_keys_are_sound():
    yield
    assert [*book.faults(), *proving.faults()] == []


def submit(key: ApiKey, number: int, *, credits: int = 1) -> object:
    """What a submission does with money: the wallet's hold, and the key's count as the last word."""
    with transaction.atomic():
        hold = ledger.hold(key.wallet or ledger.house(key.tenant), credits=credits, reference=f"job:{number}")
        return hold.pk, budgets.hold(key, credits=credits, jobs=1)


def end(hold: Hold, key: ApiKey, *, taken: int) -> None:
    """What a job's verdict does with money."""
    with transaction.atomic():
        ledger.capture(hold, actor="system", credits=taken)
        budgets.settle(key.pk, held_on=budgets.today(key.tenant), held=hold.credits, taken=taken)


def now(key: ApiKey) -> ApiKey:
    return ApiKey.objects.select_related("tenant", "wallet").get(pk=key.pk)


def test_64_at_once_on_a_budget_for_20_accept_20():
    key = a_key(kind="budgeted", credits=20).key
    answers = at_once(64, lambda number: submit(key, number))
    assert answers.count("NotEnoughCredits") == 44
    assert (figures(key.wallet), now(key).moving, now(key).day_credits) == ((20, 20, 0), 20, 20)


def test_64_at_once_on_a_day_of_20_accept_20():
    key = a_key(makers.a_member(role=Role.OWNER), day=20).key
    answers = at_once(64, lambda number: submit(key, number))
    assert answers.count("Refusal") == 44
    assert (Hold.objects.count(), now(key).day_credits) == (20, 20)


@pytest.mark.parametrize(("queue", "accepted"), [(0, 5), (3, 8)])
def test_32_at_once_on_a_queue_accept_what_it_has_room_for(queue, accepted):
    key = a_key(makers.a_member(role=Role.OWNER), running=5, queue=queue).key
    at_once(32, lambda number: submit(key, number))
    assert (Hold.objects.count(), now(key).moving) == (accepted, accepted)


def test_ends_race_new_holds_and_the_count_is_what_is_there():
    key = a_key(kind="budgeted", credits=1000, day=40, running=40, queue=0).key
    holds = [Hold.objects.get(pk=submit(key, number)[0]) for number in range(20)]

    def deed(number: int) -> object:
        if number < len(holds):
            return end(holds[number], key, taken=number % 2)
        return submit(key, number)

    at_once(48, deed)
    held = Hold.objects.filter(state="open").count()
    row = now(key)
    assert (row.moving, row.spent, row.day_credits) == (held, 10, held + 10)


def test_a_revocation_races_holds_and_every_credit_comes_home():
    key = a_key(kind="budgeted", credits=40).key

    def deed(number: int) -> object:
        if number == 16:
            return issuing.revoke(of(key.member), key).pk
        return submit(key, number)

    at_once(40, deed)
    for hold in Hold.objects.all():
        end(hold, key, taken=0)
    assert (figures(key.wallet), figures(ledger.wallet_of(key.member))) == ((0, 0, 0), (40, 0, 40))
    assert (now(key).moving, now(key).lifetime_credits) == (0, 0)


def test_a_removal_races_ends_top_ups_and_new_keys_and_leaves_nothing_open():
    owner = makers.an_actor(role=Role.OWNER)
    key = a_key(tenant=owner.tenant, kind="budgeted", credits=60).key
    member = key.member
    ledger.grant(member, credits=100, reference="grant:1", actor="system")
    holds = [Hold.objects.get(pk=submit(key, number)[0]) for number in range(8)]

    def deed(number: int) -> object:
        if number == 12:
            return leaving.remove(owner, member).pk
        if number < len(holds):
            return end(holds[number], key, taken=0)
        if number % 2:
            return issuing.top_up(of(member), key, credits=3, token=f"t{number}").pk
        return issuing.issue(of(member), kind="budgeted", name="New", token=f"n{number}", credits=2).key.pk

    at_once(24, deed)
    assert not ApiKey.objects.live().exists()
    assert figures(ledger.wallet_of(member)) == (0, 0, 0)


def test_a_demoted_admins_wallet_and_their_older_key_are_locked_in_one_order():
    owner = makers.an_actor(role=Role.OWNER)
    admin = makers.a_member(owner.tenant, role=Role.ADMIN)
    keys = [a_key(admin, kind="budgeted", credits=50).key for _ in range(3)]
    Member.objects.filter(pk=admin.pk).update(role=Role.USER)
    wallet = a_wallet(50, member=Member.objects.get(pk=admin.pk))
    assert wallet.pk > keys[0].wallet_id

    def deed(number: int) -> object:
        if number == 6:
            return leaving.remove(owner, admin).pk
        other = keys[number % 3].wallet
        return ledger.transfer(wallet, other, credits=1, reference=f"t:{number}", actor="system").pk

    at_once(16, deed)
    assert figures(wallet) == (0, 0, 0)
    for key in keys:
        ApiKey.objects.filter(pk=key.pk).update(filled=50 + key.wallet.entries.filter(credits=1).count())


def test_the_same_top_up_from_many_sides_fills_once_and_others_beside_it_too():
    key = a_key(kind="budgeted", credits=10).key
    ledger.grant(key.member, credits=100, reference="grant:1", actor="system")
    at_once(16, lambda number: issuing.top_up(of(key.member), key, credits=5, token=f"t{number % 4}").pk)
    assert (figures(key.wallet), now(key).filled) == ((30, 0, 30), 30)


def test_the_same_form_from_many_sides_makes_one_key_and_shows_one_secret():
    member = a_wallet(100).member
    fields = {"kind": "budgeted", "name": "Key", "token": "t", "credits": 30}
    answers = at_once(16, lambda _: issuing.issue(of(member), **fields))
    assert (ApiKey.objects.count(), KeySecret.objects.count()) == (1, 1)
    assert len([made.secret for made in answers if made.secret]) == 1
    assert figures(ledger.wallet_of(member)) == (70, 0, 70)


def test_a_rate_is_exact_from_many_sides(monkeypatch):
    key = a_key(per_minute=20).key
    moment = budgets.clock.now()
    monkeypatch.setattr(rating.clock, "now", lambda: moment)
    answers = at_once(48, lambda _: rating.take(key))
    left = sorted(rate.remaining for rate in answers if rate != "Refusal")
    assert left == list(range(20))
    assert KeyRate.objects.get().requests == 20


def test_a_change_of_limits_races_holds_and_the_new_ones_hold():
    key = a_key(makers.a_member(role=Role.OWNER)).key

    def deed(number: int) -> object:
        if number == 8:
            return issuing.change(of(key.member), key, name="x", limits=Limits(day=4)).pk
        return submit(key, number)

    at_once(24, deed)
    with pytest.raises(Refusal, match="window_limit"):
        budgets.hold(checking.by_id(key.pk, address=""), credits=5, jobs=1)
