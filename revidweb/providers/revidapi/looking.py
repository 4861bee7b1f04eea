"""What upstream says of a job, in all the forms in which it was seen to say it."""

import re
from typing import Any

from revidweb.providers.base import Sighting, Status

from . import errors, shapes

_WORDS = {
    **dict.fromkeys(("pending", "queued", "waiting", "in_queue"), Status.PENDING),
    **dict.fromkeys(("completed", "complete", "succeeded", "success", "done", "finished"), Status.DONE),
    "failure": Status.FAILED,
    **dict.fromkeys(("cancelled", "canceled"), Status.CANCELLED),
}
_FAILED = re.compile(r"\s*(?:failed|error)\b[\s:\-]*(.*)", re.IGNORECASE | re.DOTALL)  # "failed: Server timeout"
_NO_SUCH_JOB = re.compile(r"\bjob( set)? (was )?not found", re.IGNORECASE)
_BESIDE = ("error", "error_message", "message", "detail")
_RESULTS = ("result", "results", "output_url", "output", "result_url", "url")


def sighting(body: Any) -> Sighting | None:
    """What the answer says; None when it names no status.

    A word that nobody knows is a job that still runs. A failed job keeps the results that came with it.
    """
    said = _said(body)
    if not said:
        return None
    status, error = _status(said), _error(said, body)
    if status is Status.FAILED and _NO_SUCH_JOB.search(error):
        return Sighting(Status.MISSING, error=error)
    return Sighting(
        status,
        progress=shapes.percent(shapes.first(body, "progress")),
        results=_results(body),
        error=error if status in (Status.FAILED, Status.CANCELLED) else "",
        error_code=_error_code(status, error),
        refunded=refunded(body),
    )


def _said(body: Any) -> str:
    """The status; of an answer in an envelope the inner one, since the outer may be the request's."""
    words = [layer.get(name) for layer in shapes.layers(body) for name in ("state", "status")]
    return next((word for word in reversed(words) if isinstance(word, str) and word.strip()), "")


def refunded(body: Any) -> bool | None:
    """Whether the charge went back, where the answer says so: yes or no, or an amount."""
    said = shapes.first(body, "refunded", "refund", "credits_refunded", "refunded_credits")
    amount = None if isinstance(said, bool) else shapes.whole(said)
    return amount > 0 if amount is not None else shapes.truth(said)


def _status(said: str) -> Status:
    return Status.FAILED if _FAILED.match(said) else _WORDS.get(said.strip().lower(), Status.WORKING)


def _error(said: str, body: Any) -> str:
    """Why it failed: beside the status, else behind it."""
    beside = next(filter(None, (shapes.saying(shapes.first(body, name)) for name in _BESIDE)), "")
    behind = _FAILED.match(said)
    return beside or (shapes.plain(behind[1]) if behind else "")


def _error_code(status: Status, error: str) -> str:
    if status is not Status.FAILED:
        return ""
    return "moderated" if errors.is_moderated(error) else "failed"


def _results(body: Any) -> tuple[str, ...]:
    for layer in shapes.layers(body):
        for name in _RESULTS:
            if found := shapes.urls(layer.get(name)):
                return found
    return ()
