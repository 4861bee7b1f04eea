"""Models: what can be made, with every price."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from revidweb.catalog import labels, listing
from revidweb.catalog.listing import Listed, Standing
from revidweb.catalog.models import Offer, Price
from revidweb.providers.base import Kind
from revidweb.web.access import ActorRequest, actor_may
from revidweb.web.kinds import KINDS

ROW_NAMES = ("resolution", "quality", "duration", "speed", "audio")  # what tells price rows apart, besides the server


@dataclass(frozen=True)
class PriceRow:
    """One combination. cells: its price at each server of the tariff, None where that server has it not."""

    words: str
    key: str
    cells: list[Price | None]


@dataclass(frozen=True)
class Tariff:
    """All prices of a model at one connection: a row for each combination, a column for each server."""

    connection: str
    servers: list[str]
    rows: list[PriceRow]


@dataclass(frozen=True)
class Shown:
    """A model as the page shows it."""

    model: Listed
    facts: list[str]
    tariffs: list[Tariff]
    can_create: bool

    @property
    def row_count(self) -> int:
        """How many prices there are to look at."""
        return sum(len([cell for cell in row.cells if cell]) for tariff in self.tariffs for row in tariff.rows)


@require_safe
@actor_may()
def models(request: ActorRequest) -> HttpResponse:
    """The list; its models alone for htmx."""
    kind, search = _asked(request)
    every = listing.models(request.actor.tenant)
    found = [model for model in every if _matches(model, search)]
    context = {
        "groups": _groups(model for model in found if kind in ("", model.kind)),
        "tabs": _tabs(found, kind, search),
        "kind": kind,
        "search": search,
        "is_estimate": any(model.is_estimate for model in found),
    }
    part = "#results" if request.htmx and not request.htmx.history_restore_request else ""
    return render(request, f"models/page.html{part}", context)


def _asked(request: ActorRequest) -> tuple[str, str]:
    """Kind and search of the address; an unknown kind is none."""
    kind = request.GET.get("kind", "")
    return kind if kind in list(Kind) else "", request.GET.get("search", "").strip()[:100]


def _matches(model: Listed, search: str) -> bool:
    """Every word is in the model's name, title, or what it makes."""
    text = f"{model.name} {model.title} {model.kind} {model.modes_in_words}".lower()
    return all(word in text for word in search.lower().split())


def _groups(found: Iterable[Listed]) -> list[dict[str, Any]]:
    shown = [_shown(model) for model in found]
    groups = [
        {"kind": kind, "title": title, "models": [one for one in shown if one.model.kind == kind]}
        for kind, title in _kinds().items()
    ]
    return [group for group in groups if group["models"]]


def _kinds() -> dict[str, str]:
    return {Kind.IMAGE: _("Image"), Kind.VIDEO: _("Video"), Kind.MOTION: _("Motion"), Kind.AVATAR: _("Avatar")}


def _tabs(found: list[Listed], kind: str, search: str) -> list[dict[str, Any]]:
    """The kinds as links that keep the search, with how many of each match it."""
    return [
        {
            "href": _address(kind=value, search=search),
            "label": label,
            "is_current": value == kind,
            "count": len([model for model in found if value in ("", model.kind)]),
        }
        for value, label in {"": _("All"), **_kinds()}.items()
    ]


def _address(**words: str) -> str:
    return f"?{urlencode({name: value for name, value in words.items() if value})}"


def _shown(model: Listed) -> Shown:
    is_available = model.standing is Standing.AVAILABLE
    return Shown(
        model=model,
        facts=_facts(model),
        tariffs=[_tariff(offer) for offer in model.offers],
        can_create=is_available and model.kind in KINDS,
    )


def _facts(model: Listed) -> list[str]:
    """What it takes and gives, a few words each."""
    seconds = model.durations_s
    length = "" if not seconds else f"{seconds[0]}–{seconds[-1]}" if len(seconds) > 1 else str(seconds[0])
    facts = [
        model.modes_in_words,
        ", ".join(labels.of_value("resolution", word) for word in model.resolutions if word != "default"),
        labels.of_value("duration", length) if length else "",
        _("with sound") if model.has_audio else "",
        ", ".join(labels.of_value("server", word).partition(" · ")[0] for word in model.servers if word != "default"),
    ]
    return [fact for fact in facts if fact]


def _tariff(offer: Offer) -> Tariff:
    prices = sorted(offer.prices.all(), key=lambda price: price.pk)
    servers = list(dict.fromkeys(price.server for price in prices))
    by_place = {(price.key, price.server): price for price in prices}
    first = {price.key: price for price in reversed(prices)}
    return Tariff(
        connection=offer.connection.name,
        servers=[labels.of_value("server", server) for server in servers],
        rows=[
            PriceRow(_words(first[key]), key, [by_place.get((key, server)) for server in servers])
            for key in dict.fromkeys(price.key for price in prices)
        ],
    )


def _words(price: Price) -> str:
    """What the row is the price of: "1080p · 5 s · Fast · With sound"."""
    values: dict[str, Any] = {
        "resolution": price.resolution,
        "quality": price.quality,
        "duration": price.duration_s,
        "speed": price.speed,
        "audio": price.audio,
    }
    told = [(name, values[name]) for name in ROW_NAMES if values[name] not in ("", None)]
    return " · ".join(labels.of_value(name, value) for name, value in told) or _("Any")
