"""Many at once on one key: its credits and limits hold exactly, and its figures are what its jobs say afterwards."""

from collections import Counter

import pytest
from django.core.management import call_command

from revidweb.accounts.actors import Actor
from revidweb.connections.models import Connection
from revidweb.jobs import cancel, dispatch, settle, submit
from revidweb.jobs.models import Batch, Job, Submission
from revidweb.keys import checking, issuing
from revidweb.keys.models import ApiKey, KeyKind
from revidweb.lib.refusal import Refusal
from tests.crowd import at_once
from tests.jobs import steps
from tests.keys.makers import a_key
from tests.upstreams.scripted import WORKING

from .test_dispatch import a_second_connection

pytestmark = pytest.mark.django_db(transaction=True)

PRICE = 4  # credits, of the order that the fixtures make
REQUESTS, SIDES = 200, 40  # as many as PostgreSQL's usual hundred connections take


@pytest.fixture(autouse=True)
def _books_are_right():
    """Whatever a race did, the ledger and the jobs prove themselves afterwards."""
    yield
    call_command("check_ledger", verbosity=0)
    call_command("check_jobs", verbosity=0)


def let_in(key: ApiKey) -> Actor:
    """The actor of one request: its row was read before anything else of the race happened."""
    return checking.actor_of(checking.by_id(key.pk, address=""))


