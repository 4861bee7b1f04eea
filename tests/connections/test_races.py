"""Many at once on one connection: no request too many, no key twice, no deed twice."""

import pytest

from revidweb.accounts.models import Role
from revidweb.catalog import sync
from revidweb.catalog.models import CatalogChange, MediaModel, Offer, Price
from revidweb.connections import budget, credentials, health
from revidweb.connections.budget import Rank
from revidweb.connections.models import Credential
from revidweb.lib import clock
from revidweb.providers.base import AccountRefused
from revidweb.trail.models import TrailRow
from tests.crowd import at_once
from tests.makers import an_actor

from .makers import BASE_URL, a_key, a_row, a_told, an_account

pytestmark = pytest.mark.django_db(transaction=True)


def test_of_many_takers_none_passes_the_limit(settings, monkeypatch):
    settings.REVIDAPI_PER_MINUTE = 180  # 30 in the bucket
    still = clock.now()
    monkeypatch.setattr(clock, "now", lambda: still)
    credential = an_account().credential
    Credential.objects.update(tokens=30, refilled_at=still)
    given = at_once(16, lambda _: sum(budget.take(credential, wanted=1, rank=Rank.SEND) for _ in range(4)))
    assert sum(given) == 30


def test_two_replacements_at_once_leave_one_key_in_use():
    connection = an_account()
    keys = [a_key() for _ in range(4)]
    at_once(4, lambda n: credentials.keep(connection, base_url=BASE_URL, key=keys[n]).pk)
    in_use = Credential.objects.filter(retired_at__isnull=True)
    connection.refresh_from_db()
    assert list(in_use) == [connection.credential]


def test_the_same_key_from_many_sides_is_kept_once():
    connection = an_account()
    key = a_key()
    kept = at_once(4, lambda _: credentials.keep(connection, base_url=BASE_URL, key=key).pk)
    assert len(set(kept)) == 1


def test_trouble_that_many_meet_is_told_once():
    connection = an_account()
    error = AccountRefused("No credits left", code="exhausted")
    marked = at_once(8, lambda _: health.refused(connection, connection.credential, error))
    assert set(marked) == {True}
    assert TrailRow.objects.filter(what="connection.in_trouble").count() == 1


def test_two_ticks_and_an_owner_at_one_price_leave_one_truth():
    """A sync that overtakes the question while the owner answers it: whichever comes first, the row is sound."""
    owner = an_actor(role=Role.OWNER)
    for far, near in ((99, 20), (99, 14)):
        connection = an_account(owner.tenant, synced_at=None)
        for credits in (14, far):
            sync.write(connection, [a_told("race-1", a_row("1k-fast", credits))])
        held = CatalogChange.objects.get(connection=connection, what="held")
        deeds = [
            lambda held=held: sync.decide(owner, CatalogChange.objects.get(pk=held.pk), accept=True),
            lambda connection=connection, near=near: sync.write(connection, [a_told("race-1", a_row("1k-fast", near))]),
        ]
        at_once(4, lambda n, deeds=deeds: bool(deeds[n % 2]()))
        held.refresh_from_db()
        price = Price.objects.get(offer__connection=connection)
        assert held.decided_at is not None
        assert (price.credits, price.waiting_credits) in ((near, None), (far, near))


def test_two_syncs_at_once_write_one_catalogue():
    tenants = [an_account(synced_at=None) for _ in range(2)]
    models = [a_told(f"new-{n}", a_row("1k-fast"), a_row("2k-fast")) for n in range(30)]
    at_once(4, lambda n: len(sync.write(tenants[n % 2], models[:: 1 if n < 2 else -1])))
    assert MediaModel.objects.filter(name__startswith="new-").count() == 30
    assert Offer.objects.count() == 60
    assert Price.objects.count() == 120
