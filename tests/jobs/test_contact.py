from contextlib import ExitStack

import pytest

from revidweb.connections import health, preview, trying
from revidweb.connections.models import Connection
from revidweb.jobs import cancel, contact, submit
from revidweb.jobs.models import Attempt, AttemptState, Job
from revidweb.jobs.states import State
from revidweb.lib import clock
from revidweb.providers import registry
from revidweb.providers.base import AccountRefused, Kind, Limits
from tests.connections.makers import Told, an_account

pytestmark = pytest.mark.django_db


@pytest.fixture
def told(monkeypatch) -> Told:
    told = Told()
    monkeypatch.setattr(registry, "provider", lambda name: told)
    return told


@pytest.fixture
def woken(monkeypatch) -> list[int]:
    """Whom a tick had checked."""
    found: list[int] = []
    monkeypatch.setattr(contact.wake, "up", lambda task, pk, expires: found.append(pk))
    return found


def test_who_is_due_is_checked_once(woken):
    due = an_account()
    an_account(next_check_at=clock.now())
    Connection.objects.exclude(pk=due.pk).update(next_check_at=clock.after(60))
    preview.open_at(due.tenant)
    contact.tick()
    contact.tick()
    assert woken == [due.pk]


def test_a_check_that_was_lost_is_made_again(settings, woken):
    due = an_account()
    contact.tick()
    due.refresh_from_db()
    assert clock.now() < due.next_check_at <= clock.after(settings.ACCOUNT_RETRY_S)


def test_a_removed_connection_is_left_alone(told, woken):
    gone = an_account()
    Connection.objects.update(removed_at=clock.now())
    contact.tick()
    contact.check(gone.pk)
    assert (woken, told.asked) == ([], [])


@pytest.mark.parametrize(
    ("state", "attempt", "foreign"),
    [
        (State.QUEUED, None, 1),
        (State.SENDING, AttemptState.SENDING, 0),
        (State.WORKING, AttemptState.SENT, 0),
        (State.UNKNOWN, AttemptState.SENT, 0),
        (State.STORING, AttemptState.SENT, 1),
    ],
)
def test_our_own_jobs_are_not_foreign(monkeypatch, told, job, state, attempt, foreign):
    account = an_account(job.tenant)
    Job.objects.update(connection=account, state=state)
    if attempt:
        Attempt.objects.create(job=job, number=1, connection=account, credential=account.credential, state=attempt)
    told.says["limits"] = Limits(5, 3, 3, active_total=1, active_image=1)
    monkeypatch.setattr(registry, "provider", lambda name: told)
    contact.check(account.pk)
    account.refresh_from_db()
    assert (account.foreign_total, account.foreign_image, account.foreign_video) == (foreign, foreign, 0)
    assert Job.objects.filter(connection=account).slots_used().get(Kind.IMAGE, 0) == 1 - foreign
    assert account.balance == 970


def test_an_account_with_too_little_for_all_that_waits_stays_out_of_credits(monkeypatch, user, told, job, order):
    account = an_account(job.tenant)
    health.refused(account, account.credential, AccountRefused("Insufficient credits", code="exhausted"))
    told.says["balance"] = 3
    monkeypatch.setattr(registry, "provider", lambda name: told)

    def trouble() -> str:
        contact.check(account.pk)
        return Connection.objects.get(pk=account.pk).trouble

    Job.objects.update(connection=account, upstream_credits=4)
    assert trouble() == "exhausted"
    submit.submit(user, order, count=1, token="cheap")
    Job.objects.exclude(pk=job.pk).update(upstream_credits=3)  # elsewhere
    assert trouble() == "exhausted"
    Job.objects.update(connection=account)
    assert trouble() == ""


def test_an_account_where_nothing_waits_any_more_is_not_out_of_credits(monkeypatch, user, told, job):
    account = an_account(job.tenant)
    health.refused(account, account.credential, AccountRefused("Insufficient credits", code="exhausted"))
    told.says["balance"] = 3
    monkeypatch.setattr(registry, "provider", lambda name: told)
    Job.objects.update(connection=account, upstream_credits=4)
    cancel.cancel(user, Job.objects.get())
    contact.check(account.pk)
    assert Connection.objects.get(pk=account.pk).trouble == ""


def test_of_a_tenant_two_are_checked_at_once_and_others_wait_for_none_of_them(told, monkeypatch):
    mine, further, stranger = an_account(), an_account(), an_account()
    Connection.objects.filter(pk=further.pk).update(tenant=mine.tenant)
    others = [further, stranger, mine]
    checked: list[int] = []

    def check(connection, *, ours, cheapest):
        checked.append(connection.pk)
        if others:
            contact.check(others.pop(0).pk)

    monkeypatch.setattr(contact.health, "check", check)
    contact.check(mine.pk)
    assert checked == [mine.pk, further.pk, stranger.pk]
    contact.check(mine.pk)
    assert checked[-1] == mine.pk


def test_a_check_without_a_place_comes_soon(told):
    mine, others = an_account(), [an_account() for _ in range(4)]
    with ExitStack() as places:
        for other in others:
            places.enter_context(trying.asking(other))
        contact.check(mine.pk)
    mine.refresh_from_db()
    assert told.asked == []
    assert clock.now() < mine.next_check_at <= clock.after(5)
