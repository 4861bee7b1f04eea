"""The API that stands at `/v1`: its endpoints, who is let in, and what becomes of what they raise."""

from functools import cache
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from ninja import NinjaAPI
from ninja.errors import ValidationError

from revidweb.lib.refusal import Refusal

from . import errors
from .auth import BearerKey
from .endpoints import balance, dashboard, files, image, jobs, limits, media, models, stats, video

api = NinjaAPI(
    title="revidweb API",
    version="1",
    description=str(_("Images and clips by programs: RevidAPI's contract, with the keys of this installation.")),
    urls_namespace="v1",
    auth=BearerKey(),
    openapi_url=None,
    docs_url=None,
)
for router, tag in (
    (image.router, "Images"),
    (video.router, "Video"),
    (jobs.router, "Jobs"),
    (models.router, "Models"),
    (files.router, "Files"),
    (media.router, "Files"),
    (limits.router, "Account"),
    (balance.router, "Account"),
    (dashboard.router, "Account"),
    (stats.router, "Account"),
):
    api.add_router("", router, tags=[tag])


@api.exception_handler(Refusal)
def _refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    return errors.refused(request, refusal)


@api.exception_handler(errors.Failed)
def _failed(request: HttpRequest, failed: errors.Failed) -> HttpResponse:
    return errors.answer(failed.status, failed.detail)


@api.exception_handler(Http404)
def _not_found(request: HttpRequest, error: Http404) -> HttpResponse:
    return errors.answer(404, "Not found")


@api.exception_handler(ValidationError)
def _misread(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """A word of the query that is not what it is to be."""
    first = error.errors[0]
    return errors.answer(400, f"{first['loc'][-1]}: {first['msg']}")


@api.exception_handler(Exception)
def _broken(request: HttpRequest, error: Exception) -> HttpResponse:
    raise error  # a bug: `front` says so, whatever DEBUG is


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document of all that is above."""
    return dict(api.get_openapi_schema())
