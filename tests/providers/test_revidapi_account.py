"""RevidAPI: whether it is RevidAPI at all, its models and prices, its balance and slots."""

import pytest

from revidweb.catalog import reading
from revidweb.lib.refusal import Refusal
from revidweb.providers.base import Account, AccountRefused, Limits, ProviderBusy, ProviderRefused

from .conftest import KEY
from .orders import error_of
from .upstream import Reply

MODELS, PRICING, BALANCE, ME, LIMITS = (
    f"GET /v1/{path}" for path in ("models", "models/pricing", "balance", "dashboard/me", "limits")
)
ROW = {"server": "fast", "key": "720p-5s-fast", "credits": 15, "resolution": "720p", "duration": "5s"}
KLING = {
    "model": "kling-2.6",
    "name": "Kling 2.6",
    "type": "video",
    "modes": ["t2v", "i2v"],
    "servers": ["fast"],
    "credits_min": 15,
    "credits_max": 640,
    "pricing": [ROW],
    "params": {"prompt": "string, required", "duration": "5 | 10 (seconds; accepts '5' / '5s')"},
    "notes": "Audio chỉ valid trên một số combo.",
}
PAGE = b"<!DOCTYPE html><html><head><title>Welcome to nginx</title></head></html>"


@pytest.fixture
def there(upstream):
    upstream.says(MODELS, {"models": [KLING]})
    upstream.says(BALANCE, {"balance": 1500, "currency": "credits", "key_prefix": "sk_live_abc"})
    return upstream


def test_a_good_key_is_taken_and_the_models_come_with_it(revidapi, account, there):
    assert revidapi.check(account) == [KLING]
    assert {asked.headers["authorization"] for asked in there.asked} == {f"Bearer {KEY}"}


def test_a_wrong_key_says_so(revidapi, account, there):
    there.says(MODELS, {"detail": "Invalid API key"}, 401)
    error = error_of(revidapi.check, account)
    assert (type(error), error.code) == (AccountRefused, "invalid")


def test_models_that_anybody_may_see_do_not_make_a_key_good(revidapi, account, there):
    there.says(BALANCE, {"detail": "Invalid API key"}, 401)
    error = error_of(revidapi.check, account)
    assert (type(error), error.code) == (AccountRefused, "invalid")


def test_a_host_that_tells_no_balance_will_do(revidapi, account, there):
    del there.answers[BALANCE]
    assert revidapi.check(account) == [KLING]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, PAGE),
        (200, b""),
        (200, {"hello": "world"}),
        (200, {"models": "many"}),
        (204, b""),
        (301, b""),
        (302, PAGE),
        (400, {"detail": "bad"}),
        (401, PAGE),
        (401, b"Unauthorized"),
        (403, PAGE),
        (404, PAGE),
        (404, {"detail": "Not Found"}),
        (405, b""),
        (418, PAGE),
    ],
)
def test_whoever_else_answers_is_not_the_provider(status, body, revidapi, account, there):
    there.says(MODELS, body, status)
    error = error_of(revidapi.check, account)
    assert (type(error), error.code) == (ProviderRefused, "not_the_provider")


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [(503, {"detail": "x"}, "unavailable"), (524, PAGE, "unavailable"), (429, PAGE, "rate")],
)
def test_a_host_in_trouble_may_be_the_provider_later(status, body, code, revidapi, account, there):
    there.says(MODELS, body, status)
    error = error_of(revidapi.check, account)
    assert (type(error), error.code) == (ProviderBusy, code)


def test_a_private_address_is_refused_by_name(revidapi, account, there, settings):
    settings.PRIVATE_HOSTS = frozenset()
    with pytest.raises(Refusal) as refused:
        revidapi.check(account)
    assert (refused.value.code, refused.value.facts) == ("private_address", {"host": "127.0.0.1"})
    assert there.asked == []


def test_nobody_there_is_unreachable(revidapi, there):
    error = error_of(revidapi.check, Account("con_1", "https://127.0.0.1.invalid", KEY))
    assert (type(error), error.code) == (ProviderBusy, "unreachable")


@pytest.mark.parametrize("name", ["models", "data", "items", "results"])
def test_the_list_of_models_has_many_names(name, revidapi, account, there):
    there.says(MODELS, {name: [KLING]})
    assert revidapi.models(account) == [KLING]
    there.says(MODELS, [KLING])
    assert revidapi.models(account) == [KLING]


def test_an_entry_without_an_id_is_left_out_and_nothing_is_made_up(revidapi, account, there):
    there.says(MODELS, {"models": [KLING, {"name": "Nameless"}, {"model": None}, {"model": ["x"]}, "kling", None]})
    assert revidapi.models(account) == [KLING]


def test_prices_that_stand_apart_are_put_to_their_models(revidapi, account, there):
    bare = {name: value for name, value in KLING.items() if name != "pricing"}
    other = {"id": "kling-3.0", "type": "video", "pricing": []}
    there.says(MODELS, {"models": [bare, other]})
    there.says(PRICING, {"pricing": [{"model": "kling-2.6"} | ROW, {"model": "nobody"} | ROW], "count": 2})
    kling, third = revidapi.models(account)
    assert kling["pricing"] == [{"model": "kling-2.6"} | ROW]
    assert (third["model"], third["pricing"]) == ("kling-3.0", [])


