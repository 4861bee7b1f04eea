"""Trying addresses: bounded at once and over an hour, whatever the servers there do."""

import pytest

from revidweb.connections import trying
from revidweb.lib.refusal import Refusal
from tests.makers import an_actor

pytestmark = pytest.mark.django_db


def refused(actor):
    with pytest.raises(Refusal) as refusal, trying.turn(actor):
        pass
    return refusal.value.code


def test_a_tenant_has_two_tries_at_once(settings):
    actor = an_actor()
    with trying.turn(actor), trying.turn(actor):
        assert refused(actor) == "tries_under_way"
    with trying.turn(actor):
        pass


def test_all_tenants_together_leave_most_threads_to_pages(settings):
    settings.WEB_PROCESSES, settings.WEB_THREADS = 2, 6
    assert trying.most() == 3
    with trying.turn(an_actor()), trying.turn(an_actor()), trying.turn(an_actor()):
        assert refused(an_actor()) == "tries_of_others"
    with trying.turn(an_actor()):
        pass


def test_a_refused_try_takes_no_place(settings):
    settings.WEB_PROCESSES, settings.WEB_THREADS = 1, 1
    actor = an_actor()
    with trying.turn(actor), trying.turn(actor):
        assert [refused(an_actor()) for _ in range(3)] == ["tries_of_others"] * 3
    assert trying.most() == 2


def test_a_try_that_fails_gives_its_place_back():
    actor = an_actor()
    for _ in range(4):
        with pytest.raises(OSError, match="gone"), trying.turn(actor):
            raise OSError("gone")


def test_a_person_has_so_many_tries_an_hour_in_all_their_tenants(monkeypatch):
    monkeypatch.setattr(trying, "MOST_AN_HOUR", 3)
    actor = an_actor()
    for _ in range(3):
        with trying.turn(actor):
            pass
    assert refused(actor) == "tried_too_often"
    with trying.turn(an_actor(actor.tenant)):
        pass
