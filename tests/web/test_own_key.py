"""A RevidAPI key of a visitor's own: in with it, what it opens, out again, and that nothing of it stays here."""

import json
from datetime import timedelta

import pytest
from allauth.core import ratelimit
from django.apps import apps
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from revidweb.accounts import hosts, tenants
from revidweb.accounts.models import Host, HostState
from revidweb.connections import trying
from revidweb.connections.models import Connection
from revidweb.lib import clock, sealing
from revidweb.providers.account_pages import Endpoint
from revidweb.providers.revidapi import client
from tests.connections.makers import an_account
from tests.keys.makers import a_key
from tests.makers import a_client
from tests.upstreams.revidapi import StandIn

from .jobs_pages import an_owner, text

pytestmark = pytest.mark.django_db

OWN = "sk_live_of_a_visitor_and_none_of_ours_7Qx1"


@pytest.fixture
def upstream(settings):
    with StandIn(image_s=0, video_s=0) as stand_in:
        settings.PRIVATE_HOSTS = frozenset({stand_in.host})
        stand_in.open_account(key=OWN, balance=321)
        yield stand_in


@pytest.fixture
def connection(owner, upstream) -> Connection:
    tenants.allow_own_keys(owner, is_allowed=True)
    return an_account(owner.tenant, base_url=upstream.url)


@pytest.fixture
def door(owner, connection) -> str:
    return reverse("own_key", args=[owner.tenant.slug])


@pytest.fixture
def visitor(door) -> Client:
    client = Client()
    assert client.post(door, {"key": OWN}).status_code == 302
    return client


def test_a_key_of_ones_own_opens_its_account(door):
    client = Client()
    assert "Look into your RevidAPI account" in text(client.get(door))
    answer = client.post(door, {"key": f" {OWN}\n"})
    assert (answer.status_code, answer["Location"]) == (302, f"{door}me/")
    page = client.get(f"{door}me/")
    assert "Balance 321" in text(page)
    assert OWN not in page.content.decode()
    assert client.get(door)["Location"] == f"{door}me/"


@pytest.mark.parametrize("endpoint", [endpoint.value for endpoint in Endpoint])
def test_every_page_of_the_account_is_there(visitor, door, endpoint):
    page = visitor.get(f"{door}{endpoint}/")
    assert page.status_code == 200
    assert "Read just now" in text(page) or "This page is for the keys of a tenant" in text(page)
    assert page["Cache-Control"].startswith("max-age=0")


def test_raw_answers_and_the_export_come_as_they_are(visitor, door):
    assert json.loads(visitor.get(f"{door}me/?raw=1").content)["balance"] == 321
    assert visitor.get(f"{door}me/?raw=1")["Content-Type"] == "text/plain; charset=utf-8"
    assert "attachment" in visitor.get(f"{door}export/?download=1")["Content-Disposition"]


def test_pages_that_are_none_are_not_there(visitor, door):
    assert visitor.get(f"{door}everything/").status_code == 404


def test_who_has_no_key_is_led_to_the_door(door):
    answer = Client().get(f"{door}jobs/")
    assert (answer.status_code, answer["Location"]) == (302, door)


# -- where the key is


def test_the_cookie_is_sealed_and_for_these_pages_alone(visitor, door):
    cookie = visitor.cookies["ownkey"]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == (door, True, "Lax")
    assert cookie["max-age"] == 12 * 3600
    assert OWN not in cookie.value
    assert json.loads(sealing.unseal(cookie.value))["key"] == OWN


def test_with_tls_no_page_without_it_can_set_the_cookie(door, settings):
    settings.SESSION_COOKIE_SECURE = True
    client = Client()
    client.post(door, {"key": OWN})
    assert client.cookies["__Secure-ownkey"]["secure"]


def test_nothing_of_the_key_is_written_down(visitor, door, monkeypatch, caplog):
    written: list[str] = []
    monkeypatch.setattr(cache, "set", lambda *args, **options: written.append(str(args)))
    with caplog.at_level("DEBUG"):
        for endpoint in Endpoint:
            visitor.get(f"{door}{endpoint.value}/")
    for model in apps.get_models():
        for row in model._default_manager.values():
            assert OWN not in str(row), model
            assert "321" not in str(row.get("text", "")), model
    assert OWN not in caplog.text + "".join(written)


