"""A replaced key that is dead by now does not lose what it made: the one in its place asks as well."""

import pytest

from revidweb.connections import budget, credentials
from revidweb.connections.models import Connection, Credential
from revidweb.jobs import cancel, submit
from revidweb.jobs.models import Job
from revidweb.lib import clock
from revidweb.providers.base import OutcomeUnknown, Receipt, Sighting, Status
from tests.upstreams.scripted import DONE, WORKING, Scripted

from .steps import find_all, look_late, poll_all, send_all, states, store_all

pytestmark = pytest.mark.django_db

FIRST, SECOND = "sk_live_first", "sk_live_second"
MISSING = Sighting(Status.MISSING)
FAILED = Sighting(Status.FAILED, error="Server timeout")


@pytest.fixture(autouse=True)
def _plenty(real):
    Credential.objects.update(tokens=budget.burst())


def replace_key(connection: Connection, upstream: Scripted, *, base_url: str = Scripted.base_url) -> None:
    """The old one is dead; that is why it was replaced."""
    upstream.dead_keys = {FIRST}
    credentials.keep(connection, base_url=base_url, key=SECOND)


def test_what_a_dead_key_made_is_seen_with_the_one_in_its_place(real, job, upstream):
    send_all()
    replace_key(real, upstream)
    poll_all()
    store_all()
    assert (states(), upstream.keys["poll"]) == (["done"], [FIRST, SECOND])


def test_a_key_in_use_that_is_refused_asks_once(real, job, upstream):
    send_all()
    upstream.dead_keys = {FIRST}
    poll_all()
    assert (states(), upstream.keys["poll"]) == (["working"], [FIRST])


def test_a_key_for_elsewhere_is_never_shown_there(real, job, upstream):
    send_all()
    replace_key(real, upstream, base_url="https://elsewhere.example/v1")
    poll_all()
    assert (states(), upstream.keys["poll"]) == (["working"], [FIRST])


def test_what_the_other_key_does_not_know_is_not_missing(real, job, upstream):
    send_all()
    replace_key(real, upstream)
    upstream.sightings = [MISSING]
    for _ in range(4):
        poll_all()
    job.refresh_from_db()
    assert (job.state, job.misses) == ("working", 0)


def test_a_key_that_cannot_be_opened_any_more_is_a_dead_one(real, job, upstream):
    send_all()
    replace_key(real, upstream)
    Credential.objects.filter(pk=job.attempts.get().credential_id).update(sealed="v1.spoilt")
    poll_all()
    assert (states(), upstream.keys["poll"]) == (["storing"], [SECOND])


def test_the_other_key_stops_what_it_has_seen(real, user, job, upstream):
    send_all()
    replace_key(real, upstream)
    upstream.sightings = [WORKING]
    cancel.cancel(user, Job.objects.get())
    poll_all()
    assert (states(), upstream.keys["cancel"]) == (["cancelled"], [FIRST, SECOND])


@pytest.mark.parametrize("seen", [MISSING, DONE])
def test_the_other_key_stops_nothing_else(real, user, job, upstream, seen):
    send_all()
    replace_key(real, upstream)
    upstream.sightings = [seen]
    cancel.cancel(user, Job.objects.get())
    poll_all()
    assert upstream.keys["cancel"] == [FIRST]


def test_a_lost_order_is_looked_for_with_both(real, job, upstream):
    upstream.submits = [OutcomeUnknown("reset")]
    send_all()
    replace_key(real, upstream)
    find_all()
    assert states() == ["unknown"]
    upstream.there = [Receipt("found")]
    find_all()
    assert (states(), upstream.keys["find"]) == (["working"], [FIRST, SECOND] * 2)


def test_a_late_success_is_seen_with_both(real, job, upstream):
    send_all()
    upstream.sightings = [FAILED]
    poll_all()
    replace_key(real, upstream)
    upstream.sightings = [DONE]
    look_late()
    assert Job.objects.get().late_at is not None


def test_nobody_asks_with_a_replaced_key_while_the_one_in_its_place_rests(real, job, upstream):
    send_all()
    replace_key(real, upstream)
    Credential.objects.filter(retired_at__isnull=True).update(rests_until=clock.after(60))
    poll_all()
    assert (states(), upstream.keys["poll"]) == (["working"], [])


def test_a_stop_takes_the_requests_of_a_stop(real, user, order, upstream):
    submit.submit(user, order, count=3, token="three")
    send_all()
    cancel.cancel(user, Job.objects.earliest("pk"))
    upstream.sightings = [WORKING]
    Credential.objects.update(tokens=23, refilled_at=clock.after(60))  # looks leave a fifth, of a hundred
    poll_all()
    assert (len(upstream.cancelled), len(upstream.polled)) == (1, 1)
    assert budget.ready(Credential.objects.get()) == 20
