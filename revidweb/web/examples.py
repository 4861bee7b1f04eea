"""A ready line for a terminal: the key that was just made, a model that it may use, the host that was opened."""

from dataclasses import dataclass

from django.http import HttpRequest

from revidweb.accounts.models import Tenant
from revidweb.catalog import listing, quoting
from revidweb.catalog.listing import Listed
from revidweb.keys.models import ApiKey
from revidweb.providers.base import Kind, Mode, Order

PROMPT = "A futuristic city"
_FROM_TEXT = {Kind.IMAGE: Mode.T2I, Kind.VIDEO: Mode.T2V}


@dataclass(frozen=True)
class Example:
    """credits: what it costs; None where it makes nothing. kind: what it makes, "" for nothing."""

    line: str
    kind: str = ""
    credits: int | None = None


def of(request: HttpRequest, key: ApiKey, secret: str) -> Example:
    """Generate with it; where nothing can be made by it now, list the models. At most six queries."""
    kinds = [kind for kind in _FROM_TEXT if not key.allowed_kinds or kind in key.allowed_kinds]
    found = ((kind, _usable(key.tenant, kind, key.allowed_models)) for kind in kinds)
    kind, model = next(((kind, model) for kind, model in found if model), (None, None))
    if kind is None or model is None:
        return Example(_line(request.build_absolute_uri("/v1/models"), secret))
    fields = {"prompt": PROMPT, "model": model.name}
    if kind == Kind.VIDEO and model.durations_s:
        fields["duration"] = str(model.durations_s[0])
    url = request.build_absolute_uri(f"/v1/{kind}/generate")
    return Example(_line(url, secret, **fields), kind, _costs(kind, model, fields))


def _costs(kind: Kind, model: Listed, fields: dict[str, str]) -> int:
    """What the line is charged as it stands: the model's own choices may be dearer than its cheapest price."""
    params = {name: int(value) for name, value in fields.items() if name == "duration"}
    order = Order(kind, _FROM_TEXT[kind], model.name, PROMPT, params)
    return quoting.quote_among(model.offers, order).credits


def _usable(tenant: Tenant, kind: Kind, allowed: list[str]) -> Listed | None:
    """Of the models that make this kind from text and that the key may use, the one that costs least."""
    offered = [model for model in listing.picker(tenant, kind) if _FROM_TEXT[kind] in model.modes]
    usable = [model for model in offered if not allowed or model.name in allowed]
    return min(usable, key=lambda model: model.credits_min or 0, default=None)


def _line(url: str, secret: str, **fields: str) -> str:
    words = [f"curl {url}", f'-H "Authorization: Bearer {secret}"']
    return " \\\n  ".join(words + [f'-F "{name}={value}"' for name, value in fields.items()])
