"""Charts, tables, files and `/v1` say the same, to the credit, in every time zone and across its clock changes."""

from datetime import date, timedelta

import pytest
import time_machine
from django.db import transaction
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from revidweb.accounts import actors
from revidweb.keys import issuing
from revidweb.stats import counting
from tests.makers import a_client
from tests.stats.makers import End, a_studio, at, ended

from . import exports

pytestmark = pytest.mark.django_db
ZONES = ["UTC", "Asia/Ho_Chi_Minh", "America/New_York", "Asia/Kathmandu"]
CHANGES = [date(2026, 3, 8), date(2026, 11, 1)]  # on which New York's clocks do


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    zone=st.sampled_from(ZONES),
    around=st.sampled_from(CHANGES),
    minutes=st.lists(st.tuples(st.integers(-4320, 4320), st.integers(1, 10**6), st.integers(0, 1)), max_size=12),
    counted=st.integers(0, 12),
)
def test_every_place_says_the_same(zone, around, minutes, counted):
    with transaction.atomic(), time_machine.travel(at(around + timedelta(days=4), zone=zone), tick=False):
        studio = a_studio(zone)
        noon = at(around, zone=zone)
        ends = [
            End(noon + timedelta(minutes=each), credits=credits, model=model, key=1) for each, credits, model in minutes
        ]
        ended(studio, ends[:counted])
        counting.tick()
        ended(studio, ends[counted:])
        days = f"?from={around - timedelta(days=4)}&to={around + timedelta(days=4)}"
        asked_for = sum(end.credits for end in ends)

        client, slug = a_client(studio.owner), studio.tenant.slug
        shown = client.get(reverse("usage", args=[slug]) + days).context["shown"]
        by_bar = {bucket.day: sums.credits for bucket, sums in shown.usage.by_bucket.items()}
        by_row = {row.label: row.sums.credits for row in shown.rows}
        assert sum(by_bar.values()) == sum(by_row.values()) == shown.usage.total.credits == asked_for

        file = exports.rows(client.get(reverse("usage_export", args=[slug]) + days))
        assert {line["name"]: int(line["credits"]) for line in file} == by_row
        by_day = exports.rows(client.get(reverse("usage_export", args=[slug]) + days + "&each=bucket&by=all"))
        assert {date.fromisoformat(line["day"]): int(line["credits"]) for line in by_day} == by_bar

        secret = issuing.rotate(actors.of(studio.members[1]), studio.keys[0], grace_s=0).secret
        told = client.get(f"/v1/dashboard/stats{days}", headers={"Authorization": f"Bearer {secret}"}).json()
        assert {date.fromisoformat(day["date"]): day["credits"] for day in told["by_day"]} == by_bar
        assert {row["credits"] for row in told["by_model"]} == set(by_row.values())
        assert told["credits_spent"] == asked_for

        each_day = 0
        for number in range(9):
            day = around + timedelta(days=number - 4)
            one = client.get(reverse("usage", args=[slug]) + f"?from={day}&to={day}").context["shown"].usage.total
            assert one.credits == by_bar.get(day, 0)
            each_day += one.credits
        assert each_day == asked_for
        transaction.set_rollback(True)
