"""Requests in a minute are counted exactly, and refused with when to come again."""

import pytest
import time_machine

from revidweb.keys import rating, sql
from revidweb.keys.models import KeyRate
from revidweb.keys.rating import Rate
from revidweb.lib.refusal import Refusal
from tests.keys.makers import a_key

pytestmark = pytest.mark.django_db


def test_a_key_without_a_rate_is_not_counted(django_assert_num_queries):
    key = a_key().key
    with django_assert_num_queries(0):
        assert rating.take(key) is None


def test_requests_are_counted_down_in_one_statement(django_assert_num_queries):
    key = a_key(per_minute=3).key
    with time_machine.travel("2026-03-01 12:00:15+00:00", tick=False), django_assert_num_queries(2):
        assert [rating.take(key), rating.take(key)] == [Rate(3, 2, 45), Rate(3, 1, 45)]


def test_what_is_too_much_is_refused_until_the_minute_ends():
    key = a_key(per_minute=1).key
    with time_machine.travel("2026-03-01 12:00:15+00:00", tick=False) as traveller:
        rating.take(key)
        for _ in range(3):
            with pytest.raises(Refusal) as said:
                rating.take(key)
        assert said.value.facts == {"limit": 1, "remaining": 0, "resets_in_s": 45, "retry_after_s": 45}
        assert KeyRate.objects.get().requests == 1
        traveller.shift(45)
        assert rating.take(key) == Rate(1, 0, 60)


def test_a_machine_whose_clock_is_behind_gets_no_second_minute():
    key = a_key(per_minute=2).key
    counts = [sql.count_request(key.pk, minute=minute, most=2) for minute in (10, 11, 10, 11, 10)]
    assert counts == [1, 1, 2, None, None]


def test_a_lowered_rate_holds_at_once():
    key = a_key(per_minute=5).key
    for _ in range(4):
        sql.count_request(key.pk, minute=1, most=5)
    assert sql.count_request(key.pk, minute=1, most=2) is None
