"""Fetching what an address delivers."""

import time

import pytest

from revidweb.files import fetching
from revidweb.lib.refusal import Refusal
from tests.lib.servers import a_server, ok, status, to

from . import makers


@pytest.fixture
def server(settings):
    with a_server() as server:
        settings.PRIVATE_HOSTS = frozenset({server.host})
        yield server


@pytest.fixture
def target(tmp_path):
    return tmp_path / "fetched"


def refusal_of(url, target, **options):
    with pytest.raises(Refusal) as refused:
        fetching.fetch(url, target, **{"max_bytes": 1_048_576} | options)
    assert refused.value.field == "img_url"
    assert not target.exists()
    return refused.value


def failure_of(url, target, **options):
    with pytest.raises(fetching.FetchFailed) as failed:
        fetching.fetch(url, target, **{"max_bytes": 1_048_576} | options)
    assert not target.exists()
    return failed.value


def chunked(*chunks):
    body = b"".join(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n" for chunk in chunks)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n"


def test_the_content_is_fetched_whatever_type_the_server_claims(server, target):
    content = makers.encoded()
    server.answers["/a.png"] = ok(content, "Content-Type: text/html")
    fetching.fetch(server.url("/a.png"), target, max_bytes=1_048_576)
    assert target.read_bytes() == content
    assert "Accept-Encoding: identity" in server.heads[0]


def test_three_redirects_are_followed_and_a_fourth_is_not(server, target):
    for number in range(1, 4):
        server.answers[f"/{number}"] = to(f"/{number - 1}", 301 + number % 2)
    server.answers["/0"] = ok(b"here")
    server.answers["/4"] = to("/3", 307)
    fetching.fetch(server.url("/3"), target, max_bytes=100)
    assert target.read_bytes() == b"here"
    target.unlink()
    assert refusal_of(server.url("/4"), target).code == "too_many_redirects"


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("http://127.0.0.1:1/", "private_address"),
        ("http://localhost/", "private_address"),
        ("http://169.254.169.254/latest/", "private_address"),
        ("file:///etc/passwd", "bad_address"),
        ("http://user@example.com/", "bad_address"),
        ("gopher://example.com/", "bad_address"),
    ],
)
def test_a_redirect_is_judged_like_the_first_address(server, target, location, code):
    server.answers["/"] = to(location)
    assert refusal_of(server.url("/"), target).code == code


def test_a_private_address_is_refused_and_not_dialled(target):
    with a_server() as server:
        assert refusal_of(server.url(), target).code == "private_address"
        assert server.connections == 0


def test_too_large_by_its_own_account_is_refused_before_the_body(server, target):
    server.answers["/"] = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"
    refusal = refusal_of(server.url(), target)
    assert (refusal.code, refusal.facts) == ("file_too_large", {"max_mb": 1})


def test_too_large_without_a_length_is_refused_while_it_comes(server, target):
    server.answers["/"] = chunked(*[bytes(65_536)] * 40)
    assert refusal_of(server.url(), target).code == "file_too_large"


def test_exactly_as_large_as_allowed_is_fine(server, target):
    server.answers["/"] = chunked(b"12345", b"67890")
    fetching.fetch(server.url(), target, max_bytes=10)
    assert target.read_bytes() == b"1234567890"


@pytest.mark.parametrize("length", ["-1", "many", "9" * 5000])
def test_a_nonsense_length_does_no_harm(server, target, length):
    server.answers["/"] = f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n".encode()
    with pytest.raises((Refusal, fetching.FetchFailed)):
        fetching.fetch(server.url(), target, max_bytes=10, timeout_s=0.5)


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410, 204, 304])
def test_an_answer_that_will_not_change_is_a_refusal(server, target, code):
    server.answers["/"] = status(code)
    refusal = refusal_of(server.url(), target)
    assert (refusal.code, refusal.facts) == ("address_answered", {"status": code})


@pytest.mark.parametrize(
    ("answer", "wait_s"),
    [
        (status(503), 10),
        (status(500, "Retry-After: 0"), 10),
        (status(429, "Retry-After: 7"), 7),
        (status(429, "Retry-After: 99999"), 300),
        (status(429, "Retry-After: Fri, 20 Nov 2026 12:00:00 GMT"), 10),
    ],
)
def test_trouble_that_may_pass_says_when_to_come_back(server, target, answer, wait_s):
    server.answers["/"] = answer
    assert failure_of(server.url(), target).wait_s == wait_s


def test_a_slow_drip_ends_at_the_deadline(server, target):
    def drip(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(200):
            connection.sendall(b"x")
            time.sleep(0.05)

    server.answers["/"] = drip
    start = time.monotonic()
    failure_of(server.url(), target, timeout_s=0.4)
    assert time.monotonic() - start < 1.5


def test_a_chain_of_slow_redirects_shares_one_deadline(server, target):
    def slowly(connection):
        time.sleep(0.3)
        connection.sendall(to("/"))

    server.answers["/"] = slowly
    start = time.monotonic()
    failure_of(server.url(), target, timeout_s=0.5)
    assert time.monotonic() - start < 1.0


def test_silence_ends_at_the_deadline(server, target, settings):
    settings.FETCH_TIMEOUT_S = 0.3
    server.answers["/"] = lambda connection: server.closing.wait(2)
    failure_of(server.url(), target)


def test_a_body_that_breaks_off_is_no_file(server, target):
    server.answers["/"] = lambda connection: connection.sendall(ok(bytes(5000))[:-100])
    failure_of(server.url(), target)


def test_a_broken_chunk_is_no_file(server, target):
    server.answers["/"] = lambda connection: connection.sendall(chunked(b"123")[:-8] + b"zz\r\n")
    failure_of(server.url(), target)


def test_compressed_content_is_not_unpacked(server, target):
    server.answers["/"] = ok(b"\x1f\x8b packed", "Content-Encoding: gzip")
    fetching.fetch(server.url(), target, max_bytes=100)
    assert target.read_bytes() == b"\x1f\x8b packed"


def test_nobody_there_may_be_there_later(settings, target):
    with a_server() as server:
        settings.PRIVATE_HOSTS = frozenset({server.host})
    failure_of(server.url(), target)


def test_a_form_is_checked_without_dns():
    with pytest.raises(Refusal) as refused:
        fetching.check("http://[::1]/")
    assert (refused.value.code, refused.value.field) == ("private_address", "img_url")
    fetching.check("https://example.com/a.png")
