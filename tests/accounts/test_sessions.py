"""What the sweep of sessions leaves, and what it takes."""

from datetime import timedelta

import pytest
import time_machine
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session

from revidweb.accounts import sessions
from revidweb.lib import clock
from tests.makers import a_person

pytestmark = pytest.mark.django_db


def a_session(lasts_s: int) -> str:
    session = SessionStore()
    session["api_key"] = 7
    session.set_expiry(lasts_s)
    session.create()
    return session.session_key


def used(key: str) -> UserSession:
    return UserSession.objects.create(user=a_person(), ip="192.0.2.7", session_key=key)


def test_expired_sessions_are_forgotten_with_where_they_were_used():
    short, long = a_session(60), a_session(86_400)
    used(short)
    live = used(long)
    with time_machine.travel(clock.now() + timedelta(hours=2), tick=False):
        for _ in range(2):
            sessions.sweep()
    assert list(Session.objects.values_list("session_key", flat=True)) == [long]
    assert list(UserSession.objects.all()) == [live]


def test_one_that_begins_is_left_alone():
    beginning = used("not-written-yet")
    sessions.sweep()
    assert list(UserSession.objects.all()) == [beginning]


def test_the_clock_wakes_the_sweep():
    from revidweb.schedule import SCHEDULE

    assert SCHEDULE["sessions"]["task"] == sessions.sweep.name
    assert sessions.sweep.__module__ in settings.CELERY_IMPORTS
