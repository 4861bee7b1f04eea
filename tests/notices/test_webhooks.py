"""Webhooks: one of each ended job, signed, tried again, and given up; whoever is slow starves nobody."""

import base64
import hashlib
import hmac
import json
import socket
import subprocess
import sys
import threading
import time

import pytest
from django.db import connection

from revidweb.jobs.models import Job
from revidweb.keys import issuing
from revidweb.lib import clock
from revidweb.notices import events, sending, webhooks
from revidweb.notices.models import Delivery, DeliveryTry
from revidweb.notices.sending import Answer
from revidweb.trail.models import TrailRow
from tests.keys.makers import a_key
from tests.lib.servers import a_server, to

from .makers import Receiver, a_delivery, a_receiver, an_ended_job, due_now, others_like, send_due

pytestmark = pytest.mark.django_db
DAY_S = 86_400


@pytest.fixture
def receiver(settings):
    with a_receiver(settings) as one:
        yield one


def states() -> list[str]:
    return list(Delivery.objects.order_by("pk").values_list("state", flat=True))


# -- what there is to tell


def test_a_job_that_ended_has_one_delivery_however_often_it_is_looked_for():
    job = an_ended_job("https://example.com/hooks")
    assert [events.write(since_s=60), events.write(since_s=60)] == [1, 0]
    delivery = Delivery.objects.get()
    assert (delivery.job, delivery.key, delivery.event) == (job, job.key, "job.completed")
    assert (delivery.url, delivery.host, delivery.tenant) == (job.callback_url, "example.com:443", job.tenant)


def test_two_that_look_at_the_same_moment_write_one_delivery(monkeypatch):
    job = an_ended_job("https://example.com/hooks")
    both = [list(events._untold(60)), list(events._untold(60))]
    monkeypatch.setattr(events, "_untold", lambda since_s: both.pop())
    events.write(since_s=60)
    events.write(since_s=60)
    assert Delivery.objects.get().job == job


def test_the_body_says_what_the_job_says():
    job = an_ended_job("https://example.com/hooks")
    events.write(since_s=60)
    delivery = Delivery.objects.get()
    body = json.loads(delivery.body)
    assert (body["id"], body["type"]) == (delivery.public_id, "job.completed")
    data = body["data"]
    assert (data["job_id"], data["status"], data["error"], data["cost"]) == (job.public_id, "completed", None, 4)
    assert data["results"] == [data["result"]]
    assert "/v1/media/" in data["result"]


def test_a_failed_job_says_why_and_costs_nothing():
    an_ended_job("https://example.com/hooks", failed=True)
    events.write(since_s=60)
    body = json.loads(Delivery.objects.get().body)
    assert body["type"] == "job.failed"
    assert (body["data"]["status"], body["data"]["error"], body["data"]["cost"]) == ("failed", "Not this.", 0)
    assert (body["data"]["result"], body["data"]["results"]) == (None, [])


def test_a_job_without_a_receiver_tells_nobody():
    an_ended_job("")
    assert events.write(since_s=60) == 0


def test_what_a_stop_left_untold_is_told_by_the_sweep():
    job = an_ended_job("https://example.com/hooks")
    Job.objects.filter(pk=job.pk).update(ended_at=clock.ago(DAY_S))
    webhooks.tick()
    assert states() == []
    webhooks.sweep()
    assert states() == ["waiting"]


def test_a_job_that_cannot_be_told_keeps_no_other_from_being(monkeypatch):
    bad, good = an_ended_job("https://example.com/a"), an_ended_job("https://example.com/b")
    as_told = events.told.as_told

    def told(job, sign):
        if job.pk == bad.pk:
            raise ValueError
        return as_told(job, sign)

    monkeypatch.setattr(events.told, "as_told", told)
    events.write(since_s=60)
    assert [one.job for one in Delivery.objects.all()] == [good]


def test_the_sweep_ends_where_no_job_can_be_told(monkeypatch):
    monkeypatch.setattr(events, "MOST_AT_ONCE", 1)
    monkeypatch.setattr(events, "_of", lambda job: job.is_no_such_thing)
    an_ended_job("https://example.com/hooks")
    webhooks.sweep()
    assert not Delivery.objects.exists()


def test_looking_for_them_reads_no_other_jobs():
    others_like(an_ended_job(""), 1000)
    an_ended_job("https://example.com/hooks")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE jobs_job")  # what was counted when the table held other tests' rows says nothing
        explain = "EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN "
        sql, params = events._untold(60)[:10].query.sql_with_params()
        cursor.execute(explain + sql, params)
        assert "job_calls_back" in str(cursor.fetchall())


# -- one try


