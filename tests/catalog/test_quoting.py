import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from revidweb.catalog import listing, params, quoting
from revidweb.catalog.models import MediaModel, Offer, Price
from revidweb.connections.models import Connection
from revidweb.lib.refusal import Refusal
from revidweb.providers.base import Kind, Mode

from .makers import PICTURE, a_connection, a_copy, a_stocked_tenant, an_order, offers_of
from .printed import EVERY_ID, EXACT, NAMES, NOT_YET

pytestmark = pytest.mark.django_db

_IN_ONE_DATABASE = settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


@pytest.fixture
def tenant_with_everything(tenant):
    """As it will be once every kind is offered."""
    MediaModel.objects.update(is_offered=True)
    return tenant


def _order_for(model, *, server="", **chosen):
    needs_picture = model.name == "kling-o1-video"
    inputs = (PICTURE,) if needs_picture else ()
    if model.name == "kling-avatar":
        chosen["duration"] = 7
    return an_order(model.name, kind=Kind(model.kind), server=server, inputs=inputs, **chosen)


def _refused(tenant, order):
    with pytest.raises(Refusal) as refused:
        quoting.quote(tenant, order)
    return refused.value


def _answer(tenant, order):
    """The credits, or 0 and the refusal."""
    try:
        return quoting.quote(tenant, order).credits, None
    except Refusal as refusal:
        return 0, refusal


def _drawn(data, tenant, model):
    """Click through the form: some controls, in some order, each at a value that it says is possible."""
    offers = offers_of(tenant, model)
    chosen = {}
    for name in data.draw(
        st.permutations(["aspect_ratio", "resolution", "quality", "duration", "speed", "server", "audio"])
    ):
        field = next((field for field in params.fields(offers, chosen) if field.name == name), None)
        if field and data.draw(st.booleans()):
            chosen[name] = data.draw(st.sampled_from([choice.value for choice in field.choices if choice.is_possible]))
    return chosen, {field.name: field.value for field in params.fields(offers, chosen)}


def _matching(tenant, model, sent, server):
    """The rows of a quoted order, looked up the plain way."""
    rows = Price.objects.filter(offer__connection__tenant=tenant, offer__media_model=model, is_available=True)
    for name in ("resolution", "quality", "speed"):
        rows = rows.filter(**{name: sent.get(name, "")})
    if model.name != "kling-avatar":
        rows = rows.filter(duration_s=sent.get("duration"))
    if rows.filter(audio__isnull=False).exists():
        rows = rows.filter(audio=sent["audio"])
    return rows.filter(server=server) if server else rows


@_IN_ONE_DATABASE
@given(data=st.data())
def test_whatever_the_form_offers_has_one_price_inside_the_range(tenant_with_everything, data):
    tenant = tenant_with_everything
    model = MediaModel.objects.get(name=data.draw(st.sampled_from(NAMES)))
    clicked, shown = _drawn(data, tenant, model)
    given = data.draw(st.sampled_from([clicked, shown]))
    server = given.pop("server", "")

    quote = quoting.quote(tenant, _order_for(model, server=server, **given))

    matching = _matching(tenant, model, quote.order.params, server)
    seconds = 7 if quote.price.is_per_second else 1
    assert quote.price in matching
    assert matching.filter(server=quote.order.server).count() == 1
    assert quote.price.credits == min(price.credits for price in matching)
    assert quote.credits == quote.upstream_credits == quote.price.credits * seconds > 0
    assert quote.order.server == quote.price.server
    if quote.offer.credits_min is not None:
        assert quote.offer.credits_min <= quote.price.credits <= quote.offer.credits_max


@_IN_ONE_DATABASE
@given(data=st.data())
def test_the_quoted_order_quoted_again_is_the_same(tenant_with_everything, data):
    tenant = tenant_with_everything
    model = MediaModel.objects.get(name=data.draw(st.sampled_from(NAMES)))
    _clicked, shown = _drawn(data, tenant, model)
    shown.pop("server", None)
    quote = quoting.quote(tenant, _order_for(model, **shown))
    assert quoting.quote(tenant, quote.order) == quote


_ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=8),
    st.sampled_from(["4k", "5s", "fast", "16:9", "high", "on"]),
)


