"""Many jobs at once go up as slots free, and the members of a tenant take turns."""

from dataclasses import replace

import pytest

from revidweb.accounts import members
from revidweb.accounts.actors import Actor, of
from revidweb.accounts.models import Role
from revidweb.connections.models import Connection
from revidweb.credits import ledger
from revidweb.jobs import dispatch, poll, submit
from revidweb.jobs.models import Attempt, Job
from revidweb.lib import clock
from revidweb.providers.base import Order, Sighting, Status
from tests import makers
from tests.upstreams.scripted import WORKING

from .steps import due_now, poll_all, send_all

pytestmark = pytest.mark.django_db

FAILED = Sighting(Status.FAILED)


@pytest.fixture
def three(owner, upstream) -> list[Actor]:
    """Members who can pay for what they order."""
    people = [of(members.add(owner.tenant, makers.a_person(), role=Role.USER)) for _ in range(3)]
    for number, person in enumerate(people):
        ledger.grant(person.member, credits=500, reference=f"grant:{number}", actor="system")
    return people


def ask(actor: Actor, order: Order, count: int) -> None:
    for number in range(0, count, submit.MOST_PER_BATCH):
        some = min(submit.MOST_PER_BATCH, count - number)
        submit.submit(actor, order, count=some, token=f"{order.model}-{number}")


def whose(state: str, people: list[Actor]) -> list[int]:
    return [Job.objects.filter(state=state, member=person.member).count() for person in people]


def end_one(upstream) -> None:
    """The oldest job at work fails; its slot is free."""
    oldest = Job.objects.filter(state="working").earliest("started_at", "pk")
    upstream.sightings = [FAILED]
    Job.objects.exclude(pk=oldest.pk).update(lease_until="2100-01-01T00:00Z")
    Job.objects.filter(pk=oldest.pk).update(next_look_at="2000-01-01T00:00Z")
    poll.tick()
    due_now()


def test_fifty_jobs_go_up_as_slots_free_and_none_more(three, order, upstream):
    Connection.objects.update(total_slots=4, image_slots=4)
    upstream.sightings = [WORKING]
    ask(three[0], order, 50)
    rounds = 0
    while Job.objects.filter(state="queued").exists():
        send_all()
        assert Job.objects.filter(state="working").count() <= 4
        upstream.sightings = [FAILED]
        poll_all()
        rounds += 1
    in_line = list(Job.objects.order_by("pk").values_list("pk", flat=True))
    assert rounds == 13
    assert list(Attempt.objects.order_by("pk").values_list("job", flat=True)) == in_line


def test_who_comes_later_does_not_wait_for_who_ordered_much(three, order, upstream):
    Connection.objects.update(total_slots=6, image_slots=6)
    ask(three[0], order, 40)
    ask(three[1], order, 6)
    ask(three[2], order, 4)
    send_all()
    assert whose("working", three) == [2, 2, 2]


def test_each_slot_that_frees_goes_to_the_member_who_has_the_least(three, order, upstream):
    Connection.objects.update(total_slots=3, image_slots=3)
    ask(three[0], order, 20)
    send_all()
    assert whose("working", three) == [3, 0, 0]
    ask(three[1], order, 20)
    ask(three[2], order, 20)
    for _ in range(2):
        end_one(upstream)
        send_all()
    assert whose("working", three) == [1, 1, 1]
    for _ in range(9):
        end_one(upstream)
        send_all()
        assert whose("working", three) == [1, 1, 1]


def test_clips_that_find_no_slot_keep_no_picture_waiting(three, order, upstream):
    Connection.objects.update(total_slots=5, image_slots=3, video_slots=2)
    ask(three[0], replace(order, kind="video", mode="t2v", model="veo3.1-fast"), 10)
    ask(three[0], order, 10)
    send_all()
    working = Job.objects.filter(state="working")
    assert (working.filter(kind="video").count(), working.filter(kind="image").count()) == (2, 3)


def under_way(seconds: float = 0) -> None:
    """Whatever is claimed is being sent, and the oldest call waits for so long already."""
    for job in Job.objects.full().filter(state="preparing"):
        dispatch._begin(job)
    Attempt.objects.filter(pk=Attempt.objects.earliest("pk").pk).update(sent_at=clock.ago(seconds))


def claimed() -> int:
    """How many more are taken up now."""
    return len(dispatch.claim(Connection.objects.get().pk))


def test_one_connection_never_has_all_threads(three, order, upstream, settings):
    settings.WORKER_THREADS = 16
    Connection.objects.update(total_slots=40, image_slots=40)
    ask(three[0], order, 40)
    assert claimed() == 12
    assert claimed() == 0
    under_way()
    assert claimed() == 0
    Job.objects.filter(state="sending").update(state="working")
    assert claimed() == 12


def test_a_server_that_leaves_a_call_waiting_gets_a_third_of_the_threads_until_it_answers(
    three, order, upstream, settings
):
    settings.WORKER_THREADS = 16
    Connection.objects.update(total_slots=40, image_slots=40)
    ask(three[0], order, 40)
    claimed()
    under_way(dispatch.SLOW_S + 1)
    slowest = Attempt.objects.earliest("pk").job_id
    Job.objects.filter(state="sending").exclude(pk=slowest).update(state="working")
    assert claimed() == 4
    assert claimed() == 0
    Job.objects.filter(pk=slowest).update(state="working")
    assert claimed() == 8


def test_quick_answers_fill_forty_slots_in_one_go(three, order, upstream):
    Connection.objects.update(total_slots=40, image_slots=40)
    ask(three[0], order, 50)
    send_all()
    assert whose("working", three) == [40, 0, 0]


def test_room_is_asked_for_with_one_query(three, order, upstream, django_assert_num_queries):
    ask(three[0], order, 4)
    connection = Connection.objects.get()
    with django_assert_num_queries(1):
        assert dispatch._threads_left(connection) == 12