def asked(key: ApiKey, order, *, requests: int = REQUESTS, count: int = 1) -> Counter:
    """How often so many requests at once were accepted, and how often refused with which code."""

    def one() -> str:
        try:
            submit.submit(let_in(key), order, count=count)
        except Refusal as refusal:
            return refusal.code
        return "accepted"

    def side(_number: int) -> list[str]:
        return [one() for _ in range(requests // SIDES)]

    return Counter(answer for answers in at_once(SIDES, side) for answer in answers)


def figures(key: ApiKey) -> tuple[int, int, int]:
    key.refresh_from_db()
    return key.moving, key.day_credits, key.lifetime_credits


def test_of_200_requests_on_credit_for_20_exactly_20_are_accepted(user, order):
    key = a_key(user.member, kind=KeyKind.BUDGETED, credits=20 * PRICE, running=100, queue=200).key
    assert asked(key, order) == {"accepted": 20, "not_enough_credits": 180}
    key.wallet.refresh_from_db()
    assert (key.wallet.free, key.wallet.held) == (0, 20 * PRICE)
    assert Job.objects.count() == Batch.objects.count() == 20
    assert figures(key) == (20, 20 * PRICE, 20 * PRICE)


@pytest.mark.parametrize("kind", [KeyKind.SHARED, KeyKind.STANDALONE])
def test_of_200_requests_on_a_day_for_20_exactly_20_are_accepted(kind, owner, order):
    credits = 1000 * PRICE if kind == KeyKind.STANDALONE else 0
    key = a_key(owner.member, kind=kind, credits=credits, day=20 * PRICE).key
    assert asked(key, order) == {"accepted": 20, "window_limit": 180}
    assert figures(key) == (20, 20 * PRICE, 20 * PRICE)


def test_of_200_requests_on_a_life_for_20_exactly_20_are_accepted(owner, order):
    key = a_key(owner.member, lifetime=20 * PRICE + 3).key
    assert asked(key, order) == {"accepted": 20, "lifetime_limit": 180}


@pytest.mark.parametrize(("queue", "accepted"), [(0, 5), (3, 8)])
def test_with_no_worker_a_key_with_five_places_takes_five_and_what_may_wait(queue, accepted, owner, order):
    key = a_key(owner.member, running=5, queue=queue).key
    assert asked(key, order) == {"accepted": accepted, "queue_full": REQUESTS - accepted}
    assert Job.objects.count() == figures(key)[0] == accepted


def test_batches_at_once_are_accepted_whole_or_not_at_all(owner, order):
    key = a_key(owner.member, day=20 * PRICE).key
    assert asked(key, order, requests=80, count=3) == {"accepted": 6, "window_limit": 74}
    assert Job.objects.count() == 18


def test_one_name_from_16_sides_is_one_batch_though_there_is_credit_for_one(user, order):
    key = a_key(user.member, kind=KeyKind.BUDGETED, credits=PRICE, running=1, queue=0).key
    batches = at_once(16, lambda _: submit.submit(let_in(key), order, count=1, token="one"))
    assert {batch.pk for batch in batches} == {Batch.objects.get().pk}
    assert sum(not batch.is_repeat for batch in batches) == Submission.objects.count() == 1
    assert figures(key)[0] == 1


def test_what_ends_while_more_is_asked_for_is_counted_once(owner, order, upstream):
    key = a_key(owner.member, day=20 * PRICE, running=4, queue=4).key
    submit.submit(let_in(key), order, count=8)
    jobs = [job for _ in range(2) for job in Job.objects.full().order_by("pk")]

    def race(number: int) -> object:
        if number % 2:
            return submit.submit(let_in(key), order, count=1).pk
        return settle.cancel(jobs[number // 2], charged=number % 4 == 0)

    answers = at_once(32, race)
    key.refresh_from_db()
    assert answers.count(True) == 8
    assert key.spent == 4 * PRICE
    assert key.moving == Job.objects.moving().count() <= 8


def test_a_revocation_lets_some_in_and_then_nobody(user, order):
    key = a_key(user.member, kind=KeyKind.BUDGETED, credits=100 * PRICE).key

    def race(number: int) -> object:
        if number == 7:
            return issuing.revoke(user, ApiKey.objects.select_related("wallet", "tenant").get(pk=key.pk))
        return submit.submit(let_in(key), order, count=1).pk

    answers = at_once(16, race)
    key.wallet.refresh_from_db()
    assert Job.objects.count() == 15 - answers.count("Refusal")
    assert (key.wallet.free, key.wallet.held) == (0, Job.objects.count() * PRICE)


def test_claims_for_two_connections_never_start_more_than_the_key_may_have(owner, order, upstream):
    upstream.sightings = [WORKING]
    keys = [a_key(owner.member, running=3).key for _ in range(3)]
    for key in keys:
        submit.submit(let_in(key), order, count=4)
    a_second_connection()
    for key in keys:
        submit.submit(let_in(key), order, count=4)
    connections = list(Connection.objects.values_list("pk", flat=True))
    claimed = at_once(8, lambda n: dispatch.claim(connections[n % 2]))
    assert sum(map(len, claimed)) == 9
    assert [Job.objects.filter(key=key).at_work().count() for key in keys] == [3, 3, 3]


def test_claims_submissions_and_ends_of_one_key_do_not_wait_for_each_other_in_a_ring(user, order, upstream):
    """Each of them holds something that another one wants; a ring would be a deadlock on PostgreSQL."""
    keys = [a_key(user.member, kind=KeyKind.BUDGETED, credits=25 * PRICE, running=4, queue=16).key for _ in range(2)]
    for key in keys:
        submit.submit(let_in(key), order, count=8)
    connection = Connection.objects.get().pk

    def race(number: int) -> None:
        key = keys[number % 2]
        for turn in range(4):
            if number % 4 == 0:
                dispatch.claim(connection)
            elif number % 4 == 1:
                submit.submit(let_in(key), order, count=1)
            else:
                jobs = Job.objects.full().filter(key=keys[turn % 2], state__in=["queued", "preparing"])
                for job in jobs.order_by("-pk" if number % 2 else "pk")[:2]:
                    cancel.cancel(let_in(job.key), job)

    at_once(16, race)
    for key in keys:
        key.refresh_from_db()
        assert key.moving == Job.objects.filter(key=key).moving().count()
        assert Job.objects.filter(key=key).at_work().count() <= 4


def test_a_job_that_ends_at_once_from_many_sides_lowers_its_key_once(owner, order, upstream):
    key = a_key(owner.member).key
    submit.submit(let_in(key), order, count=1)
    steps.send_all()
    jobs = [Job.objects.full().get() for _ in range(16)]
    ends = [lambda one: settle.fail(one, code="failed", error=""), lambda one: settle.cancel(one, charged=True)]
    assert at_once(16, lambda n: ends[n % 2](jobs[n])).count(True) == 1
    key.refresh_from_db()
    assert (key.moving, key.spent in (0, PRICE)) == (0, True)
