"""Nobody is led to a private address: not by what they write, by what a name resolves to, nor by a redirect.

Each of the ways stands in `addresses`; each is tried at every door: requests of the house itself, connections, inputs
and results.
"""

import contextlib
import io
import socket

import pytest
import requests

from revidweb.accounts.models import Role
from revidweb.catalog import connecting
from revidweb.connections import credentials
from revidweb.connections.models import Connection
from revidweb.files import fetching
from revidweb.lib import download, http
from revidweb.lib.refusal import Refusal
from revidweb.providers import registry
from revidweb.providers.base import Account, ProviderBusy, ProviderError, ProviderRefused
from revidweb.providers.revidapi import client
from tests import makers
from tests.web import create_page, jobs_pages

from .addresses import LEADING_HOME, TARGETS, TWISTED, WRITTEN, found
from .servers import LocalServer, a_server, ok, to

KEY = "sk_live_" + "k3y" * 10
NAME = "files.example.com"
SAVED = {"private_address", "bad_address"}


@pytest.fixture
def no_network(monkeypatch):
    """Names lead nowhere, written numbers to what they mean; whoever dials fails the test."""
    resolve = socket.getaddrinfo

    def numbers_only(*args, **options):
        return resolve(*args, **options | {"flags": socket.AI_NUMERICHOST})

    def dialled(_socket, address):
        pytest.fail(f"{address} was dialled")

    monkeypatch.setattr(socket, "getaddrinfo", numbers_only)
    monkeypatch.setattr(socket.socket, "connect", dialled)


@pytest.fixture
def trusting(monkeypatch):
    """As if nothing had been refused where it was saved: only the dial is left."""
    monkeypatch.setattr(http, "check", lambda url, **_field: None)


def test_the_tables_are_long_and_say_everything_once():
    assert len(WRITTEN) + len(TWISTED) > 180
    assert len({*WRITTEN, *TWISTED}) == len(WRITTEN) + len(TWISTED)


# -- where it is saved -----------------------------------------------------------------------------------------------


def refusal_of(call, *args, **options):
    with pytest.raises(Refusal) as refused:
        call(*args, **options)
    return refused.value


