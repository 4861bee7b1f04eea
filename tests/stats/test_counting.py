"""Counting: each end once, in its hour, day and month, also after corrections, crashes and moves to another zone."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from revidweb.accounts.models import Tenant
from revidweb.jobs import facts
from revidweb.jobs.models import Settlement
from revidweb.lib import clock
from revidweb.stats import counting
from revidweb.stats.models import UsageCell, UsageDay, UsageMonth, UsageState

from .makers import End, a_studio, at, ended

pytestmark = pytest.mark.django_db
TABLES = (UsageCell, UsageDay, UsageMonth)
TODAY = clock.now().date()


def everything() -> list[set[tuple]]:
    """Every row of usage."""
    return [set(table.objects.values_list()) for table in TABLES]


def cell(tenant: Tenant, dimension: str = "all", value: str = "", **when) -> UsageCell:
    when = {"grain": "d", "member_id": 0, "key_id": 0} | when
    return UsageCell.objects.get(tenant=tenant, dimension=dimension, value=value, **when)


def test_an_end_counts_in_its_hour_its_day_and_its_month():
    studio = a_studio()
    ended(studio, [End(at(TODAY, 9, 30), took_s=20)])
    assert counting.count(studio.tenant) == 1
    for when in ({"grain": "h", "hour": 9}, {"grain": "d", "hour": 0}, {"grain": "m", "day": TODAY.replace(day=1)}):
        row = cell(studio.tenant, **when)
        assert (row.jobs, row.done, row.failed, row.cancelled) == (1, 1, 0, 0)
        assert (row.credits, row.upstream_cost_micros, row.took_s, row.took_16, row.took_32) == (4, 3_000_000, 20, 0, 1)


def test_it_counts_for_the_tenant_the_member_and_the_key_under_each_of_their_dimensions():
    studio = a_studio()
    ended(studio, [End(at(TODAY), key=1)])
    counting.count(studio.tenant)
    key, rows = studio.keys[0], UsageCell.objects.filter(tenant=studio.tenant, grain="d")
    of_key = {"all", "model", "server", "kind", "status"}
    scopes = {
        (0, 0): of_key | {"key", "member", "connection"},
        (key.member_id, 0): of_key | {"key"},
        (0, key.pk): of_key,
    }
    for (member, its_key), dimensions in scopes.items():
        assert set(rows.filter(member_id=member, key_id=its_key).values_list("dimension", flat=True)) == dimensions
    values = dict(rows.filter(member_id=0, key_id=0).values_list("dimension", "value"))
    assert values == {
        "all": "",
        "member": str(key.member_id),
        "key": str(key.pk),
        "model": str(studio.models[0].pk),
        "server": "fast",
        "kind": "image",
        "connection": str(studio.connections[0].pk),
        "status": "done",
    }


def test_what_came_by_no_key_counts_under_none():
    studio = a_studio()
    ended(studio, [End(at(TODAY))])
    counting.count(studio.tenant)
    assert cell(studio.tenant, "key", "0").jobs == 1


def test_failures_and_lost_ones_count_as_failed_and_have_taken_no_time():
    studio = a_studio()
    ended(studio, [End(at(TODAY), verdict=verdict) for verdict in ("failed", "lost", "cancelled")])
    counting.count(studio.tenant)
    row = cell(studio.tenant)
    assert (row.jobs, row.done, row.failed, row.cancelled, row.credits, row.took_s) == (3, 0, 2, 1, 4, 0)
    assert cell(studio.tenant, "status", "failed").jobs == 2


def test_counting_again_counts_nothing():
    studio = a_studio()
    ended(studio, [End(at(TODAY))] * 3)
    counting.tick()
    before = everything()
    counting.tick()
    assert counting.count(studio.tenant) == 0
    assert everything() == before


def test_a_crash_in_the_middle_loses_nothing_and_counts_nothing_twice(monkeypatch):
    studio = a_studio()
    ended(studio, [End(at(TODAY))] * 2)
    with monkeypatch.context() as crashing:
        crashing.setattr(counting.folding, "cells", lambda grain, sums: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            counting.count(studio.tenant)
    assert everything() == [set(), set(), set()]
    counting.count(studio.tenant)
    assert cell(studio.tenant).jobs == 2


def test_a_tick_counts_all_that_is_due_however_much(monkeypatch):
    monkeypatch.setattr(counting, "MOST_AT_ONCE", 2)
    one, other = a_studio(), a_studio()
    ended(one, [End(at(TODAY))] * 5)
    ended(other, [End(at(TODAY))] * 2)
    counting.tick()
    assert (cell(one.tenant).jobs, cell(other.tenant).jobs) == (5, 2)


def test_a_correction_counts_by_its_difference_on_the_day_of_the_end():
    studio = a_studio()
    day = TODAY - timedelta(days=3)
    (job,) = ended(studio, [End(at(day))])
    counting.tick()
    Settlement.objects.filter(job=job).update(upstream_cost_micros=1_000_000, credits=1, is_due=True)
    counting.tick()
    row = cell(studio.tenant)
    assert (row.day, row.jobs, row.credits, row.upstream_cost_micros) == (day, 1, 1, 1_000_000)
    assert counting.count(studio.tenant) == 0


def test_a_day_is_the_tenants_own():
    studio = a_studio("Asia/Kathmandu")
    ended(
        studio,
        [End(at(date(2026, 3, 1), 0, 10, "Asia/Kathmandu")), End(at(date(2026, 2, 28), 23, 50, "Asia/Kathmandu"))],
    )
    counting.tick()
    days = UsageCell.objects.filter(dimension="all", grain="d", member_id=0, key_id=0).values_list("day", "jobs")
    assert set(days) == {(date(2026, 3, 1), 1), (date(2026, 2, 28), 1)}


def test_an_hour_that_the_clocks_repeat_is_another_one():
    before = at(date(2026, 11, 1), 1, 30, "America/New_York")
    studio = a_studio("America/New_York")
    ended(studio, [End(before), End(before + timedelta(hours=1))])
    counting.tick()
    hours = UsageCell.objects.filter(dimension="all", grain="h", member_id=0, key_id=0).values_list("hour", "jobs")
    assert set(hours) == {(1, 1), (2, 1)}


def test_hours_are_kept_for_five_weeks_and_days_for_ever():
    studio = a_studio()
    ended(studio, [End(at(TODAY - timedelta(days=days))) for days in (1, 34, 36, 400)])
    counting.tick()
    own = UsageCell.objects.filter(dimension="all", member_id=0, key_id=0)
    assert (own.filter(grain="h").count(), own.filter(grain="d").count()) == (2, 4)
    UsageCell.objects.filter(grain="h", day=TODAY - timedelta(days=34)).update(day=TODAY - timedelta(days=37))
    counting.forget_hours()
    assert (own.filter(grain="h").count(), own.filter(grain="d").count()) == (1, 4)


ENDS = st.builds(
    End,
    at=st.datetimes(
        min_value=(clock.now() - timedelta(days=70)).replace(tzinfo=None), max_value=clock.now().replace(tzinfo=None)
    ).map(lambda moment: moment.replace(tzinfo=clock.now().tzinfo)),
    verdict=st.sampled_from(["done", "done", "failed", "lost", "cancelled"]),
    credits=st.integers(1, 10**9),
    model=st.integers(0, 1),
    member=st.integers(0, 2),
    key=st.integers(0, 2),
    connection=st.integers(0, 1),
    server=st.sampled_from(["fast", "vip1"]),
    cost=st.integers(0, 500),
    took_s=st.integers(0, 5000),
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    ends=st.lists(ENDS, max_size=25),
    zone=st.sampled_from(["UTC", "Asia/Ho_Chi_Minh", "America/New_York", "Asia/Kathmandu"]),
    some=st.integers(1, 7),
)
def test_all_anew_gives_the_rows_of_counting_as_it_ends(ends, zone, some):
    with transaction.atomic():
        studio = a_studio(zone)
        jobs = ended(studio, ends)
        while counting.count(studio.tenant, limit=some):
            corrected = Settlement.objects.filter(job__in=jobs[:1], upstream_cost_micros__gt=0)
            corrected.update(upstream_cost_micros=0, is_due=True)
        before = everything()
        assert counting.rebuild(studio.tenant) == len(ends)
        assert everything() == before
        transaction.set_rollback(True)


def test_the_command_counts_all_anew(capsys):
    studio = a_studio()
    ended(studio, [End(at(TODAY))])
    counting.tick()
    right = everything()
    UsageCell.objects.update(jobs=7)
    call_command("rebuild_usage", studio.tenant.slug)
    assert everything() == right
    assert capsys.readouterr().out == f"{studio.tenant.slug}: 1 jobs counted\n"


def test_what_was_corrected_and_not_counted_yet_counts_once_when_all_is_counted_anew():
    studio = a_studio()
    (job, _other) = ended(studio, [End(at(TODAY)), End(at(TODAY))])
    counting.tick()
    Settlement.objects.filter(job=job).update(credits=1, is_due=True)
    counting.rebuild(studio.tenant)
    counting.tick()
    assert cell(studio.tenant).credits == 5


def test_a_tenant_that_moves_to_another_zone_is_counted_anew_there():
    studio = a_studio()
    moment = at(TODAY - timedelta(days=1), 22)
    ended(studio, [End(moment)])
    counting.tick()
    Tenant.objects.filter(pk=studio.tenant.pk).update(time_zone="Asia/Ho_Chi_Minh")
    ended(studio, [End(moment)])
    counting.tick()  # still where it was counted before
    assert cell(studio.tenant).day == TODAY - timedelta(days=1)
    counting.rebuild_moved()
    row = cell(studio.tenant)
    assert (row.day, row.jobs) == (TODAY, 2)
    assert UsageState.objects.get(tenant=studio.tenant).time_zone == "Asia/Ho_Chi_Minh"


def test_of_two_that_take_at_once_each_takes_its_own():
    studio = a_studio()
    ended(studio, [End(at(TODAY))] * 4)
    first = facts.take(studio.tenant, limit=3)
    second = facts.take(studio.tenant, limit=3)
    assert (len(first), len(second)) == (3, 1)


@pytest.mark.django_db(transaction=True)
def test_where_somebody_else_counts_nobody_waits():
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    studio = a_studio()
    ended(studio, [End(at(TODAY))] * 2)
    counting.count(studio.tenant, limit=1)
    with ThreadPoolExecutor(1) as other, transaction.atomic():
        counting._locked(studio.tenant)
        assert other.submit(_counted_elsewhere, studio.tenant).result(timeout=10) == 0
    assert counting.count(studio.tenant) == 1


def _counted_elsewhere(tenant: Tenant) -> int:
    try:
        return counting.count(tenant)
    finally:
        connection.close()


def test_a_tenant_that_cannot_be_counted_keeps_no_other_from_being(monkeypatch):
    bad, good = a_studio(), a_studio()
    for studio in (bad, good):
        ended(studio, [End(at(TODAY))])
    count = counting.count

    def broken(tenant, **limit):
        return 1 // 0 if tenant == bad.tenant else count(tenant, **limit)

    monkeypatch.setattr(counting, "count", broken)
    counting.tick()
    assert cell(good.tenant).jobs == 1


def test_a_move_that_was_counted_already_is_not_counted_again(monkeypatch):
    studio = a_studio()
    ended(studio, [End(at(TODAY))])
    counting.tick()
    Tenant.objects.filter(pk=studio.tenant.pk).update(time_zone="Asia/Kathmandu")
    studio.tenant.refresh_from_db()
    counting._rebuild_if_moved(studio.tenant)
    monkeypatch.setattr(counting, "rebuild", lambda tenant: 1 / 0)
    counting._rebuild_if_moved(studio.tenant)


def test_what_was_never_counted_is_before_the_first_page():
    studio = a_studio()
    ended(studio, [End(at(TODAY))] * 3)
    counting.begin()
    assert cell(studio.tenant).jobs == 3
    assert counting.count(studio.tenant) == 0
