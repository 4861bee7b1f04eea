"""Whatever a log says, the totals add up, each line is accounted for once, and ranges that touch share nothing."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies

from revidweb.providers.account_pages import CreditLine, Move
from revidweb.reports.comparing import Ours, Stretch, compare, tickets

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
TODAY = Stretch(NOON - DAY / 2, NOON + DAY / 2, fresh_after=NOON + DAY)


def an_order(ticket: str = "a", credits: int = 4, **fields) -> Ours:
    return Ours(attempt=1, ticket=ticket, cost_micros=credits * 1_000_000, **{"sent_at": NOON} | fields)


def a_line(move: Move = Move.CHARGE, credits: int = 4, ticket: str = "a", at: datetime | None = NOON) -> CreditLine:
    change = -credits if move is Move.CHARGE else credits
    return CreditLine("", ticket, move, change, at, {})


def sorts(ours, lines, stretch=TODAY) -> list[tuple[str, str]]:
    return [(str(one.sort), one.mark) for one in compare(ours, lines, stretch).differences]


def test_equal_orders_match():
    found = compare([an_order()], [a_line()], TODAY)
    assert (len(found.matched), found.differences, found.ours_micros, found.theirs_micros) == (
        1,
        (),
        4_000_000,
        4_000_000,
    )


@pytest.mark.parametrize(
    ("ours", "lines", "sort"),
    [
        ([], [a_line()], "missing_here"),
        ([an_order()], [], "missing_there"),
        ([an_order()], [a_line(credits=5)], "different"),
        ([an_order(credits=0)], [a_line()], "different"),
        ([an_order()], [a_line(), a_line(credits=4)], "different"),
        ([an_order()], [a_line(), a_line(Move.REFUND)], "refunded"),
        ([an_order()], [a_line(), a_line(Move.REFUND, 1)], "different"),
    ],
)
def test_each_sort_has_its_name(ours, lines, sort):
    assert sorts(ours, lines) == [(sort, "a")]


def test_a_strangers_job_that_cost_nothing_in_the_end_is_nobodys_matter():
    found = compare([], [a_line(), a_line(Move.REFUND)], TODAY)
    assert (found.matched, found.differences) == ((), ())


def test_an_order_without_a_ticket_is_missing_there_by_its_attempt():
    assert sorts([an_order("")], []) == [("missing_there", "attempt:1")]


def test_a_charge_dated_beyond_midnight_is_that_of_the_order_before_it():
    late, tomorrow = TODAY.until - timedelta(seconds=1), TODAY.until + timedelta(seconds=5)
    order, charge = an_order(sent_at=late), a_line(at=tomorrow)
    assert len(compare([order], [charge], TODAY).matched) == 1
    next_day = Stretch(TODAY.until, TODAY.until + DAY, TODAY.fresh_after)
    found = compare([order], [charge], next_day)
    assert (found.matched, found.differences) == ((), ())


def test_a_clock_that_runs_behind_makes_no_difference():
    order, charge = an_order(sent_at=TODAY.since), a_line(at=TODAY.since - timedelta(minutes=5))
    assert len(compare([order], [charge], TODAY).matched) == 1


def test_a_refund_after_the_range_counts():
    assert sorts([an_order()], [a_line(), a_line(Move.REFUND, at=TODAY.until + DAY)]) == [("refunded", "a")]


def test_a_refund_of_an_order_from_before_the_range_is_found():
    order, refund = an_order(sent_at=NOON - 5 * DAY), a_line(Move.REFUND)
    found = compare([order], [refund], TODAY)
    assert [(one.sort, one.charged, one.refunded) for one in found.differences] == [("refunded", 4, 4)]


def test_what_has_a_line_that_could_not_be_read_waits():
    orders = [an_order(), an_order("b")]
    found = compare(orders, [a_line(), a_line(ticket="c")], TODAY, unread={"a", "b", "c"})
    assert (found.waiting, found.matched, found.differences) == (3, (), ())


def test_an_order_from_before_a_log_that_was_cut_short_is_not_judged():
    cut = Stretch(TODAY.since, TODAY.until, TODAY.fresh_after, read_from=NOON + timedelta(hours=1))
    found = compare([an_order()], [], cut)
    assert (found.beyond, found.differences) == (1, ())


def test_what_may_still_change_waits():
    fresh = Stretch(TODAY.since, TODAY.until, fresh_after=NOON - timedelta(minutes=1))
    found = compare([an_order("b", is_over=False)], [a_line(), a_line(credits=9, ticket="b")], fresh)
    assert (found.waiting, found.differences) == (2, ())


def test_an_order_to_another_account_is_compared_only_where_the_log_names_it():
    order = an_order(is_asked=False)
    assert sorts([order], []) == []
    assert sorts([order], [a_line(credits=5)]) == [("different", "a")]


def test_a_top_up_stands_apart():
    found = compare([], [a_line(Move.OTHER, 100, ""), a_line(Move.CHARGE, 3, "")], TODAY)
    assert [line.change for line in found.others] == [100, -3]


MOMENTS = strategies.integers(-4 * 24, 4 * 24).map(lambda hours: NOON + timedelta(hours=hours))
TICKETS = strategies.sampled_from(["a", "b", "c", "d", ""])
LINES = strategies.lists(
    strategies.builds(
        a_line, strategies.sampled_from(Move), strategies.integers(0, 30), TICKETS, MOMENTS | strategies.none()
    ),
    max_size=20,
)
ORDERS = strategies.lists(
    strategies.builds(
        an_order,
        TICKETS,
        strategies.integers(0, 30),
        sent_at=MOMENTS,
        is_over=strategies.booleans(),
        is_asked=strategies.booleans(),
    ),
    max_size=6,
    unique_by=lambda order: order.ticket,
)
CUT = strategies.builds(
    Stretch,
    since=strategies.just(TODAY.since),
    until=strategies.just(TODAY.until),
    fresh_after=MOMENTS,
    read_from=MOMENTS | strategies.none(),
)


@given(ORDERS, LINES, CUT)
def test_totals_always_add_up(ours, lines, stretch):
    found = compare(ours, lines, stretch)
    explained = sum(one.ours_micros - one.theirs_micros for one in found.differences)
    assert found.ours_micros - found.theirs_micros == explained
    for one in (*found.matched, *found.differences):
        moved = [line for line in lines if one.ticket and line.ticket == one.ticket]
        assert one.refunded == sum(line.credits for line in moved if line.move is Move.REFUND)
        charged = sum(line.credits for line in moved if line.move is Move.CHARGE)
        assert one.charged == charged or (not charged and one.charged >= one.refunded)
    assert all(line.move is Move.OTHER or not line.ticket for line in found.others)
    marks = [one.mark for one in (*found.matched, *found.differences)]
    assert len(marks) == len(set(marks))
    assert {one.mark for one in found.differences if one.attempt is None} <= tickets(lines)


@given(ORDERS, strategies.lists(MOMENTS, min_size=2, max_size=2))
def test_every_order_of_ours_is_in_one_range_alone(ours, days):
    first = Stretch(NOON - 9 * DAY, min(days), fresh_after=NOON + 9 * DAY)
    ranges = [
        first,
        Stretch(min(days), max(days), first.fresh_after),
        Stretch(max(days), NOON + 9 * DAY, first.fresh_after),
    ]
    asked = [order for order in ours if order.is_asked and order.is_over]
    found = [compare(asked, [], each) for each in ranges]
    named = [one.mark for each in found for one in (*each.matched, *each.differences)]
    assert sorted(named) == sorted(order.ticket or f"attempt:{order.attempt}" for order in asked)
