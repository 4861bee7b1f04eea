"""What the stand-in sells: models with price rows, in the shape and the price ranges of the vendor's documents."""

import itertools
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

Fields = Mapping[str, object]
Change = Callable[["Row"], "Row | None"]
DIMENSIONS = ("resolution", "duration", "speed", "quality")


@dataclass(frozen=True)
class Row:
    """One price: what `key` costs on `server`, in whole credits. Dimensions that the model does not have are ""."""

    server: str
    key: str
    credits: int
    resolution: str = ""
    duration: str = ""
    speed: str = ""
    quality: str = ""
    audio: bool = False

    def printed(self) -> dict[str, object]:
        """The row as /models prints it: without what it has not, and without a clip's ordinary speed."""
        shown = {"resolution": self.resolution, "duration": self.duration, "speed": self.speed}
        if self.duration and self.speed == "fast":
            del shown["speed"]
        more = {name: value for name, value in shown.items() if value} | ({"audio": True} if self.audio else {})
        return {"server": self.server, "key": self.key, "config_key": self.key, "credits": self.credits} | more


@dataclass(frozen=True)
class Model:
    """One model. needs_mode: an image without mode=i2v is answered with an error."""

    id: str
    name: str
    type: str
    modes: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: str = ""
    aspects: tuple[str, ...] = ()
    needs_mode: bool = False

    def printed(self) -> dict[str, object]:
        """The model as /models prints it."""
        credits = [row.credits for row in self.rows]
        return {
            "model": self.id,
            "name": self.name,
            "type": self.type,
            "modes": list(self.modes),
            "servers": list(dict.fromkeys(row.server for row in self.rows)),
            "credits_min": min(credits, default=0),
            "credits_max": max(credits, default=0),
            "pricing": [row.printed() for row in self.rows],
            "params": self._prose(),
            "notes": self.notes,
        }

    def _prose(self) -> dict[str, str]:
        """What the generate endpoint reads, in the vendor's words: prose, not enums."""
        prose = {"prompt": "string, required"}
        if {"i2i", "i2v"} & set(self.modes):
            prose["img_url"] = "url, optional (set → image input; omit → text only)"
        for dimension in DIMENSIONS:
            if values := self.values(dimension):
                prose[dimension] = " | ".join(values)
        if "duration" in prose:
            prose["duration"] = " | ".join(value.removesuffix("s") for value in self.values("duration"))
            prose["duration"] += " (seconds; accepts '5' / '5s')"
        if self.aspects:
            prose["aspect_ratio"] = f"{' | '.join(self.aspects)} (default {self.aspects[0]})"
        if any(row.audio for row in self.rows):
            prose["audio"] = "boolean (default false; silently dropped on unsupported combos)"
        servers = " | ".join(dict.fromkeys(row.server for row in self.rows))
        return prose | {"server_id": f"{servers} (omit for auto-select)"}

    def values(self, dimension: str) -> tuple[str, ...]:
        """What a dimension may be, in the order of the rows; nothing where the model does not have it."""
        values = dict.fromkeys(getattr(row, dimension) for row in self.rows)
        return tuple(value for value in values if value)

    def row_for(self, fields: Fields) -> Row | None:
        """The row that an order is charged by: the cheapest of those that fit exactly; None when there is none.

        A dimension that the order leaves out takes its usual value, one that the model does not have is ignored, and
        `audio` is dropped where no row has it.
        """
        server, key = _text(fields, "server_id"), _text(fields, "config_key")
        rows = [row for row in self.rows if server in {"", row.server}]
        if key:
            rows = [row for row in rows if row.key == key]
        else:
            wanted = {name: self._wanted(name, fields) for name in DIMENSIONS}
            rows = [row for row in rows if all(getattr(row, name) == value for name, value in wanted.items())]
            audio = is_true(fields.get("audio")) and any(row.audio for row in rows)
            rows = [row for row in rows if row.audio == audio]
        return min(rows, key=lambda row: row.credits, default=None)

    def _wanted(self, dimension: str, fields: Fields) -> str:
        values, asked = self.values(dimension), _text(fields, dimension)
        if not values:
            return ""
        if not asked:
            return next((usual for usual in ("fast", "medium") if usual in values), values[0])
        return f"{asked.removesuffix('s')}s" if dimension == "duration" else asked


class Catalog:
    """The models on sale now. Tests change it while it is being asked."""

    def __init__(self, models: tuple[Model, ...] = ()) -> None:
        self._lock = threading.Lock()
        self._models = {model.id: model for model in models or MODELS}

    def find(self, model: str) -> Model | None:
        """The model of exactly this id."""
        return self._models.get(model)

    def all(self) -> list[Model]:
        """Every model on sale, in their order."""
        with self._lock:
            return list(self._models.values())

    def add(self, model: Model) -> None:
        """Sell one more model, or another version of one."""
        with self._lock:
            self._models[model.id] = model

    def remove(self, model: str) -> Model:
        """Sell a model no more; `add` brings it back."""
        with self._lock:
            return self._models.pop(model)

    def remove_row(self, model: str, key: str, *, server: str = "") -> None:
        """Take a price row away, on one server or on all. Raises AssertionError when there is none."""
        self._change(model, key, server, lambda row: None)

    def set_price(self, model: str, key: str, credits: int, *, server: str = "") -> None:
        """Change what a row costs, on one server or on all. Raises AssertionError when there is none."""
        self._change(model, key, server, lambda row: replace(row, credits=credits))

    def _change(self, model: str, key: str, server: str, change: Change) -> None:
        with self._lock:
            old = self._models[model]
            hits = [row for row in old.rows if row.key == key and server in {"", row.server}]
            assert hits, f"{model} has no row {key} on {server or 'any server'}"
            rows = (change(row) if row in hits else row for row in old.rows)
            self._models[model] = replace(old, rows=tuple(filter(None, rows)))


