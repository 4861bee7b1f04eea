"""Webhooks of a key: the list, the secret, the test, and one delivery with its tries."""

import json

import pytest
from django.urls import reverse

from revidweb.accounts import members
from revidweb.accounts.actors import Actor, of
from revidweb.accounts.models import Role
from revidweb.keys import issuing
from revidweb.keys.models import ApiKey
from revidweb.lib import clock
from revidweb.notices import events, sending
from revidweb.notices.models import Delivery, DeliveryTry
from tests import makers
from tests.keys.makers import a_key
from tests.makers import a_client
from tests.notices.makers import a_delivery, a_receiver, an_ended_job, send_due

from .jobs_pages import HTMX, text

pytestmark = pytest.mark.django_db
CALLBACK = "https://example.com/hooks"


@pytest.fixture
def receiver(settings):
    with a_receiver(settings) as one:
        yield one


@pytest.fixture
def key(user) -> ApiKey:
    return a_key(user.member, name="Shop", callback_url=CALLBACK).key


def path(name: str, key: ApiKey, *more: str) -> str:
    return reverse(name, args=[key.tenant.slug, key.public_id, *more])


def get(actor: Actor, name: str, key: ApiKey, *more: str, **headers: str):
    return a_client(actor.member).get(path(name, key, *more), headers=headers)


def post(actor: Actor, name: str, key: ApiKey, *more: str, **data: str):
    return a_client(actor.member).post(path(name, key, *more), data)


# -- the list


def test_before_the_first_delivery_it_says_when_there_is_one(user, key):
    shown = text(get(user, "key_webhooks", key))
    assert "Nothing was sent yet" in shown
    assert CALLBACK in shown


def test_a_key_without_an_address_says_so(user):
    shown = text(get(user, "key_webhooks", a_key(user.member).key))
    assert "The key has no address of its own" in shown
    assert "Give it one" in shown


def test_each_delivery_says_what_it_is_and_how_it_stands(user, key, receiver):
    job = an_ended_job(receiver.url(), key)
    events.write(since_s=60)
    receiver.answers = [(500, {})]
    send_due()
    shown = text(get(user, "key_webhooks", key))
    for words in ("job.completed", job.public_id, receiver.host, "Tried again", "500"):
        assert words in shown


@pytest.mark.parametrize(
    ("state", "tries", "words"),
    [
        ("waiting", 0, "On its way"),
        ("waiting", 1, "Tried again"),
        ("delivered", 1, "Delivered"),
        ("failed", 10, "Failed"),
    ],
)
def test_the_states_have_words(user, key, state, tries, words):
    a_delivery(CALLBACK, key, state=state, tries=tries)
    assert words in text(get(user, "key_webhooks", key))


@pytest.mark.parametrize("error", ["timeout", "unreachable", "private_address", "bad_address", "no_secret"])
def test_why_there_was_no_answer_is_said_in_words(user, key, error):
    DeliveryTry.objects.create(delivery=a_delivery(CALLBACK, key, tries=1), error=error)
    assert error not in text(get(user, "key_webhooks", key))


def test_the_list_takes_few_queries(user, key, django_assert_max_num_queries):
    for _ in range(10):
        a_delivery(CALLBACK, key)
    client = a_client(user.member)
    with django_assert_max_num_queries(12):
        client.get(path("key_webhooks", key))


def test_another_keys_deliveries_stand_elsewhere(user, key):
    other = a_key(user.member).key
    delivery = a_delivery(CALLBACK, other)
    assert "Nothing was sent yet" in text(get(user, "key_webhooks", key))
    assert get(user, "delivery", key, delivery.public_id).status_code == 404


# -- the secret


def test_the_secret_is_shown_to_who_asks_for_it_alone(user, key):
    secret = issuing.signing_secret(key)
    assert secret not in get(user, "key_webhooks", key).content.decode()
    answer = post(user, "webhook_secret", key)
    assert secret in answer.content.decode()
    assert "no-store" in answer.headers["Cache-Control"]
    assert secret not in get(user, "key_webhooks", key).content.decode()


