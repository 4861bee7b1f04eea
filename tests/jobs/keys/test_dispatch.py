"""A key's running limit in dispatch, and the turns of keys among members."""

from dataclasses import replace

import pytest

from revidweb.accounts.actors import Actor
from revidweb.catalog.models import Offer, Price
from revidweb.connections.models import Connection
from revidweb.credits import ledger
from revidweb.jobs import dispatch, submit
from revidweb.jobs.models import Job
from revidweb.keys.models import ApiKey, KeyKind
from revidweb.lib import clock
from revidweb.providers.base import OutcomeUnknown, Sighting, Status
from tests.jobs import steps
from tests.keys.makers import a_key_actor
from tests.upstreams.scripted import WORKING

pytestmark = pytest.mark.django_db


@pytest.fixture
def slow(owner, upstream) -> Actor:
    """A key of the owner that may have two jobs at work."""
    upstream.sightings = [WORKING]
    return a_key_actor(owner.member, running=2)


def at_work(actor: Actor) -> int:
    return Job.objects.visible_to(actor).at_work().count()


def a_second_connection() -> Connection:
    """Another one of the tenant that sells the same: what is queued from now on goes there."""
    first = Connection.objects.get()
    second = Connection.objects.create(
        tenant=first.tenant, provider="scripted", name="Second", synced_at=clock.now(), total_slots=8, image_slots=8
    )
    offer = Offer.objects.get(connection=first, media_model__name="image-4.0")
    prices = list(offer.prices.all())
    offer.pk = None
    offer.connection = second
    offer.save()
    for price in prices:
        price.pk, price.offer, price.is_estimate = None, offer, False
        price.credits = max(1, price.credits - 1)
        price.save()
    return second


def test_no_more_are_at_work_than_the_key_may_have(slow, order, upstream):
    submit.submit(slow, order, count=5)
    for ended in (0, 2, 4):
        steps.send_all()
        assert at_work(slow) == min(2, 5 - ended)
        upstream.sightings = [Sighting(Status.FAILED)]
        steps.poll_all()
        upstream.sightings = [WORKING]
    assert steps.states() == ["failed"] * 5


def test_what_is_brought_home_is_still_at_work(slow, order, upstream):
    submit.submit(slow, order, count=3)
    steps.send_all()
    Job.objects.filter(state="working").update(state="storing")
    steps.send_all()
    assert steps.states() == ["storing", "storing", "queued"]


def test_an_order_whose_answer_was_lost_keeps_its_place_for_a_while(slow, order, upstream, settings):
    Connection.objects.update(provider="scripted", synced_at=clock.now())
    Price.objects.update(is_estimate=False)
    upstream.submits = [OutcomeUnknown("the answer was lost")]
    submit.submit(slow, order, count=3)
    steps.send_all()
    assert steps.states() == ["unknown", "unknown", "queued"]
    steps.due_now(changed_at=clock.ago(settings.GHOST_SLOT_S + 1))
    steps.send_all()
    assert steps.states() == ["unknown"] * 3


def test_two_connections_share_a_keys_limit(slow, order, upstream):
    submit.submit(slow, order, count=2)
    second = a_second_connection()
    submit.submit(slow, order, count=2)
    assert Job.objects.filter(connection=second).count() == 2
    claimed = [dispatch.claim(pk) for pk in Connection.objects.values_list("pk", flat=True)]
    assert sorted(map(len, claimed)) == [0, 2]


def test_a_limited_key_does_not_hide_what_its_member_waits_for(slow, owner, order, upstream):
    Connection.objects.update(total_slots=4, image_slots=4)
    for _ in range(3):
        submit.submit(slow, order, count=8)
    mine = submit.submit(owner, order, count=2, token="mine")
    steps.send_all()
    assert at_work(slow) == 2
    assert set(mine.jobs.values_list("state", flat=True)) == {"working"}


def test_a_limit_that_was_lowered_stops_nothing_and_starts_nothing(slow, order, upstream):
    submit.submit(slow, order, count=3)
    steps.send_all()
    ApiKey.objects.filter(pk=slow.key.pk).update(running_limit=1)
    steps.send_all()
    assert steps.states() == ["working", "working", "queued"]


def test_keys_of_nobody_take_turns_with_members_and_with_each_other(owner, user, order, upstream):
    Connection.objects.update(total_slots=6, image_slots=6)
    ledger.grant(user.member, credits=500, reference="grant:more", actor="system")
    first, second = (a_key_actor(owner.member, kind=KeyKind.STANDALONE, credits=500) for _ in range(2))
    for _ in range(5):
        submit.submit(first, order, count=8)
    submit.submit(second, order, count=8)
    submit.submit(user, order, count=8, token="mine")
    steps.send_all()
    working = Job.objects.filter(state="working")
    shares = [working.filter(key=key.key.pk).count() for key in (first, second)]
    assert [*shares, working.filter(member=user.member).count()] == [2, 2, 2]


def test_a_member_with_many_keys_has_one_turn(owner, user, order, upstream):
    Connection.objects.update(total_slots=6, image_slots=6)
    for _ in range(3):
        submit.submit(a_key_actor(owner.member), order, count=8)
    submit.submit(user, replace(order, prompt="Mine"), count=8, token="mine")
    steps.send_all()
    working = Job.objects.filter(state="working")
    assert [working.filter(member=person.member).count() for person in (owner, user)] == [3, 3]
