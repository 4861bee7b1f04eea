"""What may still be spent."""

from django.http import HttpResponse
from ninja import Router

from revidweb.api import errors, openapi, shapes
from revidweb.api.auth import KeyRequest
from revidweb.jobs import balance

router = Router()


@router.get("/balance", response=openapi.answers(shapes.Balance), summary="Balance", operation_id="balance")
def show(request: KeyRequest) -> HttpResponse:
    """Credits of whoever pays for this key's jobs: its own wallet, or what its member pays with."""
    now = balance.of(request.actor)
    told = {
        "balance": now.credits,
        "held": now.held,
        "currency": "credits",
        "key_prefix": request.key_prefix,
        "organization": request.actor.tenant.name,
    }
    return errors.say(told)
