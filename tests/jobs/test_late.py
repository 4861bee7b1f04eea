"""A failed job whose order succeeds upstream after all says so; it stays failed, and nobody pays."""

import pytest

from revidweb.connections import credentials
from revidweb.connections.models import Credential
from revidweb.credits.models import HoldState
from revidweb.jobs import answers, cancel, dispatch, late, timeline
from revidweb.jobs.models import Job
from revidweb.lib import clock
from revidweb.providers.base import OutcomeUnknown, ProviderBusy, ProviderRefused, Receipt, Sighting, Status
from tests.upstreams.scripted import DONE, WORKING

from .steps import due_now, look_late, poll_all, send_all, states, store_all, sweep_all

pytestmark = pytest.mark.django_db

FAILED = Sighting(Status.FAILED, error="Server timeout")
MISSING = Sighting(Status.MISSING)


def fail_by(upstream, *sightings: Sighting) -> Job:
    send_all()
    upstream.sightings = list(sightings)
    for _ in range(3):
        poll_all()
    job = Job.objects.get()
    assert job.state == "failed"
    return job


def cost_of(job: Job) -> tuple[int | None, bool]:
    job.refresh_from_db()
    attempt = job.attempts.get()
    told = (attempt.upstream_cost_micros, attempt.is_cost_uncertain)
    assert told == (job.settlement.upstream_cost_micros, job.settlement.is_cost_uncertain)
    return told


def test_a_success_after_the_failure_is_kept_and_nobody_pays(real, job, wallet, upstream):
    job = fail_by(upstream, FAILED)
    assert cost_of(job) == (0, False)
    upstream.sightings = [DONE]
    look_late()
    job = Job.objects.get()
    wallet.refresh_from_db()
    assert (job.state, job.late_results, job.late_look_at) == ("failed", ["scripted:0"], None)
    assert job.late_at is not None
    assert (wallet.balance, wallet.held, job.hold.state) == (100, 0, HoldState.RELEASED)
    assert cost_of(job) == (4_000_000, True)  # whether it was charged once more nobody said
    assert [event.what for event in timeline.of(job)][-1] == "job.late_success"


def test_it_is_marked_once(real, job, upstream):
    job = fail_by(upstream, FAILED)
    seen = Job.objects.full().get()
    upstream.sightings = [DONE]
    look_late()
    late.take_in(seen, job.attempts.get(), DONE)
    look_late()
    assert [event.what for event in timeline.of(job)].count("job.late_success") == 1


def test_a_job_that_upstream_denied_costs_for_certain_once_it_is_seen(real, job, upstream):
    job = fail_by(upstream, MISSING)
    assert cost_of(job) == (4_000_000, True)
    upstream.sightings = [DONE]
    look_late()
    assert cost_of(job) == (4_000_000, False)


def test_a_job_that_upstream_denied_and_then_failed_cost_nothing(real, job, upstream):
    job = fail_by(upstream, MISSING)
    upstream.sightings = [FAILED]
    look_late()
    assert cost_of(job) == (0, False)
    assert job.late_at is None


def test_each_look_waits_twice_as_long_and_eight_are_all(real, job, upstream):
    job = fail_by(upstream, FAILED)
    first = (job.late_look_at - clock.now()).total_seconds()
    waits = [round(first)]
    for _ in range(7):
        look_late()
        job.refresh_from_db()
        waits.append(round((job.late_look_at - clock.now()).total_seconds()))
    assert waits == [300 * 2**n for n in range(8)]
    look_late()
    job.refresh_from_db()
    assert (job.late_look_at, job.late_looks) == (None, 8)


def test_no_look_comes_after_seven_days(real, job, upstream, settings):
    settings.LATE_LOOK_S = 86_400
    job = fail_by(upstream, FAILED)
    for _ in range(3):
        look_late()
    job.refresh_from_db()
    assert (job.late_look_at, job.late_looks) == (None, 3)


def test_an_error_is_a_look_that_saw_nothing(real, job, upstream):
    job = fail_by(upstream, FAILED)
    upstream.sightings = [ProviderBusy("503")]
    look_late()
    job.refresh_from_db()
    assert (job.late_looks, job.late_at, job.late_look_at > clock.now()) == (1, None, True)


