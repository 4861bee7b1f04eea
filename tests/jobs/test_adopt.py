"""What was made upstream and is not ours, or came too late, becomes a job that nobody pays for."""

from dataclasses import replace

import pytest

from revidweb.catalog.models import Offer
from revidweb.connections.models import Connection
from revidweb.credits.models import Hold, Transfer
from revidweb.jobs import adopt, checking, facts, settle, timeline
from revidweb.jobs.models import Attempt, Job
from revidweb.lib import clock
from revidweb.lib.refusal import Refusal
from revidweb.providers.account_pages import JobEntry
from revidweb.providers.base import Kind, Mode, OutcomeUnknown, Sighting, Status
from tests.crowd import at_once
from tests.keys.makers import a_key_actor
from tests.upstreams.scripted import DONE

from .steps import due_now, look_late, poll_all, send_all, store_all, sweep_all

pytestmark = pytest.mark.django_db


def an_entry(**fields) -> JobEntry:
    told = {
        "ticket": "there-1",
        "model": "image-4.0",
        "prompt": "A stranger's fox",
        "kind": Kind.IMAGE,
        "mode": Mode.T2I,
        "status": Status.DONE,
        "credits": 7,
        "results": ("scripted:0",),
        "created_at": clock.ago(3600),
        "completed_at": clock.ago(3500),
        "params": {"resolution": "1k", "image_url": "https://example.com/" + "x" * 60, "speed": "fast"},
        "raw": {},
    }
    return JobEntry(**told | fields)


@pytest.fixture
def late(real, job, upstream) -> Job:
    """A job that failed and succeeded upstream afterwards."""
    send_all()
    upstream.sightings = [Sighting(Status.FAILED, error="Server timeout")]
    poll_all()
    upstream.sightings = [DONE]
    look_late()
    return Job.objects.get()


def test_a_job_of_the_account_becomes_ours_and_costs_nobody_anything(owner, real, upstream):
    job = adopt.adopt(owner, real, an_entry())
    assert (job.state, job.member, job.credits, job.hold, job.is_adopted) == ("storing", owner.member, 0, None, True)
    assert job.params == {"resolution": "1k", "speed": "fast"}
    store_all()
    job.refresh_from_db()
    assert (job.state, job.outputs.count(), job.cost) == ("done", 1, 0)
    assert (job.settlement.credits, job.settlement.upstream_cost_micros) == (0, 7_000_000)
    assert (Hold.objects.count(), Transfer.objects.count()) == (0, 0)
    assert list(checking.faults()) == []
    (fact,) = facts.take(owner.tenant, limit=9)
    assert (fact.status, fact.credits, fact.upstream_cost_micros) == ("done", 0, 7_000_000)


def test_its_story_tells_where_it_is_from(owner, real, upstream):
    job = adopt.adopt(owner, real, an_entry())
    store_all()
    assert [event.what for event in timeline.of(job)] == [
        "attempt.sending",
        "attempt.sent",
        "job.adopted",
        "job.done",
    ]


def test_it_is_adopted_once(owner, real, upstream):
    adopt.adopt(owner, real, an_entry())
    with pytest.raises(Refusal, match="adopted_already"):
        adopt.adopt(owner, real, an_entry())
    assert Job.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_adopts_it(owner, real, upstream):
    answers = at_once(6, lambda _: adopt.adopt(owner, Connection.objects.get(), an_entry()).pk)
    assert (Job.objects.count(), answers.count("Refusal")) == (1, 5)


@pytest.mark.parametrize(
    "told",
    [
        {"prompt": "Paper boats\nat dusk"},
        {"prompt": "Paper boats\r\nat dusk"},
        {"prompt": "A title", "raw": {"prompt": "A title"}, "params": {"prompt": " Paper boats\r\nat dusk "}},
    ],
)
@pytest.mark.parametrize("is_sending", [False, True])
def test_however_its_prompt_is_printed_what_one_of_our_orders_may_be_is_left_to_it(
    owner, real, job, upstream, told, is_sending
):
    upstream.submits = [OutcomeUnknown("timeout")]
    send_all()
    Job.objects.update(prompt="Paper boats\r\nat dusk")
    if is_sending:
        Attempt.objects.update(state="sending")
    with pytest.raises(Refusal, match="looked_for"):
        adopt.adopt(owner, real, an_entry(**told))
    assert adopt.adopt(owner, real, an_entry(prompt="Paper boats at dawn")).is_adopted


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"status": Status.WORKING}, "not_completed"),
        ({"status": Status.FAILED}, "not_completed"),
        ({"results": ()}, "not_completed"),
        ({"model": "never-heard-of"}, "model_unknown_there"),
        ({"model": ""}, "model_unknown_there"),
    ],
)
def test_what_cannot_be_adopted_is_refused_and_says_why(owner, real, upstream, fields, code):
    with pytest.raises(Refusal, match=code):
        adopt.adopt(owner, real, an_entry(**fields))
    assert not Job.objects.exists()


