"""From `data/*.json` to rows: models, aliases, and what a preview connection offers of them.

Each file lists models in the shape of RevidAPI's `GET /models`, as its documents print them, and adds two marks:
`is_offered` (false: listed as not yet offered) and, on a price row, `is_estimate` (the documents print only a range,
or none, and the row was spread inside it). Keys follow `{resolution}-{duration}[-audio]-{speed}`; a part that a model
does not tell apart is left out (`8s-fast`, `default-slow`, `720p`), `quality` stands in the place of the resolution
(`low-fast`), and the speed `per-second` says that the credits are those of one second.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from django.db import transaction

from revidweb.connections.models import Connection

from . import rows
from .models import Alias, MediaModel, Offer, Price

_DATA = Path(__file__).parent / "data"
_KINDS = ("image", "video", "motion", "avatar")
_PER_SECOND = "per-second"

_MODEL_FIELDS = ["title", "kind", "is_offered", "notes", "position", "is_told"]
_OFFER_FIELDS = ["is_available", "modes", "params", "credits_min", "credits_max"]
_PRICE_FIELDS = [
    *("credits", "resolution", "duration_s", "quality", "audio", "speed"),
    *("is_per_second", "is_estimate", "is_available"),
]


@transaction.atomic
def load() -> None:
    """Write the models and aliases of the data files. A second run changes nothing; a model is never deleted."""
    models = [_media_model(entry, position) for position, entry in enumerate(_models())]
    MediaModel.objects.bulk_create(models, update_conflicts=True, unique_fields=["name"], update_fields=_MODEL_FIELDS)
    known = MediaModel.objects.in_bulk(field_name="name")
    aliases = [
        Alias(name=entry["alias"], media_model=known[entry["model"]], params=entry.get("params", {}))
        for entry in _read("aliases")
    ]
    Alias.objects.bulk_create(
        aliases, update_conflicts=True, unique_fields=["name"], update_fields=["media_model", "params"]
    )


@transaction.atomic
def stock(connection: Connection) -> None:
    """Write the offers and prices of the data files for a preview connection; loads the models if they are missing.

    A second run changes nothing. An offer or price that is no longer in the files is switched off, not deleted.
    """
    if not connection.is_preview:
        raise ValueError(f"{connection} learns its prices from its provider.")
    offers = _write_offers(connection)
    prices = [price for entry in _models() for price in _prices(offers[entry["model"]], entry["pricing"])]
    written = Price.objects.bulk_create(
        prices, update_conflicts=True, unique_fields=["offer", "server", "key"], update_fields=_PRICE_FIELDS
    )
    connection.offers.exclude(pk__in=[offer.pk for offer in offers.values()]).update(is_available=False)
    held = Price.objects.filter(offer__connection=connection)
    held.exclude(pk__in=[price.pk for price in written]).update(is_available=False)


def _write_offers(connection: Connection) -> dict[str, Offer]:
    """The connection's offers by the model's name."""
    known = _known_models()
    offers = [_offer(connection, known[entry["model"]], entry) for entry in _models()]
    Offer.objects.bulk_create(
        offers, update_conflicts=True, unique_fields=["media_model", "connection"], update_fields=_OFFER_FIELDS
    )
    return {offer.media_model.name: offer for offer in offers}


def _known_models() -> dict[str, MediaModel]:
    known = MediaModel.objects.in_bulk(field_name="name")
    if all(entry["model"] in known for entry in _models()):
        return known
    load()
    return MediaModel.objects.in_bulk(field_name="name")


def _media_model(entry: dict[str, Any], position: int) -> MediaModel:
    return MediaModel(
        name=entry["model"],
        title=entry["name"],
        kind=entry["type"],
        is_offered=entry["is_offered"],
        notes=entry["notes"],
        position=position,
    )


def _offer(connection: Connection, model: MediaModel, entry: dict[str, Any]) -> Offer:
    return Offer(
        media_model=model,
        connection=connection,
        modes=entry["modes"],
        params=entry["params"],
        credits_min=entry["credits_min"],
        credits_max=entry["credits_max"],
    )


def _prices(offer: Offer, pricing: list[dict[str, Any]]) -> list[Price]:
    """A row without `audio` is a silent one only where other rows of the model have sound."""
    silent = False if any("audio" in row for row in pricing) else None
    return [_price(offer, row, audio=row.get("audio", silent)) for row in pricing]


def _price(offer: Offer, row: dict[str, Any], *, audio: bool | None) -> Price:
    is_per_second = row.get("speed") == _PER_SECOND
    return Price(
        offer=offer,
        server=row["server"],
        key=row["key"],
        credits=row["credits"],
        resolution=row.get("resolution", ""),
        duration_s=rows.value("duration", row["duration"]) if "duration" in row else None,
        quality=row.get("quality", ""),
        audio=audio,
        speed="" if is_per_second else row.get("speed", ""),
        is_per_second=is_per_second,
        is_estimate=row.get("is_estimate", False),
    )


@cache
def _models() -> list[dict[str, Any]]:
    return [entry for kind in _KINDS for entry in _read(kind)]


def _read(name: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads((_DATA / f"{name}.json").read_text(encoding="utf-8"))
    return entries
