"""Jobs upstream are looked at until there is a verdict, or patience ends."""

import pytest

from revidweb.jobs import poll, settle, submit
from revidweb.jobs.models import Job
from revidweb.lib import clock
from revidweb.providers.base import (
    AccountRefused,
    OutcomeUnknown,
    Pace,
    ProviderBusy,
    Sighting,
    Status,
)
from tests.upstreams.scripted import DONE, WORKING, Scripted

from .steps import due_now, poll_all, send_all, states, sweep_all

pytestmark = pytest.mark.django_db


@pytest.fixture
def working(job, upstream) -> Job:
    send_all()
    job.refresh_from_db()
    return job


def test_progress_is_kept(working, upstream):
    upstream.sightings = [WORKING]
    poll_all()
    working.refresh_from_db()
    assert (working.state, working.progress, working.lease_until) == ("working", 40, None)


def test_two_rounds_at_once_ask_about_each_job_once(working, upstream):
    due_now()
    first = poll.claim("working")
    second = poll.claim("working")
    assert ([job.pk for job in first], second) == ([working.pk], [])


def test_a_failed_job_costs_nothing_here_and_nothing_there(working, wallet, upstream):
    upstream.sightings = [Sighting(Status.FAILED, error="Job failed, change prompt")]
    poll_all()
    working.refresh_from_db()
    wallet.refresh_from_db()
    assert (working.state, working.error, wallet.held, wallet.balance) == (
        "failed",
        "Job failed, change prompt",
        0,
        100,
    )
    assert working.attempts.get().upstream_cost_micros == 0


def test_done_without_a_result_is_undeliverable(working, upstream):
    upstream.sightings = [Sighting(Status.DONE)]
    poll_all()
    working.refresh_from_db()
    assert (working.state, working.error_code) == ("failed", "undeliverable")
    assert working.settlement.upstream_cost_micros == 4_000_000


def test_a_missing_job_is_believed_after_three_looks(working, upstream):
    upstream.sightings = [Sighting(Status.MISSING)]
    poll_all()
    poll_all()
    assert states() == ["working"]
    poll_all()
    assert states() == ["failed"]


def test_a_job_that_shows_up_again_starts_a_new_count(working, upstream):
    missing = Sighting(Status.MISSING)
    upstream.sightings = [missing, missing, WORKING, missing, missing, DONE]
    for _ in range(5):
        poll_all()
    assert states() == ["working"]
    poll_all()
    assert states() == ["storing"]


@pytest.mark.parametrize("error", [ProviderBusy("503"), AccountRefused("402"), OutcomeUnknown("reset")])
def test_an_error_while_polling_only_means_later(working, upstream, error):
    upstream.sightings = [error, DONE]
    poll_all()
    assert states() == ["working"]
    poll_all()
    assert states() == ["storing"]


def test_a_deadline_without_a_verdict_is_unknown_and_still_looked_at(working, wallet, upstream):
    upstream.sightings = [WORKING]
    due_now(deadline_at=clock.ago(1))
    poll.tick()
    wallet.refresh_from_db()
    assert (states(), wallet.held) == (["unknown"], 4)
    upstream.sightings = [DONE]
    poll_all()
    assert states() == ["storing"]


def test_a_deadline_counts_also_where_upstream_only_errs(working, upstream):
    upstream.sightings = [ProviderBusy("down for days")]
    due_now(deadline_at=clock.ago(1))
    poll.tick()
    assert states() == ["unknown"]
    due_now(deadline_at=clock.ago(1))
    sweep_all()
    assert states() == ["failed"]


def test_a_bug_at_one_job_leaves_the_others_their_verdicts(working, user, order, upstream, monkeypatch):
    submit.submit(user, order, count=2, token="two more")
    send_all()
    good, fail = Scripted.poll, settle.fail

    def poll_badly(self, account, ticket):
        if ticket == "ticket-1":
            raise KeyError("status")
        return good(self, account, ticket)

    def fail_badly(job, **facts):
        if job.pk == working.pk + 1:
            raise ValueError("a bug")
        return fail(job, **facts)

    monkeypatch.setattr(Scripted, "poll", poll_badly)
    monkeypatch.setattr(settle, "fail", fail_badly)
    upstream.sightings = [Sighting(Status.FAILED)]
    poll_all()
    assert states() == ["working", "working", "failed"]


def test_a_bug_at_one_job_does_not_end_the_sweep(working, user, order, upstream, monkeypatch):
    submit.submit(user, order, count=1, token="one more")
    fail = settle.fail

    def fail_badly(job, **facts):
        if job.pk == working.pk:
            raise ValueError("a bug")
        return fail(job, **facts)

    monkeypatch.setattr(settle, "fail", fail_badly)
    due_now(state="unknown", deadline_at=clock.ago(1))
    sweep_all()
    assert states() == ["unknown", "failed"]


def test_losing_a_job_that_was_found_just_now_changes_nothing(working, upstream):
    Job.objects.update(state="unknown")
    seen = Job.objects.full().get()
    Job.objects.update(state="storing")
    assert not settle.fail(seen, code="lost", error="", verdict="lost")
    assert not working.attempts.get().is_cost_uncertain


def test_an_unknown_job_is_lost_after_days_and_its_hold_released(job, wallet, upstream):
    upstream.submits = [OutcomeUnknown("timed out")]
    send_all()
    sweep_all()
    assert states() == ["unknown"]
    due_now(deadline_at=clock.ago(1))
    sweep_all()
    job.refresh_from_db()
    wallet.refresh_from_db()
    assert (job.state, job.error_code, wallet.free) == ("failed", "lost", 100)
    assert (job.settlement.verdict, job.settlement.is_cost_uncertain) == ("lost", True)


def test_intervals_grow_and_shrink_near_the_expected_end():
    pace = Pace(first_s=1, interval_s=2, expected_s=60)
    assert poll.interval_s(pace, age_s=5, looks=1) < poll.interval_s(pace, age_s=20, looks=6)
    assert poll.interval_s(pace, age_s=59, looks=20) == 2
    assert poll.interval_s(pace, age_s=3000, looks=500) == 60
