"""Queued jobs are sent where a slot is free; every answer of the create call has its way on."""

import pytest

from revidweb.connections.models import Connection
from revidweb.jobs import answers, dispatch, submit, sweep
from revidweb.jobs.models import Attempt, Job
from revidweb.lib import clock
from revidweb.providers.base import AccountRefused, OutcomeUnknown, ProviderBusy, ProviderRefused, Receipt
from tests.upstreams.scripted import DONE

from .steps import a_while_later, due_now, run, send_all, states, sweep_all

pytestmark = pytest.mark.django_db


def test_a_sent_job_keeps_its_ticket(job, upstream):
    send_all()
    attempt = job.attempts.get()
    assert states() == ["working"]
    assert (attempt.state, attempt.ticket, attempt.upstream_cost_micros) == ("sent", "ticket-1", 4_000_000)
    assert upstream.sent[0].params["speed"] == "fast"


def test_two_dispatches_send_one_order(job, upstream):
    dispatch.tick()
    dispatch.tick()
    dispatch.send(job.pk)
    dispatch.send(job.pk)
    assert len(upstream.sent) == 1


def test_no_more_jobs_than_slots_are_sent(user, order, upstream):
    Connection.objects.update(total_slots=3, image_slots=3)
    submit.submit(user, order, count=8, token="t")
    send_all()
    assert (states().count("working"), states().count("queued")) == (3, 5)


def test_slots_are_shared_fairly_between_members(user, owner, order, upstream):
    Connection.objects.update(total_slots=4, image_slots=4)
    submit.submit(user, order, count=8, token="t")
    submit.submit(owner, order, count=8, token="t")
    send_all()
    sent = Job.objects.filter(state="working")
    assert sent.filter(member=user.member).count() == sent.filter(member=owner.member).count() == 2


def test_a_paused_connection_gets_nothing(job, upstream):
    Connection.objects.update(is_enabled=False)
    send_all()
    assert states() == ["queued"]


def test_a_job_that_nobody_takes_fails_after_a_while(job, wallet, upstream):
    Connection.objects.update(is_enabled=False)
    a_while_later(601)
    sweep_all()
    job.refresh_from_db()
    wallet.refresh_from_db()
    assert (job.state, job.error_code, wallet.held) == ("failed", "no_connection", 0)


def test_busy_means_later_and_nothing_was_created(job, upstream):
    upstream.submits = [ProviderBusy("Queue full", retry_after_s=7), Receipt("t")]
    send_all()
    job.refresh_from_db()
    assert (job.state, job.attempts.get().state) == ("queued", "busy")
    assert 5 < (job.next_look_at - clock.now()).total_seconds() <= 7
    due_now()
    send_all()
    assert states() == ["working"]
    assert [attempt.state for attempt in job.attempts.all()] == ["busy", "sent"]


def test_refused_is_final_and_gives_the_credits_back(job, wallet, upstream):
    upstream.submits = [ProviderRefused("Not this", code="moderated")]
    send_all()
    job.refresh_from_db()
    wallet.refresh_from_db()
    assert (job.state, job.error_code, job.error, wallet.held) == ("failed", "moderated", "Not this", 0)
    assert job.settlement.credits == 0


def test_a_lost_answer_is_never_sent_again(job, wallet, upstream):
    upstream.submits = [OutcomeUnknown("timed out")]
    send_all()
    due_now()
    send_all()
    wallet.refresh_from_db()
    assert (states(), len(upstream.sent), wallet.held) == (["unknown"], 1, 4)
    assert job.attempts.get().is_cost_uncertain


def test_a_lost_answer_of_a_repeatable_provider_is_sent_again(job, upstream):
    upstream.is_repeatable = True
    upstream.submits = [OutcomeUnknown("timed out"), Receipt("second")]
    send_all()
    assert states() == ["queued"]
    send_all()
    assert states() == ["working"]


def test_a_worker_that_died_preparing_gives_the_job_back(job, upstream):
    dispatch.tick()
    sweep_all()
    assert states() == ["queued"]


def test_an_input_that_workers_die_of_is_not_prepared_for_ever(job, wallet, upstream, monkeypatch):
    monkeypatch.setattr(dispatch, "_prepare", lambda job: False)  # as far as it got
    for _ in range(sweep.TRIES_TO_PREPARE):
        assert states() == ["queued"]
        send_all()
        sweep_all()
    job.refresh_from_db()
    wallet.refresh_from_db()
    assert (job.state, job.error_code, wallet.held) == ("failed", "not_prepared", 0)


def test_a_message_that_nobody_takes_is_no_try(job, upstream):
    for _ in range(2 * sweep.TRIES_TO_PREPARE):
        dispatch.tick()
        sweep_all()
    assert states() == ["queued"]


def test_a_worker_that_died_sending_leaves_the_outcome_unknown(job, upstream):
    dispatch.tick()
    job.refresh_from_db()
    dispatch._begin(job)
    sweep_all()
    assert states() == ["unknown"]
    assert Attempt.objects.get().state == "lost"


def test_a_repeatable_order_is_sent_again_when_its_worker_died(job, upstream):
    upstream.is_repeatable = True
    dispatch.tick()
    job.refresh_from_db()
    dispatch._begin(job)
    sweep_all()
    run()
    assert states() == ["done"]


def test_an_answer_after_we_gave_up_is_kept(job, upstream):
    dispatch.tick()
    job.refresh_from_db()
    attempt = dispatch._begin(job)
    sweep_all()
    answers.created(job, attempt, Receipt("late"))
    assert states() == ["working"]
    assert job.attempts.get().ticket == "late"


