"""Many at once on one queue: no credit is spent twice, no order is sent twice, no job ends twice."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.management import call_command

from revidweb.accounts import members
from revidweb.accounts.actors import Actor, of
from revidweb.accounts.models import Role
from revidweb.connections.models import Connection
from revidweb.credits import ledger
from revidweb.credits.models import Hold, HoldState
from revidweb.jobs import answers, cancel, dispatch, find, inputs, late, poll, settle, store, submit
from revidweb.jobs.models import Attempt, Batch, Job, JobInput, Settlement, Submission, UploadedInput
from revidweb.jobs.states import ENDED, State
from revidweb.lib import clock
from revidweb.library import gallery
from revidweb.providers.base import Input, Mode, OutcomeUnknown, Receipt, Sighting, Status
from tests import makers
from tests.crowd import at_once
from tests.jobs import steps
from tests.library.makers import a_file, an_output
from tests.processes import wait_for
from tests.upstreams.scripted import DONE, WORKING

pytestmark = pytest.mark.django_db(transaction=True)

PRICE = 4  # credits, of the order that the fixtures make


@pytest.fixture
def poor(owner) -> Actor:
    """A user with credits for exactly 20 orders."""
    member = members.add(owner.tenant, makers.a_person(), role=Role.USER)
    ledger.grant(member, credits=20 * PRICE, reference="grant:exact", actor="system")
    return of(member)


@pytest.fixture(autouse=True)
def _book_is_right():
    """Whatever a race did, the ledger proves itself afterwards."""
    yield
    call_command("check_ledger", verbosity=0)


@pytest.fixture
def queue(user, upstream, order) -> list[int]:
    """Eight queued jobs."""
    batch = submit.submit(user, order, count=8, token="eight")
    return list(batch.jobs.order_by("pk").values_list("pk", flat=True))


def test_of_64_submissions_on_credits_for_20_exactly_20_are_accepted(poor, order):
    answers = at_once(64, lambda n: submit.submit(poor, order, count=1, token=f"form-{n}").pk)
    wallet = ledger.wallet_of(poor.member)
    assert answers.count("NotEnoughCredits") == 44
    assert Job.objects.count() == Batch.objects.count() == Submission.objects.count() == 20
    assert Hold.objects.filter(state=HoldState.OPEN).count() == 20
    assert (wallet.balance, wallet.held, wallet.free) == (80, 80, 0)


def test_batches_at_once_are_accepted_whole_or_not_at_all(poor, order):
    answers = at_once(16, lambda n: submit.submit(poor, order, count=3, token=f"form-{n}").pk)
    assert answers.count("NotEnoughCredits") == 10
    assert (Batch.objects.count(), Job.objects.count(), Hold.objects.count()) == (6, 18, 18)
    assert ledger.wallet_of(poor.member).held == 18 * PRICE


def test_the_same_form_from_16_sides_is_one_batch(user, wallet, order):
    answers = at_once(16, lambda _: submit.submit(user, order, count=2, token="the form").pk)
    wallet.refresh_from_db()
    assert set(answers) == {Batch.objects.get().pk}
    assert (Job.objects.count(), wallet.held) == (2, 2 * PRICE)


def test_one_token_with_two_orders_at_once_is_one_of_the_two(user, order):
    other = replace(order, prompt="Paper kites at dawn")
    answers = at_once(16, lambda n: submit.submit(user, other if n % 2 else order, count=1, token="the form").pk)
    assert answers.count("Refusal") == 8
    assert Job.objects.count() == 1


def test_two_rounds_claim_each_job_once(queue):
    connection = Connection.objects.get()
    claimed = at_once(8, lambda _: dispatch.claim(connection.pk))
    assert sorted(pk for part in claimed for pk in part) == queue


def test_two_rounds_never_give_one_slot_away_twice(queue):
    Connection.objects.update(total_slots=3, image_slots=3)
    claimed = at_once(8, lambda _: dispatch.claim(Connection.objects.get().pk))
    assert sum(len(part) for part in claimed) == 3


def test_an_order_is_sent_once_however_often_its_message_comes(queue, upstream):
    dispatch.tick()
    at_once(16, lambda n: dispatch.send(queue[n % 8]))
    assert len(upstream.sent) == Attempt.objects.count() == 8
    assert set(steps.states()) == {"working"}


def test_two_looks_at_once_claim_each_job_once(queue):
    steps.send_all()
    claimed = at_once(8, lambda _: [job.pk for job in poll.claim("working")])
    assert sorted(pk for part in claimed for pk in part) == queue


def test_a_result_is_stored_and_charged_once(job, upstream, wallet):
    steps.send_all()
    steps.poll_all()
    at_once(8, lambda _: store.store(job.pk))
    wallet.refresh_from_db()
    assert (job.outputs.count(), Settlement.objects.get().credits) == (1, PRICE)
    assert (wallet.balance, wallet.held) == (96, 0)


def test_a_cancel_races_the_sending_and_one_of_them_wins(queue, upstream, user):
    dispatch.tick()
    jobs = list(Job.objects.order_by("pk"))

    def race(number: int) -> object:
        job = jobs[number % 8]
        return dispatch.send(job.pk) if number < 8 else cancel.cancel(user, job).state

    at_once(16, race)
    ended = Job.objects.filter(state="cancelled")
    assert len(upstream.sent) == Attempt.objects.count() == 8 - ended.count()
    assert set(Settlement.objects.values_list("job", flat=True)) == set(ended.values_list("pk", flat=True))
    assert Hold.objects.filter(state=HoldState.OPEN).count() == 8 - ended.count()


def test_a_cancel_races_the_finish_and_the_job_is_settled_once(job, upstream, user, wallet):
    upstream.sightings = [WORKING]
    steps.send_all()
    cancel.cancel(user, job)
    seen = [DONE, Sighting(Status.CANCELLED, refunded=True)]
    rounds = [Job.objects.full().get(pk=job.pk) for _ in range(16)]

    def race(number: int) -> None:
        poll.take_in([(rounds[number], seen[number % 2])])
        store.store(job.pk)

    at_once(16, race)
    job.refresh_from_db()
    wallet.refresh_from_db()
    paid = PRICE if job.state == "done" else 0
    assert job.state in ("done", "cancelled")
    assert Settlement.objects.get().credits == paid
    assert job.outputs.count() == (job.state == "done")
    assert (wallet.balance, wallet.held) == (100 - paid, 0)


def test_of_many_verdicts_at_once_one_counts(job, upstream):
    steps.send_all()
    jobs = [Job.objects.full().get(pk=job.pk) for _ in range(16)]
    ends = [lambda one: settle.fail(one, code="failed", error=""), lambda one: settle.cancel(one, charged=True)]
    answers = at_once(16, lambda n: ends[n % 2](jobs[n]))
    assert answers.count(True) == Settlement.objects.count() == 1
    assert Job.objects.get().state in ENDED


def test_one_receipt_upstream_is_adopted_by_one_of_eight_equal_orders(queue, upstream):
    upstream.submits = [OutcomeUnknown("the answer was lost")]
    steps.send_all()
    assert set(steps.states()) == {"unknown"}
    lost = find.claim()  # all have the same answer in hand before one adopts it
    answers = at_once(8, lambda n: find.take_in(*lost[n], [Receipt("found-1")]))
    assert answers.count(True) == 1
    assert list(Attempt.objects.exclude(ticket="").values_list("ticket", flat=True)) == ["found-1"]
    assert sorted(steps.states()) == ["unknown"] * 7 + ["working"]


def test_two_finders_of_one_order_adopt_one_receipt(user, upstream, order):
    upstream.submits = [OutcomeUnknown("the answer was lost")]
    submit.submit(user, order, count=1, token="one")
    steps.send_all()
    (job, attempt), found = find.claim()[0], [Receipt("found-1"), Receipt("found-2")]
    at_once(8, lambda _: find.take_in(Job.objects.full().get(pk=job.pk), attempt, found))
    assert Attempt.objects.get().ticket == "found-1"


def test_two_rounds_look_for_each_lost_order_once(queue, upstream):
    upstream.submits = [OutcomeUnknown("the answer was lost")]
    steps.send_all()
    claimed = at_once(8, lambda _: [job.pk for job, _attempt in find.claim()])
    assert sorted(pk for part in claimed for pk in part) == queue


def test_a_found_ticket_and_its_own_late_answer_meet_and_one_attempt_has_it(real, user, order, upstream):
    submit.submit(user, order, count=2, token="two")
    dispatch.tick()
    jobs = list(Job.objects.full().order_by("pk"))
    slow, lost = (dispatch._begin(job) for job in jobs)
    for job, attempt in zip(jobs, (slow, lost), strict=True):
        answers.answer_lost(job, attempt, "")  # the slow one outlived its lease
    receipt = Receipt("t-slow")

    def race(number: int) -> object:
        if number % 2:
            return answers.created(Job.objects.full().get(pk=jobs[0].pk), slow, receipt)
        return find.take_in(Job.objects.full().get(pk=jobs[1].pk), lost, [receipt])

    at_once(8, race)
    assert list(Attempt.objects.exclude(ticket="").values_list("ticket", flat=True)) == ["t-slow"]
    assert sorted(steps.states()) == ["unknown", "working"]


def test_two_jobs_may_bring_one_picture_at_once_and_one_address_stands(real, user, order, upstream):
    upstream.takes_uploads = True
    picture = a_file(user.member)
    picture.save()
    from_it = replace(order, model="nano-banana", mode=Mode.I2I, inputs=(Input(file_id=picture.public_id),))
    submit.submit(user, from_it, count=8, token="eight")
    jobs = list(Job.objects.full())
    at_once(8, lambda n: inputs.bring(jobs[n]).addresses)
    assert UploadedInput.objects.count() == 1


def test_slow_work_keeps_its_lease_and_nobody_else_takes_it(queue):
    job = Job.claim(queue[0], State.QUEUED, lease_s=0.4)
    with job.keeping(0.4):
        first = Job.objects.get(pk=job.pk).lease_until
        wait_for(lambda: Job.objects.get(pk=job.pk).lease_until > first + timedelta(seconds=0.8), timeout_s=20, what="")
        assert Job.claim(job.pk, State.QUEUED, lease_s=1) is None
    wait_for(lambda: Job.claim(job.pk, State.QUEUED, lease_s=60) is not None, timeout_s=20, what="the lease's end")


def test_two_looks_at_late_successes_mark_one(real, job, upstream):
    upstream.sightings = [Sighting(Status.FAILED)]
    steps.send_all()
    steps.poll_all()
    upstream.sightings = [DONE]
    Job.objects.update(late_look_at=clock.ago(1))
    at_once(8, lambda _: late.tick())
    assert len(upstream.polled) == 2
    assert Job.objects.get().late_results == ["scripted:0"]


def test_a_picture_is_deleted_or_started_from_but_never_both(user, order):
    pictures = [an_output(user.member) for _ in range(8)]

    def race(number: int) -> object:
        picture = pictures[number // 2]
        if number % 2:
            return gallery.erase(user, picture)
        from_it = replace(order, model="nano-banana", inputs=(Input(file_id=picture.file.public_id),))
        return submit.submit(user, from_it, count=1, token=f"form-{number}").pk

    answers = at_once(16, race)
    assert answers.count("Refusal") == 8
    assert not JobInput.objects.filter(file__deleted_at__isnull=False).exists()
