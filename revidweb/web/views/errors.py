"""The pages that say no."""

import structlog
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

_PAGE = "errors/page.html"


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400: not understood."""
    return render(request, _PAGE, {"code": 400}, status=400)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403 for a form that did not come from our pages, or came too late."""
    return render(request, _PAGE, {"code": "csrf"}, status=403)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403: known, but without the right."""
    return render(request, _PAGE, {"code": 403}, status=403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404: not there, or not yours; the page does not say which."""
    return render(request, _PAGE, {"code": 404}, status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """500: our fault. Drawn without the frame: what broke may be what the frame asks."""
    request_id = structlog.contextvars.get_contextvars().get("request_id", "")
    return HttpResponse(render_to_string(_PAGE, {"code": 500, "request_id": request_id}), status=500)
