import pytest

from revidweb.catalog import listing
from revidweb.catalog.listing import Standing
from revidweb.catalog.models import Offer, Price
from revidweb.providers.base import Kind
from tests.makers import a_tenant

from .makers import a_stocked_tenant
from .printed import NAMES, NOT_YET, OVERVIEW

pytestmark = pytest.mark.django_db


def _listed(tenant):
    return {listed.name: listed for listed in listing.models(tenant)}


def test_the_models_page_lists_every_model_in_order(tenant):
    assert [listed.name for listed in listing.models(tenant)] == NAMES


@pytest.mark.parametrize(("name", "kind", "servers", "least", "most"), OVERVIEW)
def test_a_listed_model_says_what_it_costs_and_where(tenant, name, kind, servers, least, most):
    listed = _listed(tenant)[name]
    assert (listed.kind, set(listed.servers)) == (kind, servers)
    assert listed.credits_min is not None
    if least is not None:
        assert (listed.credits_min, listed.credits_max) == (least, most)


def test_what_is_not_yet_offered_says_so(tenant):
    standings = {listed.name: listed.standing for listed in listing.models(tenant)}
    assert {name for name, standing in standings.items() if standing is Standing.NOT_YET} == NOT_YET
    assert {standing for name, standing in standings.items() if name not in NOT_YET} == {Standing.AVAILABLE}


def test_what_no_connection_sells_is_unavailable(tenant):
    Offer.objects.filter(media_model__name="imagen-4").update(is_available=False)
    Price.objects.filter(offer__media_model__name="imagen-4-fast").update(is_available=False)
    listed = _listed(tenant)
    for name in ("imagen-4", "imagen-4-fast"):
        assert listed[name].standing is Standing.UNAVAILABLE
        assert (listed[name].credits_min, listed[name].modes, listed[name].servers) == (None, [], [])
    assert listing.models(a_tenant())[0].standing is Standing.UNAVAILABLE


def test_details_come_from_the_rows(tenant):
    listed = _listed(tenant)
    kling = listed["kling-2.6"]
    assert (kling.modes, kling.speeds) == (["t2v", "i2v"], ["fast", "slow"])
    assert (kling.resolutions, kling.durations_s, kling.has_audio) == (["720p", "1080p"], [5, 10], True)
    assert kling.is_estimate
    assert not listed["veo3.1-low"].is_estimate
    assert listed["kling-avatar"].is_per_second


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("imagen-4", "text to image"),
        ("nano-banana", "text and image to image"),
        ("veo3.1-low", "text and image to video"),
        ("kling-o1-video", "image to video"),
        ("kling-avatar", "speech to video"),
    ],
)
def test_modes_are_said_in_words(tenant, name, words):
    assert _listed(tenant)[name].modes_in_words == words


def test_the_picker_has_what_can_be_made_now(tenant):
    videos = {listed.name for listed in listing.picker(tenant, Kind.VIDEO)}
    assert videos == {name for name, kind, *_rest in OVERVIEW if kind == Kind.VIDEO} - NOT_YET
    assert listing.picker(tenant, Kind.AVATAR) == []
    Offer.objects.filter(media_model__name="kling-2.6").update(is_available=False)
    assert "kling-2.6" not in {listed.name for listed in listing.picker(tenant, Kind.VIDEO)}


def test_a_list_takes_three_queries(tenant, django_assert_num_queries):
    with django_assert_num_queries(3):
        listing.models(tenant)
    with django_assert_num_queries(3):
        listing.picker(tenant, Kind.IMAGE)


def test_offers_are_the_tenants_own(tenant):
    other = a_stocked_tenant()
    listed = listing.picker(other, Kind.IMAGE)
    assert {offer.connection.tenant for model in listed for offer in model.offers} == {other}
