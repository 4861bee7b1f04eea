"""Reading usage: whoever asks, for whatever days and filters, the figures are those of the jobs themselves."""

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from revidweb.accounts import actors
from revidweb.accounts.models import Member, Tenant
from revidweb.keys import budgets
from revidweb.keys.models import ApiKey
from revidweb.lib import clock
from revidweb.stats import counting, folding, usage
from revidweb.stats.models import Dimension, Grain
from revidweb.stats.values import Bucket, Question, Scope, Span, Sums

from .makers import End, a_studio, at, ended
from .test_counting import ENDS

pytestmark = pytest.mark.django_db
TODAY = clock.now().date()
WEEK = Span(TODAY - timedelta(days=6), TODAY)
ZONES = ["UTC", "Asia/Ho_Chi_Minh", "America/New_York", "Asia/Kathmandu"]
UTC_ZONE = ZoneInfo("UTC")


def read(scope: Scope, span: Span = WEEK, by: Dimension = Dimension.ALL, **filters: object):
    asked = {Dimension(name): str(value) for name, value in filters.items()}
    return usage.read(Question(scope, span, by, asked), usage.zone_of(scope.tenant))


def test_the_tenant_a_member_and_a_key_see_each_their_own():
    studio = a_studio()
    ended(studio, [End(at(TODAY), key=1), End(at(TODAY), member=1), End(at(TODAY), member=2), End(at(TODAY))])
    counting.tick()
    owner, user = actors.of(studio.owner), actors.of(studio.members[1])
    key = budgets.KeyInHand(studio.keys[0].pk, "", "", row=ApiKey.objects.get(pk=studio.keys[0].pk))
    by_key = actors.by_key(key, tenant=studio.tenant, member=studio.members[1])
    assert [read(usage.scope_of(actor)).total.jobs for actor in (owner, user, by_key)] == [4, 2, 1]


def test_connections_tell_usage_apart_only_for_who_manages_them():
    studio = a_studio()
    assert Dimension.CONNECTION in usage.dimensions(actors.of(studio.owner))
    assert set(usage.dimensions(actors.of(studio.members[1]))).isdisjoint({Dimension.CONNECTION, Dimension.MEMBER})


def test_groups_come_with_the_most_credits_first_and_the_first_of_them_by_bucket():
    studio = a_studio()
    ended(studio, [End(at(TODAY), credits=3), End(at(TODAY - timedelta(days=1)), credits=9, model=1)])
    counting.tick()
    found = read(Scope(studio.tenant), by=Dimension.MODEL)
    first, second = (str(studio.models[number].pk) for number in (1, 0))
    assert [(value, sums.credits) for value, sums in found.groups.items()] == [(first, 9), (second, 3)]
    assert found.parts[first] == {Bucket(TODAY - timedelta(days=1)): found.groups[first]}
    assert found.buckets == tuple(Bucket(TODAY - timedelta(days=ago)) for ago in range(6, -1, -1))


def test_what_is_not_counted_yet_is_there_all_the_same():
    studio = a_studio()
    ended(studio, [End(at(TODAY))])
    counting.tick()
    ended(studio, [End(at(TODAY), model=1, credits=7)])
    found = read(Scope(studio.tenant), by=Dimension.MODEL)
    assert (found.total.jobs, found.total.credits, len(found.groups)) == (2, 11, 2)
    assert usage.days(Scope(studio.tenant), WEEK, UTC_ZONE)[TODAY].credits == 11


def test_a_short_range_is_drawn_by_the_hour_and_a_long_one_by_the_month():
    studio = a_studio()
    scope = Scope(studio.tenant)
    assert [one.hour for one in read(scope, Span(TODAY, TODAY)).buckets] == list(range(24))
    year = read(scope, Span(date(2025, 3, 15), date(2026, 3, 14)))
    assert (year.grain, len(year.buckets), year.buckets[0].day) == (Grain.MONTH, 13, date(2025, 3, 1))
    assert read(scope, Span(date(2025, 3, 15), date(2025, 3, 15))).grain == Grain.DAY  # its hours are gone


def test_a_day_on_which_the_clocks_change_has_all_its_hours(monkeypatch):
    monkeypatch.setattr(usage.clock, "now", lambda: datetime(2026, 11, 2, tzinfo=UTC))
    studio = a_studio("America/New_York")
    for day, hours in ((date(2026, 11, 1), 25), (date(2026, 10, 31), 24)):
        assert len(read(Scope(studio.tenant), Span(day, day)).buckets) == hours


