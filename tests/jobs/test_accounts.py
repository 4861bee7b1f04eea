"""An order goes out with one key and stays with it; an account that says no gets nothing more until it is mended."""

from datetime import timedelta

import pytest
from django.db.models import F

from revidweb.connections import budget, credentials
from revidweb.connections.models import Connection, Credential
from revidweb.jobs import cancel, dispatch, poll, signs, submit
from revidweb.jobs.models import Attempt, Job
from revidweb.lib import clock
from revidweb.providers.base import AccountRefused, Cancellation, OutcomeUnknown, ProviderBusy, Receipt
from tests.upstreams.scripted import DONE, WORKING

from .steps import a_while_later, due_now, find_all, poll_all, run, send_all, states, store_all, sweep_all

pytestmark = pytest.mark.django_db

FULL = 100.0  # requests in a bucket that was not used for ten seconds


@pytest.fixture(autouse=True)
def _plenty(real):
    Credential.objects.update(tokens=FULL)


def _replace_key(connection: Connection) -> Credential:
    return credentials.keep(connection, base_url="https://elsewhere.example/v1", key="sk_live_second")


def _mend() -> None:
    Connection.objects.update(trouble="", trouble_reason="", trouble_since=None)


def test_an_attempt_keeps_the_key_that_made_it(real, job, upstream):
    send_all()
    assert (job.attempts.get().credential, upstream.keys["submit"]) == (real.credential, ["sk_live_first"])


def test_what_a_replaced_key_made_is_looked_at_stopped_and_fetched_with_it(real, user, job, upstream):
    upstream.sightings = [WORKING]
    send_all()
    _replace_key(real)
    cancel.cancel(user, Job.objects.get())
    upstream.cancellation = Cancellation(is_cancelled=False)
    poll_all()
    upstream.sightings = [DONE]
    poll_all()
    store_all()
    assert states() == ["done"]
    for call in ("poll", "cancel", "fetch"):
        assert set(upstream.keys[call]) == {"sk_live_first"}


def test_an_order_that_was_lost_is_looked_for_with_its_own_key(real, job, upstream):
    upstream.submits = [OutcomeUnknown("reset")]
    send_all()
    _replace_key(real)
    upstream.there = [Receipt("found")]
    find_all()
    assert (states(), upstream.keys["find"]) == (["working"], ["sk_live_first"])


def test_a_key_replaced_while_a_job_was_prepared_sends_it_back_to_be_prepared_anew(real, job, upstream):
    dispatch.tick()
    prepared = Job.objects.full().get()
    _replace_key(real)
    assert dispatch._begin(prepared) is None
    assert states() == ["queued"]
    Credential.objects.update(tokens=FULL)
    send_all()
    assert upstream.keys["submit"] == ["sk_live_second"]


def test_a_refused_account_gets_nothing_more_until_it_is_mended(real, user, order, upstream):
    submit.submit(user, order, count=3, token="three")
    upstream.submits = [AccountRefused("Invalid API key", code="invalid"), Receipt("t")]
    send_all()
    real.refresh_from_db()
    assert (real.trouble, real.trouble_reason) == ("invalid", "Invalid API key")
    assert (states(), len(upstream.sent)) == (["queued"] * 3, 1)
    due_now()
    send_all()
    assert len(upstream.sent) == 1
    _mend()
    upstream.submits = []
    due_now()
    send_all()
    assert states() == ["working"] * 3
    assert [attempt.state for attempt in Attempt.objects.order_by("sent_at")] == ["refused", "sent", "sent", "sent"]


def test_a_job_whose_account_stays_in_trouble_fails_after_a_while_and_costs_nothing(real, job, wallet, upstream):
    upstream.submits = [AccountRefused("Insufficient balance", code="exhausted")]
    send_all()
    a_while_later(601)
    sweep_all()
    assert states() == ["queued"]  # the trouble itself is young
    Connection.objects.update(trouble_since=clock.ago(601))
    sweep_all()
    job.refresh_from_db()
    wallet.refresh_from_db()
    assert (job.state, job.error_code, job.error, wallet.held) == (
        "failed",
        "account_refused",
        "Insufficient balance",
        0,
    )
    assert job.late_look_at is None


def test_a_job_that_came_into_a_long_trouble_gets_its_own_while(real, user, order, upstream):
    Connection.objects.update(trouble="locked", trouble_since=clock.ago(7200))
    submit.submit(user, order, count=1, token="now")
    sweep_all()
    assert states() == ["queued"]
    a_while_later(601)
    sweep_all()
    assert states() == ["failed"]


