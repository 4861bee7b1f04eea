"""What a provider's `GET /models` says, as values: read tolerantly, bounded, and nothing kept that cannot be billed.

The shape is RevidAPI's, as its documents print it: a model has `model`, `name`, `type`, `modes`, `params`, `pricing`; a
price row has `server`, `key` (once `config_key`), `credits` and the parts of its key. The key's own grammar,
`{resolution}-{duration}[-audio]-{speed}` with a quality in the resolution's place for some, speaks where a row leaves a
part out. Ids, keys and choices are compared in lower case; how the provider spells a model and a server is kept,
because an order names them so.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils.translation import gettext as _

from revidweb.providers.base import Kind, Mode, Param

from . import rows

MOST_MODELS = 2_000
MOST_ROWS = 20_000  # over all models
MOST_CREDITS = 1_000_000  # of one row
_MOST_PARAMS = 60
_MOST_PROSE_CHARS = 500

_KINDS = {
    "image": Kind.IMAGE,
    "video": Kind.VIDEO,
    "motion": Kind.MOTION,
    "motion-control": Kind.MOTION,
    "avatar": Kind.AVATAR,
    "kol": Kind.AVATAR,
    "kol-ai": Kind.AVATAR,
}
_MODES: dict[Kind, tuple[Mode, ...]] = {
    Kind.IMAGE: (Mode.T2I, Mode.I2I),
    Kind.VIDEO: (Mode.T2V, Mode.I2V),
    Kind.MOTION: (Mode.MOTION,),
    Kind.AVATAR: (Mode.AVATAR,),
}
_ID = re.compile(r"[a-z0-9][a-z0-9._/-]{0,79}")  # it becomes a name that the whole house shares
_PER_SECOND = "per-second"
_PARTS = {
    "resolution": re.compile(r"\d{3,4}p|\d{1,2}k"),
    "duration": re.compile(r"\d{1,4}s"),
    "quality": re.compile(r"low|medium|high"),
    "audio": re.compile(r"audio"),
    "speed": re.compile(r"fast|slow|standard"),
}


class _Unusable(Exception):
    """A model or a row that cannot be kept; the text says why."""


@dataclass(frozen=True)
class ToldPrice:
    """A price row: whole credits, whole seconds; "" or None where it does not tell a parameter apart."""

    server: str
    key: str
    credits: int
    resolution: str = ""
    duration_s: int | None = None
    quality: str = ""
    audio: bool | None = None
    speed: str = ""
    is_per_second: bool = False


@dataclass(frozen=True)
class ToldModel:
    """A model. name: its id in lower case; upstream: as the provider spells it; kind: None where it names none."""

    name: str
    upstream: str
    title: str
    kind: Kind | None
    modes: tuple[str, ...]
    params: Mapping[str, str]
    credits_min: int | None
    credits_max: int | None
    prices: tuple[ToldPrice, ...]

    def modes_as(self, kind: Kind) -> list[str]:
        """The modes that it names, as far as the kind has them; all of the kind's where it names none."""
        return [mode for mode in _MODES[kind] if mode in self.modes] or list(_MODES[kind])


@dataclass
class Told:
    """What could be read. left_out: what could not, in words."""

    models: list[ToldModel] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def read(entries: Iterable[object]) -> Told:
    """The models that the entries describe; at most 2,000 with 20,000 rows.

    Never raises: what makes no sense is left out and named. Of an id that comes twice the first counts.
    """
    told, room, names = Told(), MOST_ROWS, set[str]()
    for number, entry in enumerate(entries):
        if number >= MOST_MODELS:
            told.left_out.append(_("all after %(most)s models") % {"most": MOST_MODELS})
            break
        try:
            model = _model(entry, room, told.left_out)
            _once(model.name, names)
        except _Unusable as unusable:
            told.left_out.append(str(unusable))
        else:
            told.models.append(model)
            room -= len(model.prices)
    return told


def _once(name: str, names: set[str]) -> None:
    if name in names:
        raise _Unusable(_("%(name)s a second time") % {"name": name})
    names.add(name)


def _model(entry: object, room: int, left_out: list[str]) -> ToldModel:
    if not isinstance(entry, Mapping):
        raise _Unusable(_("an entry that is no model"))
    upstream = _text(entry, "model", most=80)
    if not upstream:
        raise _Unusable(_("a model without an id"))
    if not _ID.fullmatch(upstream.lower()):
        raise _Unusable(_("%(name)s, which is no plain id") % {"name": upstream})
    return ToldModel(
        name=upstream.lower(),
        upstream=upstream,
        title=_printable(entry.get("name"))[:80] or upstream,
        kind=_kind(entry, upstream),
        modes=tuple(str(mode).lower() for mode in _list(entry.get("modes"))),
        params=_params(entry.get("params")),
        credits_min=_credits_or_none(entry.get("credits_min")),
        credits_max=_credits_or_none(entry.get("credits_max")),
        prices=_prices(upstream, entry.get("pricing"), room, left_out),
    )


def _kind(entry: Mapping[str, Any], upstream: str) -> Kind | None:
    """Raises _Unusable where it is one that this house does not know."""
    named = _printable(entry.get("type")).lower().replace("_", "-")
    if named and named not in _KINDS:
        raise _Unusable(_("%(name)s, which is %(kind)s") % {"name": upstream, "kind": named[:20]})
    return _KINDS.get(named)


