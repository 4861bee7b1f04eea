"""Limits hold to the credit: windows of the tenant's days, a cap for ever, a queue of so many jobs."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from revidweb.accounts.actors import of
from revidweb.keys import budgets, checking, issuing
from revidweb.keys.budgets import Meter
from revidweb.keys.issuing import Limits
from revidweb.keys.models import ApiKey
from revidweb.lib.refusal import Refusal
from tests import makers
from tests.keys.makers import a_key

pytestmark = pytest.mark.django_db


def at(text: str) -> time_machine.travel:
    """A moment in UTC that stands still, "2026-03-01 12:00"."""
    return time_machine.travel(datetime.fromisoformat(text).replace(tzinfo=UTC), tick=False)


def a_zoned_key(zone: str, **limits: object) -> ApiKey:
    return a_key(makers.a_member(makers.a_tenant(time_zone=zone)), **limits).key


def now(key: ApiKey) -> ApiKey:
    return ApiKey.objects.select_related("tenant", "wallet", "member__person").get(pk=key.pk)


def used(key: ApiKey) -> dict[str, int]:
    return budgets.used(now(key))


def refused(key: ApiKey, *, credits: int = 1, jobs: int = 1) -> dict[str, object]:
    """What `hold` says no with, which `peek` says too once the row is read anew."""
    with pytest.raises(Refusal) as said:
        budgets.hold(key, credits=credits, jobs=jobs)
    with pytest.raises(Refusal) as said_early:
        budgets.peek(now(key), credits=credits, jobs=jobs)
    assert (said_early.value.code, said_early.value.facts) == (said.value.code, said.value.facts)
    return {"code": said.value.code, **said.value.facts}


# -- windows ---------------------------------------------------------------------------------------------------------


def test_a_hold_counts_in_every_window_in_one_statement(django_assert_num_queries):
    key = a_key(day=100, week=100, month=100, lifetime=100).key
    with at("2026-03-04 12:00"), django_assert_num_queries(1):
        assert budgets.hold(key, credits=30, jobs=3) == date(2026, 3, 4)
    with at("2026-03-04 13:00"):
        assert used(key) == {"day": 30, "week": 30, "month": 30, "lifetime": 30}
    assert now(key).moving == 3


@pytest.mark.parametrize(
    ("moment", "left"),
    [
        ("2026-03-04 23:59", {"day": 30, "week": 30, "month": 30}),  # a Wednesday
        ("2026-03-05 00:00", {"day": 0, "week": 30, "month": 30}),
        ("2026-03-08 23:59", {"day": 0, "week": 30, "month": 30}),  # Sunday
        ("2026-03-09 00:00", {"day": 0, "week": 0, "month": 30}),
        ("2026-03-31 23:59", {"day": 0, "week": 0, "month": 30}),
        ("2026-04-01 00:00", {"day": 0, "week": 0, "month": 0}),
    ],
)
def test_each_window_begins_anew_in_its_time(moment, left):
    key = a_key(day=100).key
    with at("2026-03-04 12:00"):
        budgets.hold(key, credits=30, jobs=1)
    with at(moment):
        assert used(key) == left | {"lifetime": 30}
        budgets.hold(key, credits=5, jobs=1)
        assert used(key) == {span: credits + 5 for span, credits in left.items()} | {"lifetime": 35}


def test_a_week_goes_on_across_the_months():
    key = a_key().key
    with at("2026-03-31 12:00"):
        budgets.hold(key, credits=30, jobs=1)
    with at("2026-04-02 12:00"):
        assert used(key) == {"day": 0, "week": 30, "month": 0, "lifetime": 30}


@pytest.mark.parametrize(("limit", "moment"), [("day", "03-05"), ("week", "03-09"), ("month", "04-01")])
def test_a_full_window_refuses_and_says_when_it_begins_anew(limit, moment):
    key = a_key(**{limit: 100}).key
    resets = datetime.fromisoformat(f"2026-{moment}").replace(tzinfo=UTC)
    with at("2026-03-04 12:00"):
        budgets.hold(key, credits=90, jobs=1)
        told = {"limit": limit, "most": 100, "used": 90, "needed": 11, "resets_at": resets}
        assert refused(key, credits=11) == {"code": "window_limit", **told}
        assert budgets.resets_at(limit, key.tenant) == resets
        budgets.hold(key, credits=10, jobs=1)
    with time_machine.travel(resets, tick=False):
        budgets.hold(key, credits=100, jobs=1)


def test_a_cap_for_life_never_begins_anew():
    key = a_key(lifetime=100).key
    with at("2026-03-04 12:00"):
        budgets.hold(key, credits=100, jobs=1)
    with at("2036-03-04 12:00"):
        assert refused(key) == {"code": "lifetime_limit", "most": 100, "used": 100, "needed": 1}


def test_the_limit_that_lasts_longest_is_told():
    key = a_key(day=10, week=10, month=10, lifetime=10).key
    assert refused(key, credits=11)["code"] == "lifetime_limit"
    other = a_key(day=10, week=10, month=10).key
    assert refused(other, credits=11)["limit"] == "month"


def test_a_refused_hold_counts_nothing():
    key = a_key(day=10).key
    refused(key, credits=11, jobs=2)
    assert (used(key)["lifetime"], now(key).moving, now(key).counted_on) == (0, 0, None)


def test_a_limit_that_is_changed_holds_for_a_key_that_was_read_before():
    key = a_key().key
    issuing.change(of(key.member), key, name="x", limits=Limits(day=5))
    assert refused(key, credits=6)["code"] == "window_limit"
    issuing.change(of(key.member), key, name="x", limits=Limits())
    key.day_limit = 5
    budgets.peek(key, credits=6, jobs=1)
    budgets.hold(key, credits=6, jobs=1)


@pytest.mark.parametrize(("deed", "code"), [("pause", "key_paused"), ("revoke", "key_revoked")])
def test_a_key_that_ends_meanwhile_holds_nothing(deed, code):
    key = a_key().key
    getattr(issuing, deed)(of(key.member), key)
    assert refused(now(key)) == {"code": code}
    with pytest.raises(Refusal, match=code):
        budgets.hold(key, credits=1, jobs=1)


# -- time zones ------------------------------------------------------------------------------------------------------


def test_a_day_is_the_tenants():
    key = a_zoned_key("Asia/Tokyo", day=100)
    with at("2026-03-04 14:59"):
        assert budgets.hold(key, credits=100, jobs=1) == date(2026, 3, 4)
        assert refused(key)["resets_at"] == datetime(2026, 3, 4, 15, tzinfo=UTC)
    with at("2026-03-04 15:00"):
        assert budgets.hold(key, credits=100, jobs=1) == date(2026, 3, 5)


@pytest.mark.parametrize(
    ("zone", "moment", "resets"),
    [
        ("Europe/Berlin", "2026-03-28 22:59", "2026-03-28 23:00"),
        ("Europe/Berlin", "2026-03-28 23:00", "2026-03-29 22:00"),  # a day of 23 hours
        ("Europe/Berlin", "2026-10-24 22:00", "2026-10-25 23:00"),  # a day of 25 hours
        ("America/Havana", "2026-03-07 12:00", "2026-03-08 05:00"),  # no midnight: the clock goes from 0 to 1
        ("Asia/Kathmandu", "2026-03-07 12:00", "2026-03-07 18:15"),
    ],
)
def test_a_day_ends_at_midnight_across_daylight_saving(zone, moment, resets):
    key, end = a_zoned_key(zone, day=10), datetime.fromisoformat(resets).replace(tzinfo=UTC)
    with at(moment):
        budgets.hold(key, credits=10, jobs=1)
        assert refused(key)["resets_at"] == end
    with time_machine.travel(end - timedelta(seconds=1), tick=False):
        refused(key)
    with time_machine.travel(end, tick=False):
        budgets.hold(key, credits=10, jobs=1)


def in_zone(key: ApiKey, zone: str) -> ApiKey:
    key.tenant.time_zone = zone
    key.tenant.save()
    return now(key)


def test_a_zone_moved_to_the_west_counts_no_day_twice():
    key = a_zoned_key("Asia/Tokyo", day=100)
    with at("2026-03-04 16:00"):
        held_on = budgets.hold(key, credits=60, jobs=1)
        key = in_zone(key, "America/Los_Angeles")  # it is the 4th there
        assert (held_on, budgets.today(key.tenant)) == (date(2026, 3, 5), date(2026, 3, 4))
        assert used(key)["day"] == 60
        assert budgets.hold(key, credits=40, jobs=1) == held_on
        assert refused(key)["resets_at"] == datetime(2026, 3, 6, 8, tzinfo=UTC)
    with at("2026-03-06 07:59"):
        refused(key)
    with at("2026-03-06 08:00"):
        budgets.hold(key, credits=100, jobs=1)


def test_a_zone_moved_to_the_east_begins_its_new_day():
    key = a_zoned_key("America/Los_Angeles", day=100)
    with at("2026-03-04 16:00"):
        budgets.hold(key, credits=100, jobs=1)
        key = in_zone(key, "Asia/Tokyo")
        assert budgets.hold(key, credits=100, jobs=1) == date(2026, 3, 5)


def test_a_process_that_still_has_yesterday_counts_in_the_day_that_another_began():
    key = a_key(day=100).key
    with at("2026-03-05 00:00"):
        budgets.hold(now(key), credits=60, jobs=1)
    with at("2026-03-04 23:59"):
        assert budgets.hold(key, credits=40, jobs=1) == date(2026, 3, 5)
        assert refused(key)["used"] == 100


# -- the end of a job ------------------------------------------------------------------------------------------------


def test_what_is_taken_stays_counted_and_what_is_released_does_not():
    key = a_key().key
    with at("2026-03-04 12:00"):
        day = budgets.hold(key, credits=30, jobs=3)
        budgets.settle(key.pk, held_on=day, held=10, taken=10)
        budgets.settle(key.pk, held_on=day, held=10, taken=4)
        budgets.settle(key.pk, held_on=day, held=10, taken=0)
        assert used(key) == {"day": 14, "week": 14, "month": 14, "lifetime": 14}
    assert (now(key).moving, now(key).spent) == (0, 14)


@pytest.mark.parametrize(
    ("moment", "left"),
    [
        ("2026-03-05 12:00", {"day": 5, "week": 5, "month": 5}),
        ("2026-03-09 12:00", {"day": 5, "week": 5, "month": 5}),
        ("2026-04-01 12:00", {"day": 5, "week": 5, "month": 5}),
    ],
)
def test_a_release_lowers_only_the_windows_in_which_it_was_held(moment, left):
    key = a_key().key
    with at("2026-03-04 12:00"):
        day = budgets.hold(key, credits=30, jobs=1)
    with at(moment):
        budgets.hold(key, credits=5, jobs=1)
        budgets.settle(key.pk, held_on=day, held=30, taken=0)
        assert used(key) == left | {"lifetime": 5}


def test_a_release_after_a_window_ended_lowers_nothing_in_the_next_before_anything_is_held_there():
    key = a_key().key
    with at("2026-03-04 12:00"):
        day = budgets.hold(key, credits=30, jobs=1)
    with at("2026-05-04 12:00"):
        budgets.settle(key.pk, held_on=day, held=30, taken=0)
        assert used(key) == {"day": 0, "week": 0, "month": 0, "lifetime": 0}


def test_a_job_of_a_revoked_key_still_ends():
    key = a_key().key
    day = budgets.hold(key, credits=30, jobs=1)
    issuing.revoke(of(key.member), key)
    budgets.settle(key.pk, held_on=day, held=30, taken=20)
    assert (now(key).moving, now(key).spent, used(key)["day"]) == (0, 20, 20)


# -- the queue -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("queue", "accepted"), [(0, 5), (3, 8)])
def test_running_and_queue_together_are_accepted(queue, accepted):
    key = a_key(running=5, queue=queue).key
    for _ in range(accepted):
        budgets.hold(key, credits=1, jobs=1)
    assert refused(key) == {"code": "queue_full", "running": 5, "queue": queue, "moving": accepted}
    budgets.settle(key.pk, held_on=budgets.today(key.tenant), held=1, taken=1)
    budgets.hold(key, credits=1, jobs=1)


def test_a_batch_is_accepted_whole_or_not_at_all():
    key = a_key(running=2, queue=1).key
    assert refused(key, jobs=4)["code"] == "queue_full"
    budgets.hold(key, credits=3, jobs=3)


def test_a_running_limit_alone_lets_any_number_wait():
    key = a_key(running=1).key
    for _ in range(20):
        budgets.hold(key, credits=1, jobs=1)


# -- reading ---------------------------------------------------------------------------------------------------------


def test_a_key_without_limits_has_no_meters():
    assert budgets.meters(a_key().key) == []


def test_meters_say_how_much_is_used_and_when_they_begin_anew():
    key = a_key(kind="budgeted", credits=50, day=100, lifetime=1000).key
    with at("2026-03-04 12:00"):
        budgets.hold(key, credits=30, jobs=1)
        assert budgets.meters(now(key)) == [
            Meter("budget", 0, 50, None),
            Meter("day", 30, 100, datetime(2026, 3, 5, tzinfo=UTC)),
            Meter("lifetime", 30, 1000, None),
        ]


def test_the_row_that_let_a_key_in_is_not_read_again(django_assert_num_queries):
    key = a_key(day=10).key
    actor = checking.actor_of(key)
    with django_assert_num_queries(0):
        assert budgets.key_of(actor) is key
        budgets.peek(key, credits=10, jobs=1)


def test_only_a_key_has_a_row():
    with pytest.raises(ValueError, match="Nobody acts by a key"):
        budgets.key_of(makers.an_actor())


# -- any order -------------------------------------------------------------------------------------------------------

deeds = st.lists(
    st.tuples(st.sampled_from(["hold", "settle", "wait"]), st.integers(0, 60), st.fractions(0, 1)), max_size=30
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(deeds=deeds, zone=st.sampled_from(["UTC", "Europe/Berlin", "America/Havana", "Pacific/Kiritimati"]))
def test_any_order_of_holds_and_ends_counts_what_a_list_of_them_counts(deeds, zone):
    with transaction.atomic(), at("2026-03-04 12:00"):
        key = a_zoned_key(zone, day=100, week=150, month=250, lifetime=400)
        _play(key, deeds)
        transaction.set_rollback(True)


def _play(key: ApiKey, deeds: list) -> None:
    moment, counted, open_holds = datetime(2026, 3, 4, 12, tzinfo=UTC), defaultdict(int), []
    for deed, number, part in deeds:
        if deed == "wait":
            moment += timedelta(hours=number)
        with time_machine.travel(moment, tick=False):
            today = moment.astimezone(key.tenant.zone).date()
            if deed == "hold" and number:
                fits = all(_sum(counted, span, today) + number <= getattr(key, f"{span}_limit") for span in _SPANS)
                try:
                    open_holds.append((budgets.hold(now(key), credits=number, jobs=1), number))
                    assert fits
                    counted[today] += number
                except Refusal:
                    assert not fits
            if deed == "settle" and open_holds:
                day, held = open_holds.pop(number % len(open_holds))
                taken = int(held * part)
                budgets.settle(key.pk, held_on=day, held=held, taken=taken)
                counted[day] -= held - taken
            assert used(key) == {span: _sum(counted, span, today) for span in _SPANS}
            assert now(key).moving == len(open_holds)


_SPANS = ("day", "week", "month", "lifetime")


def _sum(counted: dict[date, int], span: str, today: date) -> int:
    same = {
        "day": lambda day: day,
        "week": lambda day: day.isocalendar()[:2],
        "month": lambda day: (day.year, day.month),
        "lifetime": lambda _day: None,
    }[span]
    return sum(credits for day, credits in counted.items() if same(day) == same(today))