def is_true(value: object) -> bool:
    """Whether a flag is set, as JSON and forms write it."""
    return str(value).lower() in {"true", "1", "yes", "on"}


def _text(fields: Fields, name: str) -> str:
    value = fields.get(name)
    return "" if value is None else str(value)


def _rows(server: str, **prices: int) -> tuple[Row, ...]:
    """Rows of one server from keys ("_" for "-"): {resolution}-{duration}[-audio]-{speed}, or a part of that."""
    return tuple(_row(server, key.lstrip("_").replace("_", "-"), credits) for key, credits in prices.items())


def _row(server: str, key: str, credits: int) -> Row:
    parts = key.split("-")
    found = {
        "resolution": next((part for part in parts if part in {"default", "1k", "2k", "4k"} or part.endswith("p")), ""),
        "duration": next((part for part in parts if part[:-1].isdigit() and part.endswith("s")), ""),
        "speed": next((part for part in parts if part in {"fast", "slow", "standard"}), ""),
        "quality": next((part for part in parts if part in {"low", "medium", "high"}), ""),
    }
    return Row(server, key, credits, audio="audio" in parts, **found)


def _image(model: str, name: str, *rows: tuple[Row, ...], notes: str = "") -> Model:
    joined = tuple(itertools.chain(*rows))
    return Model(model, name, "image", ("t2i", "i2i"), joined, notes, ("1:1", "16:9", "9:16", "4:3", "3:4"))


def _video(
    model: str, name: str, aspects: tuple[str, ...], *rows: tuple[Row, ...], notes: str = "", needs_mode: bool = False
) -> Model:
    joined = tuple(itertools.chain(*rows))
    return Model(model, name, "video", ("t2v", "i2v"), joined, notes, aspects, needs_mode)


WIDE = ("16:9", "9:16")
WIDE_OR_SQUARE = (*WIDE, "1:1")
MODELS = (
    _image(
        "nano-banana",
        "Nano Banana",
        _rows("fast", default_slow=1, default_fast=4),
        _rows("vip1", default_slow=10, default_fast=20),
    ),
    _image(
        "nano-banana-pro",
        "Nano Banana PRO",
        _rows("fast", _1k_slow=12, _1k_fast=30, _2k_slow=18, _2k_fast=35, _4k_slow=24, _4k_fast=50),
        _rows("vip1", _1k_fast=40, _2k_fast=45, _4k_fast=70),
    ),
    _image("image-4.0", "Imagen 4.0", _rows("fast", default_fast=4)),
    _image("image-gpt-2", "Chat GPT Image 2", _rows("vip1", low_fast=8, medium_fast=20, high_fast=40)),
    _image(
        "flux-2-pro",
        "Flux 2 Pro",
        _rows("fast", _1k_slow=10, _1k_fast=15, _2k_slow=15, _2k_fast=20),
        _rows("vip1", _1k_fast=20, _2k_fast=30),
    ),
    _image(
        "seedream-4.5",
        "Seedream 4.5",
        _rows("fast", _2k_slow=15, _2k_fast=25, _4k_fast=40),
        _rows("vip1", _2k_fast=35, _4k_fast=70),
    ),
    _video(
        "kling-2.5-turbo",
        "Kling 2.5 Turbo",
        WIDE_OR_SQUARE,
        _rows("fast", _720p_5s_fast=10, _720p_10s_fast=20, _1080p_5s_fast=25, _1080p_10s_fast=50),
        _rows("vip1", _720p_5s_fast=75, _1080p_10s_fast=300),
        needs_mode=True,
    ),
    _video(
        "kling-2.6",
        "Kling 2.6",
        WIDE_OR_SQUARE,
        _rows("fast", _720p_5s_fast=15, _720p_5s_audio_fast=25, _720p_10s_fast=30, _720p_10s_audio_fast=50),
        _rows("fast", _1080p_5s_fast=30, _1080p_10s_fast=60),
        _rows("vip1", _720p_5s_slow=80, _1080p_5s_slow=160, _1080p_10s_slow=320, _1080p_10s_audio_slow=640),
        _rows("vip2", _720p_5s_fast=20, _1080p_5s_fast=45, _1080p_10s_fast=90),
        notes="Audio chỉ valid trên một số combo resolution/quality — server bỏ flag silently nếu sai combo.",
    ),
    _video("veo3.1-low", "Veo 3.1 LOW", WIDE, _rows("fast", _8s_fast=15)),
    _video("veo3.1-fast", "Veo 3.1 FAST", WIDE, _rows("fast", _8s_fast=10)),
    _video(
        "grok-i2v",
        "Grok Video",
        ("9:16", "16:9", "1:1"),
        _rows("default", _480p_6s_standard=30, _480p_10s_standard=45, _720p_6s_standard=50, _720p_10s_standard=70),
    ),
    Model(
        "motion-control-3.0",
        "Motion Control 3.0",
        "motion-control",
        ("motion",),
        _rows("vip2", _720p=12, _1080p=120),
    ),
)
