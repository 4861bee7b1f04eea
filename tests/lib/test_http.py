"""Requests to the outside: only public addresses, exactly those that were judged, bounded in time."""

import os
import socket
import time

import pytest
import requests

from revidweb.lib import http
from revidweb.lib.refusal import Refusal

from .servers import a_server, ok, status, to


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/a.png",
        "https://example.com:8443/a.png?size=1#top",
        "HTTPS://EXAMPLE.COM/A.PNG",
        "https://example.com./a.png",
        "https://bücher.example.com/",
        "https://my_bucket.s3.amazonaws.com/a%20b.png",
        "https://8.8.8.8/a.png",
        "https://[2606:4700:4700::1111]/a.png",
    ],
)
def test_public_addresses_pass_without_asking_dns(url, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", None)
    http.check(url)


@pytest.mark.parametrize(
    "host", ["a." * 130 + "example.com", "[2606:4700:4700::1111%" + "z" * 300 + "]", "ü." * 60 + "example.com"]
)
def test_a_host_is_no_longer_than_names_are(host):
    with pytest.raises(Refusal, match="bad_address"):
        http.check(f"https://{host}/hooks")


def test_the_operator_may_name_a_private_host(settings):
    with a_server() as server:
        server.answers["/"] = ok(b"hello")
        with pytest.raises(Refusal, match="private_address"):
            http.session().get(server.url(), timeout=2)
        assert server.connections == 0
        settings.PRIVATE_HOSTS = frozenset({server.host})
        http.check(server.url())
        assert http.session().get(server.url(), timeout=2).content == b"hello"


def test_only_the_named_port_is_opened(settings):
    with a_server() as server:
        settings.PRIVATE_HOSTS = frozenset({"127.0.0.1:1"})
        with pytest.raises(Refusal, match="private_address"):
            http.session().get(server.url(), timeout=2)


def test_a_name_that_leads_to_a_private_address_is_refused_at_the_dial(monkeypatch):
    with a_server() as server:
        answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: answers)
        http.check(f"http://rebind.example.com:{server.port}/")
        with pytest.raises(Refusal) as refused:
            http.session().get(f"http://rebind.example.com:{server.port}/", timeout=2)
        assert (refused.value.code, refused.value.facts) == ("private_address", {"host": "rebind.example.com"})
        assert server.connections == 0


def test_a_name_is_looked_up_once_and_the_judged_address_dialled(settings, monkeypatch):
    lookups, dialled = [], []

    def getaddrinfo(host, port, **_):
        lookups.append(host)
        address = "93.184.215.14" if len(lookups) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    def connect(_self, address):
        dialled.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(socket.socket, "connect", connect)
    with pytest.raises(requests.ConnectionError):
        http.session().get("http://rebind.example.com/", timeout=2)
    assert (lookups, dialled) == (["rebind.example.com"], [("93.184.215.14", 80)])


def test_the_next_address_is_tried_and_private_ones_are_skipped(monkeypatch):
    found = [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 80, 0, 0)),
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2606:4700:4700::1111", 80, 0, 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", 80)),
    ]
    dialled = []

    def connect(_self, address):
        dialled.append(address[0])
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: found)
    monkeypatch.setattr(socket.socket, "connect", connect)
    with pytest.raises(requests.ConnectionError):
        http.session().get("http://two.example.com/", timeout=2)
    assert dialled == ["2606:4700:4700::1111", "93.184.215.14"]


def test_a_name_that_does_not_exist_is_a_connection_error(monkeypatch):
    def nowhere(*_args, **_options):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    with pytest.raises(requests.ConnectionError):
        http.session().get("http://nothing.invalid/", timeout=2)


def test_a_redirect_to_a_private_address_is_refused(settings):
    with a_server() as door, a_server() as inside:
        settings.PRIVATE_HOSTS = frozenset({door.host})
        door.answers["/"] = to(inside.url("/secret"))
        with pytest.raises(Refusal, match="private_address"):
            http.session().get(door.url(), timeout=2)
        assert inside.asked == []


def test_connections_are_used_again(settings):
    with a_server() as server:
        settings.PRIVATE_HOSTS = frozenset({server.host})
        server.answers["/"] = ok(b"x")
        for _ in range(5):
            http.session().get(server.url(), timeout=2)
        assert (len(server.asked), server.connections) == (5, 1)


def test_the_environments_proxy_and_a_servers_cookies_are_ignored(settings, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9/")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9/")
    with a_server() as server:
        settings.PRIVATE_HOSTS = frozenset({server.host})
        server.answers["/"] = ok(b"x", "Set-Cookie: who=tenant-1; Path=/")
        http.session().get(server.url(), timeout=2)
        http.session().get(server.url(), timeout=2)
        assert "cookie" not in server.heads[1].lower()


def test_the_timeout_bounds_the_whole_answer(settings):
    def drip(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        for number in range(200):
            connection.sendall(f"X-Drip-{number}: x\r\n".encode())
            time.sleep(0.05)

    with a_server() as server:
        settings.PRIVATE_HOSTS = frozenset({server.host})
        server.answers["/"] = drip
        start = time.monotonic()
        with pytest.raises(requests.Timeout):
            http.session().get(server.url(), timeout=0.4)
        assert time.monotonic() - start < 1.5


def test_a_forked_process_has_a_session_of_its_own():
    mine = http.session()
    assert http.session() is mine
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, b"other" if http.session() is not mine else b"same!")
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 5) == b"other"


def test_a_posted_body_and_a_status_come_through(settings):
    with a_server() as server:
        settings.PRIVATE_HOSTS = frozenset({server.host})
        server.answers["/"] = status(429, "Retry-After: 7")
        answer = http.session().post(server.url(), json={"a": 1}, timeout=2)
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