def test_a_cookie_is_good_for_its_tenant_alone(visitor, upstream):
    other = an_owner()
    tenants.allow_own_keys(other, is_allowed=True)
    an_account(other.tenant, base_url=upstream.url)
    theirs = reverse("own_key", args=[other.tenant.slug])
    client = Client()
    client.cookies["ownkey"] = visitor.cookies["ownkey"].value
    answer = client.get(f"{theirs}me/")
    assert answer["Location"] == f"{theirs}?why=over"
    assert "Enter it again." in text(client.get(answer["Location"]))


def test_a_cookie_is_good_for_the_base_url_where_it_was_tried(visitor, door, connection):
    connection.credentials.update(base_url="https://elsewhere.example.com/v1")
    assert visitor.get(f"{door}me/")["Location"] == f"{door}?why=over"


def test_a_cookie_ends_after_twelve_hours(visitor, door, time_machine):
    time_machine.move_to(clock.now() + timedelta(hours=12, minutes=1))
    assert visitor.get(f"{door}me/")["Location"] == f"{door}?why=over"


@pytest.mark.parametrize("forged", ["", "x", "gAAAA", "a" * 5000, "é"])
def test_a_forged_cookie_opens_nothing(door, forged):
    client = Client()
    client.cookies["ownkey"] = forged
    assert client.get(f"{door}me/")["Location"].startswith(door)


def test_what_else_is_sealed_here_is_no_cookie(door, connection):
    client = Client()
    for sealed in (connection.credential.sealed, sealing.seal("[]"), sealing.seal('{"key": "x"}')):
        client.cookies["ownkey"] = sealed
        assert client.get(f"{door}me/")["Location"] == f"{door}?why=over"


def test_a_changed_cookie_opens_nothing(visitor, door):
    value = visitor.cookies["ownkey"].value
    visitor.cookies["ownkey"] = value[:40] + ("A" if value[40] != "A" else "B") + value[41:]
    assert visitor.get(f"{door}me/")["Location"] == f"{door}?why=over"


def test_leaving_drops_the_key(visitor, door):
    assert visitor.get(f"{door}leave/").status_code == 405
    answer = visitor.post(f"{door}leave/")
    assert answer["Location"] == door
    assert answer.cookies["ownkey"]["max-age"] == 0
    assert answer.cookies["ownkey"]["path"] == door


# -- no


@pytest.mark.parametrize("key", ["sk_live_that_nobody_ever_had_00000000", "x"])
def test_a_wrong_key_is_refused_at_its_field(door, key):
    answer = Client().post(door, {"key": key})
    assert answer.status_code == 422
    assert "does not take this key" in text(answer)
    assert key == "x" or key not in answer.content.decode()
    assert "ownkey" not in answer.cookies


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "x" * 600])
def test_what_is_no_key_is_asked_of_nobody(door, upstream, key):
    before = len(upstream.calls)
    assert Client().post(door, {"key": key}).status_code == 422
    assert len(upstream.calls) == before


def test_a_key_of_ours_is_sent_to_nobody_and_leads_to_its_own_door(door, upstream, user):
    secret = a_key(user.member).secret
    before = len(upstream.calls)
    answer = Client().post(door, {"key": secret})
    assert answer.status_code == 422
    assert "This key was made here." in text(answer)
    assert 'href="/key/"' in answer.content.decode()
    assert len(upstream.calls) == before


def test_a_key_that_is_refused_later_leads_back_with_the_reason(visitor, door, upstream):
    upstream.book.account_of(OWN).disable(OWN, until=upstream.now() + 3600)
    answer = visitor.get(f"{door}jobs/")
    assert answer["Location"] == f"{door}?why=refused"
    assert answer.cookies["ownkey"]["max-age"] == 0
    assert "does not take this key any more" in text(visitor.get(answer["Location"]))


