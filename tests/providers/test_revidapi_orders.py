"""RevidAPI: what is sent to create a job, and what every answer to it means."""

import socket

import pytest

from revidweb.providers.base import (
    Account,
    AccountRefused,
    Kind,
    Mode,
    Order,
    OutcomeUnknown,
    ProviderBusy,
    ProviderRefused,
    Status,
)
from tests.lib.servers import a_server

from .conftest import KEY
from .orders import PNG, at, error_of, image_order, of_bytes, recorded, video_order
from .upstream import Reply

IMAGE, VIDEO = "POST /v1/image/generate", "POST /v1/video/generate"
CREATED = {"job_id": "job_1"}


def submitted(revidapi, account, upstream, order, line=IMAGE):
    upstream.says(line, CREATED)
    assert revidapi.submit(account, order, attempt=1).ticket == "job_1"
    return upstream.asked[-1]


def reply_of(case):
    body = case["text"].encode() if "text" in case else case["body"]
    return Reply(case.get("status", 200), body, case.get("headers", {}))


def test_an_image_is_asked_for_in_json_with_every_parameter(revidapi, account, upstream):
    asked = submitted(revidapi, account, upstream, image_order(model="Nano-Banana-PRO", resolution="4K"))
    assert asked.json == {
        "prompt": "a quiet valley",
        "model": "nano-banana-pro",
        "resolution": "4k",
        "aspect_ratio": "16:9",
        "speed": "fast",
        "server_id": "vip1",
    }
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.headers["content-type"] == "application/json"


def test_a_video_names_its_mode_its_seconds_and_its_sound(revidapi, account, upstream):
    asked = submitted(revidapi, account, upstream, video_order(), VIDEO)
    assert asked.json["mode"] == "t2v"
    assert (asked.json["duration"], asked.json["audio"]) == ("5s", True)


def test_a_prompt_travels_as_it_is(revidapi, account, upstream):
    prompt = 'Ein "Tal"\nIM Nebel 🏔'
    assert submitted(revidapi, account, upstream, image_order(prompt)).json["prompt"] == prompt


def test_seedance_has_an_endpoint_of_its_own(revidapi, account, upstream):
    line = "POST /v1/seedance/generate"
    assert submitted(revidapi, account, upstream, video_order(model="seedance-2.0"), line).json["duration"] == "5s"


def test_one_uploaded_picture_goes_by_its_address_and_several_as_a_list(revidapi, account, upstream):
    one, two = (f"https://cdn.example.com/{name}.png" for name in "ab")
    asked = submitted(revidapi, account, upstream, image_order(mode=Mode.I2I, inputs=[at(one)]))
    assert asked.json["img_url"] == one
    asked = submitted(revidapi, account, upstream, image_order(mode=Mode.I2I, inputs=[at(one), at(two)]))
    assert asked.json["img_url"] == [one, two]


def test_a_picture_that_could_not_be_uploaded_travels_in_the_order(revidapi, account, upstream):
    order = video_order("Ein Tal", Mode.I2V, [of_bytes(), at("https://cdn.example.com/b.png")])
    asked = submitted(revidapi, account, upstream, order, VIDEO)
    assert {name: content for name, _file, _type, content in asked.form} == {
        "prompt": b"Ein Tal",
        "model": b"kling-2.6",
        "mode": b"i2v",
        "resolution": b"720p",
        "duration": b"5s",
        "audio": b"true",
        "server_id": b"fast",
        "img_url": b"https://cdn.example.com/b.png",
        "input_image": PNG,
    }
    assert asked.form[-1][1:3] == ("input.png", "image/png")
    assert int(asked.headers["content-length"]) == len(asked.body)


def test_a_form_carries_several_pictures(revidapi, account, upstream):
    asked = submitted(revidapi, account, upstream, image_order(mode=Mode.I2I, inputs=[of_bytes(), of_bytes(b"other")]))
    assert [part[3] for part in asked.form if part[0] == "input_image"] == [PNG, b"other"]


@pytest.mark.parametrize("case", recorded("creates"))
def test_every_answer_that_names_a_job_is_a_receipt(case, revidapi, account, upstream):
    upstream.answers[IMAGE] = reply_of(case)
    receipt = revidapi.submit(account, image_order(), attempt=1)
    assert (receipt.ticket, receipt.cost, receipt.balance) == (case["ticket"], case.get("cost"), case.get("balance"))
    seen = case.get("seen")
    assert (receipt.seen is None) == (seen is None)
    if receipt.seen and seen:
        assert receipt.seen.status == seen["status"]
        assert receipt.seen.results == tuple(seen.get("results", ()))
        assert (receipt.seen.error, receipt.seen.error_code) == (seen.get("error", ""), seen.get("error_code", ""))


