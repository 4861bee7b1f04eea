"""Pictures from words, or from words and pictures."""

from django.conf import settings
from django.http import HttpResponse
from ninja import Router

from revidweb.api import openapi, orders, shapes
from revidweb.api.auth import KeyRequest
from revidweb.providers.base import Kind

router = Router()

FIELDS = {
    "prompt": openapi.said(
        openapi.text("A futuristic city at sunset", most=settings.PROMPT_MAX_CHARS, least=1), "What to see."
    ),
    "model": openapi.said(openapi.text("nano-banana-pro", most=80, least=1), "A model of `GET /v1/models`."),
    "aspect_ratio": openapi.said(openapi.text("16:9", "1:1"), "Width to height."),
    "resolution": openapi.said(openapi.text("1k", "2k"), "One that a price row of the model names."),
    "quality": openapi.said(openapi.text("low", "high"), "Of models that tell it apart."),
    "speed": openapi.said(openapi.text("fast", "slow"), "One that a price row of the model names."),
    "server_id": openapi.said(openapi.text("fast", "vip1"), "Left out: the cheapest that does it."),
    "img_url": openapi.said(
        openapi.ADDRESSES, "Where an input image is, or several. One that was uploaded here is not fetched again."
    ),
    "image_url": openapi.said(openapi.ADDRESSES, "Another name for `img_url`."),
    "image_urls": openapi.said(openapi.ADDRESSES, "Another name for `img_url`."),
    "callback_url": openapi.said(openapi.text(), "Who is told of the job's end, by a signed POST."),
}
FILES = {"input_image": openapi.said(openapi.FILE, "An input image itself, instead of `img_url`.")}
NAMED = openapi.header(
    "Idempotency-Key",
    openapi.text(most=255, least=1) | {"pattern": "^[!-~]{1,255}$"},
    "Names this request for 24 hours: sent again with the same body, it makes no second job and is answered as at "
    "first, with `Idempotency-Replayed: true`. With another body it is refused (422).",
)


@router.post(
    "/image/generate",
    response=openapi.answers(shapes.Accepted, 400, 402, 422, 503),
    summary="Generate an image",
    operation_id="generate_image",
    openapi_extra=openapi.body(FIELDS, required=("prompt", "model"), files=FILES, parameters=(NAMED,)),
)
def generate(request: KeyRequest) -> HttpResponse:
    """Take one job. It runs in the background: ask `GET /v1/jobs/{job_id}` until it is completed or failed.

    Words that the model has no use for are ignored. A failed job costs nothing.
    """
    return orders.generate(request, Kind.IMAGE)
