"""The models as programs read them: RevidAPI's `GET /models`, with what the tenant is offered and at its prices."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from revidweb.accounts.models import Tenant
from revidweb.lib.refusal import Refusal
from revidweb.providers.base import Kind

from . import listing, params
from .models import Price

MADE = (Kind.IMAGE, Kind.VIDEO)  # kinds that programs can order today
_PER_SECOND = "per-second"


@dataclass(frozen=True)
class Sold:
    """A model that is on sale, and its rows: of one server and key the cheapest, which is what is charged."""

    listed: listing.Listed
    rows: list[Price]

    @property
    def name(self) -> str:
        """The model's canonical id."""
        return self.listed.name


def sold(tenant: Tenant, *, kinds: Collection[str] = (), models: Collection[str] = ()) -> list[Sold]:
    """What the tenant's usable connections offer, in the catalogue's order; as far as these kinds and models go, where
    some are named. Three queries.
    """
    there = [
        listed
        for listed in listing.models(tenant)
        if listed.standing is listing.Standing.AVAILABLE
        and listed.kind in (kinds or MADE)
        and listed.kind in MADE
        and (not models or listed.name in models)
    ]
    return [Sold(listed, _rows(listed)) for listed in there]


def canonical(name: str) -> str:
    """The model's own id behind an alias; the name as it stands where nobody knows it. At most two queries."""
    try:
        return params.resolve(name).media_model.name if name and "\x00" not in name else name
    except Refusal:
        return name


def as_told(sold: Sold) -> dict[str, Any]:
    """The model in RevidAPI's words."""
    listed, credits = sold.listed, [price.credits for price in sold.rows]
    return {
        "model": listed.name,
        "name": listed.title,
        "type": listed.kind,
        "modes": listed.modes,
        "servers": listed.servers,
        "credits_min": min(credits),
        "credits_max": max(credits),
        "pricing": pricing(sold),
        "params": {name: text for offer in reversed(listed.offers) for name, text in offer.params.items()},
        "notes": listed.notes,
    }


def pricing(sold: Sold) -> list[dict[str, Any]]:
    """Its price rows; what makes no difference to a row is left out of it, and so is "no sound"."""
    return [_row(price) for price in sold.rows]


def _rows(listed: listing.Listed) -> list[Price]:
    kept: dict[tuple[str, str], Price] = {}
    for price in sorted((price for offer in listed.offers for price in offer.prices.all()), key=lambda row: row.pk):
        known = kept.get((price.server, price.key))
        if known is None or price.credits < known.credits:
            kept[price.server, price.key] = price
    return list(kept.values())


def _row(price: Price) -> dict[str, Any]:
    told = {
        "server": price.server,
        "key": price.key,
        "config_key": price.key,
        "credits": price.credits,
        "resolution": price.resolution,
        "duration": f"{price.duration_s}s" if price.duration_s else "",
        "quality": price.quality,
        "audio": price.audio or "",
        "speed": _PER_SECOND if price.is_per_second else price.speed,
    }
    return {name: value for name, value in told.items() if value != ""}
