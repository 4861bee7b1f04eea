"""What can be asked for, and what it costs here."""

from typing import Annotated

from django.http import HttpResponse
from ninja import Router
from ninja.params.functions import Query

from revidweb.api import errors, openapi, shapes
from revidweb.api.auth import KeyRequest
from revidweb.catalog import programs

router = Router()


@router.get("/models", response=openapi.answers(shapes.Models), summary="List the models", operation_id="models")
def models(request: KeyRequest) -> HttpResponse:
    """Every model that this key may ask for now, with its price rows: a row's `credits` is what a job is charged here.

    `params` names the fields of a request. Where `server_id` is left out, the cheapest server that does it is taken.
    """
    return errors.say({"models": [programs.as_told(model) for model in _offered(request)]})


@router.get(
    "/models/pricing", response=openapi.answers(shapes.Pricing, 400), summary="List the prices", operation_id="pricing"
)
def pricing(
    request: KeyRequest,
    model: Annotated[str, Query(max_length=80, description="Of this model alone; also by another name of it.")] = "",
    server_id: Annotated[str, Query(max_length=20, description="At this server alone.")] = "",
) -> HttpResponse:
    """The price rows of all models in one list; what is not offered has none."""
    named = programs.canonical(model)
    told = [
        {"model": each.name, **row}
        for each in _offered(request)
        if not model or each.name == named
        for row in programs.pricing(each)
        if row["server"].lower() == (server_id.strip().lower() or row["server"].lower())
    ]
    return errors.say({"pricing": told, "count": len(told)})


def _offered(request: KeyRequest) -> list[programs.Sold]:
    key = request.key
    return programs.sold(key.tenant, kinds=key.allowed_kinds, models=key.allowed_models)
