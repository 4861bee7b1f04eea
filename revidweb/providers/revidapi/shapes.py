"""Reading answers tolerantly: where a figure, an id, an address or a word may stand, and which forms it may take."""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import ROUND_FLOOR, Decimal, InvalidOperation
from typing import Any

Body = Mapping[str, Any]

_TEXT_MAX_CHARS = 300
_SOURCE_MAX_CHARS = 20_000
_ID_MAX_CHARS = 200
_URL_MAX_CHARS = 2000
_URLS_MAX = 16
_DEPTH_MAX = 5
_KEPT_DEPTH_MAX = 50
_WHOLE_MAX = 1_000_000_000
_INSIDE = ("data", "job")  # where some hosts put what others print on top
_URL = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
_URL_NAMES = (
    *("url", "urls", "result_url", "output_url", "video_url", "image_url"),
    *("videos", "video", "images", "image", "outputs", "output", "results", "result", "files", "file", "data"),
)
_SAYING = ("message", "error_message", "error", "msg", "detail", "reason", "title")


def layers(body: Any, inside: Sequence[str] = _INSIDE) -> Iterator[Body]:
    """The object itself, then those objects inside it in which hosts wrap an answer."""
    if isinstance(body, dict):
        yield body
        for name in inside:
            if isinstance(body.get(name), dict):
                yield body[name]


def first(body: Any, *names: str, inside: Sequence[str] = _INSIDE) -> Any:
    """The first value that is not null under one of the names, on any layer; None where there is none."""
    for layer in layers(body, inside):
        for name in names:
            if layer.get(name) is not None:
                return layer[name]
    return None


def ticket(body: Any) -> str:
    """The job's id, "" where none is told."""
    return identifier(first(body, "job_id", "jobId")) or identifier(first(body, "id"))


def identifier(value: Any) -> str:
    """An id that may stand in a path: a text or a whole number; "" for anything else."""
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    is_fit = 0 < len(text) <= _ID_MAX_CHARS and text.isprintable() and text.strip("./\\")
    return text if is_fit else ""


def whole(value: Any) -> int | None:
    """A figure that is whole, not below 0 and no nonsense, also as "30" or 30.0; else None."""
    number = _number(value)
    return int(number) if number is not None and number >= 0 and number == number.to_integral_value() else None


def floored(value: Any) -> int | None:
    """A figure rounded down, also below 0; None where there is none."""
    number = _number(value)
    return None if number is None else int(number.to_integral_value(ROUND_FLOOR))


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value).strip())
    except (InvalidOperation, ValueError):
        return None
    return number if number.is_finite() and -_WHOLE_MAX <= number <= _WHOLE_MAX else None


def percent(value: Any) -> int | None:
    """Progress as 0..100, also from "40%"."""
    number = floored(value.strip().removesuffix("%") if isinstance(value, str) else value)
    return number if number is not None and 0 <= number <= 100 else None


def truth(value: Any) -> bool | None:
    """Yes or no, also as a word; None for anything else."""
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    return value if isinstance(value, bool) else words.get(str(value).strip().lower())


def word(value: Any) -> str:
    """One word as it is compared: lower case, without spaces around it; "" for what is no text."""
    return value.strip().lower() if isinstance(value, str) else ""


def moment(value: Any) -> datetime | None:
    """A time as an aware datetime: ISO with or without a zone (then UTC), or seconds or milliseconds since 1970."""
    try:
        if isinstance(value, str) and not value.strip().replace(".", "", 1).isdecimal():
            at = datetime.fromisoformat(value.strip())
            return at if at.tzinfo else at.replace(tzinfo=UTC)
        number = _number_of_seconds(value)
        return None if number is None else datetime.fromtimestamp(number, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _number_of_seconds(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    number = float(value)
    return number / 1000 if number > 100_000_000_000 else number


def url(value: Any) -> str:
    """An http address; "" for anything else. Whether it may be dialled is judged where it is dialled."""
    text = value.strip().replace(" ", "%20") if isinstance(value, str) else ""
    return text if len(text) <= _URL_MAX_CHARS and text.isprintable() and _URL.fullmatch(text) else ""


def urls(value: Any, depth: int = 0) -> tuple[str, ...]:
    """The addresses of a result: one text, a list, objects, or JSON written into a text; each once."""
    if depth > _DEPTH_MAX:
        return ()
    if isinstance(value, list):
        found = (each for one in value[:_URLS_MAX] for each in urls(one, depth + 1))
        return tuple(dict.fromkeys(found))[:_URLS_MAX]
    if isinstance(value, dict):
        named = (urls(value[name], depth + 1) for name in _URL_NAMES if value.get(name))
        return next(filter(None, named), ())
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        return urls(unpacked(value), depth + 1)
    return (url(value),) if url(value) else ()


def unpacked(text: str) -> Any:
    """The JSON that a text holds; None where it holds none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def kept(value: Any, depth: int = 0) -> Any:
    """The same without what no database holds: NUL, half characters, numbers that are none, nesting without end."""
    if isinstance(value, str):
        return value.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | dict) and depth > _KEPT_DEPTH_MAX:
        return None
    if isinstance(value, list):
        return [kept(one, depth + 1) for one in value]
    if isinstance(value, dict):
        return {kept(name): kept(one, depth + 1) for name, one in value.items()}
    return value


def entries(body: Any, *names: str) -> list[Body] | None:
    """The objects of a list, which stands bare or under one of the names; None where there is no list."""
    if isinstance(body, list):
        return [one for one in body if isinstance(one, dict)]
    for layer in layers(body):
        for name in names:
            if isinstance(layer.get(name), list):
                return [one for one in layer[name] if isinstance(one, dict)]
    return None


def plain(text: str, most: int = _TEXT_MAX_CHARS) -> str:
    """One line that may be stored and shown: no control characters, no half characters, not long."""
    whole_text = text[:_SOURCE_MAX_CHARS].encode("utf-8", "replace").decode()
    line = " ".join("".join(each if each.isprintable() else " " for each in whole_text).split())
    return line if len(line) <= most else line[: most - 1] + "…"


def saying(value: Any, depth: int = 0) -> str:
    """What a text, an object or a list (of a validation) says; "" where it says nothing."""
    if isinstance(value, str):
        return plain(value)
    if depth > _DEPTH_MAX:
        return ""
    if isinstance(value, list):
        return plain("; ".join(filter(None, (saying(one, depth + 1) for one in value[:5]))))
    if isinstance(value, dict):
        said = next(filter(None, (saying(value.get(name), depth + 1) for name in _SAYING)), "")
        return plain(f"{_place(value)}{said}") if said else ""
    return ""


def _place(value: Body) -> str:
    """Which field a validation means: ["body", "prompt"] is prompt."""
    place = value.get("loc")
    last = place[-1] if isinstance(place, list) and place else None
    return f"{plain(last, 60)}: " if isinstance(last, str) else ""
