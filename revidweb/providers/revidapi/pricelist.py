"""The models that upstream prints, brought into one shape: what differs is where hosts put an id, prices and choices.

What a row is worth is the catalog's to judge; here no row is made up, and none is dropped.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from . import shapes
from .shapes import Body

Entry = Mapping[str, object]

_CAPABILITIES = {  # some hosts list here what others write into `params`
    "resolutions": "resolution",
    "durations": "duration",
    "aspect_ratios": "aspect_ratio",
    "qualities": "quality",
}


def read(listed: Sequence[Body], rows: Sequence[Body]) -> list[Entry]:
    """Every entry with an id. rows: of `/models/pricing`, for the entries that print no prices themselves."""
    return [_entry(entry, name, rows) for entry in listed if (name := _name(entry))]


def rows_of(entry: Body) -> list[Body]:
    """The price rows that stand with a model."""
    return shapes.entries({"rows": entry.get("pricing")}, "rows") or []


def _name(entry: Body) -> str:
    return shapes.identifier(entry.get("model")) or shapes.identifier(entry.get("id"))


def _entry(entry: Body, name: str, rows: Sequence[Body]) -> Entry:
    own = rows_of(entry) or [row for row in rows if _name(row) == name]
    return {**entry, "model": name, "pricing": [_row(row) for row in own], "params": _params(entry)}


def _row(row: Body) -> Entry:
    """With `key` and `server` under their names of today."""
    named = {"key": row.get("key") or row.get("config_key"), "server": row.get("server") or row.get("server_id")}
    return {**row, **{name: value for name, value in named.items() if value}}


def _params(entry: Body) -> dict[str, Any]:
    """Name to prose; what only `capabilities` lists joins it in the same form, "720p | 1080p"."""
    told, able = entry.get("params"), entry.get("capabilities")
    params = dict(told) if isinstance(told, dict) else {}
    for name, param in _CAPABILITIES.items():
        choices = able.get(name) if isinstance(able, dict) else None
        if isinstance(choices, list) and choices:
            params.setdefault(param, " | ".join(map(str, choices)))
    return params