@_IN_ONE_DATABASE
@given(
    name=st.sampled_from([*EVERY_ID, "nano-apple", ""]),
    asked=st.dictionaries(
        st.sampled_from(["resolution", "duration", "aspect_ratio", "speed", "audio", "quality", "seed"]), _ANYTHING
    ),
    server=st.sampled_from(["", "fast", "VIP1", "vip2", "moon"]),
    kind=st.sampled_from(Kind),
    inputs=st.sampled_from([(), (PICTURE,)]),
)
def test_any_order_is_one_price_or_a_refusal(tenant_with_everything, name, asked, server, kind, inputs):
    order = an_order(name, kind=kind, server=server, inputs=inputs, **asked)
    credits, refused = _answer(tenant_with_everything, order)
    assert (credits > 0) != (bool(refused) and bool(refused.code) and bool(refused.field))


def test_every_row_can_be_had_at_its_price(tenant_with_everything):
    for price in Price.objects.select_related("offer__media_model"):
        told = {"resolution": price.resolution, "quality": price.quality, "speed": price.speed, "audio": price.audio}
        order = _order_for(price.offer.media_model, server=price.server, **told | {"duration": price.duration_s or ""})
        if price.is_per_second:
            order = _order_for(price.offer.media_model, server=price.server, quality=price.quality)
        assert quoting.quote(tenant_with_everything, order).price == price


@pytest.mark.parametrize(("row", "credits"), EXACT.items())
def test_printed_rows_are_charged_as_printed(tenant, row, credits):
    name, server, key = row
    price = Price.objects.get(offer__media_model__name=name, server=server, key=key)
    told = {"resolution": price.resolution, "speed": price.speed, "duration": price.duration_s, "audio": price.audio}
    quote = quoting.quote(tenant, _order_for(price.offer.media_model, server=server, **told))
    assert (quote.price.key, quote.credits, quote.is_estimate) == (key, credits, False)


def test_what_is_left_out_takes_the_stated_default_else_the_cheapest_row(tenant):
    quote = quoting.quote(tenant, an_order("kling-2.6", kind=Kind.VIDEO))
    assert quote.order.params == {
        "resolution": "720p",
        "duration": 5,
        "aspect_ratio": "16:9",
        "audio": False,
        "speed": "fast",
    }
    assert (quote.order.server, quote.order.mode, quote.credits) == ("fast", Mode.T2V, 15)


def test_a_value_may_be_written_in_any_way(tenant):
    order = an_order("KLING-2.6", kind=Kind.VIDEO, resolution="1080P", duration="10s", speed="Slow", server="VIP1")
    assert quoting.quote(tenant, order).price.key == "1080p-10s-slow"


def test_a_stated_default_gives_way_to_what_is_asked(tenant):
    Price.objects.filter(offer__media_model__name="nano-banana", server="vip1", speed="fast").update(is_available=False)
    quote = quoting.quote(tenant, an_order("nano-banana", server="vip1"))
    assert quote.order.params["speed"] == "slow"


def test_parameters_that_have_one_value_are_sent_too(tenant):
    quote = quoting.quote(tenant, an_order("imagen-4", aspect_ratio="9:16"))
    assert quote.order.params == {"resolution": "default", "speed": "fast", "aspect_ratio": "9:16"}


@pytest.mark.parametrize(("asked", "speed"), [({}, "fast"), ({"speed": ""}, "fast"), ({"speed": "slow"}, "slow")])
def test_an_aliass_parameter_holds_unless_another_is_asked(tenant, asked, speed):
    quote = quoting.quote(tenant, an_order("nano-banana-pro-fast", **asked))
    assert (quote.order.model, quote.order.params["speed"]) == ("nano-banana-pro", speed)


def test_silence_may_be_asked_of_a_model_without_sound(tenant):
    quote = quoting.quote(tenant, an_order("veo3.1-low", kind=Kind.VIDEO, audio=False))
    assert "audio" not in quote.order.params


def test_sound_that_makes_no_difference_to_the_price_is_sent(tenant_with_everything):
    order = an_order("seedance-2.0", kind=Kind.VIDEO, resolution="720p", audio="on", duration=8)
    quote = quoting.quote(tenant_with_everything, order)
    assert (quote.order.params["audio"], quote.price.key) == (True, "720p-8s-standard")


