"""Clips from words, or from words and a picture."""

from django.conf import settings
from django.http import HttpResponse
from ninja import Router

from revidweb.api import openapi, orders, shapes
from revidweb.api.auth import KeyRequest
from revidweb.providers.base import Kind

from . import image

router = Router()

FIELDS = {
    **image.FIELDS,
    "prompt": openapi.said(
        openapi.text("A cinematic shot of a lighthouse", most=settings.PROMPT_MAX_CHARS, least=1), "What to see."
    ),
    "model": openapi.said(openapi.text("kling-2.6", most=80, least=1), "A model of `GET /v1/models`."),
    "mode": openapi.said(
        {"type": "string", "enum": ["t2v", "i2v"]}, "From text, or from an image; left out, it follows from the input."
    ),
    "duration": openapi.said(openapi.SECONDS, 'Seconds: 5, "5" and "5s" are the same.'),
    "resolution": openapi.said(openapi.text("720p", "1080p"), "One that a price row of the model names."),
    "audio": openapi.said(
        openapi.FLAG, "With sound. Where the rest rules it out, the silent row is charged, and `warnings` says so."
    ),
}


@router.post(
    "/video/generate",
    response=openapi.answers(shapes.Accepted, 400, 402, 422, 503),
    summary="Generate a video",
    operation_id="generate_video",
    openapi_extra=openapi.body(FIELDS, required=("prompt", "model"), files=image.FILES, parameters=(image.NAMED,)),
)
def generate(request: KeyRequest) -> HttpResponse:
    """Take one job. It runs in the background: ask `GET /v1/jobs/{job_id}` until it is completed or failed.

    Words that the model has no use for are ignored. A failed job costs nothing.
    """
    return orders.generate(request, Kind.VIDEO)
