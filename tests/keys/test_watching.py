"""Of a limit that is near or reached the trail tells once, and anew in the next window or when it was raised."""

from datetime import UTC, datetime

import pytest
import time_machine

from revidweb.accounts.actors import of
from revidweb.credits import ledger
from revidweb.keys import budgets, issuing, watching
from revidweb.keys.issuing import Limits
from revidweb.keys.models import ApiKey
from revidweb.trail.models import TrailRow
from tests.keys.makers import a_key

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.fixture
def clock():
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


def hold(key: ApiKey, credits: int) -> None:
    budgets.hold(key, credits=credits, jobs=1)


def told() -> list[tuple[object, ...]]:
    """What each new tick tells: the deed's last word, the limit, used, most and period."""
    before = TrailRow.objects.count()
    watching.tick()
    watching.tick()
    rows = TrailRow.objects.order_by("pk")[before:]
    return [(row.what, *(row.facts[name] for name in ("limit", "used", "most", "period"))) for row in rows]


def test_near_and_reached_are_told_once_each(clock):
    key = a_key(day=100).key
    hold(key, 79)
    assert told() == []
    hold(key, 1)
    assert told() == [("key.limit_near", "day", 80, 100, "2026-03-04 100")]
    hold(key, 15)
    assert told() == []
    hold(key, 5)
    assert told() == [("key.limit_reached", "day", 100, 100, "2026-03-04 100")]


def test_what_is_reached_at_once_is_told_as_that_alone(clock):
    hold(a_key(week=10).key, 10)
    assert told() == [("key.limit_reached", "week", 10, 10, "2026-03-02 10")]


def test_the_next_window_is_told_of_anew(clock):
    key = a_key(month=10).key
    hold(key, 9)
    assert len(told()) == 1
    clock.move_to(datetime(2026, 4, 1, tzinfo=UTC))
    assert told() == []
    hold(key, 9)
    assert told() == [("key.limit_near", "month", 9, 10, "2026-04-01 10")]


def test_a_raised_limit_is_told_of_anew(clock):
    key = a_key(lifetime=10).key
    hold(key, 10)
    assert told() == [("key.limit_reached", "lifetime", 10, 10, "10")]
    issuing.change(of(key.member), key, name="x", limits=Limits(lifetime=12))
    assert told() == [("key.limit_near", "lifetime", 10, 12, "12")]


def test_a_budget_is_near_its_end_by_what_is_free(clock):
    key = a_key(kind="budgeted", credits=10).key
    ledger.hold(key.wallet, credits=8, reference="job:1")
    assert told() == [("key.limit_near", "budget", 8, 10, "10")]
    ledger.grant(key.member, credits=10, reference="grant:1", actor="system")
    issuing.top_up(of(key.member), key, credits=10, token="t")
    assert told() == []


def test_a_limit_of_nothing_is_never_news(clock):
    a_key(day=0)
    assert told() == []


def test_a_revoked_key_is_not_told_of(clock):
    key = a_key(day=10).key
    hold(key, 10)
    issuing.revoke(of(key.member), key)
    assert told() == []


def test_a_round_asks_twice_however_many_keys_were_told_of(clock, django_assert_num_queries):
    for _ in range(5):
        hold(a_key(day=10).key, 10)
    told()
    with django_assert_num_queries(2):
        watching.tick()


# -- what is near, on a page -------------------------------------------------------------------------------------------


def test_near_keys_come_with_their_fullest_limit_and_the_fullest_first(clock, django_assert_num_queries):
    first = a_key(day=100, month=100, name="Shop").key
    hold(first, 90)
    second = a_key(first.member, lifetime=10, week=1000, name="Batch").key
    hold(second, 10)
    hold(a_key(first.member, day=100, name="Idle").key, 79)
    with django_assert_num_queries(1):
        found = watching.near(of(first.member), most=5)
    assert [(key.name, meter.limit, meter.used) for key, meter in found] == [
        ("Batch", "lifetime", 10),
        ("Shop", "day", 90),
    ]
    assert [key.name for key, _meter in watching.near(of(first.member), most=1)] == ["Batch"]


def test_a_window_that_has_passed_and_a_revoked_key_are_not_near(clock):
    key, revoked = a_key(day=100).key, a_key(day=100).key
    hold(key, 90)
    hold(revoked, 90)
    issuing.revoke(of(revoked.member), revoked)
    assert watching.near(of(revoked.member), most=5) == []
    clock.shift(86_400)
    assert watching.near(of(key.member), most=5) == []
