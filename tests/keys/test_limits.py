"""What a key may be limited to is made plain, or refused in clear words at its field."""

from datetime import timedelta

import pytest

from revidweb.keys import limits
from revidweb.keys.limits import Limits
from revidweb.lib import clock
from revidweb.lib.refusal import Refusal


def refused(**fields: object) -> tuple[str, str]:
    with pytest.raises(Refusal) as said:
        limits.check(Limits(**fields))
    return said.value.field, said.value.code


@pytest.mark.parametrize("name", ["day", "week", "month", "lifetime", "queue"])
def test_nothing_is_a_limit_of_credits_and_of_waiting_jobs(name):
    assert getattr(limits.check(Limits(**{"running": 1, name: 0})), name) == 0


@pytest.mark.parametrize("name", ["running", "per_minute"])
def test_a_limit_of_what_is_at_work_begins_at_one(name):
    assert refused(**{name: 0}) == (name, "limit_out_of_range")
    assert getattr(limits.check(Limits(**{name: 1})), name) == 1


@pytest.mark.parametrize("value", [-1, 10**12 + 1, 2**63, 1.5, "5", True])
def test_a_number_outside_its_bounds_is_refused(value):
    assert refused(day=value) == ("day", "limit_out_of_range")


def test_a_refused_number_says_its_bounds():
    with pytest.raises(Refusal) as said:
        limits.check(Limits(running=0))
    assert said.value.facts == {"least": 1, "most": 1_000_000}


def test_a_queue_counts_beyond_a_running_limit():
    assert refused(queue=3) == ("running", "running_limit_needed")


def test_a_key_expires_later_not_earlier():
    assert refused(expires_at=clock.ago(1)) == ("expires_at", "expiry_passed")
    later = clock.after(60)
    assert limits.check(Limits(expires_at=later)).expires_at == later


def test_an_expiry_that_stays_as_it_was_may_have_passed():
    past = Limits(expires_at=clock.ago(60))
    assert limits.check(past, was=past) == past
    with pytest.raises(Refusal, match="expiry_passed"):
        limits.check(Limits(expires_at=past.expires_at - timedelta(seconds=1)), was=past)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("203.0.113.7", "203.0.113.7/32"),
        (" 203.0.113.7/24 ", "203.0.113.0/24"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("2001:DB8::1", "2001:db8::1/128"),
        ("2001:db8::1/32", "2001:db8::/32"),
        ("::ffff:203.0.113.7", "203.0.113.7/32"),
        ("::ffff:203.0.113.7/120", "203.0.113.0/24"),
        ("::/0", "::/0"),
        ("::ffff:0:0/90", "::ffc0:0:0/90"),
    ],
)
def test_a_network_is_kept_in_its_usual_form(written, kept):
    assert limits.check(Limits(addresses=(written,))).addresses == (kept,)


@pytest.mark.parametrize(
    "text",
    ["", "example.com", "203.0.113", "203.0.113.7/33", "203.0.113.256", "010.0.0.1", "::g", "1.2.3.4/24/8", "\x00"],
)
def test_what_is_no_network_is_refused(text):
    assert refused(addresses=(text,)) == ("addresses", "bad_network")


def test_lists_keep_each_thing_once_and_in_order():
    kept = limits.check(Limits(models=("b", " a ", "b"), kinds=("video", "video"), addresses=("1.2.3.4", "1.2.3.4/32")))
    assert (kept.models, kept.kinds, kept.addresses) == (("b", "a"), ("video",), ("1.2.3.4/32",))


def test_only_kinds_that_exist_are_taken():
    assert refused(kinds=("sculpture",)) == ("kinds", "unknown_kind")


@pytest.mark.parametrize("name", ["", "  ", "x" * 121, "a\x00b"])
def test_a_models_name_is_a_name(name):
    assert refused(models=(name,)) == ("models", "bad_model_name")


def test_a_list_has_an_end():
    assert refused(models=tuple(map(str, range(201)))) == ("models", "too_many_names")


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("ftp://example.com/", "bad_address"),
        ("not an address", "bad_address"),
        ("http://127.0.0.1/hook", "private_address"),
        ("https://10.1.2.3/hook", "private_address"),
        ("https://box.local/hook", "private_address"),
    ],
)
def test_a_callback_goes_to_the_open_internet(url, code):
    assert refused(callback_url=url) == ("callback_url", code)
