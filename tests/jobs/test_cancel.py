"""A job that nobody wants any more stops, and the money says whether it cost something."""

import pytest

from revidweb.jobs import cancel, dispatch
from revidweb.jobs.models import Job
from revidweb.lib.refusal import Refusal
from revidweb.providers.base import Cancellation
from tests.upstreams.scripted import WORKING

from .steps import poll_all, run, send_all, states

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
