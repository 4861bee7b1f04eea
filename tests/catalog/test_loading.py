import itertools

import pytest
from django.core.management import call_command

from revidweb.catalog import founding, loading, params
from revidweb.catalog.models import Alias, MediaModel, Offer, Price
from revidweb.connections import preview
from revidweb.connections.models import PREVIEW, Connection
from tests.makers import a_person, a_tenant

from .makers import a_connection, a_stocked_tenant
from .printed import EVERY_ID, EXACT, NAMES, NOT_YET, OVERVIEW

pytestmark = pytest.mark.django_db


def _all_rows():
    return [list(model.objects.order_by("pk").values()) for model in (MediaModel, Alias, Offer, Price)]


@pytest.mark.parametrize(("printed", "meant"), EVERY_ID.items())
def test_every_printed_id_resolves(printed, meant):
    loading.load()
    resolved = params.resolve(f" {printed.upper()} ")
    assert (resolved.media_model.name, resolved.params) == meant


def test_the_catalogue_is_what_is_printed():
    loading.load()
    assert list(MediaModel.objects.values_list("name", flat=True)) == NAMES
    assert set(MediaModel.objects.filter(is_offered=False).values_list("name", flat=True)) == NOT_YET


def test_no_alias_hides_a_model():
    loading.load()
    assert not Alias.objects.filter(name__in=NAMES).exists()


@pytest.mark.parametrize(("name", "kind", "servers", "least", "most"), OVERVIEW)
def test_kind_servers_and_range_are_as_printed(name, kind, servers, least, most):
    a_stocked_tenant()
    offer = Offer.objects.get(media_model__name=name)
    credits = offer.prices.values_list("credits", flat=True)
    assert offer.media_model.kind == kind
    assert set(offer.prices.values_list("server", flat=True)) == servers
    assert (offer.credits_min, offer.credits_max) == (least, most)
    if least is not None:
        assert (min(credits), max(credits)) == (least, most)


def test_printed_rows_stand_exactly_and_all_others_are_estimates():
    a_stocked_tenant()
    exact = Price.objects.filter(is_estimate=False).select_related("offer__media_model")
    assert {(price.offer.media_model.name, price.server, price.key): price.credits for price in exact} == EXACT


def test_keys_say_what_their_rows_say():
    a_stocked_tenant()
    for price in Price.objects.all():
        length = f"{price.duration_s}s" if price.duration_s else ""
        speed = "per-second" if price.is_per_second else price.speed
        parts = (price.quality, price.resolution, length, "audio" if price.audio else "", speed)
        assert price.key == "-".join(part for part in parts if part)


_RANKS = {
    "resolution": ["480p", "720p", "1080p", "1k", "2k", "4k"],
    "quality": ["low", "medium", "high", "720p", "1080p"],
    "speed": ["slow", "fast"],
    "server": ["fast", "vip2", "vip1"],
    "audio": [False, True],
    "duration_s": sorted({3, 5, 6, 8, 10, 15, 30}),
}


@pytest.mark.parametrize("name", NAMES)
def test_more_never_costs_less(name):
    a_stocked_tenant()
    prices = list(Price.objects.filter(offer__media_model__name=name))
    for one, other in itertools.permutations(prices, 2):
        differing = [field for field in _RANKS if getattr(one, field) != getattr(other, field)]
        if len(differing) == 1:
            ranks = _RANKS[differing[0]]
            is_more = ranks.index(getattr(one, differing[0])) > ranks.index(getattr(other, differing[0]))
            assert not is_more or one.credits > other.credits, f"{one} / {other}"


def test_one_combination_has_one_row_at_a_server():
    a_stocked_tenant()
    fields = ("offer", "server", "resolution", "duration_s", "quality", "audio", "speed")
    assert Price.objects.values(*fields).distinct().count() == Price.objects.count()


def test_loading_and_stocking_twice_changes_nothing():
    connection = preview.open_at(a_tenant())
    loading.load()
    loading.stock(connection)
    once = _all_rows()
    loading.load()
    loading.stock(connection)
    assert _all_rows() == once


def test_what_vanished_from_the_files_is_switched_off_and_kept():
    connection = preview.open_at(a_tenant())
    loading.stock(connection)
    gone = MediaModel.objects.create(name="gone-1", title="Gone", kind="image")
    vanished_offer = Offer.objects.create(media_model=gone, connection=connection, modes=["t2i"])
    offer = Offer.objects.get(media_model__name="flux-2-pro")
    vanished = Price.objects.create(offer=offer, server="fast", key="8k-fast", credits=9, resolution="8k", speed="fast")
    loading.stock(connection)
    vanished.refresh_from_db()
    vanished_offer.refresh_from_db()
    offer.refresh_from_db()
    assert (vanished.is_available, vanished_offer.is_available, offer.is_available) == (False, False, True)


def test_stocking_leaves_other_connections_alone():
    mine, theirs = preview.open_at(a_tenant()), preview.open_at(a_tenant())
    loading.stock(theirs)
    Price.objects.update(credits=7)
    loading.stock(mine)
    assert set(Price.objects.filter(offer__connection=theirs).values_list("credits", flat=True)) == {7}


def test_only_preview_is_stocked_from_the_files():
    with pytest.raises(ValueError, match="learns its prices"):
        loading.stock(a_connection(a_tenant()))


def test_stocking_takes_a_handful_of_queries(django_assert_max_num_queries):
    loading.load()
    connection = preview.open_at(a_tenant())
    with django_assert_max_num_queries(10):
        loading.stock(connection)


def test_the_command_loads_and_restocks_and_may_be_repeated(capsys):
    connection = preview.open_at(a_tenant())
    call_command("load_catalog")
    once = _all_rows()
    call_command("load_catalog")
    assert _all_rows() == once
    assert connection.offers.count() == len(NAMES)
    assert f"{len(NAMES)} models, 1 preview connections" in capsys.readouterr().out


def test_a_founded_tenant_can_work_at_once():
    member = founding.found(a_person(), name="Harbour Studio")
    connection = Connection.objects.get(tenant=member.tenant)
    assert (connection.provider, connection.is_enabled) == (PREVIEW, True)
    assert connection.offers.filter(is_available=True).count() == len(NAMES)


def test_founding_is_all_or_nothing(monkeypatch):
    def broken(connection):
        raise RuntimeError

    monkeypatch.setattr(loading, "stock", broken)
    person = a_person()
    with pytest.raises(RuntimeError):
        founding.found(person, name="Harbour Studio")
    assert not person.memberships.exists()
