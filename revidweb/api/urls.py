"""What programs find under `/v1`, and the two ways in which it is told."""

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_safe

from . import docs, errors, v1


@require_safe
def openapi(request: HttpRequest) -> HttpResponse:
    """The OpenAPI document, for programs."""
    return errors.say(v1.document())


urlpatterns = [
    path("v1/openapi.json", openapi, name="openapi"),
    path("v1/docs", docs.page, name="api_docs"),
    path("v1/", v1.api.urls),
]
