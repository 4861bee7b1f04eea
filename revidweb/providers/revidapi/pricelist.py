"""The models and price rows that upstream prints, each checked, in the shape in which the catalog's own files are.

Nothing is made up: an entry without an id or of an unknown type is left out, and so is a row without server, key or
whole credits above zero. What a row leaves unsaid is read from its key, whose grammar the documents state.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from revidweb.providers.base import Kind, Mode

from . import shapes
from .shapes import Body

Entry = Mapping[str, object]

_KINDS = {
    "image": Kind.IMAGE,
    "video": Kind.VIDEO,
    **dict.fromkeys(("motion", "motion-control", "motion_control"), Kind.MOTION),
    **dict.fromkeys(("avatar", "kol", "kol-ai", "kol_ai"), Kind.AVATAR),
}
_MODES = {
    Kind.IMAGE: (Mode.T2I, Mode.I2I),
    Kind.VIDEO: (Mode.T2V, Mode.I2V),
    Kind.MOTION: (Mode.MOTION,),
    Kind.AVATAR: (Mode.AVATAR,),
}
_INPUTS = ("img_url", "image_url", "image_urls", "input_image")
_PER_SECOND = "per-second"
_SPEED = re.compile(rf"(?:^|-)({_PER_SECOND}|fast|slow|standard)$")
_PARTS = {
    "quality": re.compile(r"low|medium|high"),
    "resolution": re.compile(r"\d{3,4}p|\d{1,2}k|default"),
    "duration": re.compile(r"\d{1,3}s"),
}
_CAPABILITIES = {
    "resolutions": "resolution",
    "durations": "duration",
    "aspect_ratios": "aspect_ratio",
    "qualities": "quality",
}
_LONGEST = {"server": 20, "key": 60, "resolution": 20, "quality": 12, "speed": 12}
_NAME_MAX_CHARS, _NOTE_MAX_CHARS = 80, 2000


def read(listed: Sequence[Body], rows: Sequence[Body]) -> list[Entry]:
    """Every model that can be understood, once. rows: of `/models/pricing`, for models that print none themselves."""
    found: dict[str, Entry] = {}
    for entry in listed:
        name = _name(entry)
        kind = _kind(entry)
        if name and kind and name not in found:
            found[name] = _entry(entry, name, kind, rows_of(entry) or [row for row in rows if _name(row) == name])
    return list(found.values())


def rows_of(entry: Body) -> list[Body]:
    """The price rows that stand with a model."""
    return shapes.entries({"rows": entry.get("pricing")}, "rows") or []


def _name(entry: Body) -> str:
    name = shapes.identifier(entry.get("model") or entry.get("id"))
    return name if len(name) <= _NAME_MAX_CHARS else ""


def _kind(entry: Body) -> Kind | None:
    """By its type, else by its modes."""
    if found := _KINDS.get(shapes.word(entry.get("type"))):
        return found
    modes = _words(entry.get("modes"))
    return next((kind for kind, known in _MODES.items() if modes & set(known)), None)


def _entry(entry: Body, name: str, kind: Kind, raw_rows: Iterable[Body]) -> Entry:
    params = _params(entry)
    rows = _once(row for raw in raw_rows if (row := _row(raw)))
    prices = [int(str(row["credits"])) for row in rows]
    return {
        "model": name,
        "name": shapes.plain(str(entry.get("name") or name), _NAME_MAX_CHARS),
        "type": kind.value,
        "modes": _modes(entry, kind, params),
        "servers": list(dict.fromkeys(str(row["server"]) for row in rows)),
        "credits_min": min(prices, default=None),
        "credits_max": max(prices, default=None),
        "pricing": rows,
        "params": params,
        "notes": shapes.plain(str(entry.get("notes") or ""), _NOTE_MAX_CHARS),
    }


def _modes(entry: Body, kind: Kind, params: Mapping[str, str]) -> list[str]:
    """As printed; else what the parameters let one do: a picture goes in where they name one."""
    told = [mode.value for mode in _MODES[kind] if mode in _words(entry.get("modes"))]
    takes_pictures = len(_MODES[kind]) == 1 or any(name in params for name in _INPUTS)
    return told or [mode.value for mode in _MODES[kind][: None if takes_pictures else 1]]


def _words(value: Any) -> set[str]:
    return {shapes.word(one) for one in value} if isinstance(value, list) else set()


def _params(entry: Body) -> dict[str, str]:
    """Name to prose; what only `capabilities` lists joins it in the same form, "720p | 1080p"."""
    told = entry.get("params")
    named = told.items() if isinstance(told, dict) else ()
    params = {shapes.plain(str(name), 40): text for name, value in named if (text := _prose(value))}
    able = entry.get("capabilities")
    for name, param in _CAPABILITIES.items():
        if isinstance(able, dict) and (text := _prose(able.get(name))):
            params.setdefault(param, text)
    return params


def _prose(value: Any) -> str:
    if isinstance(value, list):
        return shapes.plain(" | ".join(str(one) for one in value if isinstance(one, str | int)), _NOTE_MAX_CHARS)
    return shapes.plain(value, _NOTE_MAX_CHARS) if isinstance(value, str) else ""


def _once(rows: Iterable[dict[str, object]]) -> list[dict[str, object]]:
    """The first row of each server and key."""
    found: dict[tuple[object, object], dict[str, object]] = {}
    for row in rows:
        found.setdefault((row["server"], row["key"]), row)
    return list(found.values())


def _row(raw: Body) -> dict[str, object] | None:
    """One price row, None where it names no price. Parts that it does not tell apart are left out."""
    key = _short("key", raw.get("key") or raw.get("config_key"))
    server = _short("server", raw.get("server") or raw.get("server_id"))
    credits = shapes.whole(raw.get("credits"))
    if not (key and server and credits):
        return None
    row: dict[str, object] = {"server": server, "key": key, "credits": credits}
    return row | {name: value for name, value in (_told_by_key(key) | _told(raw)).items() if value not in ("", None)}


def _told(raw: Body) -> dict[str, object]:
    """What the row itself says of its order, as far as it can be read."""
    said: dict[str, object] = {name: _short(name, raw.get(name)) for name in ("resolution", "quality", "speed")}
    said |= {"duration": _duration(raw.get("duration")), "audio": shapes.truth(raw.get("audio"))}
    said["aspect_ratio"] = shapes.word(raw.get("aspect_ratio"))
    return {name: value for name, value in said.items() if value not in ("", None)}


def _told_by_key(key: str) -> dict[str, object]:
    """What the key says: `{resolution}-{duration}[-audio]-{speed}`, a quality in the place of the resolution."""
    text = key.lower()
    speed = _SPEED.search(text)
    parts = text[: speed.start()].split("-") if speed else text.split("-")
    told: dict[str, object] = {"speed": speed[1] if speed else "", "audio": True if "audio" in parts else None}
    for name, form in _PARTS.items():
        told[name] = next((part for part in parts if form.fullmatch(part)), "")
    return told


def _short(name: str, value: Any) -> str:
    """A word that has room in a row; keys and servers keep their spelling, which upstream may compare."""
    text = value.strip() if isinstance(value, str) and value.isprintable() else ""
    text = text if name in ("key", "server") else text.lower()
    return text if len(text) <= _LONGEST[name] else ""


def _duration(value: Any) -> str:
    """From 5, "5" and "5s" the form in which keys write it."""
    seconds = shapes.whole(value.strip().lower().removesuffix("s") if isinstance(value, str) else value)
    return f"{seconds}s" if seconds else ""