@pytest.mark.parametrize("url", WRITTEN)
def test_what_the_text_shows_is_refused_without_asking_dns(url, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", None)
    assert refusal_of(http.check, url, field="x").code == "private_address"
    as_input = refusal_of(fetching.check, url)
    assert (as_input.code, as_input.field) == ("private_address", "img_url")
    for text in (url, url.replace("http://", "https://"), url.replace("http://", "").rstrip("/")):
        as_connection = refusal_of(credentials.clean_base_url, text)
        assert as_connection.code in SAVED
        assert as_connection.field == "base_url"


@pytest.mark.parametrize("url", TWISTED)
def test_what_is_no_http_address_is_refused(url, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", None)
    assert refusal_of(http.check, url).code in SAVED
    assert refusal_of(fetching.check, url).code in SAVED
    if "example.com/a" not in url and "://" in url:  # a base URL may leave its scheme out
        assert refusal_of(credentials.clean_base_url, url).code in SAVED


@pytest.mark.django_db
def test_a_connection_is_refused_before_anything_is_asked(monkeypatch):
    owner = makers.an_actor(role=Role.OWNER)
    monkeypatch.setattr(http, "session", None)
    for url in WRITTEN:
        refused = refusal_of(connecting.connect, owner, provider="revidapi", name="Main", base_url=url, key=KEY)
        assert (refused.code in SAVED, refused.field) == (True, "base_url"), url
    assert not Connection.objects.exclude(provider="preview").exists()


@pytest.mark.django_db
def test_the_create_form_refuses_it_at_its_field(monkeypatch):
    owner = jobs_pages.an_owner()
    monkeypatch.setattr(socket, "getaddrinfo", None)
    order = create_page.IMAGE | {"model": "nano-banana"}
    page = makers.a_client(owner.member)
    for number, url in enumerate([*WRITTEN[::6], *TWISTED[5::6]]):
        answer = page.post(create_page.address(owner), order | {"img_url": url, "token": f"form-{number}"})
        assert answer.status_code == 422, url
        assert create_page.error_at(answer, "img_url"), url


# -- where it is dialled ---------------------------------------------------------------------------------------------


def dials(url, tmp_path):
    """Every way of the house to ask an address for something, each with what it raises for a private one."""
    revidapi, account = registry.provider("revidapi"), Account("con_1", url.rstrip("/"), KEY)
    refused = (Refusal, requests.ConnectionError, requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema)
    fails = (Refusal, download.FetchFailed)
    return {
        "a request": (lambda: http.session().get(url, timeout=2), (*refused, requests.exceptions.MissingSchema)),
        "a download": (lambda: download.fetch(url, io.BytesIO(), max_bytes=9, timeout_s=2), fails),
        "an input": (lambda: fetching.fetch(url, tmp_path / "input", max_bytes=9, timeout_s=2), fails),
        "a result": (lambda: revidapi.fetch(account, url, io.BytesIO(), max_bytes=9), ProviderError),
        "a new connection": (lambda: revidapi.check(account), (Refusal, ProviderError)),
        "a look": (lambda: revidapi.poll(account, "job_1"), ProviderBusy),
        "a signed store": (lambda: client.put(url, b"x", {}, timeout_s=2), (Refusal, ProviderBusy)),
    }


@pytest.mark.parametrize("url", [*WRITTEN, *TWISTED])
def test_it_is_never_dialled_even_when_saving_let_it_pass(url, no_network, trusting, tmp_path):
    for dial, refusal in dials(url, tmp_path).values():
        with pytest.raises(refusal):
            dial()


@pytest.mark.parametrize("addresses", LEADING_HOME.values(), ids=LEADING_HOME)
def test_a_name_that_leads_home_is_refused_at_every_dial(addresses, monkeypatch, tmp_path):
    """Whether it has IPv4, IPv6 or both, and whatever CNAMEs stand between: only what it resolves to counts."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: found(*addresses))
    monkeypatch.setattr(socket.socket, "connect", lambda _socket, address: pytest.fail(f"{address} was dialled"))
    for url in (f"http://{NAME}/", f"https://{NAME}/"):
        http.check(url)
        for dial, refusal in dials(url, tmp_path).values():
            with pytest.raises(refusal):
                dial()
    refused = refusal_of(registry.provider("revidapi").check, Account("con_1", f"https://{NAME}/v1", KEY))
    assert (refused.code, refused.facts) == ("private_address", {"host": NAME})


def test_of_a_names_addresses_only_the_public_ones_are_dialled(monkeypatch, tmp_path):
    mixed = ["127.0.0.1", "::1", "10.0.0.1", "2606:4700:4700::1111", "169.254.169.254", "93.184.215.14"]
    dialled = []

    def connect(_socket, address):
        dialled.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: found(*mixed))
    monkeypatch.setattr(socket.socket, "connect", connect)
    for dial, _refusal in dials(f"http://{NAME}/", tmp_path).values():
        with pytest.raises((requests.ConnectionError, download.FetchFailed, ProviderBusy)):
            dial()
    assert set(dialled) == {"2606:4700:4700::1111", "93.184.215.14"}


def test_a_resolver_that_changes_its_mind_gains_nothing(monkeypatch, tmp_path):
    """Rebinding: public when it is judged, private when it is dialled. It is asked once, and that answer is dialled."""
    asked, dialled = [], []

    def getaddrinfo(host, *_args, **_options):
        asked.append(host)
        return found("93.184.215.14" if len(asked) % 2 else "127.0.0.1")

    def connect(_socket, address):
        dialled.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(socket.socket, "connect", connect)
    for dial, _refusal in dials(f"http://{NAME}/", tmp_path).values():
        with pytest.raises((Refusal, requests.ConnectionError, download.FetchFailed, ProviderError)):
            dial()
    assert set(dialled) == {"93.184.215.14"}
    assert len(dialled) <= (len(asked) + 1) // 2


# -- redirects -------------------------------------------------------------------------------------------------------


@pytest.fixture
def door(settings):
    """A server that may be asked, and one behind it that may not."""
    with a_server() as door, a_server() as inside:
        settings.PRIVATE_HOSTS = frozenset({door.host})
        inside.answers["/"] = ok(b"secret")
        yield door, inside


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", TARGETS)
def test_a_redirect_leads_nobody_home(door, tmp_path, target, code):
    outer, inside = door
    outer.answers["/"] = to(target.format(port=inside.port), code)
    refused = refusal_of(fetching.fetch, outer.url(), tmp_path / "input", max_bytes=99)
    assert refused.code == TARGETS[target]
    with contextlib.suppress(Refusal, requests.RequestException, ValueError):  # or it reads a path of the first server
        http.session().get(outer.url(), timeout=2)
    with pytest.raises((ProviderBusy, ProviderRefused)):
        registry.provider("revidapi").fetch(
            Account("con_1", outer.url("/v1"), KEY), outer.url(), io.BytesIO(), max_bytes=9
        )
    assert (inside.connections, list(tmp_path.iterdir())) == (0, [])


def test_a_chain_is_judged_at_its_last_step_too(door, tmp_path):
    outer, inside = door
    outer.answers |= {"/": to("/1", 307), "/1": to(outer.url("/2"), 308), "/2": to(inside.url())}
    assert refusal_of(fetching.fetch, outer.url(), tmp_path / "input", max_bytes=99).code == "private_address"
    assert inside.connections == 0


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_connections_key_follows_no_redirect_not_even_to_where_it_might(door, code, settings):
    outer, inside = door
    settings.PRIVATE_HOSTS = frozenset({outer.host, inside.host})
    outer.answers["/v1/models"] = to(inside.url(), code)
    outer.answers["/v1/jobs/job_1"] = to(inside.url(), code)
    account = Account("con_1", outer.url("/v1"), KEY)
    with pytest.raises(ProviderRefused):
        registry.provider("revidapi").check(account)
    with pytest.raises(ProviderError):
        registry.provider("revidapi").poll(account, "job_1")
    assert inside.connections == 0


# -- what the operator opens -----------------------------------------------------------------------------------------


@pytest.fixture
def opened(settings):
    with a_server() as server:
        server.answers["/"] = ok(b"hello")
        settings.PRIVATE_HOSTS = frozenset({server.host})
        yield server


def test_what_the_operator_names_is_open_at_every_door(opened, tmp_path):
    http.check(opened.url())
    fetching.fetch(opened.url(), tmp_path / "input", max_bytes=99)
    assert (tmp_path / "input").read_bytes() == b"hello"
    result = io.BytesIO()
    registry.provider("revidapi").fetch(Account("con_1", opened.url(), KEY), opened.url(), result, max_bytes=99)
    assert result.getvalue() == b"hello"
    assert credentials.clean_base_url(f"{opened.url()}v1/") == f"{opened.url()}v1"


def others(server: LocalServer) -> list[str]:
    """What stands closest to the named one, and is another."""
    return [
        f"http://127.0.0.1:{server.port - 1}/",
        f"http://127.0.0.1:{server.port + 1}/",
        f"http://127.0.0.1:{server.port}0/" if server.port < 6553 else "http://127.0.0.1:1/",
        "http://127.0.0.1/",
        "https://127.0.0.1/",
        f"http://127.0.0.2:{server.port}/",
        f"http://127.1:{server.port}/",
        f"http://2130706433:{server.port}/",
        f"http://localhost:{server.port}/",
        f"http://[::1]:{server.port}/",
        f"http://[::ffff:127.0.0.1]:{server.port}/",
        f"http://any.localhost:{server.port}/",
        f"http://169.254.169.254:{server.port}/",
        f"http://10.0.0.1:{server.port}/",
    ]


def test_nothing_but_what_the_operator_names_is_open(opened, tmp_path):
    for url in others(opened):
        assert refusal_of(http.check, url).code == "private_address", url
        assert refusal_of(fetching.fetch, url, tmp_path / "input", max_bytes=99).code == "private_address", url
        assert refusal_of(credentials.clean_base_url, url).code == "private_address", url
    assert opened.connections == 0


def test_a_named_name_is_open_wherever_it_leads_and_no_other_name_is(opened, settings, monkeypatch):
    """As in a compose file: `upstream:8080` is named, and its address changes."""
    settings.PRIVATE_HOSTS = frozenset({f"upstream:{opened.port}"})
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: found("127.0.0.1", port=opened.port))
    assert http.session().get(f"http://upstream:{opened.port}/", timeout=2).content == b"hello"
    assert http.session().get(f"http://UPSTREAM.:{opened.port}/", timeout=2).content == b"hello"
    for other in (f"http://downstream:{opened.port}/", f"http://upstream.example.com:{opened.port}/"):
        assert refusal_of(http.session().get, other, timeout=2).code == "private_address"
