"""Orders that are equal but for their picture keep apart, and one that goes wrong takes no other with it."""

from dataclasses import replace

import pytest
from django.db import connection as database

from revidweb.connections import budget, credentials
from revidweb.connections.models import Connection
from revidweb.files.models import StoredFile
from revidweb.jobs import dispatch, find, inputs, late, submit, sweep
from revidweb.jobs.models import Job, UploadedInput
from revidweb.lib import clock
from revidweb.providers.base import Input, Mode, Order, OutcomeUnknown, Receipt, Sighting, Status
from tests.crowd import at_once
from tests.library.makers import a_file

from .steps import due_now, find_all, look_late, poll_all, send_all, states

pytestmark = pytest.mark.django_db


@pytest.fixture
def picture(user) -> StoredFile:
    file = a_file(user.member)
    file.save()
    return file


@pytest.fixture
def from_it(real, upstream, order, picture) -> Order:
    upstream.takes_uploads = True
    return replace(order, model="nano-banana", mode=Mode.I2I, inputs=(Input(file_id=picture.public_id),))


@pytest.fixture
def searched(upstream, monkeypatch) -> list[list[str]]:
    """The pictures' addresses with which lost orders are looked for."""
    asked: list[list[str]] = []

    def find_by(_account, order, **_window):
        asked.append([one.url for one in order.inputs])
        return []

    monkeypatch.setattr(upstream, "find", find_by)
    return asked


def lose(user, order: Order, upstream, *, token: str = "lost") -> None:
    upstream.submits = [OutcomeUnknown("timed out")]
    submit.submit(user, order, count=1, token=token)
    send_all()
    assert states()[-1] == "unknown"


def test_a_lost_order_is_looked_for_by_its_pictures_address(user, from_it, upstream, searched):
    lose(user, from_it, upstream)
    find_all()
    assert searched == [["https://scripted.example/1.png"]]


def test_a_failed_one_is_looked_for_by_it_too(user, from_it, upstream, searched):
    lose(user, from_it, upstream)
    due_now(deadline_at=clock.ago(1))
    sweep.tick()
    assert states() == ["failed"]
    look_late()
    assert searched == [["https://scripted.example/1.png"]]


@pytest.mark.parametrize("changed", ["brought anew", "forgotten"])
def test_an_address_that_may_be_another_by_now_counts_for_nothing(user, from_it, upstream, searched, changed):
    """An order that is looked for by a wrong address would never be found."""
    lose(user, from_it, upstream)
    if changed == "forgotten":
        UploadedInput.objects.all().delete()
    else:
        UploadedInput.objects.update(address="https://scripted.example/anew.png", at=clock.after(1))
    find_all()
    assert searched == [[""]]


def test_of_two_that_bring_a_picture_at_once_the_first_address_is_used_by_both(
    user, from_it, picture, upstream, monkeypatch
):
    submit.submit(user, from_it, count=2, token="two")
    first, second = Job.objects.full().order_by("pk")
    assert inputs.bring(first).addresses == {picture.pk: "https://scripted.example/1.png"}
    monkeypatch.setattr(inputs, "_known", lambda *_: None)  # it looked before the first one had brought it
    assert inputs.bring(second).addresses == {picture.pk: "https://scripted.example/1.png"}
    assert UploadedInput.objects.get().address == "https://scripted.example/1.png"


def test_all_that_were_refused_for_a_stale_address_bring_it_anew(user, from_it, upstream):
    submit.submit(user, from_it, count=3, token="three")
    first, second, third = Job.objects.full().order_by("pk")
    inputs.bring(first)
    stale = [inputs.bring(second), inputs.bring(third)]
    assert [each.forget_reused() for each in stale] == [True, True]
    assert [each.forget_reused() for each in stale] == [False, False]


def test_a_bug_in_one_search_leaves_the_others_theirs(real, user, order, upstream, monkeypatch):
    lose(user, order, upstream, token="one")
    lose(user, replace(order, prompt="Paper kites at dawn"), upstream, token="two")

    def badly(_account, order, **_window):
        if order.prompt == "Paper boats at dusk":
            raise KeyError("a bug")
        return [Receipt("found")]

    monkeypatch.setattr(upstream, "find", badly)
    find_all()
    assert states() == ["unknown", "working"]
    assert list(Job.objects.order_by("pk").values_list("lease_until", flat=True)) == [None, None]