def test_a_job_that_waited_for_a_slot_for_hours_outlives_a_connection_that_is_paused_now(real, job, upstream):
    a_while_later(7200)
    Connection.objects.update(is_enabled=False, disabled_at=clock.now())
    sweep_all()
    assert states() == ["queued"]
    Connection.objects.update(disabled_at=clock.ago(601))
    sweep_all()
    assert Job.objects.get().error_code == "no_connection"


def test_a_removed_connection_ends_what_waits_for_it(real, job, upstream):
    a_while_later(601)
    Connection.objects.update(removed_at=clock.ago(601), is_enabled=False, disabled_at=clock.ago(601))
    sweep_all()
    assert Job.objects.get().error_code == "no_connection"


def test_an_account_that_is_well_each_time_it_is_asked_and_refuses_each_order_ends_the_job(real, job, upstream):
    """Its balance is enough for something, but not for this."""
    upstream.submits = [AccountRefused("Required: 30, available: 12", code="exhausted")]
    for expected in ("queued", "queued", "failed"):
        Attempt.objects.update(sent_at=F("sent_at") - timedelta(seconds=310))
        _mend()
        due_now()
        send_all()
        assert states() == [expected]
    assert Job.objects.get().error_code == "account_refused"


def test_two_refusals_hours_apart_are_two_short_troubles(real, job, upstream):
    upstream.submits = [AccountRefused("Locked for a minute", code="locked")]
    send_all()
    Attempt.objects.update(sent_at=clock.ago(7200))
    _mend()
    due_now()
    send_all()
    assert states() == ["queued"]


def test_a_key_that_cannot_be_opened_is_a_refused_one(real, job, upstream, settings):
    Credential.objects.update(sealed="not sealed by us")
    send_all()
    real.refresh_from_db()
    assert (states(), real.trouble, upstream.sent) == (["queued"], "invalid", [])


def test_an_account_that_refuses_to_be_asked_only_means_later(real, job, upstream):
    send_all()
    upstream.sightings = [AccountRefused("Invalid API key", code="invalid")]
    waits = []
    for _ in range(4):
        poll_all()
        job.refresh_from_db()
        waits.append((job.next_look_at - clock.now()).total_seconds())
    real.refresh_from_db()
    assert (states(), real.trouble) == (["working"], "")
    assert job.looks == 4


def test_a_create_answer_tells_the_balance(real, job, upstream):
    upstream.submits = [Receipt("t", balance=1234)]
    send_all()
    real.refresh_from_db()
    assert (real.balance, real.last_contact_at is not None) == (1234, True)


def test_no_more_is_picked_than_the_key_may_ask(real, user, order, upstream):
    submit.submit(user, order, count=8, token="eight")
    Credential.objects.update(tokens=3, refilled_at=clock.after(60))
    send_all()
    assert (states().count("working"), states().count("queued")) == (3, 5)


def test_too_many_requests_let_the_whole_key_rest(real, user, order, upstream):
    upstream.submits = [ProviderBusy("429", code="rate", retry_after_s=30), Receipt("t")]
    submit.submit(user, order, count=2, token="two")
    dispatch.tick()
    dispatch.send(Job.objects.earliest("pk").pk)
    assert 25 < budget.resting_s(real.credential) <= 30
    sweep_all()
    due_now()
    assert dispatch.claim(real.pk) == []


def test_a_full_queue_waits_a_little_longer_each_time(real, job, upstream):
    upstream.submits = [ProviderBusy("Queue full", code="queue_full")]
    waits = []
    for _ in range(7):
        due_now()
        send_all()
        job.refresh_from_db()
        waits.append(round((job.next_look_at - clock.now()).total_seconds()))
    assert waits == [2, 4, 8, 16, 30, 30, 30]
    assert budget.resting_s(real.credential) == 0


def test_nobody_there_is_said_on_the_connection_and_mended_by_the_next_good_answer(real, job, upstream):
    upstream.submits = [ProviderBusy("no route", code="unreachable"), Receipt("t")]
    send_all()
    real.refresh_from_db()
    assert (states(), real.failing_since is not None) == (["queued"], True)
    due_now()
    send_all()
    real.refresh_from_db()
    assert (states(), real.failing_since) == (["working"], None)


def test_who_is_busy_for_longer_than_a_day_ends_the_job_at_no_cost(real, job, wallet, upstream):
    upstream.submits = [ProviderBusy("No active accounts", code="unavailable")]
    send_all()
    due_now(started_at=clock.ago(86_401))
    send_all()
    job.refresh_from_db()
    wallet.refresh_from_db()
    assert (job.state, job.error_code, wallet.held, job.settlement.upstream_cost_micros) == ("failed", "busy", 0, 0)


