"""The way of a program's request: past sessions, forms and pages, straight to its endpoint, and JSON whatever happens.

Pages need a dozen steps around them that a program has no use for; a submission should cost little beyond its own
statements. `/v1/docs` is a page, and goes the pages' way.
"""

from collections.abc import Callable, Mapping

import structlog
from django.conf import settings
from django.core.signals import got_request_exception
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import Resolver404, get_resolver

from revidweb.keys.rating import Rate

from . import errors

log = structlog.get_logger(__name__)

URLS = "revidweb.api.urls"
_ROOT, _PAGES = "/v1", ("/v1/docs",)


def programs(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """A middleware that answers what is under `/v1` itself. A host with addresses of its own answers as it does."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if not _is_ours(request.path_info) or hasattr(request, "urlconf"):
            return get_response(request)
        response = _answered(request)
        vars(response)["_has_been_logged"] = True  # Django would log the path of a 'no', which may be a signed one
        for name, value in _headers(request).items():
            response.headers.setdefault(name, value)
        return response

    return middleware


def _is_ours(path: str) -> bool:
    return (path == _ROOT or path.startswith(f"{_ROOT}/")) and path.rstrip("/") not in _PAGES


def _answered(request: HttpRequest) -> HttpResponseBase:
    if settings.SECURE_SSL_REDIRECT and not request.is_secure():  # to be sent elsewhere would show the key once more
        return errors.answer(403, "Use https://")
    try:
        match = get_resolver(URLS).resolve(request.path_info)
        request.resolver_match = match
        response: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
    except (Resolver404, Http404):
        return errors.answer(404, "Not found")
    except Exception:
        return _broken(request)
    return _not_allowed(response) if response.status_code == 405 else response


def _not_allowed(response: HttpResponseBase) -> HttpResponse:
    return errors.answer(405, "Method not allowed", {"Allow": response.headers.get("Allow", "")})


def _broken(request: HttpRequest) -> HttpResponse:
    """A bug of ours. The log says which; the program is told as little as a person is."""
    got_request_exception.send(sender=None, request=request)
    log.exception("api.broken", path=request.path_info)
    return errors.answer(500, "Internal server error")


def _headers(request: HttpRequest) -> Mapping[str, str]:
    """What every answer carries, as far as it does not say otherwise."""
    carried = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    if settings.SECURE_HSTS_SECONDS and request.is_secure():
        carried["Strict-Transport-Security"] = f"max-age={settings.SECURE_HSTS_SECONDS}"
    rate: Rate | None = getattr(request, "rate", None)
    return carried | (errors.rate_headers(rate.limit, rate.remaining, rate.resets_in_s) if rate else {})