def test_figures_are_told_as_people_ask_for_them():
    studio = a_studio()
    ended(studio, [End(at(TODAY), took_s=took) for took in (10, 10, 20, 300)])
    ended(studio, [End(at(TODAY), verdict="failed"), End(at(TODAY), verdict="cancelled")])
    counting.tick()
    total = read(Scope(studio.tenant)).total
    assert (total.jobs, total.done, total.failed, total.cancelled) == (6, 4, 1, 1)
    assert (total.success_percent, total.median_s) == (80.0, 16.0)
    assert total.average_credits == 5.0  # what was cancelled upstream cost too


def test_several_sums_come_to_one():
    one, other = Sums(tuple(range(14))), Sums(tuple(range(14, 28)))
    assert Sums.of([one, other]) == one + other
    assert Sums.of([]) == Sums()


def test_of_nothing_there_is_no_average():
    nothing = Sums()
    assert not nothing
    assert {nothing.success_percent, nothing.average_credits, nothing.median_s} == {None}


def test_the_span_before_is_as_long_and_ends_where_this_begins():
    assert Span(date(2026, 3, 8), date(2026, 3, 14)).before == Span(date(2026, 3, 1), date(2026, 3, 7))


def test_a_question_takes_few_queries(django_assert_max_num_queries):
    studio = a_studio()
    with django_assert_max_num_queries(3):
        usage.read(Question(Scope(studio.tenant), WEEK, Dimension.MODEL), UTC_ZONE)
    with django_assert_max_num_queries(2):
        usage.days(Scope(studio.tenant), WEEK, UTC_ZONE)


# -- a glance


@pytest.mark.parametrize("is_counted", [True, False])
def test_a_glance_agrees_with_what_is_read_in_full(is_counted):
    studio, month = a_studio(), Span.ending(TODAY, days=30)
    ended(studio, [End(at(TODAY - timedelta(days=ago)), credits=ago + 1, model=ago % 2) for ago in range(61)])
    ended(studio, [End(at(TODAY), verdict="failed", key=1)])
    if is_counted:
        counting.tick()
    for scope in (Scope(studio.tenant), Scope(studio.tenant, member=studio.members[1].pk)):
        glance, full = usage.glance(scope, month, UTC_ZONE), read(scope, month, by=Dimension.MODEL)
        names = {str(model.pk): model.name for model in studio.models}
        assert (glance.sums(month), glance.sums(month.before)) == (full.total, full.before)
        assert list(glance.models.items()) == [(names[pk], sums) for pk, sums in full.groups.items()]
        assert glance.days == usage.days(scope, Span(month.before.first, TODAY), UTC_ZONE)


def test_a_glance_takes_two_queries(django_assert_num_queries):
    studio = a_studio()
    ended(studio, [End(at(TODAY)), End(at(TODAY), model=1)])
    with django_assert_num_queries(2):
        assert len(usage.glance(Scope(studio.tenant), WEEK, UTC_ZONE).models) == 2


def test_the_zone_comes_with_the_member(django_assert_num_queries):
    studio = a_studio("Asia/Kathmandu")
    ended(studio, [End(at(TODAY))])
    counting.tick()
    Tenant.objects.update(time_zone="UTC")
    (member,) = usage.with_zone(Member.objects.filter(pk=studio.owner.pk).select_related("tenant", "person"))
    with django_assert_num_queries(0):
        assert usage.zone_for(actors.of(member)).key == "Asia/Kathmandu"
    assert usage.zone_for(actors.of(studio.owner)).key == "Asia/Kathmandu"


# -- the slow way ----------------------------------------------------------------------------------------------------


def told(studio, end: End) -> dict[Dimension, str]:
    """Under which values an end counts."""
    key = studio.keys[end.key - 1] if end.key else None
    return {
        Dimension.ALL: "",
        Dimension.MEMBER: str(key.member_id if key else studio.members[end.member].pk),
        Dimension.KEY: str(key.pk if key else 0),
        Dimension.MODEL: str(studio.models[end.model].pk),
        Dimension.KIND: studio.models[end.model].kind,
        Dimension.SERVER: end.server,
        Dimension.CONNECTION: str(studio.connections[end.connection].pk),
        Dimension.STATUS: {"lost": "failed"}.get(end.verdict, end.verdict),
    }


