"""Connections against the stand-in, over real sockets."""

import socket

import pytest

from revidweb.accounts.models import Role
from revidweb.catalog import connecting, loading, quoting, sync
from revidweb.catalog.models import CatalogChange, Offer, Price
from revidweb.connections import health
from revidweb.connections.models import Connection
from revidweb.lib.refusal import Refusal
from revidweb.providers.base import Kind
from tests.lib.servers import a_server
from tests.makers import an_actor
from tests.upstreams.revidapi import StandIn

from .makers import an_order

pytestmark = pytest.mark.django_db


@pytest.fixture
def upstream(settings):
    with StandIn() as stand_in:
        settings.PRIVATE_HOSTS = frozenset({stand_in.host})
        yield stand_in


@pytest.fixture
def account(upstream):
    return upstream.open_account(balance=970, total=8, image=4, video=5)


@pytest.fixture
def owner():
    loading.load()
    return an_actor(role=Role.OWNER)


@pytest.fixture
def connection(owner, upstream, account) -> Connection:
    return _connect(owner, upstream.url, account.key)


def _connect(owner, base_url, key) -> Connection:
    return connecting.connect(owner, provider="revidapi", name="Main", base_url=base_url, key=key)


def _refusal(owner, base_url, key="sk_live_0123456789abcdef") -> tuple[str, str]:
    with pytest.raises(Refusal) as refused:
        _connect(owner, base_url, key)
    return refused.value.code, refused.value.field


def test_an_account_is_connected_with_all_that_it_sells(upstream, connection):
    assert (connection.balance, connection.total_slots, connection.image_slots, connection.video_slots) == (
        970,
        8,
        4,
        5,
    )
    assert connection.sync_failure == ""
    printed = {model.id: model for model in upstream.catalog.all()}
    assert set(Offer.objects.values_list("upstream_model", flat=True)) == set(printed)
    prices = Price.objects.values_list("offer__upstream_model", "server", "key", "credits", "is_estimate")
    assert set(prices) == {
        (model.id, row.server, row.key, row.credits, False) for model in printed.values() for row in model.rows
    }


def test_every_price_is_what_the_stand_in_would_charge(upstream, connection):
    for price in Price.objects.select_related("offer__media_model"):
        model = price.offer.media_model
        if not model.is_offered:
            continue
        parts = {"resolution": price.resolution, "duration": price.duration_s, "quality": price.quality}
        parts |= {"speed": price.speed, "audio": price.audio}
        asked = {name: value for name, value in parts.items() if value not in ("", None)}
        quote = quoting.quote(
            connection.tenant, an_order(model.name, kind=Kind(model.kind), server=price.server, **asked)
        )
        sent = {"model": quote.offer.upstream_model, "server_id": quote.order.server, **quote.order.params}
        charged = upstream.catalog.find(sent["model"]).row_for({name: str(value) for name, value in sent.items()})
        assert (quote.credits, quote.price.key) == (charged.credits, charged.key)


def test_what_is_wrong_says_so(settings, owner, upstream, account):
    assert _refusal(owner, upstream.url) == ("wrong_key", "key")
    assert _refusal(owner, upstream.url.removesuffix("/v1"), account.key) == ("not_the_provider", "base_url")
    upstream.play("forbidden", on="models", detail="Account locked")
    assert _refusal(owner, upstream.url, account.key) == ("key_locked", "key")
    upstream.play("rate_limited", on="models")
    assert _refusal(owner, upstream.url, account.key) == ("provider_busy", "base_url")
    settings.PRIVATE_HOSTS = frozenset()
    assert _refusal(owner, upstream.url, account.key) == ("private_address", "base_url")
    assert not Connection.objects.exists()


def test_a_name_that_leads_home_is_refused_when_it_is_dialled(owner, monkeypatch):
    there = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 443))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: [there])
    assert _refusal(owner, "https://rebound.example.com/v1") == ("private_address", "base_url")


def test_a_host_where_nobody_listens_is_unreachable(settings, owner):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host = f"127.0.0.1:{listener.getsockname()[1]}"
    settings.PRIVATE_HOSTS = frozenset({host})
    assert _refusal(owner, f"http://{host}/v1") == ("unreachable", "base_url")


def test_a_web_page_is_not_the_provider(settings, owner):
    page = b"<html><title>Welcome</title></html>"
    with a_server() as server:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(page)
        server.answers["/v1/models"] = head + page
        settings.PRIVATE_HOSTS = frozenset({server.host})
        assert _refusal(owner, f"http://{server.host}/v1") == ("not_the_provider", "base_url")


def test_prices_that_change_there_change_here(upstream, connection):
    upstream.catalog.set_price("image-4.0", "default-fast", 5)
    upstream.catalog.set_price("veo3.1-low", "8s-fast", 150)
    upstream.catalog.remove_row("flux-2-pro", "2k-fast", server="vip1")
    upstream.catalog.remove("seedream-4.5")
    assert sync.sync(connection)
    kept = CatalogChange.objects.values_list("what", "model", "key", "old", "new")
    assert set(kept) == {
        ("moved", "image-4.0", "default-fast", 4, 5),
        ("held", "veo3.1-low", "8s-fast", 15, 150),
        ("gone", "flux-2-pro", "2k-fast", 30, None),
        ("model_gone", "seedream-4.5", "", None, None),
    }


def test_a_key_that_is_switched_off_is_noticed_and_forgiven(upstream, account, connection):
    account.disable()
    assert not health.check(connection, ours=dict)
    assert not sync.sync(connection)
    connection.refresh_from_db()
    assert connection.trouble == "invalid"
    assert account.key not in f"{connection.trouble_reason} {connection.sync_failure}"


def test_a_check_is_answered_by_the_real_account(upstream, account, connection):
    assert health.check(connection, ours=dict)
    connection.refresh_from_db()
    assert (connection.balance, connection.foreign_total) == (970, 0)
