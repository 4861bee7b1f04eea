"""Results come home, and work and money end once."""

import threading
from pathlib import Path

import pytest

from revidweb.credits import checking, ledger
from revidweb.files import storage
from revidweb.files.models import StoredFile
from revidweb.jobs import store
from revidweb.jobs.models import Job, Output, Settlement
from revidweb.lib import clock
from revidweb.library import gallery
from revidweb.providers.base import ProviderBusy, ProviderRefused, Sighting, Status
from tests.upstreams.scripted import a_picture

from .steps import due_now, poll_all, run, send_all, states, store_all, sweep_all

pytestmark = pytest.mark.django_db


@pytest.fixture
def storing(job, upstream) -> Job:
    send_all()
    poll_all()
    job.refresh_from_db()
    assert job.state == "storing"
    return job


def test_a_result_is_stored_and_paid(storing, wallet, upstream):
    store_all()
    storing.refresh_from_db()
    wallet.refresh_from_db()
    file = Output.objects.get().file
    assert (storing.state, storing.cover, storing.results) == ("done", file, [])
    assert (file.width, file.height, file.content_type) == (64, 48, "image/png")
    with storage.read(file.path) as kept:
        assert kept.read() == a_picture()
    assert (wallet.balance, wallet.held) == (96, 0)
    assert ledger.spent(storing.tenant).entries.get().credits == 4
    assert (storing.settlement.verdict, storing.settlement.credits) == ("done", 4)
    assert list(checking.faults()) == []


def test_several_results_keep_their_order(job, upstream):
    upstream.sightings = [Sighting(Status.DONE, results=("a", "b"))]
    upstream.results = [a_picture((10, 20)), a_picture((20, 10))]
    run()
    assert list(Output.objects.order_by("position").values_list("file__width", flat=True)) == [10, 20]


def test_stored_twice_is_stored_once(storing, upstream):
    Job.objects.update(lease_until=None)
    store.store(storing.pk)
    store.store(storing.pk)
    assert (Output.objects.count(), StoredFile.objects.count(), Settlement.objects.count()) == (1, 1, 1)


def test_a_step_that_lost_its_lease_settles_nothing(storing, upstream, monkeypatch):
    """Both brought the file home; the second to finish finds the job ended."""
    bring_home = store._bring_home

    def slowly(job, *which):
        file = bring_home(job, *which)
        monkeypatch.setattr(store, "_bring_home", bring_home)
        Job.objects.update(lease_until=clock.ago(1))
        store.store(job.pk)
        return file

    monkeypatch.setattr(store, "_bring_home", slowly)
    store.store(storing.pk)
    assert (states(), StoredFile.objects.count(), Settlement.objects.count()) == (["done"], 1, 1)


def test_a_result_that_cannot_be_fetched_now_is_fetched_later(storing, upstream):
    upstream.results = [ProviderBusy("later"), a_picture()]
    store_all()
    assert states() == ["storing"]
    due_now()
    store_all()
    assert states() == ["done"]


@pytest.mark.parametrize("result", [ProviderRefused("gone"), b"<html>not a picture</html>", b""])
def test_an_undeliverable_result_costs_the_payer_nothing(storing, wallet, upstream, result):
    upstream.results = [result]
    store_all()
    storing.refresh_from_db()
    wallet.refresh_from_db()
    assert (storing.state, storing.error_code, wallet.free) == ("failed", "undeliverable", 100)
    assert storing.settlement.upstream_cost_micros == 4_000_000


def test_storing_ends_at_its_deadline(storing, upstream):
    due_now(deadline_at=clock.ago(1))
    sweep_all()
    assert states() == ["failed"]


def test_a_waiting_job_gets_one_message_at_a_time(storing, upstream, monkeypatch):
    woken = []
    monkeypatch.setattr(store.wake, "up", lambda task, pk, expires: woken.append(pk))
    due_now()
    store.tick()
    store.tick()
    assert woken == [storing.pk]


def _kept(job: Job) -> list[str]:
    """The names of everything of the job in the storage."""
    folder = Path(storage.default_storage.path(f"outputs/{job.tenant.public_id}/{job.public_id}"))
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def two(job, upstream) -> Job:
    """Being stored: two results, the second of which does not come yet."""
    upstream.sightings = [Sighting(Status.DONE, results=("a", "b"))]
    upstream.results = [a_picture(), ProviderBusy("later")]
    run()
    job.refresh_from_db()
    assert (job.state, _kept(job)) == ("storing", ["0-thumb.webp", "0.png"])
    return job


def test_the_first_of_two_results_does_not_stay_when_the_second_never_comes(two, upstream):
    upstream.results = [a_picture(), ProviderRefused("gone")]
    due_now()
    store_all()
    assert (states(), _kept(two)) == (["failed"], [])


def test_nothing_stays_of_results_that_did_not_come_in_time(two):
    due_now(deadline_at=clock.ago(1))
    sweep_all()
    assert (states(), _kept(two)) == (["failed"], [])


def _slowly(monkeypatch, meanwhile) -> None:
    """Let something happen between the first result's coming and the end of the step that brought it."""
    bring_home = store._bring_home

    def slow(job, *which):
        file = bring_home(job, *which)
        monkeypatch.setattr(store, "_bring_home", bring_home)
        meanwhile(job)
        bring_home(job, *which)
        return file

    monkeypatch.setattr(store, "_bring_home", slow)


def test_a_step_that_comes_after_the_deadlines_end_leaves_nothing(storing, upstream, monkeypatch):
    def give_up(job):
        due_now(deadline_at=clock.ago(1))
        sweep_all()

    _slowly(monkeypatch, give_up)
    store.store(storing.pk)
    assert (states(), _kept(storing)) == (["failed"], [])


def test_a_step_that_comes_late_does_not_bring_back_what_was_deleted(storing, upstream, user, monkeypatch):
    def store_and_delete(job):
        Job.objects.update(lease_until=clock.ago(1))
        store.store(job.pk)
        gallery.erase(user, Output.objects.get())

    _slowly(monkeypatch, store_and_delete)
    store.store(storing.pk)
    assert (states(), _kept(storing)) == (["done"], [])


def test_a_slow_result_keeps_its_lease_and_is_fetched_once(storing, upstream, settings, monkeypatch):
    """The keeper has a connection of its own, so what it would write is only counted here."""
    settings.LEASE_S = 0.03
    renewed = threading.Event()
    monkeypatch.setattr(Job, "_renew", lambda job, lease_s: renewed.set())
    fetch = upstream.fetch

    def slow(*given, **limits):
        assert renewed.wait(timeout=10)
        fetch(*given, **limits)

    monkeypatch.setattr(upstream, "fetch", slow)
    store_all()
    assert states() == ["done"]
