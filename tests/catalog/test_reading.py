import pytest

from revidweb.catalog import reading
from revidweb.providers.base import Kind
from tests.connections.makers import a_row, a_told


def _one(*rows, **more):
    told = reading.read([a_told("m", *rows, **more)])
    return told.models[0]


def test_a_printed_model_is_read_whole():
    told = reading.read(
        [
            {
                "model": "Kling-2.6",
                "name": "Kling 2.6",
                "type": "video",
                "modes": ["t2v", "i2v"],
                "credits_min": 15,
                "credits_max": 640,
                "pricing": [
                    {"server": "fast", "key": "720p-5s-fast", "credits": 15, "resolution": "720p", "duration": "5s"},
                    {"server": "fast", "key": "720p-5s-audio-fast", "credits": 25, "duration": "5s", "audio": True},
                ],
                "params": {"duration": "5 | 10 (seconds)", "resolution": ["720p", "1080p"], "seed": None},
            }
        ]
    )
    model = told.models[0]
    assert told.left_out == []
    assert (model.name, model.upstream, model.title, model.kind) == ("kling-2.6", "Kling-2.6", "Kling 2.6", Kind.VIDEO)
    assert model.params == {"duration": "5 | 10 (seconds)", "resolution": "720p | 1080p"}
    assert (model.credits_min, model.credits_max) == (15, 640)
    silent, loud = model.prices
    assert (silent.resolution, silent.duration_s, silent.audio, silent.speed) == ("720p", 5, False, "fast")
    assert (loud.resolution, loud.duration_s, loud.audio, loud.credits) == ("720p", 5, True, 25)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("1080p-10s-slow", {"resolution": "1080p", "duration_s": 10, "speed": "slow"}),
        ("720p-5s-audio-fast", {"resolution": "720p", "duration_s": 5, "audio": True, "speed": "fast"}),
        ("low-fast", {"quality": "low", "speed": "fast"}),
        ("480p-6s-standard", {"resolution": "480p", "duration_s": 6, "speed": "standard"}),
        ("720p-per-second", {"resolution": "720p", "is_per_second": True, "speed": ""}),
        ("default", {"resolution": "", "speed": ""}),
        ("4K", {"key": "4k", "resolution": "4k"}),
    ],
)
def test_a_key_speaks_where_its_row_is_silent(key, said):
    price = _one(a_row(key)).prices[0]
    assert {name: getattr(price, name) for name in said} == said


def test_a_row_is_believed_before_its_key():
    price = _one(a_row("720p-per-second", quality="720P", speed="per-second")).prices[0]
    assert (price.quality, price.resolution, price.is_per_second) == ("720p", "", True)


def test_the_former_name_of_the_key_is_understood():
    assert _one({"server": "vip1", "config_key": "1k-fast", "credits": 4}).prices[0].key == "1k-fast"


@pytest.mark.parametrize("credits", [0, -5, 12.5, "many", None, True, [], 10**9, "1e3", float("nan"), float("inf")])
def test_what_is_no_whole_price_is_left_out(credits):
    told = reading.read([a_told("m", a_row("1k-fast", credits), a_row("2k-fast", 30))])
    assert [price.key for price in told.models[0].prices] == ["2k-fast"]
    assert len(told.left_out) == 1


@pytest.mark.parametrize("credits", [20, "20", 20.0, " 20 "])
def test_a_whole_price_is_read_however_it_is_written(credits):
    assert _one(a_row(credits=credits)).prices[0].credits == 20


@pytest.mark.parametrize(
    "row",
    [
        "20 credits",
        None,
        {"credits": 20},
        a_row("x" * 61),
        a_row(server="x" * 21),
        a_row("1k\x00"),
        a_row("\ud800"),
        a_row(resolution="x" * 21),
        a_row(speed="x" * 13),
        a_row(duration="long"),
        a_row(duration=0),
        a_row(audio="perhaps"),
    ],
)
def test_a_row_that_no_column_can_hold_is_left_out(row):
    told = reading.read([a_told("m", a_row("2k-fast"), row)])
    assert [price.key for price in told.models[0].prices] == ["2k-fast"]
    assert len(told.left_out) == 1
    assert told.left_out[0].isprintable()


@pytest.mark.parametrize(
    "entry", ["kling", None, 7, [], {}, {"model": ""}, a_told("x" * 81), a_told("m\x00"), a_told("m", kind="text")]
)
def test_an_entry_that_is_no_model_of_ours_is_left_out(entry):
    told = reading.read([entry, a_told("good")])
    assert [model.name for model in told.models] == ["good"]
    assert len(told.left_out) == 1


def test_of_two_prices_for_the_same_thing_the_dearer_one_counts():
    prices = _one(a_row("1k-fast", 20), a_row("1K-Fast", 30), a_row("1k-fast", 25)).prices
    assert [price.credits for price in prices] == [30]


def test_of_an_id_that_comes_twice_the_first_counts():
    told = reading.read([a_told("flux"), a_told("FLUX", a_row(credits=99))])
    assert [model.prices[0].credits for model in told.models] == [20]


@pytest.mark.parametrize(
    ("named", "kind"),
    [("motion-control", Kind.MOTION), ("motion_control", Kind.MOTION), ("KOL", Kind.AVATAR), ("avatar", Kind.AVATAR)],
)
def test_kinds_are_known_by_their_other_names(named, kind):
    assert _one(kind=named).kind == kind


def test_modes_that_are_missing_or_strange_are_those_of_the_kind():
    assert _one(modes=["t2i"]).modes_as(Kind.IMAGE) == ["t2i"]
    assert _one(modes=["T2V", "x"]).modes_as(Kind.VIDEO) == ["t2v"]
    assert _one(modes="t2i").modes_as(Kind.IMAGE) == ["t2i", "i2i"]
    assert _one(modes=["t2v"]).modes_as(Kind.AVATAR) == ["avatar"]


def test_a_list_without_end_is_cut():
    told = reading.read(a_told(f"m-{n}", *(a_row(f"{k}") for k in range(12))) for n in range(10**9))
    assert len(told.models) == reading.MOST_MODELS
    assert sum(len(model.prices) for model in told.models) == reading.MOST_ROWS
    assert told.left_out


@pytest.mark.parametrize("nonsense", ["x", 5, {"a": 1}, [[1]], None])
def test_nonsense_in_any_field_is_survived(nonsense):
    fields = ("name", "modes", "params", "pricing", "credits_min", "servers", "notes")
    told = reading.read([a_told("m") | dict.fromkeys(fields, nonsense)])
    assert [model.name for model in told.models] == ["m"]
