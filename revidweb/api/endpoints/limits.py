"""Jobs at once."""

from django.http import HttpResponse
from ninja import Router

from revidweb.api import errors, limits, openapi, shapes
from revidweb.api.auth import KeyRequest

router = Router()


@router.get("/limits", response=openapi.answers(shapes.Limits), summary="Jobs at once", operation_id="limits")
def show(request: KeyRequest) -> HttpResponse:
    """How many jobs may run at once, how many do, and how many more are taken. What runs takes a slot; what waits for
    one stands in the queue.
    """
    return errors.say(limits.of(request))
