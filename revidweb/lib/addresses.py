"""From which address a request came: what proxies of ours say of it is believed, and what others say is not."""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from django.conf import settings

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
_MAPPED_BITS = 96  # in front of an IPv4 address that is written as an IPv6 one, ::ffff:203.0.113.5


def of(request_meta: Mapping[str, Any]) -> str:
    """The client's address, "" where the server knows none (it listens at a file).

    request_meta: WSGI's words. Each proxy writes at the end of X-Forwarded-For who asked it, so the list is read from
    its end, as long as it was a proxy of `TRUSTED_PROXIES` that wrote: whatever stands before that may be forged.
    """
    proxies = _networks(tuple(settings.TRUSTED_PROXIES))
    client = _read(str(request_meta.get("REMOTE_ADDR", "")))
    for told in _told(str(request_meta.get("HTTP_X_FORWARDED_FOR", ""))):
        if client is None or not _is_in(client, proxies):
            break
        client = told
    return str(client or "")


def network(text: str) -> Network:
    """One address or a network, "203.0.113.7" or "2001:db8::/32"; bits beyond its length do not matter.

    An IPv4 one is one however it is written. Raises ValueError.
    """
    found = ip_network(text.strip(), strict=False)
    if isinstance(found, IPv4Network) or found.prefixlen < _MAPPED_BITS:
        return found
    mapped = found.network_address.ipv4_mapped
    return found if mapped is None else IPv4Network((mapped, found.prefixlen - _MAPPED_BITS))


def is_in(address: str, networks: Iterable[str]) -> bool:
    """Whether the address belongs to one of these networks ("203.0.113.0/24", "2001:db8::7"); "" belongs to none."""
    client = _read(address)
    return client is not None and _is_in(client, _networks(tuple(networks)))


@lru_cache(maxsize=1024)
def _networks(written: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(map(network, written))


def _is_in(client: Address, networks: tuple[Network, ...]) -> bool:
    return any(client in network for network in networks)  # of the other version: in none


def _told(header: str) -> Iterator[Address]:
    """The addresses of the list from its end, up to the first word that is none."""
    for word in reversed(header.split(",")):
        address = _read(_without_port(word.strip()))
        if address is None:
            return
        yield address


def _without_port(word: str) -> str:
    """Some proxies write 203.0.113.7:41000, and [2001:db8::7]:41000."""
    if word.startswith("["):
        return word[1:].partition("]")[0]
    return word.partition(":")[0] if word.count(":") == 1 else word


def _read(text: str) -> Address | None:
    """The address that is written there, without a zone; an IPv4 one that came by an IPv6 socket is still that one."""
    try:
        address = ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