def test_a_model_is_known_by_the_name_that_it_has_there(owner, real, upstream):
    Offer.objects.filter(media_model__name="image-4.0").update(upstream_model="imagen-next")
    assert adopt.adopt(owner, real, an_entry(model="imagen-next")).media_model.name == "image-4.0"


def test_what_the_account_leaves_out_is_filled_in_plainly(owner, real, upstream):
    job = adopt.adopt(owner, real, an_entry(kind=None, mode=None, prompt="", credits=None, created_at=None, params={}))
    assert (job.kind, job.mode, job.prompt) == ("image", "t2i", job.media_model.title)
    assert job.attempts.get().is_cost_uncertain
    store_all()
    assert list(checking.faults()) == []


def test_what_one_of_our_orders_may_be_is_left_to_it(owner, real, job, order, upstream):
    upstream.submits = [OutcomeUnknown("timeout")]
    send_all()
    with pytest.raises(Refusal, match="looked_for"):
        adopt.adopt(owner, real, an_entry(prompt=order.prompt))


def test_a_user_adopts_nothing_of_the_account(user, real, upstream):
    with pytest.raises(Refusal, match="not_allowed"):
        adopt.adopt(user, real, an_entry())


def test_results_that_do_not_come_end_it_at_no_cost_and_nobody_looks_again(owner, real, upstream):
    job = adopt.adopt(owner, real, replace(an_entry(), results=("scripted:gone",)))
    settle.fail(job, code="undeliverable", error="gone")
    settle.correct(job)
    job.refresh_from_db()
    assert (job.state, job.late_look_at, job.settlement.credits) == ("failed", None, 0)
    assert list(checking.faults()) == []


def test_what_was_adopted_and_did_not_come_may_be_adopted_again(owner, real, upstream):
    first = adopt.adopt(owner, real, replace(an_entry(), results=("scripted:gone",)))
    settle.fail(first, code="undeliverable", error="gone")
    assert adopt.known(owner.tenant, ["there-1"]) == {}
    assert first.settlement.upstream_cost_micros == 0
    again = adopt.adopt(owner, real, an_entry())
    store_all()
    again.refresh_from_db()
    assert (again.state, again.settlement.upstream_cost_micros) == ("done", 7_000_000)
    assert list(checking.faults()) == []


def test_the_sweep_and_the_polls_leave_it_alone(owner, real, upstream):
    job = adopt.adopt(owner, real, an_entry())
    due_now()
    sweep_all()
    poll_all()
    job.refresh_from_db()
    assert job.state == "storing"


# -- late successes


def test_a_late_success_becomes_a_job_that_names_the_failed_one(user, late, wallet, upstream):
    before = late.attempts.get().upstream_cost_micros
    job = adopt.adopt_late(user, late)
    store_all()
    job.refresh_from_db()
    late.refresh_from_db()
    wallet.refresh_from_db()
    assert (job.state, job.retry_of, job.member, job.outputs.count()) == ("done", late, user.member, 1)
    assert (late.state, late.attempts.get().upstream_cost_micros) == ("failed", before)
    assert (job.settlement.upstream_cost_micros, wallet.balance) == (0, 100)
    assert [event.what for event in timeline.of(late)][-1] == "job.adopted_late"
    assert adopt.of(user, late) == job
    assert list(checking.faults()) == []


def test_a_late_success_is_adopted_once(user, late, upstream):
    assert adopt.adopt_late(user, late) == adopt.adopt_late(user, late)
    assert Job.objects.filter(retry_of=late).count() == 1


def test_a_late_success_whose_result_did_not_come_is_adopted_again(user, late, upstream):
    first = adopt.adopt_late(user, late)
    settle.fail(first, code="undeliverable", error="gone")
    assert adopt.of(user, late) is None
    again = adopt.adopt_late(user, late)
    assert (again == first, adopt.of(user, late)) == (False, again)
    assert list(checking.faults()) == []


def test_a_late_success_is_whose_the_failed_job_was_whoever_adopts_it(owner, user, late, upstream):
    job = adopt.adopt_late(owner, late)
    store_all()
    assert (job.member, job.batch.member, job.outputs.get().member) == (user.member, user.member, user.member)
    assert adopt.of(user, late) == adopt.of(owner, late) == job


def test_that_of_a_key_without_a_member_is_whose_who_adopts_it(owner, late, upstream):
    acting = a_key_actor(tenant=owner.tenant)
    late.member, late.key_id, late.held_on = None, acting.key.pk, clock.now().date()
    job = adopt.adopt_late(owner, late)
    assert (job.member, job.key) == (owner.member, None)
    assert (adopt.of(owner, late), adopt.of(acting, late)) == (job, None)


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_adopts_a_late_success(user, late, upstream):
    answers = at_once(6, lambda _: adopt.adopt_late(user, Job.objects.get(pk=late.pk)).pk)
    assert len(set(answers)) == 1
    assert Attempt.objects.filter(job__retry_of=late).count() == 1


def test_a_failure_without_a_late_success_has_nothing_to_adopt(user, real, job, upstream):
    with pytest.raises(Refusal, match="no_late_success"):
        adopt.adopt_late(user, job)