def test_seconds_are_charged_where_the_row_is_per_second(tenant_with_everything):
    order = an_order("kling-avatar", kind=Kind.AVATAR, duration="12s", quality="720p", inputs=(PICTURE,))
    quote = quoting.quote(tenant_with_everything, order)
    assert (quote.credits, quote.order.params) == (60, {"quality": "720p", "duration": 12})


@pytest.mark.parametrize("seconds", ["", 0, "many"])
def test_a_per_second_order_says_how_long(tenant_with_everything, seconds):
    order = an_order("kling-avatar", kind=Kind.AVATAR, duration=seconds, inputs=(PICTURE,))
    assert _refused(tenant_with_everything, order).field == "duration"


@pytest.mark.parametrize(
    ("name", "asked", "choices"),
    [
        ("nano-banana-pro", {"resolution": "8k"}, ["1k", "2k", "4k"]),
        ("nano-banana-pro", {"server": "moon"}, ["fast", "vip1"]),
        ("nano-banana-pro", {"aspect_ratio": "2:1"}, ["1:1", "16:9", "9:16", "4:3", "3:4"]),
        ("image-gpt-2", {"quality": "ultra"}, ["low", "medium", "high"]),
        ("kling-2.6", {"duration": 7}, [5, 10]),
        ("kling-2.6", {"audio": "loud"}, [False, True]),
    ],
)
def test_a_value_that_there_is_not_names_those_that_there_are(tenant, name, asked, choices):
    refusal = _refused(tenant, an_order(name, kind=MediaModel.objects.get(name=name).kind, **asked))
    assert (refusal.code, refusal.field, refusal.facts["choices"]) == ("not_a_choice", next(iter(asked)), choices)


@pytest.mark.parametrize(
    ("name", "asked", "choices"),
    [
        ("veo3.1-low", {"resolution": "4k"}, ["aspect_ratio", "duration", "speed", "server"]),
        ("kling-2.5-turbo", {"seed": 5}, ["resolution", "duration", "speed", "server"]),
    ],
)
def test_a_parameter_that_a_model_does_not_take_names_those_it_takes(tenant, name, asked, choices):
    refusal = _refused(tenant, an_order(name, kind=Kind.VIDEO, **asked))
    assert (refusal.code, refusal.field, refusal.facts["choices"]) == ("not_taken", next(iter(asked)), choices)


@pytest.mark.parametrize(("name", "asked"), [("kling-2.6", {"speed": "slow"}), ("veo3.1-low", {}), ("grok-i2v", {})])
def test_sound_where_there_is_none_is_refused(tenant, name, asked):
    refusal = _refused(tenant, an_order(name, kind=Kind.VIDEO, audio=True, **asked))
    assert (refusal.code, refusal.field, refusal.facts["choices"]) == ("no_audio", "audio", [False])
    assert refusal.facts["others"] == asked


def test_an_impossible_combination_names_what_is_in_the_way_and_what_is_left(tenant):
    order = an_order("kling-2.6", kind=Kind.VIDEO, resolution="1080p", speed="slow", server="fast")
    refusal = _refused(tenant, order)
    assert (refusal.code, refusal.field) == ("impossible", "server")
    assert refusal.facts == {"value": "fast", "choices": ["vip1", "vip2"], "others": {"speed": "slow"}}


def test_sound_at_a_server_without_it_is_refused_although_another_has_it(tenant):
    order = an_order("kling-2.6", kind=Kind.VIDEO, resolution="1080p", audio=True, server="fast")
    assert _refused(tenant, order).code == "no_audio"
    assert quoting.quote(tenant, an_order("kling-2.6", kind=Kind.VIDEO, resolution="1080p", audio=True)).credits == 220


@pytest.mark.parametrize(
    ("order", "code", "field"),
    [
        (an_order("nano-apple"), "unknown_model", "model"),
        (an_order(""), "unknown_model", "model"),
        (an_order("kling-2.6"), "wrong_kind", "model"),
        (an_order("kling-o1-video", kind=Kind.VIDEO), "needs_input_image", "input_image"),
        (an_order("imagen-4-ultra", inputs=(PICTURE,)), "takes_no_input_image", "input_image"),
    ],
)
def test_what_is_not_made_is_refused_at_its_field(tenant, order, code, field):
    refusal = _refused(tenant, order)
    assert (refusal.code, refusal.field) == (code, field)