def test_a_new_secret_takes_the_place_of_the_old_one(user, key):
    old = issuing.signing_secret(key)
    shown = post(user, "webhook_secret", key, rotate="yes").content.decode()
    new = issuing.signing_secret(ApiKey.objects.get(pk=key.pk))
    assert new != old
    assert new in shown
    assert old not in shown


def test_who_manages_keys_sees_no_secret_of_anothers_key(owner, key):
    assert "Only" in text(get(owner, "key_webhooks", key))
    before = key.signing_secret
    for data in ({}, {"rotate": "yes"}):
        answer = post(owner, "webhook_secret", key, **data)
        assert answer.status_code == 302
    assert ApiKey.objects.get(pk=key.pk).signing_secret == before


def test_an_admin_sees_that_of_a_standalone_key(owner):
    admin = members.add(owner.tenant, makers.a_person(), role=Role.ADMIN)
    key = a_key(admin, kind="standalone", credits=5).key
    assert issuing.signing_secret(key) in post(owner, "webhook_secret", key).content.decode()


def test_a_secret_that_cannot_be_read_can_be_made_anew(user, key, settings):
    settings.SEALING_KEYS = ["another one"]
    client = a_client(user.member)
    shown = client.post(path("webhook_secret", key), follow=True)
    assert "cannot be read any more" in text(shown)
    assert "whsec_" in client.post(path("webhook_secret", key), {"rotate": "yes"}).content.decode()


# -- the test


def test_a_test_goes_to_the_address_that_was_typed(user, key, receiver):
    answer = post(user, "webhook_test", key, receiver=receiver.url("/try"))
    delivery = Delivery.objects.get()
    assert answer.url == path("delivery", key, delivery.public_id)
    send_due()
    (got,) = receiver.got
    assert (got.path, got.told["type"], got.told["id"]) == ("/try", "test", delivery.public_id)
    shown = text(get(user, "delivery", key, delivery.public_id))
    assert "Delivered" in shown
    assert "200" in shown


def test_a_test_without_an_address_goes_to_the_keys_own(user, key):
    post(user, "webhook_test", key)
    assert Delivery.objects.get().url == CALLBACK


@pytest.mark.parametrize(
    ("receiver", "words"),
    [
        ("", "Write an address"),
        ("example.com/hooks", "not an address that webhooks can go to"),
        ("http://127.0.0.1:8000/", "not an address on the open internet"),
        ("http://[::1]/", "not an address on the open internet"),
        ("http://metadata.internal/", "not an address on the open internet"),
        ("https://me:secret@example.com/", "not an address that webhooks can go to"),
        ("https://example.com/\x00", "not an address that webhooks can go to"),
        ("https://example.com/" + "a" * 2000, "2000"),
    ],
)
def test_a_test_is_refused_in_words(user, receiver, words):
    answer = post(user, "webhook_test", a_key(user.member).key, receiver=receiver)
    assert answer.status_code == 422
    assert words in text(answer) or "Null characters" in text(answer)
    assert not Delivery.objects.exists()


def test_a_key_tests_so_often_and_no_more(user, key, monkeypatch):
    monkeypatch.setattr("revidweb.notices.deliveries.MOST_TESTS", 2)
    for status in (302, 302, 422):
        assert post(user, "webhook_test", key).status_code == status
    Delivery.objects.update(created_at=clock.ago(3601))
    assert post(user, "webhook_test", key).status_code == 302


def test_more_keys_send_no_more_tests(user, key, monkeypatch):
    monkeypatch.setattr("revidweb.notices.deliveries.MOST_TESTS", 1)
    assert post(user, "webhook_test", key).status_code == 302
    other = a_key(user.member, callback_url=CALLBACK).key
    assert post(user, "webhook_test", other).status_code == 422
    strangers = makers.an_actor(user.tenant)
    theirs = a_key(strangers.member, callback_url=CALLBACK).key
    assert post(strangers, "webhook_test", theirs).status_code == 302


