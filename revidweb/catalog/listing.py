"""The models as pages list them."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from django.db.models import BigIntegerField, Prefetch, QuerySet

from revidweb.accounts.models import Tenant
from revidweb.lib import kept
from revidweb.lib.kept import Word
from revidweb.providers.base import Kind

from . import labels
from .models import MediaModel, Offer, Price


class Standing(StrEnum):
    """Whether a tenant can have a model made."""

    AVAILABLE = "available"
    UNAVAILABLE = "unavailable"  # none of the tenant's connections sells it now
    NOT_YET = "not_yet"  # the house does not offer it yet


@dataclass(frozen=True)
class Listed:
    """A model with what the tenant's connections sell of it; whole credits, None where nothing is on sale.

    is_estimate: some price was spread inside a printed range.
    """

    name: str
    title: str
    kind: str
    notes: str
    standing: Standing
    modes: list[str]
    servers: list[str]
    speeds: list[str]
    resolutions: list[str]
    durations_s: list[int]
    has_audio: bool
    credits_min: int | None
    credits_max: int | None
    is_per_second: bool
    is_estimate: bool
    offers: list[Offer]

    @property
    def modes_in_words(self) -> str:
        """From what to what, as people say it."""
        return labels.of_modes(self.modes)


class Offered(NamedTuple):
    """A model as a list to choose from shows it."""

    pk: int
    name: str
    title: str


def models(tenant: Tenant) -> list[Listed]:
    """Every model that the tenant knows, in the catalogue's order. Three queries."""
    return [_listed(model) for model in _with_offers(MediaModel.objects.known_to(tenant), tenant)]


def picker(tenant: Tenant, kind: Kind) -> list[Listed]:
    """Those of a kind that can be made now, in the catalogue's order. Three queries."""
    chosen = MediaModel.objects.known_to(tenant).filter(kind=kind, is_offered=True)
    found = [_listed(model) for model in _with_offers(chosen, tenant)]
    return [listed for listed in found if listed.standing is Standing.AVAILABLE]


def offered(tenant: Tenant) -> list[Offered]:
    """Every model that the tenant may be offered, in the catalogue's order, for a filter. One query."""
    return [Offered(*columns) for columns in _OFFERED.all(tenant=tenant.pk)]


def _offered() -> "QuerySet[Any, Any]":
    rows = MediaModel.objects.known_to(Word("tenant", BigIntegerField())).filter(is_offered=True)
    return rows.values_list("pk", "name", "title")


_OFFERED = kept.Values(_offered)


def _with_offers(models: QuerySet[MediaModel], tenant: Tenant) -> QuerySet[MediaModel]:
    return models.prefetch_related(Prefetch("offers", Offer.objects.on_sale(tenant).order_by("pk")))


def _listed(model: MediaModel) -> Listed:
    sold = [offer for offer in model.offers.all() if offer.prices.all()]
    prices = sorted((price for offer in sold for price in offer.prices.all()), key=lambda price: price.pk)
    credits = [price.credits for price in prices]
    return Listed(
        name=model.name,
        title=model.title,
        kind=model.kind,
        notes=model.notes,
        standing=_standing(model, prices),
        modes=_distinct(mode for offer in sold for mode in offer.modes),
        servers=_distinct(price.server for price in prices),
        speeds=_distinct(price.speed for price in prices),
        resolutions=_distinct(price.resolution for price in prices),
        durations_s=sorted({price.duration_s for price in prices if price.duration_s}),
        has_audio=any("audio" in offer.params for offer in sold),
        credits_min=min(credits, default=None),
        credits_max=max(credits, default=None),
        is_per_second=any(price.is_per_second for price in prices),
        is_estimate=any(price.is_estimate for price in prices),
        offers=sold,
    )


def _standing(model: MediaModel, prices: list[Price]) -> Standing:
    if not model.is_offered:
        return Standing.NOT_YET
    return Standing.AVAILABLE if prices else Standing.UNAVAILABLE


def _distinct(words: Iterable[str]) -> list[str]:
    """Each word once, in the order of its first mention."""
    return [word for word in dict.fromkeys(words) if word]
