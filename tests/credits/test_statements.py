"""A wallet's statement: newest first, page by page, with what each line says."""

from datetime import timedelta

import pytest
import time_machine

from revidweb.credits import checkpoints, figures, ledger, statements
from revidweb.credits.books import Together
from revidweb.credits.models import Checkpoint
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
    assert (taken.other, given.other.kind) == (None, "house")


def test_the_house_sees_whom_it_gave_to():
    wallet = granted(100)
    (line,) = statements.lines(ledger.house(wallet.tenant))
    assert (line.credits, line.balance_after, line.other.public_id) == (-100, -100, wallet.member.public_id)


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


def test_a_page_takes_one_query_however_long_it_is(django_assert_num_queries):
    wallet = granted(*range(1, 21))
    with django_assert_num_queries(1):
        assert len(statements.page(wallet, limit=10).lines) == 10


def test_a_summary_says_what_is_there_held_and_free():
    wallet = a_wallet(100)
    for _ in range(2):
        ledger.hold(wallet, credits=30, reference=a_reference())
    wallet.refresh_from_db()
    assert figures.summary(wallet) == figures.Summary(balance=100, held=60, free=40, holds=2)


def test_the_house_says_what_it_issued_spent_and_holds():
    wallet = a_wallet(100)
    house = ledger.house(wallet.tenant)
    ledger.transfer(wallet, house, credits=25, reference="transfer:1", actor=ACTOR)
    ledger.capture(ledger.hold(house, credits=30, reference="job:1"), actor=ACTOR)
    ledger.hold(house, credits=7, reference="job:2")
    assert figures.house_summary(house) == figures.HouseSummary(issued=75, spent=30, held=7, holds=1)


def test_the_house_of_a_new_tenant_has_done_nothing():
    house = ledger.house(makers.a_tenant())
    assert figures.house_summary(house) == figures.HouseSummary(issued=0, spent=0, held=0, holds=0)
    assert statements.lines(house) == []


# -- what stores no balance


def shared_out(*, days: int = 0):
    """A tenant with two members who were given, spent and passed on credits; each line a day after the one before."""
    tenant, start = makers.a_tenant(), clock.now().replace(hour=12) - timedelta(days=days)
    ada, ben = (ledger.wallet_of(makers.a_member(tenant)) for _ in range(2))
    deeds = [
        lambda: ledger.grant(ada.member, credits=50, reference=a_reference("grant"), actor=ACTOR),
        lambda: ledger.capture(ledger.hold(ada, credits=7, reference="job:job_a"), actor=ACTOR),
        lambda: ledger.transfer(ada, ben, credits=20, reference=a_reference("transfer"), actor=ACTOR),
        lambda: ledger.capture(ledger.hold(ben, credits=3, reference="job:job_b"), actor=ACTOR),
        lambda: ledger.grant(ben.member, credits=10, reference=a_reference("grant"), actor=ACTOR),
        lambda: ledger.capture(ledger.hold(ledger.house(tenant), credits=9, reference="job:job_c"), actor=ACTOR),
    ]
    for day, deed in enumerate(deeds):
        with time_machine.travel(start + timedelta(days=day), tick=False):
            deed()
    return Together(tenant), start


def balances(book, **asked) -> list[tuple[int, int]]:
    return [(line.credits, line.balance_after) for line in statements.page(book, **asked).lines]


TOGETHER = [(10, 50), (-3, 40), (20, 43), (-20, 23), (-7, 43), (50, 50)]
OF_HOUSE = [(-9, -69), (-10, -60), (-50, -50)]


@pytest.fixture(params=["without checkpoints", "with checkpoints"])
def mark(request, monkeypatch):
    """Write checkpoints every two entries, or none: a statement says the same."""
    monkeypatch.setattr(checkpoints, "STRETCH", 2)
    monkeypatch.setattr(checkpoints, "SETTLED_S", -60)
    return checkpoints.extend if request.param == "with checkpoints" else (lambda book: 0)


def test_each_line_has_the_balance_of_all_after_it(mark):
    book, _start = shared_out()
    house = ledger.house(book.tenant)
    mark(book), mark(house)
    assert balances(book) == TOGETHER
    assert balances(house) == OF_HOUSE
    assert sum(credits for credits, _balance in TOGETHER) == figures.together(book.tenant).balance == 50
    assert figures.of(house) == figures.HouseSummary(issued=60, spent=9, held=0, holds=0)


def test_a_filter_leaves_the_balances_as_they_are(mark):
    book, start = shared_out(days=10)
    house = ledger.house(book.tenant)
    mark(book), mark(house)
    assert balances(book, wanted=Wanted(kind="grant")) == [TOGETHER[0], TOGETHER[5]]
    assert balances(book, wanted=Wanted(kind="capture")) == [TOGETHER[1], TOGETHER[4]]
    assert balances(book, wanted=Wanted(job="job_b")) == [TOGETHER[1]]
    assert balances(book, wanted=Wanted(job="job_")) == []
    for first in range(6):
        for last in range(first, 6):
            wanted = Wanted(since=start + timedelta(days=first), until=start + timedelta(days=last + 1))
            assert balances(book, wanted=wanted) == [
                line for line, day in zip(TOGETHER, (4, 3, 2, 2, 1, 0), strict=True) if first <= day <= last
            ]
            assert balances(house, wanted=wanted) == [
                line for line, day in zip(OF_HOUSE, (5, 4, 0), strict=True) if first <= day <= last
            ]


def test_pages_deep_in_the_book_go_on_where_the_one_before_ended(mark):
    book, _start = shared_out()
    mark(book)
    first = statements.page(book, limit=2)
    second = statements.page(book, limit=2, before=first.older)
    assert [(line.credits, line.balance_after) for line in second.lines] == TOGETHER[2:4]
    assert statements.page(book, limit=2, after=second.newer) == first


@pytest.mark.parametrize("wanted", [Wanted(), Wanted(kind="capture"), Wanted(job="job_b")])
def test_a_file_says_the_balances_of_the_page(mark, wanted):
    book, _start = shared_out()
    mark(book)
    for one in (book, ledger.house(book.tenant), ledger.wallet_of(book.tenant.members.first())):
        told = [(entry.credits, entry.balance) for entry in statements.found(one, wanted)]
        assert told == balances(one, wanted=wanted)


def test_checkpoints_wait_until_nothing_older_can_come(monkeypatch):
    book, _start = shared_out()
    monkeypatch.setattr(checkpoints, "STRETCH", 2)
    assert checkpoints.extend(book) == 0
    with time_machine.travel(clock.now() + timedelta(days=8), tick=False):
        assert checkpoints.extend(book) == 3
        assert checkpoints.extend(book) == 0
        checkpoints.tick()
    marks = Checkpoint.objects.filter(shelf="together").order_by("entry").values_list("balance", "moved")
    assert list(marks) == [(43, 50), (43, 50), (50, 60)]


def test_what_is_read_costs_the_same_however_much_there_is(django_assert_max_num_queries):
    book, start = shared_out()
    for wanted, most in ((Wanted(), 3), (Wanted(kind="capture"), 3), (Wanted(since=start), 4)):
        with django_assert_max_num_queries(most):
            statements.page(book, wanted=wanted)