def test_a_revoked_key_sends_no_tests_and_nothing_again(user, key):
    delivery = a_delivery(CALLBACK, key, state="delivered", tries=1)
    issuing.revoke(user, key)
    answer = a_client(user.member).post(path("webhook_test", key), follow=True)
    assert "was revoked" in text(answer)
    post(user, "delivery_resend", key, delivery.public_id)
    assert Delivery.objects.get().state == "delivered"
    for page in (get(user, "key_webhooks", key), get(user, "delivery", key, delivery.public_id)):
        assert path("webhook_test", key) not in page.content.decode()
        assert path("delivery_resend", key, delivery.public_id) not in page.content.decode()


# -- one


def test_one_shows_what_was_sent_and_every_answer(user, key):
    delivery = a_delivery(CALLBACK, key, tries=2)
    DeliveryTry.objects.create(delivery=delivery, status=302, took_ms=12)
    DeliveryTry.objects.create(delivery=delivery, status=500, answer="<b>Oh no</b>")
    page = get(user, "delivery", key, delivery.public_id)
    shown = text(page)
    for words in (
        delivery.public_id,
        CALLBACK,
        "302, a redirect",
        "webhook-signature",
        json.loads(delivery.body)["id"],
    ):
        assert words in shown
    assert "&lt;b&gt;Oh no" in page.content.decode()
    assert "whsec_" not in page.content.decode()


def test_while_it_is_on_its_way_the_page_asks_again(user, key):
    delivery = a_delivery(CALLBACK, key)
    part = get(user, "delivery", key, delivery.public_id, **HTMX).content.decode()
    assert part.lstrip().startswith("<div")
    assert "?look=" in part
    Delivery.objects.update(state="delivered", ended_at=clock.now())
    assert "?look=" not in get(user, "delivery", key, delivery.public_id, **HTMX).content.decode()
    Delivery.objects.update(state="waiting")
    left_open = a_client(user.member).get(path("delivery", key, delivery.public_id) + "?look=60", headers=HTMX)
    assert "?look=" not in left_open.content.decode()


@pytest.mark.parametrize("state", ["delivered", "failed"])
def test_one_that_ended_is_sent_again_under_the_same_id(user, key, receiver, state):
    delivery = a_delivery(receiver.url(), key, state=state, tries=10, ended_at=clock.now())
    post(user, "delivery_resend", key, delivery.public_id)
    row = Delivery.objects.get()
    assert (row.state, row.tries, row.ended_at) == ("waiting", 0, None)
    send_due()
    assert receiver.got[0].headers["webhook-id"] == delivery.public_id
    assert receiver.got[0].body.decode() == delivery.body


def test_one_that_waits_is_tried_at_once_and_keeps_its_count(user, key):
    delivery = a_delivery(CALLBACK, key, tries=3, next_try_at=clock.after(3600))
    post(user, "delivery_resend", key, delivery.public_id)
    row = Delivery.objects.get()
    assert (row.state, row.tries) == ("waiting", 3)
    assert row.next_try_at <= clock.now()


def test_one_that_is_under_way_is_left_alone(user, key):
    later = clock.after(3600)
    delivery = a_delivery(CALLBACK, key, lease_until=clock.after(60), next_try_at=later)
    post(user, "delivery_resend", key, delivery.public_id)
    assert Delivery.objects.get().next_try_at == later


def test_one_whose_body_is_gone_cannot_be_sent_again(user, key):
    delivery = a_delivery(CALLBACK, key, state="delivered", body="")
    client = a_client(user.member)
    shown = text(client.post(path("delivery_resend", key, delivery.public_id), follow=True))
    assert "no longer kept" in shown
    assert "Send again" not in shown
    assert Delivery.objects.get().state == "delivered"


def test_an_admin_may_send_anothers_again(owner, key):
    delivery = a_delivery(CALLBACK, key, state="failed")
    post(owner, "delivery_resend", key, delivery.public_id)
    assert Delivery.objects.get().state == "waiting"


def test_a_revoked_keys_webhooks_are_still_there(user, key):
    issuing.revoke(of(user.member), key)
    assert get(user, "key_webhooks", key).status_code == 200
    assert sending.ask(a_delivery("not an address", key)).error == "bad_address"
