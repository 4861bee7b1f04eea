"""What each price row covers, parameter by parameter, and how a choice narrows a list of rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from revidweb.providers.base import Param

from . import prose
from .models import Offer, Price

# In this order choices narrow each other: what stands later is what a clash is blamed on. Sound is last, so that
# asking for it where there is none is a matter of sound alone.
NAMES = ("aspect_ratio", "resolution", "quality", "duration", "speed", "server", "audio")

# From less to more. What is on sale changes, and with it which row comes first: the order of a control must not.
_LADDERS: Mapping[str, tuple[str, ...]] = {
    "resolution": ("default", "480p", "540p", "720p", "1080p", "1k", "2k", "4k"),
    "quality": ("low", "medium", "high", "720p", "1080p"),
    "speed": ("slow", "standard", "fast"),
}
_TRUE = ("true", "1", "on", "yes")
_FALSE = ("false", "0", "off", "no")


@dataclass(frozen=True)
class Row:
    """A price row. takes: for each parameter the values that cost this much; defaults: what its prose states."""

    price: Price
    takes: Mapping[str, tuple[Param, ...]]
    defaults: Mapping[str, Param] = field(default_factory=dict)

    def fits(self, asked: Mapping[str, Param]) -> bool:
        """Whether every asked value is among those that this row covers."""
        return all(self._covers(name, value) for name, value in asked.items())

    def _covers(self, name: str, value: Param) -> bool:
        if name == "duration" and self.price.is_per_second:
            return isinstance(value, int) and value > 0
        return value in self.takes.get(name, ())


def of(prices: Iterable[Price]) -> list[Row]:
    """The prices as rows, in their order. Their offers should be loaded with them."""
    return [_row(price) for price in prices]


def of_offers(offers: Iterable[Offer]) -> list[Row]:
    """The prices of offers that `on_sale` read, cheapest first; no query."""
    return of(
        sorted((price for offer in offers for price in offer.prices.all()), key=lambda row: (row.credits, row.pk))
    )


def value(name: str, raw: Any) -> Param:
    """One value as rows hold it: whole seconds from "5", "5s" and 5, a bool from "on", the rest in lower case.

    What cannot be read stays text, which no row covers.
    """
    text = str(raw).strip().lower()
    if name == "duration":
        digits = text.removesuffix("s").strip()
        return int(digits) if digits.isdecimal() and len(digits) < 8 else text
    if name == "audio":
        return text in _TRUE if text in _TRUE + _FALSE else text
    return text


def values(asked: Mapping[str, Any]) -> dict[str, Param]:
    """Every given parameter as rows hold it, in the order in which they narrow; None and "" mean left out."""
    given = {name: value(name, raw) for name, raw in asked.items() if raw is not None and str(raw).strip()}
    order = [name for name in NAMES if name in given]
    return {name: given[name] for name in (*order, *(given.keys() - set(order)))}


def choices(rows: Iterable[Row], name: str) -> list[Param]:
    """The values that some of the rows cover: from less to more where that is known, else in the catalogue's order."""
    found: dict[Param, int] = {}
    for row in rows:
        for choice in row.takes.get(name, ()):
            found[choice] = min(found.get(choice, row.price.pk), row.price.pk)
    return sorted(found, key=lambda choice: (_step(name, choice), found[choice]))


def _step(name: str, choice: Param) -> int:
    """Its place from less to more; what stands on no ladder comes after what does."""
    ladder = _LADDERS.get(name, ())
    if isinstance(choice, int):
        return choice
    return ladder.index(choice) if choice in ladder else len(ladder)


def fitting(rows: Iterable[Row], asked: Mapping[str, Param]) -> list[Row]:
    """The rows that cover everything asked."""
    return [row for row in rows if row.fits(asked)]


def blocker(rows: Sequence[Row], asked: Mapping[str, Param], name: str, wanted: Param) -> str:
    """The one other parameter that keeps `wanted` from being possible; "" where no single one does."""
    others = {other: taken for other, taken in asked.items() if other != name}
    for other in reversed(others):
        rest = {key: taken for key, taken in others.items() if key != other}
        if fitting(rows, rest | {name: wanted}):
            return other
    return ""


def _row(price: Price) -> Row:
    texts = {name: text for name, text in price.offer.params.items() if name in NAMES}
    told = {name: (known,) for name, known in _told(price).items() if known not in ("", None)}
    free = {name: tuple(value(name, word) for word in prose.choices(text)) for name, text in texts.items()}
    takes = {name: covered for name in NAMES if (covered := told.get(name) or free.get(name))}
    stated = {name: value(name, word) for name, text in texts.items() if (word := prose.default(text))}
    return Row(price, takes, stated)


def _told(price: Price) -> dict[str, Param | None]:
    """What the row itself says; None or "" where it does not tell the parameter apart."""
    return {
        "resolution": price.resolution,
        "quality": price.quality,
        "duration": price.duration_s,
        "speed": price.speed,
        "server": price.server.lower(),
        "audio": price.audio,
    }
