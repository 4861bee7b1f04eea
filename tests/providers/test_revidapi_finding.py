"""RevidAPI: looking through the job list for an order whose answer was lost."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from revidweb.providers.base import Mode, ProviderBusy
from revidweb.providers.revidapi import names

from .orders import at, error_of, image_order, video_order
from .upstream import Reply

LIST = "GET /v1/dashboard/jobs"
SENT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ALIASES = Path(__file__).parents[2] / "revidweb/catalog/data/aliases.json"
HERE, THERE = "https://cdn.example.com", "https://store.example.org"


def entry(ticket="job_1", made_at=SENT, **told):
    return {
        "job_id": ticket,
        "type": "t2i",
        "model": "nano-banana-pro",
        "prompt": "a quiet valley",
        "status": "processing",
        "output_url": None,
        "credits_cost": 30,
        "created_at": made_at.isoformat() if isinstance(made_at, datetime) else made_at,
        "input_params": {"resolution": "1k", "aspect_ratio": "16:9", "speed": "fast"},
        "input_images": [],
    } | told


def listed(upstream, *entries, name="jobs"):
    upstream.says(LIST, {name: list(entries), "total": len(entries), "page": 1, "pages": 1, "limit": 100})


def found(revidapi, account, order=None, since=SENT, until=SENT):
    jobs = revidapi.job_list(account, most_requests=20)
    return [one.ticket for one in jobs.find(order or image_order(), since=since, until=until)]


def test_a_job_that_is_the_order_is_found_with_what_it_cost(revidapi, account, upstream):
    listed(upstream, entry())
    (receipt,) = revidapi.job_list(account, most_requests=1).find(image_order(), since=SENT, until=SENT)
    assert (receipt.ticket, receipt.cost, receipt.seen, receipt.balance) == ("job_1", 30, None, None)
    assert upstream.lines == ["GET /v1/dashboard/jobs?page=1&limit=100"]


@pytest.mark.parametrize("name", ["jobs", "items", "data", "results"])
def test_the_list_has_many_names(name, revidapi, account, upstream):
    listed(upstream, entry(), name=name)
    assert found(revidapi, account) == ["job_1"]


@pytest.mark.parametrize("body", [[], {}, {"jobs": None}, {"jobs": [7, "x", None, []]}, None])
def test_a_list_that_holds_nothing_finds_nothing(body, revidapi, account, upstream):
    upstream.says(LIST, body)
    assert found(revidapi, account) == []


def test_a_bare_list_and_a_list_under_data_will_do(revidapi, account, upstream):
    upstream.says(LIST, [entry()])
    assert found(revidapi, account) == ["job_1"]
    upstream.says(LIST, {"data": {"jobs": [entry()]}})
    assert found(revidapi, account) == ["job_1"]


@pytest.mark.parametrize(
    "told",
    [
        {"model": "nano-banana"},
        {"model": None},
        {"prompt": "a quiet valle"},
        {"prompt": None},
        {"input_params": {"resolution": "2k"}},
        {"input_params": {"server_id": "fast"}},
        {"input_params": '{"speed": "slow"}'},
        {"type": "i2i"},
        {"type": "video"},
        {"created_at": None},
        {"created_at": "yesterday"},
        {"job_id": None},
        {"job_id": "/"},
    ],
)
def test_a_job_that_differs_is_none(told, revidapi, account, upstream):
    listed(upstream, entry(**told))
    assert found(revidapi, account) == []


@pytest.mark.parametrize(
    "told",
    [
        {"model": "Nano-Banana-Pro"},
        {"model": "nano-banana-pro-fast"},
        {"model": None, "input_params": {"model": "nano-banana-pro"}},
        {"prompt": None, "input_params": {"prompt": "a quiet valley"}},
        {"prompt": "a quiet…", "input_params": {"prompt": "a quiet valley"}},
        {"prompt": "a quiet valley\n"},
        {"input_params": None},
        {"input_params": {"resolution": None, "seed": 7, "aspect_ratio": ""}},
        {"input_params": '{"speed": "FAST", "server_id": "VIP1"}'},
        {"input_params": "not JSON"},
        {"type": "image"},
        {"type": "IMAGE_GENERATION"},
        {"type": None},
        {"credits_cost": None},
        {"input_images": ["http://[::1", "not an address"]},
    ],
)
def test_what_is_not_printed_or_spelt_otherwise_counts_for_nothing(told, revidapi, account, upstream):
    listed(upstream, entry(**told))
    assert found(revidapi, account) == ["job_1"]
    with_picture = replace(image_order(), inputs=(at(f"{HERE}/a.png"),))
    assert found(revidapi, account, with_picture) == ["job_1"]


def test_a_speed_that_a_name_carries_is_compared_too(revidapi, account, upstream):
    listed(upstream, entry(model="nano-banana-pro-fast", input_params={}))
    assert found(revidapi, account, image_order(speed="slow")) == []


@pytest.mark.parametrize("duration", [5, "5", "5s", "5S"])
@pytest.mark.parametrize("audio", [True, "true", 1])
def test_seconds_and_sound_have_many_forms(duration, audio, revidapi, account, upstream):
    listed(upstream, entry(type="t2v", model="kling-2.6", input_params={"duration": duration, "audio": audio}))
    assert found(revidapi, account, video_order()) == ["job_1"]
    assert found(revidapi, account, video_order(duration=10)) == []
    assert found(revidapi, account, video_order(audio=False)) == []


def test_pictures_tell_two_equal_orders_apart(revidapi, account, upstream):
    a, b = (f"{HERE}/{name}.png" for name in "ab")
    listed(
        upstream,
        entry("job_b", type="i2i", input_images=[b]),
        entry("job_a", type="i2i", input_params={"img_url": a}),
        entry("job_copy", type="i2i", input_images=[f"{THERE}/copy.png"]),
        entry("job_silent", type="i2i"),
    )
    order = image_order(mode=Mode.I2I, inputs=[at(a)])
    assert set(found(revidapi, account, order)) == {"job_a", "job_copy", "job_silent"}
    assert len(found(revidapi, account, replace(order, inputs=()))) == 4


@pytest.mark.parametrize(
    ("made_at", "is_found"),
    [
        (SENT - timedelta(seconds=121), False),
        (SENT - timedelta(seconds=119), True),
        (SENT + timedelta(seconds=65), True),
        (SENT + timedelta(seconds=66), False),
        ("2026-11-20T12:00:01Z", True),
        ("2026-11-20T12:00:01.123456", True),
        ("2026-11-20 12:00:01", True),
        ("2026-11-20T19:00:01+07:00", True),
        ("2026-11-20T19:00:01", False),
        (int(SENT.timestamp()), True),
        (str(int(SENT.timestamp())), True),
        (int(SENT.timestamp() * 1000), True),
        (float("1e300"), False),
        (True, False),
    ],
)
def test_only_what_was_made_while_the_order_was_sent_counts(made_at, is_found, revidapi, account, upstream):
    listed(upstream, entry(made_at=made_at))
    answers = found(revidapi, account, until=SENT + timedelta(seconds=60))  # and 5 s for the create itself
    assert answers == (["job_1"] if is_found else [])


def test_the_oldest_comes_first(revidapi, account, upstream):
    listed(upstream, *(entry(f"job_{second}", SENT + timedelta(seconds=second)) for second in (3, 1, 2)))
    assert found(revidapi, account) == ["job_1", "job_2", "job_3"]


def paged(upstream, *pages, **told):
    for number, entries in enumerate(pages, 1):
        upstream.answers[f"page={number}&limit=100"] = Reply()
        upstream.says(f"GET /v1/dashboard/jobs?page={number}&limit=100", {"jobs": entries} | told)


def test_pages_are_read_until_they_are_older_than_the_order(revidapi, account, upstream):
    young, old = entry("job_2", SENT + timedelta(hours=1)), entry("job_0", SENT - timedelta(hours=1))
    paged(upstream, [young], [young, entry()], [old], [entry("job_9")])
    assert found(revidapi, account) == ["job_1"]
    assert len(upstream.asked) == 3


def test_pages_end_with_the_last_one(revidapi, account, upstream):
    paged(upstream, [entry("job_2")], [entry()], pages=2)
    assert found(revidapi, account) == ["job_2", "job_1"]
    assert len(upstream.asked) == 2


def test_an_upstream_that_knows_no_pages_is_asked_twice(revidapi, account, upstream):
    upstream.says(LIST, {"jobs": [entry()]})
    assert found(revidapi, account) == ["job_1"]
    assert len(upstream.asked) == 2


def test_a_list_is_read_as_far_as_there_are_requests(revidapi, account, upstream):
    paged(upstream, *([entry(f"job_{number}")] for number in range(5)))
    jobs = revidapi.job_list(account, most_requests=3)
    assert len(jobs.find(image_order(), since=SENT, until=SENT)) == 3
    assert (jobs.requests, len(upstream.asked)) == (3, 3)


def test_a_list_is_read_once_for_many_orders_and_on_for_an_older_one(revidapi, account, upstream):
    hour = timedelta(hours=1)
    paged(upstream, [entry("job_3", SENT + hour), entry("job_2")], [entry("job_1", SENT - hour)], [], pages=3)
    jobs = revidapi.job_list(account, most_requests=20)
    assert jobs.requests == 0
    for sent, ticket, requests in ((SENT, "job_2", 2), (SENT + hour, "job_3", 2), (SENT - hour, "job_1", 3)):
        assert [one.ticket for one in jobs.find(image_order(), since=sent, until=sent)] == [ticket]
        assert jobs.requests == requests


def test_a_page_that_does_not_come_means_later_for_all(revidapi, account, upstream):
    upstream.says(LIST, {"detail": "x"}, 503)
    jobs = revidapi.job_list(account, most_requests=20)
    errors = [error_of(jobs.find, image_order(), since=SENT, until=SENT) for _ in range(2)]
    assert [type(error) for error in errors] == [ProviderBusy] * 2
    assert (jobs.requests, len(upstream.asked)) == (1, 1)


@pytest.mark.parametrize("alias", json.loads(ALIASES.read_text()), ids=lambda alias: alias["alias"])
def test_every_alias_of_the_catalog_is_one_model_here(alias):
    assert names.one(alias["alias"]) == alias["model"]
    assert names.carried(alias["alias"]) == alias.get("params", {})
