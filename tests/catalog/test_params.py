import pytest

from revidweb.catalog import loading, params, prose, rows
from revidweb.catalog.models import MediaModel, Price
from revidweb.lib.refusal import Refusal

from .makers import offers_of
from .printed import NAMES

pytestmark = pytest.mark.django_db


def _fields(tenant, model, **chosen):
    offers = offers_of(tenant, MediaModel.objects.get(name=model))
    return {field.name: field for field in params.fields(offers, chosen)}


def _choice(field, value):
    return next(choice for choice in field.choices if choice.value == value)


@pytest.mark.parametrize(
    ("text", "choices", "default"),
    [
        ("720p | 1080p", ["720p", "1080p"], ""),
        ("5 | 10 (seconds; accepts '5' / '5s')", ["5", "10"], ""),
        ("16:9 | 9:16 | 1:1 (default 16:9)", ["16:9", "9:16", "1:1"], "16:9"),
        ("boolean (default false; silently dropped on unsupported combos)", ["false", "true"], "false"),
        ("fast | vip1 | vip2 (omit for auto-select)", ["fast", "vip1", "vip2"], ""),
        ("Fast | Slow (Default Fast)", ["fast", "slow"], "fast"),
        ("string, required", [], ""),
        ("url, optional (set → I2V; omit → T2V)", [], ""),
    ],
)
def test_prose_is_read(text, choices, default):
    assert (prose.choices(text), prose.default(text)) == (choices, default)


@pytest.mark.parametrize("raw", [5, "5", "5s", " 5S ", "05"])
def test_a_duration_is_whole_seconds(raw):
    assert rows.value("duration", raw) == 5


@pytest.mark.parametrize("raw", ["", "s", "-5", "5.5", "five", "999999999", "²", "5m"])
def test_what_is_no_duration_stays_text(raw):
    assert not isinstance(rows.value("duration", raw), int)


@pytest.mark.parametrize(("raw", "value"), [(True, True), ("on", True), ("TRUE", True), ("1", True), ("off", False)])
def test_sound_is_yes_or_no(raw, value):
    assert rows.value("audio", raw) is value


def test_left_out_is_none_and_empty():
    assert rows.values({"speed": "", "resolution": None, "duration": " ", "quality": "HIGH"}) == {"quality": "high"}


def test_an_unknown_model_is_refused_at_its_field():
    loading.load()
    with pytest.raises(Refusal) as refused:
        params.resolve("nano-apple")
    assert (refused.value.code, refused.value.field) == ("unknown_model", "model")


def test_a_control_is_shown_only_where_there_is_a_choice(tenant):
    assert set(_fields(tenant, "veo3.1-low")) == {"aspect_ratio"}
    assert set(_fields(tenant, "imagen-4")) == {"aspect_ratio"}
    assert set(_fields(tenant, "image-gpt-2")) == {"aspect_ratio", "quality"}
    assert set(_fields(tenant, "kling-2.5-turbo")) == {"resolution", "duration", "speed", "server"}
    assert set(_fields(tenant, "kling-2.6")) == set(rows.NAMES) - {"quality"}


def test_choices_stand_in_the_catalogues_order_with_words(tenant):
    shown = _fields(tenant, "kling-3.0-video")
    assert [choice.label for choice in shown["duration"].choices] == ["3 s", "5 s", "10 s", "15 s"]
    assert [choice.label for choice in shown["resolution"].choices] == ["720p", "1080p"]
    assert [choice.value for choice in shown["server"].choices] == ["", "fast", "vip1"]
    assert [choice.value for choice in shown["audio"].choices] == ["false", "true"]
    assert shown["audio"].label == "Sound"


def test_choices_keep_their_order_whichever_rows_are_on_sale(tenant):
    def speeds():
        return [choice.value for choice in _fields(tenant, "flux-2-pro")["speed"].choices]

    before = speeds()
    Price.objects.filter(offer__media_model__name="flux-2-pro", key="1k-slow").update(waiting_credits=99)
    assert before == speeds() == ["slow", "fast"]


def test_an_untouched_form_shows_the_stated_defaults_and_the_cheapest_row(tenant):
    shown = _fields(tenant, "kling-2.6")
    chosen = {name: field.value for name, field in shown.items()}
    assert chosen == {
        "aspect_ratio": "16:9",
        "resolution": "720p",
        "duration": "5",
        "speed": "fast",
        "server": "",
        "audio": "false",
    }


def test_no_sound_when_slow_and_the_form_says_why(tenant):
    audio = _fields(tenant, "kling-2.6", speed="slow")["audio"]
    sound = _choice(audio, "true")
    assert (sound.is_possible, sound.reason) == (False, "No sound at Slow")
    assert _choice(audio, "false").is_possible


def test_a_server_without_the_combination_is_not_possible(tenant):
    server = _fields(tenant, "kling-2.6", resolution="1080p", audio="on")["server"]
    economy = _choice(server, "fast")
    assert not economy.is_possible
    assert economy.reason == "No Economy at With sound"
    assert _choice(server, "").is_possible
    assert _choice(server, "vip2").is_possible


def test_two_things_in_the_way_are_not_blamed_on_one(tenant):
    Price.objects.filter(resolution="4k", offer__media_model__name="nano-banana-pro").exclude(
        server="vip1", speed="slow"
    ).update(is_available=False)
    resolution = _fields(tenant, "nano-banana-pro", speed="fast", server="fast")["resolution"]
    assert _choice(resolution, "4k").reason == "No 4K in this combination"
    resolution = _fields(tenant, "nano-banana-pro", speed="fast")["resolution"]
    assert _choice(resolution, "4k").reason == "No 4K at Fast"


def test_what_another_model_left_in_the_form_gives_way(tenant):
    shown = _fields(tenant, "grok-i2v", resolution="4k", duration="10", quality="high", speed="slow", server="vip1")
    assert {name: field.value for name, field in shown.items()} == {
        "aspect_ratio": "16:9",
        "resolution": "480p",
        "duration": "10",
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_control_has_exactly_one_chosen_and_possible_value(tenant, name):
    for field in _fields(tenant, name).values():
        assert [choice.is_possible for choice in field.choices if choice.is_chosen] == [True]
        assert all(choice.label for choice in field.choices)
        assert all(bool(choice.reason) is not choice.is_possible for choice in field.choices)


def test_the_form_asks_the_database_nothing_more(tenant, django_assert_num_queries):
    model = MediaModel.objects.get(name="kling-2.6")
    with django_assert_num_queries(2):
        offers = offers_of(tenant, model)
    with django_assert_num_queries(0):
        params.fields(offers, {"speed": "slow"})


def test_nothing_on_sale_is_no_form():
    assert params.fields([], {"speed": "fast"}) == []