def test_what_arrives_is_signed_as_standard_webhooks_say(receiver):
    key = a_key().key
    delivery = a_delivery(receiver.url(), key)
    assert send_due() == [Answer(200, text="thanks")]
    (got,) = receiver.got
    assert got.body.decode() == delivery.body
    assert got.headers["content-type"] == "application/json"
    assert got.headers["webhook-id"] == delivery.public_id
    at = got.headers["webhook-timestamp"]
    assert abs(int(at) - time.time()) < 5
    secret = base64.b64decode(issuing.signing_secret(key).removeprefix("whsec_"))
    signed = hmac.new(secret, f"{delivery.public_id}.{at}.".encode() + got.body, hashlib.sha256).digest()
    assert got.headers["webhook-signature"] == "v1," + base64.b64encode(signed).decode()


def test_a_delivered_one_is_done_with_its_log(receiver):
    a_delivery(receiver.url())
    send_due()
    delivery, log = Delivery.objects.get(), DeliveryTry.objects.get()
    assert (delivery.state, delivery.tries, delivery.lease_until) == ("delivered", 1, None)
    assert delivery.ended_at
    assert (log.status, log.error, log.answer) == (200, "", "thanks")
    due_now()
    assert send_due() == []


@pytest.mark.parametrize("status", [400, 404, 500, 502, 301, 304])
def test_any_other_answer_is_tried_again_later(receiver, settings, status):
    receiver.answers = [(status, {"Location": receiver.url("/elsewhere")})]
    receiver.body = b"" if status == 304 else b"no"
    a_delivery(receiver.url())
    send_due()
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.tries) == ("waiting", 1)
    wait_s = (delivery.next_try_at - clock.now()).total_seconds()
    assert settings.WEBHOOK_RETRY_S * 0.9 < wait_s <= settings.WEBHOOK_RETRY_S * 1.25
    assert send_due() == []
    assert [one.path for one in receiver.got] == ["/hooks"]  # no redirect was followed


def test_each_wait_is_twice_as_long_up_to_six_hours(settings):
    settings.WEBHOOK_RETRY_S = 10
    for tries, least in ((1, 10), (2, 20), (5, 160)):
        assert least <= sending._wait_s(tries, Answer(500)) <= least * 1.25
    assert sending._wait_s(30, Answer(500)) == 6 * 3600


def test_who_asks_for_a_pause_gets_it(receiver):
    receiver.answers = [(429, {"Retry-After": "120"}), (503, {"Retry-After": "Fri, 31 Dec 2100 00:00:00 GMT"})]
    a_delivery(receiver.url())
    assert send_due()[0].wait_s == 120
    assert 100 < (Delivery.objects.get().next_try_at - clock.now()).total_seconds() <= 120
    due_now()
    send_due()
    assert (Delivery.objects.get().next_try_at - clock.now()).total_seconds() > 6 * 3600 - 60


@pytest.mark.parametrize("header", ["soon", "-5", "Fri, 31 Dec 1999 00:00:00 GMT", "9" * 400, "²", ""])
def test_a_pause_that_makes_no_sense_is_bounded(header, settings):
    wait_s = sending._wait_s(1, Answer(503, wait_s=sending._asked_wait(header)))
    assert settings.WEBHOOK_RETRY_S <= wait_s <= 6 * 3600


def test_who_is_gone_is_asked_once(receiver):
    receiver.answers = [(410, {})]
    a_delivery(receiver.url())
    send_due()
    assert states() == ["failed"]


def test_it_is_given_up_after_so_many_tries(receiver, settings):
    settings.WEBHOOK_TRIES = 3
    receiver.answers = [(500, {})]
    delivery = a_delivery(receiver.url())
    for _ in range(5):
        due_now()
        send_due()
    assert len(receiver.got) == 3
    assert states() == ["failed"]
    row = TrailRow.objects.get(what="webhook.given_up")
    assert (row.about, row.tenant) == (delivery.key.reference, delivery.tenant.public_id)
    assert row.facts == {"delivery": delivery.public_id, "host": receiver.host, "status": 500, "error": ""}


def test_a_key_whose_receiver_is_gone_is_told_of_once_a_day(receiver, settings):
    settings.WEBHOOK_TRIES = 1
    receiver.answers = [(500, {})]
    key = a_key().key
    for _ in range(3):
        a_delivery(receiver.url(), key)
    a_delivery(receiver.url())
    send_due()
    assert states() == ["failed"] * 4
    given_up = TrailRow.objects.filter(what="webhook.given_up")
    assert given_up.count() == 2
    given_up.update(at=clock.ago(DAY_S + 1))
    a_delivery(receiver.url(), key)
    send_due()
    assert given_up.count() == 3