@pytest.mark.parametrize("name", sorted(NOT_YET))
def test_a_model_that_is_not_yet_offered_is_refused(tenant, name):
    kind = Kind(MediaModel.objects.get(name=name).kind)
    assert _refused(tenant, an_order(name, kind=kind, inputs=(PICTURE,))).code == "not_offered"


@pytest.mark.parametrize(
    ("name", "kind", "inputs", "mode"),
    [
        ("nano-banana", Kind.IMAGE, (), Mode.T2I),
        ("nano-banana", Kind.IMAGE, (PICTURE,), Mode.I2I),
        ("grok-i2v", Kind.VIDEO, (), Mode.T2V),
        ("kling-o1-video", Kind.VIDEO, (PICTURE,), Mode.I2V),
    ],
)
def test_the_inputs_make_the_mode(tenant, name, kind, inputs, mode):
    assert quoting.quote(tenant, an_order(name, kind=kind, inputs=inputs)).order.mode == mode


def test_a_switched_off_row_is_never_quoted(tenant):
    Price.objects.filter(offer__media_model__name="nano-banana", server="fast").update(is_available=False)
    assert quoting.quote(tenant, an_order("nano-banana")).order.server == "vip1"
    assert _refused(tenant, an_order("nano-banana", server="fast")).code == "not_a_choice"


def test_sound_is_not_free_where_its_rows_are_switched_off(tenant):
    Price.objects.filter(offer__media_model__name="kling-2.6", audio=True).update(is_available=False)
    assert _refused(tenant, an_order("kling-2.6", kind=Kind.VIDEO, audio=True)).code == "no_audio"


@pytest.mark.parametrize("switch", ["offer", "connection"])
def test_nothing_is_sold_where_the_offer_or_the_connection_is_off(tenant, switch):
    if switch == "offer":
        Offer.objects.update(is_available=False)
    else:
        Connection.objects.update(is_enabled=False)
    assert _refused(tenant, an_order("nano-banana")).code == "model_unavailable"


def test_another_tenants_prices_are_not_mine(tenant):
    other = a_stocked_tenant()
    Price.objects.filter(offer__connection__tenant=other).update(credits=1)
    quote = quoting.quote(tenant, an_order("nano-banana-2"))
    assert (quote.credits, quote.offer.connection.tenant) == (20, tenant)


def test_estimates_are_billed_by_preview_alone(tenant):
    offer = Offer.objects.get(media_model__name="nano-banana-2")
    elsewhere = a_copy(offer, a_connection(tenant), credits=3)
    assert quoting.quote(tenant, an_order("nano-banana-2")).offer == offer
    elsewhere.prices.update(is_estimate=False)
    quote = quoting.quote(tenant, an_order("nano-banana-2"))
    assert (quote.offer, quote.credits, quote.is_estimate) == (elsewhere, 3, False)


def test_of_equal_prices_the_older_row_is_taken(tenant):
    offer = Offer.objects.get(media_model__name="imagen-4")
    a_copy(offer, a_connection(tenant))
    assert quoting.quote(tenant, an_order("imagen-4")).offer == offer


def test_a_connection_that_lacks_the_mode_is_passed_over(tenant):
    offer = Offer.objects.get(media_model__name="imagen-4")
    able = a_copy(offer, a_connection(tenant))
    Offer.objects.filter(pk=able.pk).update(modes=["t2i", "i2i"])
    assert quoting.quote(tenant, an_order("imagen-4", inputs=(PICTURE,))).offer == able


@pytest.mark.parametrize(("name", "queries"), [("nano-banana-pro", 1), ("nano-banana-pro-fast", 4)])
def test_a_quote_takes_one_query_and_by_an_alias_four(tenant, name, queries, django_assert_num_queries):
    with django_assert_num_queries(queries):
        quote = quoting.quote(tenant, an_order(name))
        assert quote.offer.connection.provider == "preview"
        assert quote.offer.media_model.title


def test_a_page_that_has_the_offers_quotes_without_a_query(tenant, django_assert_num_queries):
    listed = next(listed for listed in listing.picker(tenant, Kind.VIDEO) if listed.name == "kling-2.6")
    for asked in ({}, {"audio": "true", "resolution": "1080p"}, {"speed": "slow", "duration": "10"}):
        order = an_order("kling-2.6", kind=Kind.VIDEO, **asked)
        with django_assert_num_queries(0):
            quote = quoting.quote_among(listed.offers, order)
        assert quote == quoting.quote(tenant, order)
