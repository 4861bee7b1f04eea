"""What every request carries, an id in the logs and in the answer; and pages made small for their way."""

from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.middleware.gzip import GZipMiddleware

from revidweb.lib import ids


def request_context(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Bind a fresh request id to all that is logged while the request lasts."""

    def middleware(request: HttpRequest) -> HttpResponse:
        request_id = ids.new("req")
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        response = get_response(request)
        response["X-Request-Id"] = request_id
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