def test_prices_that_stand_nowhere_are_none(revidapi, account, there):
    there.says(MODELS, {"models": [KLING | {"pricing": None}]})
    (kling,) = revidapi.models(account)
    assert kling["pricing"] == []


def test_prices_that_do_not_come_now_are_not_taken_for_none(revidapi, account, there):
    there.says(MODELS, {"models": [KLING | {"pricing": []}]})
    there.says(PRICING, {"detail": "x"}, 503)
    assert isinstance(error_of(revidapi.models, account), ProviderBusy)


def test_a_row_of_the_window_of_change_has_its_names_of_today(revidapi, account, there):
    old = {"server_id": "fast", "config_key": "720p-5s-fast", "credits": 15}
    there.says(MODELS, {"models": [KLING | {"pricing": [old]}]})
    (kling,) = revidapi.models(account)
    assert kling["pricing"] == [old | {"server": "fast", "key": "720p-5s-fast"}]


def test_choices_that_only_the_capabilities_list_join_the_parameters(revidapi, account, there):
    able = {"resolutions": ["720p", "1080p"], "durations": [5, 10], "aspect_ratios": [], "qualities": None}
    there.says(MODELS, {"models": [KLING | {"params": {"duration": "5"}, "capabilities": able}]})
    (kling,) = revidapi.models(account)
    assert kling["params"] == {"duration": "5", "resolution": "720p | 1080p"}


def test_the_catalog_reads_what_comes(revidapi, account, there):
    (model,) = reading.read(revidapi.models(account)).models
    assert (model.name, [price.credits for price in model.prices]) == ("kling-2.6", [15])


def test_no_list_of_models_is_gone(revidapi, account, there):
    there.says(MODELS, {"hello": "world"})
    error = error_of(revidapi.models, account)
    assert (type(error), error.code) == (ProviderRefused, "gone")


@pytest.mark.parametrize(
    ("body", "balance"),
    [
        ({"balance": 1500, "currency": "credits"}, 1500),
        ({"balance": "1500"}, 1500),
        ({"balance": 1499.99}, 1499),
        ({"balance": 0}, 0),
        ({"balance": -3.5}, -4),
        ({"credits": 7}, 7),
        ({"data": {"balance": 7}}, 7),
        ({"key": {"key_prefix": "sk_live_", "balance": 7}}, 7),
        ({"user": {"credits": "7.0"}}, 7),
        ({"balance": None, "current_balance": 7}, 7),
    ],
)
def test_a_balance_has_many_forms(body, balance, revidapi, account, upstream):
    upstream.says(BALANCE, body)
    assert revidapi.balance(account) == balance
    upstream.says(BALANCE, PAGE, 404)
    upstream.says(ME, body)
    assert revidapi.balance(account) == balance


@pytest.mark.parametrize(
    "body", [{}, {"balance": None}, {"balance": "lots"}, {"balance": True}, {"balance": [1]}, [], 5]
)
def test_a_balance_that_is_none_is_looked_for_at_the_dashboard(body, revidapi, account, upstream):
    upstream.says(BALANCE, body)
    upstream.says(ME, {"balance": 12})
    assert revidapi.balance(account) == 12
    upstream.says(ME, body)
    error = error_of(revidapi.balance, account)
    assert (type(error), error.code) == (ProviderRefused, "gone")


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, {"detail": "x"}, AccountRefused),
        (503, {"detail": "x"}, ProviderBusy),
        (200, PAGE, ProviderBusy),
        (302, b"", ProviderBusy),
    ],
)
def test_a_balance_in_trouble_is_no_balance(status, body, error, revidapi, account, upstream):
    upstream.says(BALANCE, body, status)
    assert isinstance(error_of(revidapi.balance, account), error)


FULL = {
    "limits": {"total_concurrent": 5, "image_concurrent": 3, "video_concurrent": 2, "queue": 3},
    "active": {"total": 3, "image": 1, "video": 2, "queued": 0},
    "available": {"image_slots": 2, "video_slots": 0, "queue_slots": 3},
}


@pytest.mark.parametrize(
    ("body", "limits"),
    [
        (FULL, Limits(5, 3, 2, 3, 1, 2)),
        ({"data": FULL}, Limits(5, 3, 2, 3, 1, 2)),
        ({"limits": {"total_concurrent": "5"}}, Limits(5, 5, 5)),
        ({"total_concurrent": 5, "image_concurrent": 0, "video_concurrent": None}, Limits(5, 0, 5)),
        ({"limits": {"total": 5, "image": 4, "video": 4}, "current_usage": {"total": 1}}, Limits(5, 4, 4, 1)),
        ({"limits": {"total_concurrent": 10**8}, "active": {"total": -1}}, Limits(10_000, 10_000, 10_000)),
    ],
)
def test_limits_have_many_forms(body, limits, revidapi, account, upstream):
    upstream.says(LIMITS, body)
    assert revidapi.limits(account) == limits


@pytest.mark.parametrize("body", [{}, [], {"limits": []}, {"limits": {"total_concurrent": -1}}, None])
def test_limits_that_are_none_are_gone(body, revidapi, account, upstream):
    upstream.says(LIMITS, body)
    error = error_of(revidapi.limits, account)
    assert (type(error), error.code) == (ProviderRefused, "gone")


def test_limits_in_trouble_are_no_limits(revidapi, account, upstream):
    upstream.answers[LIMITS] = Reply(lost=True)
    assert isinstance(error_of(revidapi.limits, account), ProviderBusy)