@pytest.mark.parametrize("case", recorded("create_refusals"))
def test_every_other_answer_is_one_of_the_four_errors(case, revidapi, account, upstream):
    upstream.answers[IMAGE] = reply_of(case)
    error = error_of(revidapi.submit, account, image_order(), attempt=1)
    assert (type(error).__name__, error.code) == (case["error"], case.get("code", ""))
    if isinstance(error, ProviderBusy):
        assert error.retry_after_s == case.get("retry_after_s")
    if "reason" in case:
        assert error.reason == case["reason"]
    assert len(upstream.asked) == 1


def test_a_time_to_come_back_may_be_a_date(revidapi, account, upstream, time_machine):
    time_machine.move_to("2026-11-20 12:00:00+00:00", tick=False)
    upstream.says(IMAGE, {"detail": "slow"}, 429, Retry_After="Fri, 20 Nov 2026 12:00:30 GMT")
    assert error_of(revidapi.submit, account, image_order(), attempt=1).retry_after_s == 30


def test_a_lost_answer_is_unknown_and_asked_for_once(revidapi, account, upstream):
    upstream.answers[IMAGE] = Reply(lost=True)
    assert isinstance(error_of(revidapi.submit, account, image_order(), attempt=1), OutcomeUnknown)
    assert len(upstream.asked) == 1


def test_an_answer_that_does_not_come_in_time_is_unknown(revidapi, account, settings):
    settings.REVIDAPI_CREATE_TIMEOUT_S = 0.2
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        settings.PRIVATE_HOSTS = frozenset({host})
        there = Account("con_1", f"http://{host}", KEY)
        for order in (image_order(), image_order(mode=Mode.I2I, inputs=[of_bytes(bytes(30_000_000))])):
            assert isinstance(error_of(revidapi.submit, there, order, attempt=1), OutcomeUnknown)


def test_an_answer_without_end_is_unknown(revidapi, account, upstream):
    upstream.says(IMAGE, b'{"job_id": "job_1", "more": "' + bytes(5 * 1_048_576) + b'"}')
    assert isinstance(error_of(revidapi.submit, account, image_order(), attempt=1), OutcomeUnknown)


@pytest.mark.parametrize(
    "wire",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 many So\r\n\r\n",
        b"HTTP/1.1 200 So\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 So\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        b'HTTP/1.1 200 So\r\nContent-Length: 100\r\n\r\n{"job_id": "job_1"}',
        b"HTTP/1.1 200 So\r\nContent-Length: -1\r\n\r\n{}",
        b"HTTP/1.1 200 So\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}",
        b"HTTP/1.1 200 So\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 302 So\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"",
    ],
)
def test_nonsense_on_the_wire_is_a_lost_answer(wire, revidapi, settings):
    with a_server() as server:
        settings.PRIVATE_HOSTS = frozenset({server.host})
        settings.REVIDAPI_CREATE_TIMEOUT_S = 1
        server.answers["/image/generate"] = lambda connection: connection.sendall(wire)
        error = error_of(revidapi.submit, Account("con_1", server.url(""), KEY), image_order(), attempt=1)
    assert isinstance(error, OutcomeUnknown)


def test_a_create_never_rides_on_a_connection_that_was_used_before(revidapi, account, upstream):
    upstream.says("GET /v1/jobs/job_1", {"status": "pending"})
    upstream.says(IMAGE, CREATED)
    for _ in range(3):
        revidapi.poll(account, "job_1")
        revidapi.submit(account, image_order(), attempt=1)
    polls, creates = ([asked.connection for asked in upstream.asked if asked.method == way] for way in ("GET", "POST"))
    assert len(set(polls)) == 1
    assert len(set(creates)) == 3
    assert not set(polls) & set(creates)


def test_a_closed_door_means_that_nothing_was_asked(revidapi, settings):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        host = f"127.0.0.1:{gone.getsockname()[1]}"
    settings.PRIVATE_HOSTS = frozenset({host})
    error = error_of(revidapi.submit, Account("con_1", f"http://{host}", KEY), image_order(), attempt=1)
    assert (type(error), error.code) == (ProviderBusy, "unreachable")


