"""Requests to the outside: one pooled session per process that never dials a private address.

Every address is judged where it is dialled: the name is resolved once, and exactly the address that was judged is
connected to, so a name that answers differently the second time (DNS rebinding) gains nothing. `check` refuses earlier
what the text alone already shows. `settings.PRIVATE_HOSTS` names the only exceptions.

requests-hardened was weighed and left: it dials only the first resolved address, lets fec0::/10 and ::a.b.c.d pass and
knows no list of allowed host:port pairs.
"""

import functools
import io
import os
import re
import socket
import time
import unicodedata
from collections.abc import Iterator
from http.client import HTTPResponse
from http.cookiejar import DefaultCookiePolicy
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import SplitResult, urlsplit

import requests
from django.conf import settings
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NameResolutionError, NewConnectionError, SSLError

from .refusal import Refusal

_URL_MAX_CHARS = 2000
_HOST_MAX_CHARS = 253  # of a DNS name; whoever keeps a host has room for that and a port
_POOL_SIZE = 32
_PORTS = {"http": 80, "https": 443}
_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
# RFC 6761, 6762, 8375, 9476, and the endings that routers and companies use at home: nobody else can reach them.
PRIVATE_ENDINGS = frozenset(
    (
        *("localhost", "local", "localdomain", "localdomain4", "localdomain6"),
        *("internal", "intranet", "lan", "home", "corp", "private", "svc"),
        *("arpa", "onion", "test", "invalid", "alt"),
    )
)

# What `is_global` of some Python releases still calls public.
_CLOSED_4 = [
    IPv4Network(text)
    for text in (
        "100.64.0.0/10",  # carrier-grade NAT; some clouds keep their metadata there
        "168.63.129.16/32",  # Azure's platform address, reachable from every machine there
        "192.0.0.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "198.18.0.0/15",
    )
]
_GLOBAL_6 = IPv6Network("2000::/3")  # mapped, compatible, NAT64, unique-local and site-local ones lie outside
_CLOSED_6 = [
    IPv6Network(text)
    for text in (
        "2001::/23",  # Teredo and ORCHID
        "2001:db8::/32",
        "2002::/16",  # 6to4 carries any IPv4 address
        "3fff::/20",
    )
]


def is_public(address: str) -> bool:
    """Whether an IP address, written plainly, belongs to the open internet."""
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv4Address):
        return _is_unicast(ip) and not any(ip in network for network in _CLOSED_4)
    return ip in _GLOBAL_6 and _is_unicast(ip) and not any(ip in network for network in _CLOSED_6)


def _is_unicast(ip: IPv4Address | IPv6Address) -> bool:
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def check(url: str, *, field: str = "") -> None:
    """Refuse what the text alone shows to be no public http address; asks no DNS, so a request may call it.

    Raises Refusal "bad_address" (not an address that we fetch) or "private_address" (fact host=).
    """
    host, port = target(url, field=field)
    if not _is_allowed(host, port) and _is_private_name(host, field):
        raise Refusal("private_address", field=field, host=host)


def target(url: str, *, field: str = "") -> tuple[str, int]:
    """Host and port to which the address leads: in lower case and ASCII, without a trailing dot. Asks no DNS.

    Raises Refusal "bad_address" for what is not an address that we fetch.
    """
    parts = _parts(url, field)
    return _plain_host(parts.hostname or "", field), parts.port or _PORTS[parts.scheme]


def _parts(url: str, field: str) -> SplitResult:
    """The address in its parts: http or https, a host, no user, no characters that parsers read differently."""
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in _PORTS and parts.hostname and parts.port != 0
    except ValueError:
        raise Refusal("bad_address", field=field) from None
    if (
        not is_good
        or "@" in parts.netloc
        or len(url) > _URL_MAX_CHARS
        or re.search(r"[\s\\\x00-\x20\x7f\ud800-\udfff]", url)
    ):
        raise Refusal("bad_address", field=field)
    return parts


def _plain_host(host: str, field: str) -> str:
    """The host as it will be looked up: lower case, ASCII, no trailing dot."""
    host = unicodedata.normalize("NFKC", host).replace("\u3002", ".").lower().rstrip(".")
    try:
        host = host if host.isascii() or ":" in host else host.encode("idna").decode()
    except UnicodeError:
        raise Refusal("bad_address", field=field) from None
    if len(host) > _HOST_MAX_CHARS or not (":" in host or _NAME.fullmatch(host)):
        raise Refusal("bad_address", field=field)
    return host


def _is_private_name(host: str, field: str) -> bool:
    if ":" in host or _is_numeric(host.rpartition(".")[2]):
        return not is_public(_written_ip(host, field))
    return "." not in host or host.rpartition(".")[2] in PRIVATE_ENDINGS


def _is_numeric(label: str) -> bool:
    """Whether resolvers read a name with this last label as a number: decimal, octal or hexadecimal."""
    return label.isdecimal() or bool(re.fullmatch(r"0x[0-9a-f]*", label))


def _written_ip(host: str, field: str) -> str:
    """The address behind every form that resolvers take for one, such as 0x7f.1 or 2130706433."""
    try:
        return str(IPv6Address(host)) if ":" in host else socket.inet_ntoa(socket.inet_aton(host))
    except (OSError, ValueError):
        raise Refusal("bad_address", field=field) from None