def test_a_job_that_is_complete_at_create_goes_straight_to_storing(job, upstream):
    upstream.submits = [Receipt("t", seen=DONE)]
    send_all()
    assert states() == ["storing"]


def test_another_cost_than_quoted_is_kept_and_said(job, upstream):
    upstream.submits = [Receipt("t", cost=6)]
    send_all()
    job.refresh_from_db()
    assert (job.attempts.get().upstream_cost_micros, job.credits) == (6_000_000, 4)


def test_a_queued_job_holds_no_slot_but_an_unknown_one_does(job, user, order, upstream):
    Connection.objects.update(total_slots=1)
    upstream.submits = [OutcomeUnknown("timed out"), Receipt("t")]
    send_all()
    submit.submit(user, order, count=1, token="t2")
    send_all()
    assert states() == ["unknown", "queued"]
    Job.objects.filter(state="unknown").update(changed_at=clock.ago(901))
    send_all()
    assert states() == ["unknown", "working"]


def _given_up(job: Job) -> Attempt:
    """The attempt of a call that goes on while the sweep holds its answer for lost."""
    dispatch.tick()
    job.refresh_from_db()
    attempt = dispatch._begin(job)
    sweep_all()
    return attempt


def test_a_refusal_after_we_gave_up_ends_the_job(job, wallet, upstream):
    attempt = _given_up(job)
    answers.order_refused(job, attempt, ProviderRefused("Not this", code="moderated"))
    job.refresh_from_db()
    wallet.refresh_from_db()
    assert (job.state, job.error_code, wallet.held) == ("failed", "moderated", 0)
    assert (job.settlement.upstream_cost_micros, job.settlement.is_cost_uncertain) == (0, False)


@pytest.mark.parametrize("late", ["busy", "account"])
def test_nothing_created_after_we_gave_up_ends_the_job(job, wallet, upstream, late):
    attempt = _given_up(job)
    if late == "busy":
        answers.not_created(job, attempt, ProviderBusy("Queue full"), wait_s=1)
    else:
        answers.account_refused(job, attempt, AccountRefused("Locked"))
    job.refresh_from_db()
    wallet.refresh_from_db()
    assert (job.state, job.error_code, wallet.held) == ("failed", "not_created", 0)
    assert (job.settlement.upstream_cost_micros, job.settlement.is_cost_uncertain) == (0, False)


def test_what_an_order_costs_is_certain_again_once_it_is_found(job, upstream):
    attempt = _given_up(job)
    assert job.attempts.get().is_cost_uncertain
    answers.created(job, attempt, Receipt("late"))
    assert not job.attempts.get().is_cost_uncertain


@pytest.fixture
def sent_anew(job, upstream) -> tuple[Attempt, Attempt]:
    """Two attempts of a repeatable order, both under way: the first outlived its lease."""
    upstream.is_repeatable = True
    first = _given_up(job)
    dispatch.tick()
    return first, dispatch._begin(Job.objects.full().get())


def test_a_late_ticket_does_not_take_the_place_of_the_one_that_is_awaited(job, sent_anew):
    first, second = sent_anew
    answers.created(job, first, Receipt("late"))
    assert states() == ["sending"]
    answers.created(Job.objects.full().get(), second, Receipt("awaited"))
    assert states() == ["working"]
    assert sum(attempt.upstream_cost_micros for attempt in job.attempts.all()) == 4_000_000


def test_a_late_busy_does_not_send_the_job_a_third_time(job, sent_anew):
    answers.not_created(job, sent_anew[0], ProviderBusy("Queue full"), wait_s=0)
    assert states() == ["sending"]


def test_a_late_refusal_does_not_end_what_is_sent_anew(job, sent_anew):
    answers.order_refused(job, sent_anew[0], ProviderRefused("Not this"))
    assert states() == ["sending"]


def test_a_late_sweep_does_not_lose_an_answer_that_came(job, upstream):
    """It saw the job being sent; meanwhile that was busy, and it is being sent again."""
    dispatch.tick()
    seen = Job.objects.full().get()
    first = dispatch._begin(seen)
    answers.not_created(Job.objects.full().get(), first, ProviderBusy("Queue full"), wait_s=0)
    dispatch.tick()
    dispatch._begin(Job.objects.full().get())
    answers.answer_lost(seen, first, "")
    assert states() == ["sending"]
    assert [attempt.state for attempt in job.attempts.all()] == ["busy", "sending"]


def test_a_repeatable_order_is_not_sent_for_ever(job, wallet, upstream):
    upstream.is_repeatable = True
    upstream.submits = [OutcomeUnknown("crashed")]
    for _ in range(answers.MOST_LOST + 1):
        due_now()
        send_all()
    job.refresh_from_db()
    wallet.refresh_from_db()
    assert (job.state, job.error_code, len(upstream.sent)) == ("failed", "lost", answers.MOST_LOST)
    assert (wallet.held, job.settlement.upstream_cost_micros, job.settlement.is_cost_uncertain) == (0, 0, False)


def test_a_message_that_waited_long_starts_with_a_whole_lease(job, upstream, monkeypatch):
    dispatch.tick()
    Job.objects.update(lease_until=clock.after(1))
    monkeypatch.setattr(dispatch, "_prepare", lambda job: False)
    dispatch.send(job.pk)
    job.refresh_from_db()
    assert job.lease_until > clock.after(30)