def test_a_failure_that_comes_with_results_fails_and_keeps_them(real, job, wallet, upstream):
    send_all()
    upstream.sightings = [Sighting(Status.FAILED, error="Server timeout", results=("scripted:0",))]
    poll_all()
    job.refresh_from_db()
    wallet.refresh_from_db()
    assert (job.state, job.late_results, job.late_look_at) == ("failed", ["scripted:0"], None)
    assert (wallet.free, wallet.held) == (100, 0)
    assert job.settlement.is_cost_uncertain


def test_so_does_one_that_gets_them_later(real, job, upstream):
    send_all()
    upstream.sightings = [Sighting(Status.FAILED)]
    poll_all()
    upstream.sightings = [Sighting(Status.FAILED, results=("scripted:0",))]
    look_late()
    job.refresh_from_db()
    assert (job.state, job.late_results) == ("failed", ["scripted:0"])


def test_the_picture_that_it_started_from_is_no_result(user, from_it, upstream):
    submit.submit(user, from_it, count=1, token="t")
    send_all()
    back = Sighting(Status.FAILED, results=(UploadedInput.objects.get().address,))
    upstream.sightings = [back]
    poll_all()
    look_late()
    job = Job.objects.get()
    assert (job.state, job.late_at, job.late_looks, job.settlement.upstream_cost_micros) == ("failed", None, 1, 0)


def test_the_sweep_comes_past_what_it_cannot_end(user, order, upstream, monkeypatch):
    submit.submit(user, order, count=3, token="three")
    send_all()
    due_now(state="unknown", deadline_at=clock.ago(1))
    fail, broken = sweep.settle.fail, Job.objects.earliest("pk").pk

    def badly(job, **how):
        if job.pk == broken:
            raise KeyError("a bug")
        return fail(job, **how)

    monkeypatch.setattr(sweep.settle, "fail", badly)
    monkeypatch.setattr(sweep, "MOST_AT_ONCE", 1, raising=False)
    sweep.lose()
    assert states() == ["unknown", "failed", "failed"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("tick", [find.tick, late.tick])
def test_requests_are_taken_while_no_row_is_locked(real, job, upstream, monkeypatch, tick):
    """Two rounds that take from two keys in two orders would wait for each other for ever."""
    upstream.submits = [OutcomeUnknown("timed out")]
    send_all()
    due_now()
    if tick is late.tick:
        Job.objects.update(deadline_at=clock.ago(1))
        sweep.tick()
        Job.objects.update(late_look_at=clock.ago(1))
    locked: list[bool] = []
    monkeypatch.setattr(budget, "take", lambda *_, **__: locked.append(database.in_atomic_block) or 1)
    tick()
    assert locked == [False]


@pytest.fixture
def beside(real) -> Connection:
    """The same account by another key."""
    copy = Connection.objects.create(
        tenant=real.tenant, provider="scripted", name="Beside", synced_at=clock.now(), is_enabled=False
    )
    credentials.keep(copy, base_url=real.credential.base_url, key="sk_live_beside")
    return copy


def move_to(connection: Connection, job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(connection=connection)
    job.attempts.update(connection=connection, credential=connection.credential)


def test_an_order_under_way_by_another_key_of_the_account_keeps_its_answer(real, beside, user, order, upstream):
    lose(user, order, upstream)
    submit.submit(user, order, count=1, token="twin")
    dispatch.tick()
    twin = Job.objects.full().get(state="preparing")
    dispatch._begin(twin)
    move_to(beside, twin)
    upstream.there = [Receipt("the twin's")]
    Job.objects.filter(state="unknown").update(next_look_at=clock.ago(1))
    find.tick()
    assert states() == ["unknown", "sending"]


@pytest.mark.django_db(transaction=True)
def test_two_keys_of_one_account_never_adopt_one_order_twice(real, beside, user, order, upstream):
    for token in "ab":
        lose(user, order, upstream, token=token)
    move_to(beside, Job.objects.latest("pk"))
    due_now()
    lost = find.claim()
    answers = at_once(8, lambda n: find.take_in(*lost[n % 2], [Receipt("found")]))
    assert answers.count(True) == 1
    assert sorted(states()) == ["unknown", "working"]