def summed(studio, ends, zone, question: Question):
    """jobs and credits by value and day, job by job."""
    found = defaultdict(lambda: [0, 0])
    for end in ends:
        values, day = told(studio, end), end.at.astimezone(zone).date()
        if not question.span.first <= day <= question.span.last:
            continue
        if any(values[dimension] != value for dimension, value in question.filters.items()):
            continue
        row = found[values[question.by], day]
        row[0] += 1
        row[1] += 0 if end.verdict in ("failed", "lost") else end.credits
    return found


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), ends=st.lists(ENDS, max_size=20), zone=st.sampled_from(ZONES))
def test_every_question_is_answered_as_the_jobs_themselves_would(data, ends, zone):
    with transaction.atomic():
        studio = a_studio(zone)
        ended(studio, ends[::2])
        counting.tick()
        ended(studio, ends[1::2])  # not counted yet
        here, today = ZoneInfo(zone), clock.now().astimezone(ZoneInfo(zone)).date()
        first = today - timedelta(days=data.draw(st.integers(0, 120)))
        span = Span(first, first + timedelta(days=data.draw(st.integers(0, 120))))
        by = data.draw(st.sampled_from(list(Dimension)))
        names = data.draw(st.sets(st.sampled_from([one for one in Dimension if one != Dimension.ALL]), max_size=3))
        example = data.draw(st.sampled_from(ends)) if ends else End(at(today))
        filters = {name: told(studio, example)[name] for name in names}
        question = Question(Scope(studio.tenant), span, by, filters, top=3)
        found = usage.read(question, here)
        right = summed(studio, ends, here, question)
        by_value, by_day = defaultdict(lambda: [0, 0]), defaultdict(lambda: [0, 0])
        for (value, day), row in right.items():
            begins = day.replace(day=1) if found.grain == Grain.MONTH else day
            for sums in (by_value[value], by_day[begins]):
                sums[:] = [sums[0] + row[0], sums[1] + row[1]]
        assert {value: [sums.jobs, sums.credits] for value, sums in found.groups.items()} == by_value
        assert found.total.jobs == sum(row[0] for row in by_value.values())
        drawn = defaultdict(lambda: [0, 0])
        for bucket, sums in found.by_bucket.items():
            assert bucket in found.buckets
            drawn[bucket.day] = [drawn[bucket.day][0] + sums.jobs, drawn[bucket.day][1] + sums.credits]
        assert drawn == by_day
        for value, parts in found.parts.items():
            assert sum(parts.values(), Sums()) == found.groups[value]
        earlier = summed(studio, ends, here, replace(question, span=span.before))
        assert found.before.credits == sum(row[1] for row in earlier.values())
        transaction.set_rollback(True)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    zone=st.sampled_from(ZONES),
    around=st.sampled_from([date(2026, 3, 8), date(2026, 11, 1), date(2026, 2, 28)]),
    minutes=st.lists(st.integers(-4320, 4320), max_size=15),
)
def test_the_days_sum_to_the_range_across_clock_changes(zone, around, minutes):
    with transaction.atomic():
        studio, here = a_studio(zone), ZoneInfo(zone)
        noon = at(around, zone=zone)
        ends = [End(noon + timedelta(minutes=each)) for each in minutes]
        ended(studio, ends)
        counting.tick()
        span, scope = Span(around - timedelta(days=4), around + timedelta(days=4)), Scope(studio.tenant)
        each = [read(scope, Span(bucket.day, bucket.day)).total for bucket in read(scope, span).buckets]
        assert sum(each, Sums()) == read(scope, span).total
        assert sum(each, Sums()).jobs == len(ends)
        assert sum(usage.days(scope, span, here).values(), Sums()).credits == 4 * len(ends)
        transaction.set_rollback(True)


@given(zone=st.sampled_from(ZONES), seconds=st.integers(0, 10 * 366 * 86_400))
def test_a_moment_lies_in_the_hour_that_its_place_says(zone, seconds):
    here, moment = ZoneInfo(zone), datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    day, hour = folding.place(moment, here)
    begins = folding.midnight(day, here) + timedelta(hours=hour)
    assert begins <= moment < begins + timedelta(hours=1)
    assert moment < folding.midnight(day + timedelta(days=1), here)


def test_combined_filters_that_nothing_matches_answer_nothing():
    studio = a_studio()
    today = clock.now().date()
    filters = {Dimension.SERVER: "nowhere", Dimension.KIND: "image", Dimension.STATUS: "done"}
    question = Question(Scope(studio.tenant), Span(today - timedelta(days=200), today), Dimension.ALL, filters)
    assert not usage.read(question, ZoneInfo("UTC")).total


@pytest.mark.django_db(transaction=True)
def test_what_is_counted_while_it_is_read_is_seen_once(monkeypatch):
    studio = a_studio()
    ended(studio, [End(at(TODAY))])
    live = usage._live

    def counted_between(*asked):
        found = live(*asked)
        with ThreadPoolExecutor(1) as other:
            other.submit(_counted, studio.tenant).result(timeout=10)
        return found

    monkeypatch.setattr(usage, "_live", counted_between)
    assert read(Scope(studio.tenant)).total.jobs == 1
    monkeypatch.undo()
    assert read(Scope(studio.tenant)).total.jobs == 1


def _counted(tenant) -> None:
    try:
        counting.count(tenant)
    finally:
        connection.close()