def _params(raw: object) -> dict[str, str]:
    """Parameter name to prose; a list of values is written as the prose that means it."""
    if not isinstance(raw, Mapping):
        return {}
    kept = {str(name): _prose(text) for name, text in list(raw.items())[:_MOST_PARAMS]}
    return {name: text for name, text in kept.items() if text and len(name) <= 60 and name.isprintable()}


def _prose(raw: object) -> str:
    text = " | ".join(map(str, raw)) if isinstance(raw, list) else raw
    return _printable(text)[:_MOST_PROSE_CHARS]


def _prices(name: str, raw: object, room: int, left_out: list[str]) -> tuple[ToldPrice, ...]:
    """The rows of one model, each server and key once: of two the dearer one, so that nothing sells below its cost."""
    kept: dict[tuple[str, str], ToldPrice] = {}
    for row in _list(raw):
        try:
            price = _price(row)
        except _Unusable as unusable:
            left_out.append(f"{name}: {unusable}")
            continue
        known = kept.get((price.server, price.key))
        if known is None and len(kept) >= room:
            left_out.append(_("%(name)s: all after %(most)s prices") % {"name": name, "most": MOST_ROWS})
            break
        kept[price.server, price.key] = max(known or price, price, key=lambda one: one.credits)
    return _with_silence(tuple(kept.values()))


def _with_silence(prices: tuple[ToldPrice, ...]) -> tuple[ToldPrice, ...]:
    """A row that says nothing of sound is a silent one where other rows of the model have sound."""
    if not any(price.audio for price in prices):
        return prices
    return tuple(replace(price, audio=bool(price.audio)) for price in prices)


def _price(row: object) -> ToldPrice:
    if not isinstance(row, Mapping):
        raise _Unusable(_("a row that is no price"))
    key = (_text(row, "key", most=60) or _text(row, "config_key", most=60)).lower()
    if not key:
        raise _Unusable(_("a price without a key"))
    parts = _parts(row, key)
    speed = _text(parts, "speed", most=12).lower()
    return ToldPrice(
        server=_text(row, "server", most=20),
        key=key,
        credits=_credits(row, key),
        resolution=_text(parts, "resolution", most=20).lower(),
        duration_s=_duration_s(parts, key),
        quality=_text(parts, "quality", most=12).lower(),
        audio=_audio(parts, key),
        speed="" if speed == _PER_SECOND else speed,
        is_per_second=speed == _PER_SECOND,
    )


def _parts(row: Mapping[str, Any], key: str) -> dict[str, Any]:
    """What the row says, and for what it leaves out what its key says."""
    said = {name: row[name] for name in _PARTS if row.get(name) not in (None, "")}
    words = {str(value).lower() for value in said.values()}
    for word in [word for word in key.removesuffix(_PER_SECOND).split("-") if word not in words]:
        for name, pattern in _PARTS.items():
            if pattern.fullmatch(word):
                said.setdefault(name, name == "audio" or word)
    if key.endswith(_PER_SECOND):
        said.setdefault("speed", _PER_SECOND)
    return said


def _credits(row: Mapping[str, Any], key: str) -> int:
    credits = _credits_or_none(row.get("credits"))
    if not credits:
        given = _printable(row.get("credits"))[:20] or _("nothing")
        raise _Unusable(_("%(key)s costs %(credits)s") % {"key": key, "credits": given})
    return credits


def _credits_or_none(raw: object) -> int | None:
    """A whole number from 0 to a million, also where it is written as text or as 20.0; else None."""
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        return None
    text = str(raw).strip().removesuffix(".0")
    is_whole = text.isascii() and text.isdecimal() and len(text) < 10
    return int(text) if is_whole and int(text) <= MOST_CREDITS else None


def _duration_s(parts: Mapping[str, Any], key: str) -> int | None:
    if "duration" not in parts:
        return None
    seconds = rows.value("duration", parts["duration"])
    if not isinstance(seconds, int) or seconds <= 0:
        raise _Unusable(_("%(key)s lasts %(duration)s") % {"key": key, "duration": _printable(seconds)[:20]})
    return seconds


def _audio(parts: Mapping[str, Any], key: str) -> bool | None:
    if "audio" not in parts:
        return None
    sound: Param = rows.value("audio", parts["audio"])
    if not isinstance(sound, bool):
        raise _Unusable(_("%(key)s has a sound that is neither on nor off") % {"key": key})
    return sound


def _text(entry: Mapping[str, Any], name: str, *, most: int) -> str:
    """A short text as it stands; "" where there is none. Raises _Unusable where no column can hold it."""
    raw = entry.get(name)
    text = str(raw).strip() if isinstance(raw, str | int | float) else ""
    if len(text) > most or not (text.isascii() and text.isprintable()):
        raise _Unusable(_("%(text)s…, which is too long or unreadable") % {"text": _printable(text)[:30]})
    return text


def _printable(raw: object) -> str:
    """Text that every database takes: without control characters and halves of characters."""
    text = str(raw) if isinstance(raw, str | int | float) else ""
    return "".join(sign for sign in text[:2000] if sign.isprintable()).strip()


def _list(raw: object) -> list[Any]:
    return list(raw) if isinstance(raw, list | tuple) else []