@pytest.mark.parametrize("base_url", ["http://nothing.invalid/v1", "http://", "ftp://example.com", "http://[::1", ""])
def test_an_address_that_leads_nowhere_means_that_nothing_was_asked(base_url, revidapi, monkeypatch):
    def nowhere(*_args, **_options):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    error = error_of(revidapi.submit, Account("con_1", base_url, KEY), image_order(), attempt=1)
    assert (type(error), error.code) == (ProviderBusy, "unreachable")


def test_a_handshake_that_fails_means_that_nothing_was_asked(revidapi, upstream):
    there = Account("con_1", upstream.url.replace("http:", "https:"), KEY)  # it speaks no TLS
    error = error_of(revidapi.submit, there, image_order(), attempt=1)
    assert (type(error), error.code) == (ProviderBusy, "unreachable")
    assert upstream.asked == []


def test_a_private_address_is_not_dialled(revidapi, account, upstream, settings):
    settings.PRIVATE_HOSTS = frozenset()
    error = error_of(revidapi.submit, account, image_order(), attempt=1)
    assert (type(error), error.code) == (ProviderBusy, "unreachable")
    assert upstream.asked == []


@pytest.mark.parametrize("key", ["", "sk_live_\nX: 1", "sk live", "ключ", "sk_live_é"])
def test_a_key_that_no_header_carries_is_no_key(key, revidapi, account, upstream):
    error = error_of(revidapi.submit, Account("con_1", account.base_url, key), image_order(), attempt=1)
    assert (type(error), error.code) == (AccountRefused, "invalid")
    assert not key or key not in str(error)
    assert upstream.asked == []


def test_a_redirect_is_not_followed_so_the_key_stays(revidapi, account, upstream):
    upstream.says(IMAGE, b"", 307, Location=f"{upstream.url}/elsewhere")
    error_of(revidapi.submit, account, image_order(), attempt=1)
    assert upstream.lines == ["POST /v1/image/generate"]


def test_an_answer_that_repeats_the_key_does_not_spread_it(revidapi, account, upstream):
    upstream.says(IMAGE, {"detail": f"Invalid API key {KEY}"}, 401)
    assert error_of(revidapi.submit, account, image_order(), attempt=1).reason == "HTTP 401: Invalid API key [key]"
    upstream.says(IMAGE, {"job_id": "job_1", "status": "failed", "error": f"who is {KEY}?"})
    seen = revidapi.submit(account, image_order(), attempt=1).seen
    assert (seen.status, seen.error) == (Status.FAILED, "who is [key]?")


def test_an_input_that_cannot_be_read_is_refused_before_anything_is_sent(revidapi, account, upstream):
    def gone():
        raise FileNotFoundError("/var/media/secret")

    unreadable = [of_bytes().__class__(content_type="image/png", open=gone), of_bytes().__class__()]
    for file in unreadable:
        error = error_of(revidapi.submit, account, image_order(mode=Mode.I2I, inputs=[file]), attempt=1)
        assert (type(error), error.code) == (ProviderRefused, "input")
    assert upstream.asked == []


@pytest.mark.parametrize("kind", [Kind.MOTION, Kind.AVATAR])
def test_what_is_not_made_here_is_refused(kind, revidapi, account, upstream):
    order = Order(kind, Mode.MOTION, "motion-control-3.0", "walk")
    error = error_of(revidapi.submit, account, order, attempt=1)
    assert (type(error), error.code) == (ProviderRefused, "input")
    assert upstream.asked == []


def test_a_clip_is_looked_at_half_as_often_as_a_picture(revidapi, settings):
    settings.REVIDAPI_LOOK_S = 3
    picture, clip = revidapi.pace(image_order()), revidapi.pace(video_order())
    assert (picture.first_s, picture.interval_s, picture.expected_s) == (3, 3, 45)
    assert (clip.first_s, clip.interval_s, clip.expected_s) == (6, 6, 90)


def test_it_is_a_provider_whose_orders_are_never_repeated(revidapi):
    assert (revidapi.name, revidapi.title, revidapi.base_url) == ("revidapi", "RevidAPI", "https://ai.revidapi.com/v1")
    assert not revidapi.is_repeatable
    assert revidapi.takes_uploads
