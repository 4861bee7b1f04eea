"""Fetch what an address delivers: bounded in bytes and time, every redirect judged like the first address."""

import contextlib
import time
from typing import BinaryIO
from urllib.parse import urljoin

import requests
import urllib3

from . import http
from .refusal import Refusal

_REDIRECTS_MAX = 3
_CONNECT_S = 10.0
_CHUNK_BYTES = 256 * 1024
_WAIT_S, _WAIT_MAX_S = 10.0, 300.0
_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})


class FetchFailed(Exception):
    """Not now: the address did not deliver, but may. `wait_s`: seconds until the next try makes sense."""

    def __init__(self, reason: str, *, wait_s: float = _WAIT_S) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait_s = wait_s


def fetch(url: str, target: BinaryIO, *, max_bytes: int, timeout_s: float) -> None:
    """Write what the address delivers to `target`, where a failure may leave a part of it. Never call it in a request.

    max_bytes bounds the body; timeout_s bounds everything together: redirects, heads and bodies. A repeat fetches
    anew. The content type that the server claims is ignored: look at the content.
    Raises Refusal for an address that will never do ("bad_address", "private_address", "too_many_redirects",
    "address_answered" with status=, "file_too_large" with max_mb=), and FetchFailed where a later try may work.
    """
    until = time.monotonic() + timeout_s
    try:
        with _at_the_end(url, until) as response:
            _save(response, target, max_bytes)
    except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema):
        raise Refusal("bad_address") from None
    except (requests.RequestException, urllib3.exceptions.HTTPError, TimeoutError) as trouble:
        raise FetchFailed(type(trouble).__name__) from trouble


def _at_the_end(url: str, until: float) -> contextlib.closing[requests.Response]:
    """The answer behind at most three redirects; each step is checked like the first."""
    for _hop in range(_REDIRECTS_MAX + 1):
        http.check(url)
        response = _get(url, until)
        if not response.is_redirect:
            return contextlib.closing(response)
        response.close()
        url = _next(url, response.headers["Location"])
    raise Refusal("too_many_redirects", most=_REDIRECTS_MAX)


def _next(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:  # an address in brackets that is none
        raise Refusal("bad_address") from None


def _get(url: str, until: float) -> requests.Response:
    left_s = until - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return http.session().get(
        url,
        timeout=(min(_CONNECT_S, left_s), left_s),
        stream=True,
        allow_redirects=False,
        headers={"Accept": "image/*, video/*, */*;q=0.1", "Accept-Encoding": "identity"},
    )


def _save(response: requests.Response, target: BinaryIO, max_bytes: int) -> None:
    """The body as it comes; counted, because Content-Length may be missing or lie."""
    _judge(response)
    too_large = Refusal("file_too_large", max_mb=max_bytes // 1_048_576)
    if int(_digits(response.headers.get("Content-Length"))) > max_bytes:
        raise too_large
    size_bytes = 0
    for chunk in response.raw.stream(_CHUNK_BYTES, decode_content=False):
        size_bytes += len(chunk)
        if size_bytes > max_bytes:
            raise too_large
        target.write(chunk)


def _judge(response: requests.Response) -> None:
    if response.status_code in _LATER:
        wait_s = float(_digits(response.headers.get("Retry-After"))) or _WAIT_S
        raise FetchFailed(f"HTTP {response.status_code}", wait_s=min(wait_s, _WAIT_MAX_S))
    if response.status_code != 200:
        raise Refusal("address_answered", status=response.status_code)


def _digits(text: str | None) -> str:
    """A header's whole number; "0" for none or another form."""
    return text if text and len(text) < 19 and text.isascii() and text.isdecimal() else "0"
