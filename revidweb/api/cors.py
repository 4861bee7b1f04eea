"""Answers that pages of anybody may read, also in a browser: what needs no key but a signed address."""

from collections.abc import Sequence

from django.http import HttpResponse, HttpResponseBase

_HEARD = "Content-Type, If-None-Match, If-Range, Range"
_SHOWN = "Accept-Ranges, Content-Disposition, Content-Length, Content-Range, ETag"
_DAY_S = 86_400


def preflight() -> HttpResponse:
    """The answer to a browser that asks what it may ask; `open_to_all` says it."""
    return HttpResponse(status=204)


def open_to_all(answer: HttpResponseBase, methods: Sequence[str]) -> HttpResponseBase:
    """Let any page send these methods and read the answer."""
    answer["Access-Control-Allow-Origin"] = "*"
    answer["Access-Control-Allow-Methods"] = ", ".join(methods)
    answer["Access-Control-Allow-Headers"] = _HEARD
    answer["Access-Control-Expose-Headers"] = _SHOWN
    answer["Access-Control-Max-Age"] = str(_DAY_S)
    answer["Cross-Origin-Resource-Policy"] = "cross-origin"
    vars(answer)["_has_been_logged"] = True  # Django's line for a refused request would show the signature
    return answer