def test_a_round_asks_no_more_than_the_key_may_and_gives_the_others_back(real, user, order, upstream):
    upstream.sightings = [WORKING]
    submit.submit(user, order, count=4, token="four")
    send_all()
    Credential.objects.update(tokens=22, refilled_at=clock.after(60))  # 20 are left to orders
    poll_all()
    looks = sorted(Job.objects.values_list("looks", flat=True))
    assert (len(upstream.polled), looks) == (2, [0, 0, 1, 1])
    assert not Job.objects.filter(lease_until__isnull=False).exists()


def test_of_a_connection_that_is_not_reached_only_few_jobs_are_asked(real, user, order, upstream):
    upstream.sightings = [ProviderBusy("no route", code="unreachable")]
    submit.submit(user, order, count=5, token="five")
    send_all()
    poll_all()
    assert len(upstream.polled) == 5
    poll_all()
    assert len(upstream.polled) == 5 + poll.FAILING_PROBES
    upstream.sightings = [WORKING]
    poll_all()
    poll_all()
    assert len(upstream.polled) == 5 + 2 * poll.FAILING_PROBES + 5


def test_an_upstream_that_answers_nobody_is_not_waited_for_by_everybody(real, user, order, upstream):
    Connection.objects.update(total_slots=40, image_slots=40)
    Credential.objects.update(tokens=1000)
    upstream.sightings = [ProviderBusy("The answer was lost: ReadTimeout.")]
    for number in range(5):
        submit.submit(user, order, count=5, token=f"form-{number}")
    send_all()
    assert states() == ["working"] * 25
    poll_all()
    real.refresh_from_db()
    assert len(upstream.polled) < 25
    assert (real.failing_since is not None, states()) == (True, ["working"] * 25)


def test_an_upstream_that_wants_a_rest_gets_it_within_the_round(real, user, order, upstream):
    Connection.objects.update(total_slots=40, image_slots=40)
    Credential.objects.update(tokens=1000)
    upstream.sightings = [ProviderBusy("429", code="rate", retry_after_s=20)]
    for number in range(6):
        submit.submit(user, order, count=4, token=f"form-{number}")
    send_all()
    poll_all()
    assert len(upstream.polled) <= poll.THREADS
    assert 15 < budget.resting_s(real.credential) <= 20
    assert not Job.objects.filter(lease_until__isnull=False).exists()


def test_one_look_without_a_sound_answer_is_no_outage(real, job, upstream):
    send_all()
    upstream.sightings = [ProviderBusy("503")]
    poll_all()
    real.refresh_from_db()
    assert real.failing_since is None


def test_foreign_jobs_hold_their_slots(real, user, order, upstream):
    Connection.objects.update(total_slots=5, image_slots=5, foreign_total=2, foreign_image=2)
    submit.submit(user, order, count=8, token="eight")
    send_all()
    assert states().count("working") == 3


def test_everything_together_ends_well(real, job, upstream):
    run()
    assert states() == ["done"]


@pytest.mark.parametrize(
    ("receipt", "left"),
    [
        (Receipt("t"), 96),
        (Receipt("t", cost=7), 93),
        (Receipt("t", cost=7, balance=50), 50),
    ],
)
def test_the_known_balance_follows_an_order_whose_answer_does_not_tell_it(real, job, upstream, receipt, left):
    Connection.objects.update(balance=100)
    upstream.submits = [receipt]
    send_all()
    assert Connection.objects.get().balance == left


def test_what_a_replaced_key_took_says_nothing_of_the_balance(real, job, upstream):
    Connection.objects.update(balance=100)
    first = real.credential
    signs.taken(real, first, Receipt("a"), quoted=4)
    _replace_key(real)
    signs.taken(real, first, Receipt("b"), quoted=4)
    assert Connection.objects.get().balance == 96


def test_slow_answers_hold_a_round_up_as_little_as_none_do(real, user, order, upstream, monkeypatch):
    Connection.objects.update(total_slots=40, image_slots=40)
    Credential.objects.update(tokens=1000)
    monkeypatch.setattr(poll, "SLOW_S", -1)
    monkeypatch.setattr(poll, "SILENT_MOST", 4)
    monkeypatch.setattr(poll, "THREADS", 2)
    upstream.sightings = [WORKING]
    for number in range(2):
        submit.submit(user, order, count=5, token=f"form-{number}")
    send_all()
    poll_all()
    real.refresh_from_db()
    assert 4 <= len(upstream.polled) <= 5
    assert (real.failing_since, states()) == (None, ["working"] * 10)
    assert not Job.objects.filter(lease_until__isnull=False).exists()
