"""A job that nobody wants any more stops, and the money says whether it cost something."""

import pytest

from revidweb.jobs import cancel, dispatch, poll
from revidweb.jobs.models import Job
from revidweb.lib.refusal import Refusal
from revidweb.providers.base import Cancellation, Pace, ProviderRefused
from tests.upstreams.scripted import WORKING

from .steps import due_now, poll_all, run, send_all, states

pytestmark = pytest.mark.django_db


def test_a_queued_job_is_cancelled_at_no_cost(user, job, wallet, upstream):
    cancel.cancel(user, job)
    send_all()
    wallet.refresh_from_db()
    assert (states(), wallet.free, upstream.sent) == (["cancelled"], 100, [])


def test_a_preparing_job_is_cancelled_and_never_sent(user, job, upstream):
    dispatch.tick()
    cancel.cancel(user, job)
    dispatch.send(job.pk)
    assert (states(), upstream.sent) == (["cancelled"], [])


@pytest.mark.parametrize(("refunded", "paid"), [(True, 0), (False, 4), (None, 4)])
def test_a_working_job_is_paid_unless_upstream_refunds(user, job, wallet, upstream, refunded, paid):
    send_all()
    upstream.cancellation = Cancellation(is_cancelled=True, refunded=refunded)
    cancel.cancel(user, job)
    assert states() == ["working"]
    poll_all()
    wallet.refresh_from_db()
    job.refresh_from_db()
    assert (states(), upstream.cancelled, wallet.free) == (["cancelled"], ["ticket-1"], 100 - paid)
    assert job.settlement.credits == paid
    assert job.settlement.upstream_cost_micros == paid * 1_000_000


def test_a_cancel_that_upstream_refuses_lets_the_job_go_on(user, job, upstream):
    send_all()
    upstream.cancellation = Cancellation(is_cancelled=False)
    upstream.sightings = [WORKING]
    cancel.cancel(user, job)
    poll_all()
    assert states() == ["working"]


def test_a_cancel_that_cannot_be_asked_for_lets_the_job_be_looked_at(user, job, upstream, monkeypatch):
    def refuse(account, ticket):
        raise ProviderRefused("too late")

    monkeypatch.setattr(upstream, "cancel", refuse)
    send_all()
    cancel.cancel(user, job)
    poll_all()
    assert (states(), upstream.polled) == (["storing"], ["ticket-1"])


def test_a_cancel_in_the_middle_of_a_round_is_not_forgotten_by_it(user, job, upstream):
    send_all()
    due_now()
    round_ = poll.claim("working")
    upstream.pace = lambda order: Pace(first_s=30, interval_s=30, expected_s=300)
    cancel.cancel(user, Job.objects.get())
    poll.take_in([(seen, WORKING) for seen in round_])
    poll.tick()
    assert (states(), upstream.cancelled) == (["cancelled"], ["ticket-1"])


def test_a_cancel_and_its_trail_stand_or_fall_together(user, job, wallet, monkeypatch):
    monkeypatch.setattr(cancel, "_say", lambda actor, job: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cancel.cancel(user, job)
    wallet.refresh_from_db()
    assert (states(), wallet.held) == (["queued"], 4)


def test_cancelling_twice_asks_once(user, job, upstream):
    send_all()
    cancel.cancel(user, job)
    cancel.cancel(user, job)
    poll_all()
    assert upstream.cancelled == ["ticket-1"]


def test_an_ended_job_cannot_be_cancelled(user, job, wallet, upstream):
    run()
    job.refresh_from_db()
    with pytest.raises(Refusal, match="already_ended"):
        cancel.cancel(user, job)
    wallet.refresh_from_db()
    assert wallet.free == 96


def test_a_job_that_is_being_stored_cannot_be_cancelled(user, job, upstream):
    send_all()
    poll_all()
    with pytest.raises(Refusal, match="cannot_cancel"):
        cancel.cancel(user, Job.objects.get())