def test_a_test_is_tried_once_and_told_to_nobody(receiver):
    receiver.answers = [(500, {})]
    a_delivery(receiver.url(), event=events.TEST)
    send_due()
    assert states() == ["failed"]
    assert not TrailRow.objects.filter(what="webhook.given_up").exists()


def test_a_private_address_is_never_dialled(settings):
    with a_server() as server:
        a_delivery(server.url("/hooks"))
        assert send_due() == [Answer(error="private_address")]
        assert server.connections == 0
    assert DeliveryTry.objects.get().error == "private_address"
    assert states() == ["waiting"]


def test_a_name_that_leads_to_a_private_address_is_not_dialled_either(monkeypatch):
    with a_server() as server:
        answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: answers)
        a_delivery(f"http://hooks.example.com:{server.port}/")
        assert send_due() == [Answer(error="private_address")]
        assert server.connections == 0


def test_a_redirect_to_a_private_address_is_not_followed(receiver):
    with a_server() as inside:
        receiver.answers = [(302, {"Location": inside.url("/metadata")})]
        a_delivery(receiver.url())
        assert send_due()[0].status == 302
        assert inside.connections == 0


@pytest.mark.parametrize("url", ["ftp://example.com/", "https://me:secret@example.com/", "not an address", ""])
def test_what_is_no_address_fails_in_words(url):
    a_delivery(url)
    assert send_due() == [Answer(error="bad_address")]


def test_who_answers_nothing_in_time_has_not_taken_it(settings):
    settings.WEBHOOK_TIMEOUT_S = 0.3
    with a_server() as server:
        settings.PRIVATE_HOSTS = frozenset({server.host})
        server.answers["/hooks"] = lambda sock: server.closing.wait(5)
        a_delivery(server.url("/hooks"))
        began = time.monotonic()
        assert send_due() == [Answer(error="timeout")]
        assert time.monotonic() - began < 2


def test_nobody_there_is_nobody_who_took_it(settings):
    with a_server() as server:
        host = server.host
    settings.PRIVATE_HOSTS = frozenset({host})
    a_delivery(f"http://{host}/hooks")
    assert send_due() == [Answer(error="unreachable")]


@pytest.mark.parametrize(
    ("raw", "status", "text"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\nshort", 200, "short"),  # and then it hangs up
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nbomb", 200, "bomb"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\na\x00b\xff\xfec!", 200, "ab\ufffd\ufffdc!"),
        (b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno", 500, "no"),
        (b"this is no HTTP\r\n\r\n", None, ""),
        (b"", None, ""),
    ],
)
def test_receivers_that_lie(settings, raw, status, text):
    with a_server() as server:
        settings.PRIVATE_HOSTS = frozenset({server.host})
        server.answers["/hooks"] = lambda sock: sock.sendall(raw)
        a_delivery(server.url("/hooks"))
        (answer,) = send_due()
    assert (answer.status, answer.text) == (status, text)
    assert DeliveryTry.objects.get().answer == text


def test_of_an_endless_answer_little_is_read(settings):
    sent = 0

    def pour(sock: socket.socket) -> None:
        nonlocal sent
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            sent += sock.send(b"x" * 65_536)

    with a_server() as server:
        settings.PRIVATE_HOSTS = frozenset({server.host})
        server.answers["/hooks"] = pour
        a_delivery(server.url("/hooks"))
        (answer,) = send_due()
    assert answer == Answer(200, text="x" * 500)
    assert sent < 20 * 1_048_576


def test_a_secret_that_cannot_be_read_is_not_signed_with(receiver, settings):
    a_delivery(receiver.url())
    settings.SEALING_KEYS = ["another one"]
    assert send_due() == [Answer(error="no_secret")]
    assert receiver.got == []


# -- claims


def test_who_is_under_way_is_not_sent_beside(receiver):
    a_delivery(receiver.url())
    (mine,) = webhooks.claim(10)
    assert webhooks.claim(10) == []
    Delivery.objects.update(lease_until=clock.ago(1))  # whoever had it died
    (theirs,) = webhooks.claim(10)
    receiver.answers = [(500, {})]
    sending.send(mine, mine.lease_until)  # it lived on after all: what failed is theirs to say
    assert Delivery.objects.get().lease_until == theirs.lease_until
    receiver.answers = [(200, {})]
    sending.send(mine, mine.lease_until)  # and what arrived, arrived
    assert states() == ["delivered"]
    sending.send(theirs, theirs.lease_until)
    assert (states(), Delivery.objects.get().tries) == (["delivered"], 1)


