"""Trying again is a new job with a price of its own."""

import pytest

from revidweb.jobs import retry
from revidweb.lib.refusal import Refusal
from revidweb.providers.base import ProviderRefused, Receipt

from .steps import run, send_all

pytestmark = pytest.mark.django_db


def test_a_failed_job_is_tried_again_as_a_new_one(user, job, upstream):
    upstream.submits = [ProviderRefused("no", code="failed"), Receipt("t")]
    send_all()
    job.refresh_from_db()
    again = retry.retry(user, job, token="again").jobs.get()
    run()
    again.refresh_from_db()
    assert (again.retry_of, again.prompt, again.params, again.state) == (job, job.prompt, job.params, "done")
    job.refresh_from_db()
    assert job.state == "failed"


def test_the_same_retry_twice_is_one_job(user, job, upstream):
    upstream.submits = [ProviderRefused("no", code="failed")]
    send_all()
    job.refresh_from_db()
    assert retry.retry(user, job, token="again") == retry.retry(user, job, token="again")


def test_a_running_job_is_not_tried_again(user, job):
    with pytest.raises(Refusal, match="still_running"):
        retry.retry(user, job, token="again")