def test_while_the_provider_is_down_the_page_says_so(visitor, door, upstream):
    upstream.stop()
    page = text(visitor.get(f"{door}me/"))
    assert "The provider could not be reached." in page
    assert "There is no earlier answer to show." in page
    assert "gave no answer" in text(Client().post(door, {"key": OWN}))


def test_who_guesses_is_stopped(door):
    client = Client()
    codes = [client.post(door, {"key": f"sk_live_guess_number_{number}"}).status_code for number in range(12)]
    assert codes[0] == 422
    assert codes[-1] == 429


def test_a_reader_without_end_is_stopped(visitor, door, upstream, monkeypatch):
    monkeypatch.setattr(ratelimit, "consume", lambda request, action: action != "own_key_page")
    before = len(upstream.calls)
    assert "Too many pages wait for an answer" in text(visitor.get(f"{door}limits/"))
    assert len(upstream.calls) == before


# -- where it is


def test_while_a_visitor_waits_others_do_and_members_do_not(owner, visitor, door):
    with trying.visiting(owner.tenant, for_s=9):
        assert "Many addresses are being tried here" in text(Client().post(door, {"key": OWN}))
        assert visitor.get(f"{door}me/").context["seen"].waits_for == "others"
        with trying.turn(owner), trying.turn(owner):
            pass


def test_members_who_wait_keep_no_visitor_out(owner, door):
    with trying.turn(owner), trying.turn(owner), trying.reading(owner.tenant, for_s=9) as is_free:
        assert is_free
        assert Client().post(door, {"key": OWN}).status_code == 302


def test_nobody_waits_long_for_a_key_to_be_tried(door, monkeypatch, settings):
    asked = []
    ask = client.ask
    monkeypatch.setattr(client, "ask", lambda *args, **more: asked.append(more["timeout_s"]) or ask(*args, **more))
    Client().post(door, {"key": OWN})
    assert set(asked) == {settings.REVIDAPI_LOOK_TIMEOUT_S}


def test_it_is_off_until_the_tenant_allows_it(owner, connection, door):
    tenants.allow_own_keys(owner, is_allowed=False)
    for path in (door, f"{door}me/", f"{door}logo/", f"{door}accent.css"):
        assert Client().get(path).status_code == 404
    assert Client().post(door, {"key": OWN}).status_code == 404
    assert Client().post(f"{door}leave/").status_code == 404


def test_without_a_connection_in_use_there_is_no_door(connection, door):
    Connection.objects.update(is_enabled=False)
    assert Client().get(door).status_code == 404


def test_an_unknown_tenant_has_no_door():
    assert Client().get("/t/nobody/key/").status_code == 404


def test_another_tenants_host_does_not_know_it(connection, door):
    stranger = an_owner()
    hosts.ask(stranger, name="stranger.example.com", purpose="web")
    Host.objects.update(state=HostState.APPROVED)
    assert Client().get(door, headers={"host": "stranger.example.com"}).status_code == 404


def test_its_look_is_the_tenants(owner, connection, door):
    tenants.change(owner, name=owner.tenant.name, time_zone="UTC", accent="#aa3300")
    page = Client().get(door).content.decode()
    assert f'href="{door}accent.css?v=' in page
    assert Client().get(f"{door}accent.css").status_code == 200
    assert Client().get(f"{door}logo/").status_code == 404


def test_the_owner_switches_it_on_in_the_settings(owner, upstream):
    an_account(owner.tenant, base_url=upstream.url)
    client, settings_path = a_client(owner.member), reverse("settings", args=[owner.tenant.slug])
    door = reverse("own_key", args=[owner.tenant.slug])
    assert door not in client.get(settings_path).content.decode()
    assert client.post(reverse("settings_own_keys", args=[owner.tenant.slug]), {"on": "yes"}).status_code == 302
    assert door in client.get(settings_path).content.decode()
    assert Client().get(door).status_code == 200
    client.post(reverse("settings_own_keys", args=[owner.tenant.slug]), {})
    assert Client().get(door).status_code == 404