def test_a_look_that_died_is_taken_up_again(real, job, upstream):
    fail_by(upstream, FAILED)
    Job.objects.update(late_look_at=clock.ago(1))
    assert len(late.claim()) == 1
    assert late.claim() == []
    upstream.sightings = [DONE]
    look_late()
    assert Job.objects.get().late_at is not None


def test_an_order_that_was_given_up_as_lost_is_found_late(real, job, wallet, upstream):
    upstream.submits = [OutcomeUnknown("timed out")]
    send_all()
    due_now(deadline_at=clock.ago(1))
    sweep_all()
    job.refresh_from_db()
    assert (states(), cost_of(job)) == (["failed"], (4_000_000, True))
    upstream.there = [Receipt("found", cost=6)]
    look_late()
    assert (job.attempts.get().ticket, cost_of(job)) == ("found", (6_000_000, False))
    upstream.sightings = [WORKING, DONE]
    look_late()
    look_late()
    job.refresh_from_db()
    wallet.refresh_from_db()
    assert (states(), job.late_results, wallet.free) == (["failed"], ["scripted:0"], 100)


def test_an_answer_that_comes_after_the_end_is_kept_and_looked_at(real, job, upstream):
    dispatch.tick()
    seen = Job.objects.full().get()
    attempt = dispatch._begin(seen)
    sweep_all()
    due_now(deadline_at=clock.ago(1))
    sweep_all()
    assert states() == ["failed"]
    answers.created(seen, attempt, Receipt("late", cost=5))
    assert cost_of(job) == (5_000_000, False)
    look_late()
    job.refresh_from_db()
    assert (job.late_results, cost_of(job)) == (["scripted:0"], (5_000_000, False))


def test_a_refusal_that_comes_after_the_end_takes_the_cost_away(real, job, upstream):
    dispatch.tick()
    seen = Job.objects.full().get()
    attempt = dispatch._begin(seen)
    sweep_all()
    due_now(deadline_at=clock.ago(1))
    sweep_all()
    answers.order_refused(seen, attempt, ProviderRefused("no", code="moderated"))
    assert job.attempts.get().upstream_cost_micros is None
    job.refresh_from_db()
    assert (job.settlement.upstream_cost_micros, job.settlement.is_cost_uncertain) == (0, False)


def test_a_result_that_did_not_come_home_is_a_late_success(real, job, upstream):
    send_all()
    poll_all()
    upstream.results = [ProviderRefused("404", code="gone")]
    store_all()
    job.refresh_from_db()
    assert (job.state, job.error_code) == ("failed", "undeliverable")
    look_late()
    assert cost_of(job) == (4_000_000, False)
    assert job.late_results == ["scripted:0"]


def test_nothing_is_stopped_by_a_look(real, user, job, upstream):
    send_all()
    cancel.cancel(user, Job.objects.get())
    upstream.cancellation = type(upstream.cancellation)(is_cancelled=False)
    upstream.sightings = [FAILED]
    poll_all()
    assert upstream.cancelled == ["ticket-1"]
    look_late()
    assert upstream.cancelled == ["ticket-1"]


def test_what_never_reached_anybody_is_not_looked_at(real, job, upstream):
    upstream.submits = [ProviderRefused("no", code="moderated")]
    send_all()
    job.refresh_from_db()
    assert (job.state, job.late_look_at) == ("failed", None)


def test_a_preview_is_not_looked_at(job, upstream):
    upstream.is_repeatable = True
    job = fail_by(upstream, FAILED)
    assert job.late_look_at is None


def test_a_key_that_was_forgotten_ends_the_looking(real, job, upstream):
    job = fail_by(upstream, FAILED)
    credentials.forget(real)
    look_late()
    job.refresh_from_db()
    assert (job.late_look_at, len(upstream.polled)) == (None, 1)


def test_a_key_without_requests_looks_later_and_counts_nothing(real, job, upstream):
    job = fail_by(upstream, FAILED)
    Credential.objects.update(tokens=0, refilled_at=clock.after(60))
    look_late()
    job.refresh_from_db()
    assert (job.late_looks, job.late_look_at is not None) == (0, True)
