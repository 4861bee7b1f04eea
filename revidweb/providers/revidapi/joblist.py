"""One entry of upstream's job list, typed as far as it is clear."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from revidweb.providers.account_pages import JobEntry
from revidweb.providers.base import Kind, Mode

from . import looking, shapes
from .shapes import Body

LISTS = ("jobs", "items", "data", "results")
_KINDS = {
    Mode.T2I: Kind.IMAGE,
    Mode.I2I: Kind.IMAGE,
    Mode.T2V: Kind.VIDEO,
    Mode.I2V: Kind.VIDEO,
    Mode.MOTION: Kind.MOTION,
    Mode.AVATAR: Kind.AVATAR,
}
_PROMPT_MAX_CHARS = 20_000


def entry(told: Body) -> JobEntry | None:
    """The job that an entry tells of; None without an id."""
    ticket = shapes.ticket(told)
    if not ticket:
        return None
    seen, word, params = looking.sighting(told), shapes.word(told.get("type")), parameters(told)
    mode = Mode(word) if word in set(Mode) else None
    kind = _KINDS[mode] if mode else Kind(word) if word in set(Kind) else None
    return JobEntry(
        ticket=ticket,
        model=shapes.plain(_text(told.get("model")) or _text(params.get("model"))),
        prompt=(_text(told.get("prompt")) or _text(params.get("prompt")))[:_PROMPT_MAX_CHARS],
        kind=kind,
        mode=mode,
        status=seen.status if seen else None,
        credits=shapes.whole(shapes.first(told, "credits_cost", "cost", "credits", inside=())),
        results=seen.results if seen else (),
        created_at=utc(shapes.first(told, "created_at", "createdAt", inside=())),
        completed_at=utc(shapes.first(told, "completed_at", "completedAt", "finished_at", inside=())),
        params=shapes.kept(params),
        raw=shapes.kept(told),
    )


def parameters(told: Body) -> Mapping[str, Any]:
    """The parameters that the job was made with, as far as the list prints them: an object, or JSON in a text."""
    params = told.get("input_params") or told.get("params")
    params = shapes.unpacked(params) if isinstance(params, str) else params
    return params if isinstance(params, dict) else {}


def utc(told: Any) -> datetime | None:
    """A time in UTC."""
    at = shapes.moment(told)
    try:
        return at.astimezone(UTC) if at else None
    except OverflowError:
        return None


def _text(told: Any) -> str:
    """A text that a database holds."""
    text = told if isinstance(told, str) else ""
    return text.replace("\x00", " ").encode("utf-8", "replace").decode().strip()