def test_a_receiver_has_four_at_once_and_a_tenant_eight():
    key, other = a_key().key, a_key().key
    for number in range(40):
        a_delivery(f"https://slow{number // 10}.example.com/", key)
    late = a_delivery("https://quick.example.com/", other)
    claimed = webhooks.claim(16)
    mine = [one for one in claimed if one.key == key]
    assert len(mine) == 8
    assert [one for one in claimed if one.key == other] == [late]
    hosts = [one.host for one in mine]
    assert [hosts.count(f"slow{number}.example.com:443") for number in range(4)] == [4, 4, 0, 0]


def test_a_crowd_for_one_receiver_hides_nobody_behind_it(monkeypatch):
    monkeypatch.setattr(webhooks, "_WINDOW", 10)
    key = a_key().key
    for _ in range(30):
        a_delivery("https://slow.example.com/", key)
    late = a_delivery("https://quick.example.com/")
    assert late in webhooks.claim(16)


def test_no_more_are_taken_than_there_are_hands():
    for _ in range(5):
        a_delivery("https://example.com/")
    assert len(webhooks.claim(3)) == 3
    assert webhooks.claim(0) == []


# -- what is kept


def test_bodies_are_forgotten_after_thirty_days():
    old = {"created_at": clock.ago(31 * DAY_S)}
    kept = [
        a_delivery("https://example.com/", state="waiting", **old),
        a_delivery("https://example.com/", state="failed"),
    ]
    gone = [a_delivery("https://example.com/", state=state, **old) for state in ("delivered", "failed")]
    webhooks.sweep()
    assert [Delivery.objects.get(pk=one.pk).is_forgotten for one in (*kept, *gone)] == [False, False, True, True]


# -- the crew


@pytest.mark.django_db(transaction=True)
def test_the_tick_waits_for_nobody_and_the_crew_sends(receiver: Receiver):
    """The slow one is still at it when the quick one has all of theirs."""
    slow = [a_delivery(receiver.url("/slow")) for _ in range(2)]
    receiver.hold.clear()
    began = time.monotonic()
    webhooks.tick()
    assert time.monotonic() - began < 5
    assert all(receiver.came.acquire(timeout=10) for _ in slow)
    assert states() == ["waiting", "waiting"]
    receiver.hold.set()
    drain()
    assert states() == ["delivered", "delivered"]


@pytest.mark.django_db(transaction=True)
def test_who_is_done_takes_what_is_due_next(receiver: Receiver):
    key = a_key().key
    for _ in range(30):
        a_delivery(receiver.url(), key)
    webhooks.tick()
    drain()
    assert states() == ["delivered"] * 30
    ids = [one.headers["webhook-id"] for one in receiver.got]
    assert len(ids) == len(set(ids)) == 30


WORKER = """
import json, sys
import django
django.setup()
from django.conf import settings
from django.db import connection
asked = json.loads(sys.argv[1])
connection.settings_dict["NAME"] = asked["name"]
settings.PRIVATE_HOSTS, settings.SEALING_KEYS = frozenset(asked["hosts"]), asked["keys"]
from tests.notices.makers import send_due
send_due()
"""


@pytest.mark.django_db(transaction=True)
def test_what_a_killed_worker_was_sending_is_sent_again_under_the_same_id(receiver: Receiver, settings):
    delivery = a_delivery(receiver.url())
    receiver.hold.clear()
    asked = {"name": str(connection.settings_dict["NAME"]), "hosts": [receiver.host], "keys": settings.SEALING_KEYS}
    worker = subprocess.Popen([sys.executable, "-c", WORKER, json.dumps(asked)], cwd=settings.BASE_DIR)
    try:
        assert receiver.came.acquire(timeout=60)
    finally:
        worker.kill()
        worker.wait(10)
    receiver.hold.set()
    assert (states(), send_due()) == (["waiting"], [])  # it may be under way still
    due_now()
    send_due()
    assert states() == ["delivered"]
    assert [one.headers["webhook-id"] for one in receiver.got] == [delivery.public_id] * 2
    assert DeliveryTry.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_ticks_at_once_send_each_once(receiver: Receiver):
    for _ in range(12):
        a_delivery(receiver.url())
    ticks = [threading.Thread(target=_tick) for _ in range(4)]
    for one in ticks:
        one.start()
    for one in ticks:
        one.join()
    drain()
    assert len(receiver.got) == 12
    assert states() == ["delivered"] * 12


def _tick() -> None:
    try:
        webhooks.tick()
    finally:
        connection.close()


def drain() -> None:
    """Wait until the crew has nothing under way."""
    for one in list(webhooks._under_way):
        one.result(timeout=20)


def test_what_a_redirect_leads_to_is_only_told(settings):
    with a_server() as server:
        settings.PRIVATE_HOSTS = frozenset({server.host})
        server.answers["/hooks"] = to("http://127.0.0.1:1/")
        a_delivery(server.url("/hooks"))
        assert send_due()[0].status == 302
        assert server.asked == ["/hooks"]
