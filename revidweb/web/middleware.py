"""What stands around every request: an id in logs and answer, words that databases take, pages kept by nobody."""

import re
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.utils.cache import add_never_cache_headers

from revidweb.lib import ids

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{8,64}")


def request_context(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Bind an id to all that is logged while the request lasts: the caller's own where it is plain, else a new one."""

    def middleware(request: HttpRequest) -> HttpResponse:
        told = request.headers.get("X-Request-Id", "")
        request_id = told if _REQUEST_ID.fullmatch(told) else ids.new("req")
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        response = get_response(request)
        response["X-Request-Id"] = request_id
        return response

    return middleware


def printable_cookies(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Drop cookies that no page of ours set: PostgreSQL fails when it is asked for a session with a NUL in its name."""

    def middleware(request: HttpRequest) -> HttpResponse:
        request.COOKIES = {name: value for name, value in request.COOKIES.items() if value.isprintable()}
        return get_response(request)

    return middleware


def keep_nothing(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Let nobody keep an answer that does not say how long it is good: what it shows belongs to who is signed in."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if "Cache-Control" not in response:
            add_never_cache_headers(response)
        return response

    return middleware


def compress_pages(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Compress HTML for those who take it. Media are compressed already, and ranges of them must stay as they are."""
    compressor = GZipMiddleware(get_response)  # varies the length, so that it tells nothing of a page's secrets

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        is_page = not response.streaming and response.get("Content-Type", "").startswith("text/html")
        return compressor.process_response(request, response) if is_page else response

    return middleware
