"""What never was a connection, connections of one's own, and redirects that are left alone."""

import socket

import pytest
import requests

from revidweb.lib import http

from .servers import a_server, ok, status, to


@pytest.fixture
def server(settings):
    with a_server() as server:
        settings.PRIVATE_HOSTS = frozenset({server.host})
        yield server


def trouble_of(url, **options):
    with pytest.raises(requests.RequestException) as trouble:
        http.session().get(url, **{"timeout": 0.5} | options)
    return trouble.value


def test_a_door_that_is_closed_was_never_opened(settings):
    with a_server() as server:
        settings.PRIVATE_HOSTS = frozenset({server.host})
    assert http.never_opened(trouble_of(server.url()))


def test_a_name_that_does_not_exist_was_never_opened(monkeypatch):
    def nowhere(*_args, **_options):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    assert http.never_opened(trouble_of("http://nothing.invalid/"))


def test_an_address_that_is_silent_was_never_opened(monkeypatch):
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", 80))]

    def connect(_self, address):
        raise TimeoutError

    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: found)
    monkeypatch.setattr(socket.socket, "connect", connect)
    assert http.never_opened(trouble_of("http://silent.example.com/"))


@pytest.mark.parametrize(
    "answer",
    [ok(b"x"), lambda connection: connection.close(), lambda connection: connection.recv(1) and None],
    ids=["no TLS", "closed", "silent"],
)
def test_a_handshake_that_fails_was_never_opened(answer, server):
    server.answers["/"] = answer
    assert http.never_opened(trouble_of(server.url().replace("http:", "https:")))


@pytest.mark.parametrize("url", ["http://", "http://exa mple.com:port/", "ftp://example.com/", "example.com"])
def test_what_is_no_address_was_never_opened(url):
    assert http.never_opened(trouble_of(url))


@pytest.mark.parametrize(
    "answer", [lambda connection: None, lambda connection: connection.sendall(b"nonsense\r\n\r\n")]
)
def test_an_answer_that_is_lost_was_opened(answer, server):
    server.answers["/"] = answer
    assert not http.never_opened(trouble_of(server.url()))


def test_an_answer_that_is_late_was_opened(server):
    server.answers["/"] = lambda connection: server.closing.wait(2)
    assert not http.never_opened(trouble_of(server.url(), timeout=0.2))


def test_an_answer_that_is_no_json_was_opened(server):
    server.answers["/"] = ok(b"{")
    with pytest.raises(requests.exceptions.JSONDecodeError) as trouble:
        http.session().get(server.url(), timeout=2).json()
    assert not http.never_opened(trouble.value)


def test_a_fresh_session_shares_no_connection(server):
    server.answers["/"] = ok(b"x")
    http.session().get(server.url(), timeout=2)
    with http.fresh_session() as own:
        own.get(server.url(), timeout=2)
    http.session().get(server.url(), timeout=2)
    assert (len(server.asked), server.connections) == (3, 2)


@pytest.mark.parametrize("target", ["http://[::1", "/", "http://169.254.169.254/", "http://\x00/"])
def test_a_redirect_that_is_not_followed_is_an_answer(target, server):
    server.answers["/"] = to(target)
    answer = http.session().get(server.url(), timeout=2, allow_redirects=False)
    assert (answer.status_code, server.asked) == (302, ["/"])


def test_the_body_of_a_redirect_that_is_not_followed_is_not_read(server):
    def endless(connection):
        connection.sendall(b"HTTP/1.1 302 So\r\nLocation: /there\r\nContent-Length: 99999999999\r\n\r\n")
        server.closing.wait(5)

    server.answers["/"] = endless
    with http.session().get(server.url(), timeout=5, stream=True, allow_redirects=False) as answer:
        assert answer.status_code == 302


def test_a_redirect_may_still_be_followed(server):
    server.answers |= {"/": to("/there"), "/there": ok(b"here"), "/else": status(404)}
    assert http.session().get(server.url(), timeout=2).content == b"here"
