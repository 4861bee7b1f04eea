"""Doors, invitations and settings ask the database the same few questions, however much there is to show."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from revidweb.accounts import hosts
from revidweb.accounts.actors import of
from revidweb.accounts.models import Role
from tests.accounts.makers import a_verified_person, an_open_house, an_owner, invited
from tests.makers import a_client, a_member

pytestmark = pytest.mark.django_db


def questions(client, page):
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert client.get(page).status_code == 200
    return len(asked)


def test_home_asks_the_same_for_one_invitation_and_for_many():
    person = a_verified_person()
    client = a_client(person)
    invited(an_owner(), email=person.email)
    once = questions(client, "/")
    for _ in range(5):
        invited(an_owner(), email=person.email)
    assert questions(client, "/") == once <= 8


def test_invitations_ask_the_same_for_one_and_for_many():
    owner = an_owner()
    client, page = a_client(owner.member), f"/t/{owner.tenant.slug}/members/invitations/"
    invited(owner)
    once = questions(client, page)
    for _ in range(5):
        invited(of(a_member(owner.tenant, role=Role.ADMIN)))
    assert questions(client, page) == once <= 9


def test_a_door_asks_the_same_whoever_was_invited():
    owner, person = an_open_house(), a_verified_person()
    client, page = a_client(person), f"/t/{owner.tenant.slug}/join/"
    invited(owner, email=person.email)
    once = questions(client, page)
    for _ in range(5):
        invited(owner, email=person.email)
        invited(owner, email=a_verified_person().email)
    assert questions(client, page) == once <= 10


def test_settings_ask_the_same_with_hosts_and_without():
    owner = an_owner()
    client, page = a_client(owner.member), f"/t/{owner.tenant.slug}/settings/"
    once = questions(client, page)
    for purpose in ("web", "media"):
        hosts.ask(owner, name=f"{purpose}.aurora.com", purpose=purpose)
    assert questions(client, page) == once <= 8
