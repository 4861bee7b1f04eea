"""The requests themselves: guarded, bounded, never redirected, the key in one header and nowhere else."""

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any
from urllib.parse import quote

import requests
import urllib3
from django.conf import settings

from revidweb.lib import clock, http, multipart
from revidweb.lib.refusal import Refusal
from revidweb.providers.base import Account, AccountRefused, OutcomeUnknown, ProviderBusy, ProviderError

NOTHING = object()  # what a body that is no JSON reads as; null is JSON
_CONNECT_S = 10.0
_BODY_MAX_BYTES = 4 * 1_048_576
_CHUNK_BYTES = 64 * 1024
_RETRY_AFTER_MAX_S = 600.0
_KEY_MIN_CHARS = 8  # a shorter text occurs in answers by chance
_HIDDEN = "[key]"


@dataclass(frozen=True)
class Answer:
    """What came back. text: the body, at most a few megabytes of it, in which the key is blotted out.

    is_cut: there was more of it.
    """

    status: int
    text: str = field(repr=False)
    retry_after_s: float | None = None
    is_cut: bool = False

    @property
    def is_good(self) -> bool:
        """Whether the status says yes and the body is JSON."""
        return 200 <= self.status < 300 and self.body is not NOTHING

    @cached_property
    def body(self) -> Any:
        """The JSON, NOTHING where it is none."""
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError):
            return NOTHING


def ask(
    account: Account,
    method: str,
    path: str,
    *,
    query: Mapping[str, str | int] | None = None,
    sent: Mapping[str, Any] | None = None,
    body: multipart.Body | None = None,
    content_type: str = "",
    accept: str = "application/json",
    timeout_s: float | None = None,
    is_create: bool = False,
) -> Answer:
    """One request with the account's key; `sent` travels as JSON, `body` as it is. Whatever the status, the answer.

    timeout_s: for the whole answer, by default REVIDAPI_TIMEOUT_S. is_create: the answer may not be lost, so it rides
    on a connection of its own. Redirects are answers: the key goes to no other host.
    Raises ProviderBusy "unreachable" when nothing was asked (a Refusal of the address is its cause), and when an
    answer was lost OutcomeUnknown for a create, else ProviderBusy.
    """
    headers = {"Authorization": f"Bearer {_sendable(account.key)}", "Accept": accept}
    if content_type:
        headers["Content-Type"] = content_type
    request = requests.Request(method, f"{account.base_url}{path}", params=query, json=sent, data=body, headers=headers)
    lost = OutcomeUnknown if is_create else ProviderBusy
    session = http.fresh_session() if is_create else http.session()
    try:
        return _told(session, request, account.key, timeout_s or settings.REVIDAPI_TIMEOUT_S, lost)
    finally:
        if is_create:
            session.close()


def put(url: str, body: multipart.Body, headers: Mapping[str, str], *, timeout_s: float) -> int:
    """Bring bytes to an address that upstream named, without the key; the status that came back.

    Raises Refusal for what the text shows to be no public address, ProviderBusy when it did not work.
    """
    http.check(url)
    request = requests.Request("PUT", url, data=body, headers=dict(headers))
    return _told(http.session(), request, "", timeout_s, ProviderBusy).status


def is_readable(url: str, *, timeout_s: float) -> bool:
    """Whether an address gives its first byte away, without the key."""
    request = requests.Request("GET", url, headers={"Range": "bytes=0-0"})
    try:
        return 200 <= _told(http.session(), request, "", timeout_s, ProviderBusy, most_bytes=1).status < 300
    except ProviderBusy:
        return False


def _sendable(key: str) -> str:
    """The key, if a header can carry it. Raises AccountRefused "invalid": the libraries' own errors would print it."""
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise AccountRefused("The key has characters that no key has.", code="invalid")
    return key


def _told(
    session: requests.Session,
    request: requests.Request,
    key: str,
    timeout_s: float,
    lost: type[ProviderError],
    *,
    most_bytes: int = _BODY_MAX_BYTES,
) -> Answer:
    """Send it and read what comes. The errors of the libraries hold the request, and so the key: none is passed on."""
    request.headers["Accept-Encoding"] = "identity"
    try:
        prepared = session.prepare_request(request)
        times = (min(_CONNECT_S, timeout_s), timeout_s)
        with session.send(prepared, timeout=times, stream=True, allow_redirects=False) as response:
            text, is_cut = _text(response, key, most_bytes)
            return Answer(response.status_code, text, _retry_after_s(response), is_cut)
    except Refusal as refusal:
        raise ProviderBusy("The address is none that may be dialled.", code="unreachable") from refusal
    except requests.RequestException as trouble:
        found = _trouble(trouble, lost)
    except urllib3.exceptions.HTTPError as trouble:  # the few that requests does not make its own
        found = lost(f"The answer was lost: {type(trouble).__name__}.")
    raise found


def _trouble(trouble: requests.RequestException, lost: type[ProviderError]) -> ProviderError:
    if http.never_opened(trouble):
        return ProviderBusy(f"No connection came about: {type(trouble).__name__}.", code="unreachable")
    return lost(f"The answer was lost: {type(trouble).__name__}.")


def _text(response: requests.Response, key: str, most_bytes: int) -> tuple[str, bool]:
    """The body's beginning as text, and whether it was cut off: then it is no JSON any more."""
    read = bytearray()
    for chunk in response.iter_content(_CHUNK_BYTES):
        read += chunk
        if len(read) > most_bytes:
            break
    text = read[:most_bytes].decode("utf-8-sig", errors="replace")
    return text.replace(key, _HIDDEN) if len(key) >= _KEY_MIN_CHARS else text, len(read) > most_bytes


def _retry_after_s(response: requests.Response) -> float | None:
    """The header in seconds, as a number or as a date, ten minutes at most; None where it says nothing useful."""
    text = response.headers.get("Retry-After", "").strip()
    wait_s = _seconds(text) if text else math.nan
    return min(max(wait_s, 0.0), _RETRY_AFTER_MAX_S) if math.isfinite(wait_s) else None


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return math.nan
    return _until(at if at.tzinfo else at.replace(tzinfo=UTC))


def _until(at: datetime) -> float:
    return (at - clock.now()).total_seconds()


def left_s(until: float) -> float:
    """Seconds to a moment on the monotonic clock. Raises ProviderBusy when it is past."""
    left = until - time.monotonic()
    if left <= 0:
        raise ProviderBusy("It took too long.")
    return left


def quoted(part: str) -> str:
    """An id as one step of a path."""
    return quote(part, safe="")
