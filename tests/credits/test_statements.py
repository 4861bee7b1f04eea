"""A wallet's statement: newest first, page by page, with what each line says."""

from datetime import timedelta

import pytest
import time_machine

from revidweb.credits import ledger, statements
from revidweb.credits.statements import Wanted
from revidweb.lib import clock
from tests import makers
from tests.credits.makers import ACTOR, a_reference, a_wallet

pytestmark = pytest.mark.django_db


def granted(*amounts: int):
    member = makers.a_member()
    for amount in amounts:
        ledger.grant(member, credits=amount, reference=a_reference("grant"), actor=ACTOR, note=f"note {amount}")
    return ledger.wallet_of(member)


def amounts(lines) -> list[int]:
    return [line.credits for line in lines]


def test_lines_come_newest_first_with_what_a_bank_would_print():
    wallet = granted(100)
    ledger.capture(ledger.hold(wallet, credits=30, reference="job:job_1"), actor=ACTOR)
    taken, given = statements.lines(wallet)
    assert (taken.kind, taken.reference, taken.credits, taken.balance_after) == (
        "capture",
        "capture:job:job_1",
        -30,
        70,
    )
    assert (given.kind, given.note, given.actor, given.credits, given.balance_after) == (
        "grant",
        "note 100",
        ACTOR,
        100,
        100,
    )
    assert (taken.other.kind, given.other.kind) == ("spent", "house")


def test_the_house_sees_whom_it_gave_to():
    wallet = granted(100)
    (line,) = statements.lines(ledger.house(wallet.tenant))
    assert (line.credits, line.balance_after, line.other.member) == (-100, None, wallet.member)


def test_lines_go_on_before_the_last_one_seen():
    wallet = granted(1, 2, 3, 4, 5)
    first = statements.lines(wallet, limit=2)
    second = statements.lines(wallet, limit=2, before=first[-1].id)
    assert (amounts(first), amounts(second)) == ([5, 4], [3, 2])


def test_pages_lead_to_each_other_both_ways():
    wallet = granted(1, 2, 3, 4, 5)
    first = statements.page(wallet, limit=2)
    second = statements.page(wallet, limit=2, before=first.older)
    third = statements.page(wallet, limit=2, before=second.older)
    assert [amounts(page.lines) for page in (first, second, third)] == [[5, 4], [3, 2], [1]]
    assert (first.newer, third.older) == (None, None)
    assert statements.page(wallet, limit=2, after=third.newer) == second
    assert statements.page(wallet, limit=2, after=second.newer) == first


def test_too_few_newer_lines_show_the_first_page():
    wallet = granted(1, 2, 3)
    newest = statements.lines(wallet)[0]
    assert amounts(statements.page(wallet, limit=2, after=newest.id).lines) == [3, 2]


def test_lines_of_one_kind_and_time():
    noon = clock.now().replace(hour=12)
    with time_machine.travel(noon - timedelta(days=2), tick=False):
        wallet = granted(10)
    with time_machine.travel(noon, tick=False):
        ledger.transfer(wallet, ledger.house(wallet.tenant), credits=4, reference="transfer:1", actor=ACTOR)
    yesterday = noon - timedelta(days=1)
    assert amounts(statements.lines(wallet, wanted=Wanted(kind="grant"))) == [10]
    assert amounts(statements.lines(wallet, wanted=Wanted(since=yesterday))) == [-4]
    assert amounts(statements.lines(wallet, wanted=Wanted(until=yesterday))) == [10]
    assert amounts(statements.lines(wallet, wanted=Wanted(since=noon))) == [-4]
    assert amounts(statements.lines(wallet, wanted=Wanted(until=noon))) == [10]


def test_a_page_takes_two_queries_however_long_it_is(django_assert_num_queries):
    wallet = granted(*range(1, 21))
    with django_assert_num_queries(2):
        assert len(statements.page(wallet, limit=10).lines) == 10


def test_a_summary_says_what_is_there_held_and_free():
    wallet = a_wallet(100)
    for _ in range(2):
        ledger.hold(wallet, credits=30, reference=a_reference())
    wallet.refresh_from_db()
    assert statements.summary(wallet) == statements.Summary(balance=100, held=60, free=40, holds=2)


def test_the_house_says_what_it_issued_spent_and_holds():
    wallet = a_wallet(100)
    house = ledger.house(wallet.tenant)
    ledger.transfer(wallet, house, credits=25, reference="transfer:1", actor=ACTOR)
    ledger.capture(ledger.hold(house, credits=30, reference="job:1"), actor=ACTOR)
    ledger.hold(house, credits=7, reference="job:2")
    assert statements.house_summary(house) == statements.HouseSummary(issued=75, spent=30, held=7, holds=1)


def test_the_house_of_a_new_tenant_has_done_nothing():
    house = ledger.house(makers.a_tenant())
    assert statements.house_summary(house) == statements.HouseSummary(issued=0, spent=0, held=0, holds=0)
    assert statements.lines(house) == []
