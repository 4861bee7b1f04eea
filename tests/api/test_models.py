"""GET models and models/pricing: what this key may ask for now, at the prices that are charged."""

import pytest

from revidweb.catalog import reading
from revidweb.catalog.models import Offer, Price
from revidweb.connections.models import Connection

from .makers import PICTURE, Program, a_program

pytestmark = pytest.mark.django_db


def models(program: Program) -> dict[str, dict]:
    return {model["model"]: model for model in program.get("/models").json()["models"]}


def pricing(program: Program, query: str = "") -> list[dict]:
    told = program.get(f"/models/pricing?{query}").json()
    assert told["count"] == len(told["pricing"])
    return told["pricing"]


def test_a_model_says_all_that_an_order_needs(program):
    told = models(program)["kling-2.6"]
    assert told.keys() == {
        *("model", "name", "type", "modes", "servers", "credits_min", "credits_max", "pricing", "params", "notes")
    }
    assert (told["name"], told["type"], told["modes"]) == ("Kling 2.6", "video", ["t2v", "i2v"])
    assert told["servers"] == ["fast", "vip1", "vip2"]
    assert told["params"]["aspect_ratio"].startswith("16:9 | 9:16")
    row = next(row for row in told["pricing"] if row["key"] == "720p-5s-audio-fast" and row["server"] == "fast")
    assert row == {
        "server": "fast",
        "key": "720p-5s-audio-fast",
        "config_key": "720p-5s-audio-fast",
        "credits": 25,
        "resolution": "720p",
        "duration": "5s",
        "audio": True,
        "speed": "fast",
    }


def test_the_range_is_that_of_the_rows(program):
    for model in models(program).values():
        credits = [row["credits"] for row in model["pricing"]]
        assert (model["credits_min"], model["credits_max"]) == (min(credits), max(credits))
        assert all(type(value) is int for value in credits)


def test_only_pictures_and_clips_can_be_ordered_by_programs(program):
    assert {model["type"] for model in models(program).values()} == {"image", "video"}


def test_a_printed_row_is_what_is_charged(program):
    for model in ("image-4.0", "nano-banana"):
        row = min(models(program)[model]["pricing"], key=lambda row: row["credits"])
        sent = {name: row[name] for name in ("resolution", "speed") if name in row and row[name] != "default"}
        answer = program.post("/image/generate", PICTURE | {"model": model, "server_id": row["server"]} | sent)
        assert answer.json()["cost"] == row["credits"]


def test_what_is_not_on_sale_is_not_listed(program):
    Price.objects.filter(offer__media_model__name="image-4.0").update(waiting_credits=50)
    Offer.objects.filter(media_model__name="kling-2.6").update(is_available=False)
    assert not {"image-4.0", "kling-2.6"} & models(program).keys()
    Connection.objects.update(is_enabled=False)
    assert models(program) == {}
    assert pricing(program) == []


def test_a_fenced_key_sees_what_it_may_order(user):
    assert set(models(a_program(user, models=("image-4.0",)))) == {"image-4.0"}
    assert {model["type"] for model in models(a_program(user, kinds=("video",))).values()} == {"video"}


def test_our_own_reader_of_catalogues_understands_all_of_it(program):
    told = program.get("/models").json()["models"]
    read = reading.read(told)
    assert read.left_out == []
    assert [model.name for model in read.models] == [model["model"] for model in told]
    assert sum(len(model.prices) for model in read.models) == len(pricing(program))


def test_prices_in_one_list(program):
    rows = pricing(program)
    assert len(rows) == sum(len(model["pricing"]) for model in models(program).values())
    assert rows[0].keys() >= {"model", "server", "key", "config_key", "credits"}


@pytest.mark.parametrize(("query", "found"), [("model=image-4.0", 1), ("model=imagen-4.0", 1), ("model=no-such", 0)])
def test_prices_of_one_model_by_any_of_its_names(program, query, found):
    assert [row["model"] for row in pricing(program, query)] == ["image-4.0"] * found


def test_prices_at_one_server(program):
    assert {row["server"] for row in pricing(program, "server_id=VIP1")} == {"vip1"}
    assert pricing(program, "model=%00") == []


def test_the_list_costs_few_statements(program, django_assert_max_num_queries):
    program.get("/balance")
    with django_assert_max_num_queries(4):
        program.get("/models")
