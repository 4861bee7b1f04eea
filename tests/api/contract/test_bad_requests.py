"""Bad requests of every kind: each is refused with its status and in its words, and writes nothing."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain

import pytest
import time_machine
from django.test import override_settings

from revidweb.accounts import hosts
from revidweb.accounts.actors import Actor
from tests.web.world import changed, everything

from .bad import Bad, sent
from .table import ALL
from .world import World, a_world

pytestmark = pytest.mark.django_db

COUNTED = {"keys.KeyRate", "files.Upload"}  # that a file was brought counts, also where it is no picture
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)  # a Wednesday, and the beginning of a minute


@pytest.fixture
def world(owner: Actor, user: Actor) -> Iterator[World]:
    """At noon, so that windows end when the table says."""
    with time_machine.travel(NOON):
        yield a_world(owner, user)
    hosts._known.clear()


def test_the_table_is_long():
    assert sum(map(len, ALL.values())) >= 120


def test_bad_requests_are_refused_in_their_words_and_write_nothing(world, subtests):
    before = everything()
    for bad in chain.from_iterable(ALL.values()):
        with subtests.test(bad.what, line=bad.line[:60]):
            _check(bad, world)
            assert set(changed(before)) <= COUNTED


def _check(bad: Bad, world: World) -> None:
    with override_settings(**bad.settings):
        answer = sent(bad, world.programs[bad.who], world.ids)
    body = answer.json() if answer.content else {"detail": bad.detail}  # of HEAD there is none
    assert (answer.status_code, bad.told(body["detail"])) == (bad.status, bad.detail)
    assert list(body) == ["detail"]
    assert answer["Content-Type"] == "application/json"
    assert answer["X-Request-Id"]
    assert ("Retry-After" in answer) == (bad.status == 429)
    assert answer["Cache-Control"] == "no-store"