def _is_allowed(host: str, port: int) -> bool:
    """Whether the operator named this host:port (IPv6 in brackets) in PRIVATE_HOSTS."""
    written = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return written in settings.PRIVATE_HOSTS


@functools.cache
def session() -> requests.Session:
    """The process's session: pooled, blind to the environment's proxies, without cookies; safe from many threads.

    Give every request a `timeout`: it bounds the connect and then the whole answer, however slowly bytes drip in.
    Raises Refusal "private_address" when a name leads only to private addresses, also on a redirect.
    """
    return fresh_session()


def fresh_session() -> requests.Session:
    """The same with connections of its own, to be closed by the caller: for a request whose answer must not get lost.

    A kept connection may be one that the server closed this moment: then nobody can tell whether it took the request.
    """
    made = _Session()
    made.trust_env = False
    made.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    made.headers["User-Agent"] = "revidweb"
    for scheme in _PORTS:
        made.mount(f"{scheme}://", _GuardedAdapter(pool_connections=_POOL_SIZE, pool_maxsize=_POOL_SIZE))
    return made


def never_opened(trouble: requests.RequestException) -> bool:
    """Whether no connection came about (name, route, refusal, handshake): then nothing was asked of anybody."""
    cause = trouble.args[0] if trouble.args else None
    reason = cause.reason if isinstance(cause, MaxRetryError) else cause
    is_unsendable = isinstance(trouble, ValueError) and not isinstance(trouble, requests.exceptions.JSONDecodeError)
    return is_unsendable or isinstance(reason, ConnectTimeoutError)  # which NewConnectionError is too


os.register_at_fork(after_in_child=session.cache_clear)  # two processes must never share a connection


class _Session(requests.Session):
    """A session that leaves a redirect alone when it is not to be followed."""

    def resolve_redirects(self, *args: Any, yield_requests: bool = False, **options: Any) -> Iterator[Any]:
        """To tell the next request requests would read the whole body, whatever its size, and trip over its target."""
        return iter(()) if yield_requests else super().resolve_redirects(*args, **options)


class _DeadlineReader(io.RawIOBase):
    """A socket's bytes until a deadline for all of them; a socket's own timeout starts anew with every byte."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        timeout_s = sock.gettimeout()
        self._until = None if timeout_s is None else time.monotonic() + timeout_s

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._until is not None:
            left_s = self._until - time.monotonic()
            if left_s <= 0:
                raise TimeoutError("The answer took too long.")
            self._sock.settimeout(left_s)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _BoundedResponse(HTTPResponse):
    """An answer whose head and body together end by the deadline."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(_DeadlineReader(sock))


class _Guarded(HTTPConnection):
    """A connection that judges the addresses itself and dials exactly the judged ones."""

    response_class = _BoundedResponse

    def _new_conn(self) -> socket.socket:
        trouble: OSError | None = None
        for family, address in self._allowed_addresses():
            try:
                return self._dial(family, address)
            except TimeoutError:
                raise ConnectTimeoutError(self, f"{self.host} did not answer.") from None
            except OSError as error:  # the next address may be reachable, for one where there is no IPv6
                trouble = error
        raise NewConnectionError(self, f"{self.host}: {trouble}") from trouble

    def _allowed_addresses(self) -> list[tuple[socket.AddressFamily, Any]]:
        host = self.host.lower().strip("[]").rstrip(".")
        addresses = list(self._addresses(host))
        allowed = [
            (family, address)
            for family, address in addresses
            if is_public(address[0]) or _is_allowed(host, self.port) or _is_allowed(address[0], self.port)
        ]
        if not allowed:
            raise Refusal("private_address", host=host)
        return allowed

    def _addresses(self, host: str) -> Iterator[tuple[socket.AddressFamily, Any]]:
        try:
            found = socket.getaddrinfo(host, self.port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            gone = error if isinstance(error, socket.gaierror) else socket.gaierror(str(error))
            raise NameResolutionError(self.host, self, gone) from error
        return ((family, address) for family, _type, _proto, _name, address in found)

    def _dial(self, family: socket.AddressFamily, address: Any) -> socket.socket:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            for option in self.socket_options or ():
                sock.setsockopt(*option)
            sock.settimeout(self.timeout)
            sock.connect(address)
        except BaseException:
            sock.close()
            raise
        return sock


class _GuardedTls(_Guarded, HTTPSConnection):
    """The same under TLS; the certificate is checked against the name, as ever."""

    def connect(self) -> None:
        try:
            super().connect()
        except (OSError, SSLError) as error:  # a handshake that fails is a connection that never opened
            self.close()
            raise NewConnectionError(self, f"{self.host}: {error}") from error


class _GuardedPool(HTTPConnectionPool):
    ConnectionCls = _Guarded


class _GuardedTlsPool(HTTPSConnectionPool):
    ConnectionCls = _GuardedTls


class _GuardedAdapter(HTTPAdapter):
    """requests' adapter over the guarded connections."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _GuardedPool, "https": _GuardedTlsPool}
