"""What every request carries: an id, in the logs and in the answer."""

from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse

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
