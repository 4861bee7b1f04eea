"""Whose address a request came from: proxies of ours are believed, everybody else may write what they like."""

import pytest

from revidweb.lib import addresses

PROXY, CLIENT, FORGED = "10.0.0.9", "203.0.113.7", "198.51.100.1"


def came(remote: str, forwarded: str = "") -> str:
    return addresses.of({"REMOTE_ADDR": remote} | ({"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {}))


@pytest.fixture(autouse=True)
def _proxies(settings) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8", "2001:db8:1::1"]


def test_without_a_proxy_it_is_who_connected():
    assert came(CLIENT) == CLIENT


def test_who_is_no_proxy_of_ours_is_not_believed():
    assert came(CLIENT, FORGED) == CLIENT


def test_nobody_is_believed_where_no_proxy_is_named(settings):
    settings.TRUSTED_PROXIES = []
    assert came(PROXY, FORGED) == PROXY


def test_a_proxy_of_ours_says_who_asked_it():
    assert came(PROXY, CLIENT) == CLIENT


def test_what_stands_before_the_clients_own_address_is_forged():
    assert came(PROXY, f"{FORGED}, {CLIENT}") == CLIENT
    assert came(PROXY, f"10.0.0.1, {FORGED}, {CLIENT}, 10.0.0.2") == CLIENT


def test_behind_two_proxies_the_list_is_read_through_both():
    assert came("2001:db8:1::1", f"{CLIENT}, {PROXY}") == CLIENT


def test_a_chain_of_our_proxies_alone_began_at_the_first_of_them():
    assert came(PROXY, "10.0.0.1, 10.0.0.2") == "10.0.0.1"


@pytest.mark.parametrize("nonsense", ["unknown", "203.0.113", "evil\x00", "203.0.113.7 ", ", ,", "::1, nothing"])
def test_words_that_are_no_address_end_the_list(nonsense):
    assert came(PROXY, f"{nonsense}!") == PROXY


def test_ports_are_left_out():
    assert came(PROXY, f"{CLIENT}:41000") == CLIENT
    assert came(PROXY, "[2001:db8::7]:41000") == "2001:db8::7"


def test_an_ipv4_address_is_one_however_it_came():
    assert came(f"::ffff:{CLIENT}") == CLIENT
    assert came(f"::ffff:{PROXY}", f"::ffff:{CLIENT}") == CLIENT


@pytest.mark.parametrize("nobody", ["", "unix:", "@"])
def test_a_server_that_listens_at_a_file_knows_none(nobody):
    assert came(nobody, FORGED) == ""


@pytest.mark.parametrize(
    ("address", "networks", "expected"),
    [
        (CLIENT, ["203.0.113.0/24"], True),
        (CLIENT, ["203.0.113.9/24"], True),
        (CLIENT, ["2001:db8::/32", CLIENT], True),
        (f"::ffff:{CLIENT}", [CLIENT], True),
        (CLIENT, ["::ffff:203.0.113.0/120"], True),
        (f" {CLIENT} ", [CLIENT], True),
        ("fe80::1%eth0", ["fe80::/10"], True),
        ("203.0.113.7:443", [CLIENT], False),
        ("203.0.113.0/24", ["203.0.113.0/24"], False),
        ("2001:db8::7", ["2001:db8::/32"], True),
        ("2001:db8::7", ["0.0.0.0/0"], False),
        (CLIENT, [FORGED], False),
        (CLIENT, [], False),
        ("", ["0.0.0.0/0", "::/0"], False),
        ("nothing", ["0.0.0.0/0"], False),
    ],
)
def test_an_address_belongs_to_networks(address, networks, expected):
    assert addresses.is_in(address, networks) is expected
