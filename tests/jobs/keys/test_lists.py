"""What a key sees of jobs and balance, and what its member sees of it."""

import pytest

from revidweb.accounts.actors import Actor
from revidweb.connections.models import Connection
from revidweb.credits import ledger
from revidweb.jobs import balance, listing, submit, watch
from revidweb.jobs.balance import Balance
from revidweb.jobs.listing import Filters
from revidweb.keys.models import KeyKind
from tests.jobs import steps
from tests.keys.makers import a_key_actor

pytestmark = pytest.mark.django_db


@pytest.fixture
def key(user) -> Actor:
    return a_key_actor(user.member, kind=KeyKind.BUDGETED, credits=40)


@pytest.fixture
def three(user, key, order, upstream) -> dict[str, object]:
    """One done job each: the user's own, the key's, and another key's of the user."""
    other = a_key_actor(user.member)
    actors = {"own": user, "key": key, "other": other}
    jobs = {name: submit.submit(actor, order, count=1, token=name).jobs.get() for name, actor in actors.items()}
    steps.run()
    return jobs


def test_a_key_lists_its_own_jobs_and_its_member_all_of_theirs(user, key, three):
    assert listing.page(key, Filters()).jobs == [three["key"]]
    assert set(listing.page(user, Filters()).jobs) == set(three.values())
    assert list(listing.named(key, [job.public_id for job in three.values()])) == [three["key"].public_id]


def test_a_member_filters_by_key(owner, user, key, three, django_assert_num_queries):
    for actor in (owner, user):
        assert listing.page(actor, Filters(key=key.key.public_id)).jobs == [three["key"]]
    with django_assert_num_queries(2):
        assert [job.key and job.key.name for job in listing.page(user, Filters()).jobs][-1] is None


def test_a_key_finds_no_others_jobs_by_their_key(key, three):
    assert listing.page(key, Filters(key=three["other"].key.public_id)).jobs == []


def test_the_last_model_is_the_keys_own(user, key, order):
    submit.submit(user, order, count=1, token="t")
    assert (listing.last_model(user, order.kind), listing.last_model(key, order.kind)) == ("image-4.0", "")
    submit.submit(key, order, count=1)
    assert listing.last_model(key, order.kind) == "image-4.0"


def test_a_key_that_made_nothing_has_an_empty_list(user, key, order):
    submit.submit(user, order, count=1, token="t")
    assert (listing.is_empty(key), listing.is_empty(user)) == (True, False)


def test_a_keys_page_watches_its_own(key, user, order):
    submit.submit(user, order, count=2, token="t")
    mine = submit.submit(key, order, count=1).jobs.get()
    assert (list(watch.watch(key).jobs), watch.watch(key).running) == ([mine], 1)


# -- balance ---------------------------------------------------------------------------------------------------------


def test_a_budgeted_key_has_what_is_free_in_its_wallet(key, order):
    submit.submit(key, order, count=1)
    assert balance.of(key) == Balance(36, 4, is_paid_by_house=False)


def test_a_shared_key_has_what_its_member_has(owner, user, order):
    for member in (owner.member, user.member):
        assert balance.of(a_key_actor(member)) == balance.of({owner.member: owner, user.member: user}[member])


def test_a_standalone_key_has_its_own(owner):
    key = a_key_actor(owner.member, kind=KeyKind.STANDALONE, credits=7)
    assert balance.of(key) == Balance(7, 0, is_paid_by_house=False)


def test_a_connection_has_what_it_told_less_what_is_held_for_it(owner, user, order, django_assert_num_queries):
    preview = Connection.objects.get()
    Connection.objects.create(tenant=owner.tenant, provider="scripted", name="Other", balance=70)
    submit.submit(a_key_actor(owner.member), order, count=2)
    submit.submit(user, order, count=1, token="own wallet")
    ledger.hold(ledger.house(owner.tenant), credits=60, reference="job:elsewhere")
    with django_assert_num_queries(1):
        assert balance.of_connection(preview) == Balance(1_000_000 - 8, 8, is_paid_by_house=True)


def test_a_sum_of_many_jobs_is_good_for_a_moment(owner, order, monkeypatch, django_assert_num_queries):
    key, preview = a_key_actor(owner.member), Connection.objects.get()
    monkeypatch.setattr(balance, "_sums", balance._Sums())
    monkeypatch.setattr(balance, "MANY", 2)
    monkeypatch.setattr(balance, "ROWS_A_SECOND", 0.01)
    submit.submit(key, order, count=1)
    balance.of_connection(preview)
    submit.submit(key, order, count=1)
    assert balance.of_connection(preview).held == 8
    submit.submit(key, order, count=1)
    with django_assert_num_queries(0):
        assert balance.of_connection(preview).held == 8
