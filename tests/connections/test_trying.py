"""Trying addresses: bounded at once and over an hour, whatever the servers there do."""

import pytest

from revidweb.connections import trying
from revidweb.lib.refusal import Refusal
from tests.connections.makers import an_account
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


def test_the_clock_asks_two_of_a_tenant_and_four_of_all(settings):
    mine, others = an_account(), [an_account() for _ in range(3)]
    with trying.asking(mine) as first, trying.asking(mine) as second, trying.asking(mine) as third:
        assert (first, second, third) == (0, 0, settings.ACCOUNT_RETRY_S)
        with trying.asking(others[0]) as free, trying.asking(others[1]) as last, trying.asking(others[2]) as none:
            assert (free, last) == (0, 0)
            assert 0 < none < settings.ACCOUNT_RETRY_S
        with trying.asking(others[2]) as again:
            assert again == 0


def test_what_goes_wrong_while_it_is_asked_comes_out_and_gives_the_place_back():
    connection = an_account()
    for _ in range(6):
        with pytest.raises(Refusal, match="private_address"), trying.asking(connection) as wait_s:
            raise Refusal("private_address" if wait_s == 0 else "no place")


def test_visitors_have_two_places_of_all_and_take_none_of_members():
    tenants = [an_actor().tenant for _ in range(3)]
    with trying.visiting(tenants[0], for_s=9) as first, trying.visiting(tenants[0], for_s=9) as beside:
        assert (first, beside) == (True, False)
        with trying.visiting(tenants[1], for_s=9) as last, trying.visiting(tenants[2], for_s=9) as none:
            assert (last, none) == (True, False)
            with trying.reading(tenants[0], for_s=9) as one, trying.reading(tenants[0], for_s=9) as two:
                assert (one, two) == (True, True)
