"""Every 'no' as a program hears it: a status and `{"detail": …}`, in RevidAPI's words where it has some.

Programs compare these texts, so they are not translated. A code that is not in the table is bad input: 400.
"""

import json
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse

from revidweb.lib.refusal import Refusal

_QUEUE_WAIT_S = 5  # a slot is not free sooner, as a rule
_FIELDS = {"server": "server_id"}  # a field of ours, as programs call it
_PERIODS = {"day": "Daily", "week": "Weekly", "month": "Monthly"}

_STATUSES: dict[str, int] = {
    **dict.fromkeys(("key_missing", "key_unknown", "key_revoked", "key_expired", "key_paused", "key_suspended"), 401),
    **dict.fromkeys(("not_enough_credits", "wallet_closed", "window_limit", "lifetime_limit"), 402),
    **dict.fromkeys(("address_not_allowed", "kind_not_allowed", "model_not_allowed", "not_allowed"), 403),
    "upload_too_slow": 408,
    "token_reused": 422,
    **dict.fromkeys(("key_rate", "queue_full", "uploads_too_many"), 429),
    "model_unavailable": 503,
}
SAYINGS: dict[str, str] = {
    # the key
    "key_missing": "Missing Authorization header",
    "key_unknown": "Invalid API key",
    "key_revoked": "API key was revoked",
    "key_expired": "API key has expired",
    "key_paused": "API key is disabled",
    "key_suspended": "API key belongs to a suspended member",
    "key_rate": "Rate limit exceeded. Limit: %(limit)s requests per minute.",
    "address_not_allowed": "API key may not be used from this address",
    "kind_not_allowed": "API key has no permission for this kind",
    "model_not_allowed": "API key has no permission for this model",
    "not_allowed": "API key has no permission for this resource",
    # money
    "wallet_closed": "This wallet is closed",
    "lifetime_limit": "Lifetime limit reached. Limit: %(most)s, Used: %(used)s, Required: %(needed)s",
    "uploads_too_many": "Too many uploads. Limit: %(most)s per hour.",
    "disk_full": "The storage for uploads is full. Delete files first.",
    # the order
    "empty_prompt": "required",
    "prompt_too_long": "has %(length)s characters; at most %(most)s are taken",
    "token_reused": "This Idempotency-Key was used for another request",
    "unknown_model": "no such model",
    "not_offered": "%(model)s is not offered",
    "wrong_kind": "%(model)s makes another kind: %(kind)s",
    "model_unavailable": "No connection offers %(model)s at this moment",
    "needs_input_image": "%(model)s needs an input image",
    "takes_no_input_image": "%(model)s takes no input image",
    "too_many_inputs": "%(model)s starts from at most %(most)s, not from %(count)s",
    "not_taken": "this model has no such parameter",
    "not_a_choice": "%(value)s is not a choice. Possible: %(choices)s",
    "impossible": "%(value)s is not possible together with the rest. Possible: %(choices)s",
    "no_audio": "not possible together with the rest",
    "needs_duration": "required",
    "bad_address": "must be a full http or https address",
    "private_address": "%(host)s is not a public address",
    "unknown_input": "no such file",
    # jobs
    "already_ended": "Job has already ended",
    "cannot_cancel": "Job cannot be cancelled at this moment. Try again in a few seconds.",
    # files
    "file_missing": "required",
    "file_cut_off": "fewer bytes came than Content-Length promised",
    "file_empty": "the file is empty",
    "file_too_large": "the file is larger than %(max_mb)s MB",
    "file_unknown_type": "not a PNG, JPEG, WebP or GIF image",
    "file_broken": "the file is damaged or incomplete",
    "image_too_large": "%(width)s x %(height)s pixels; at most %(max_px)s on a side are taken",
    "image_bomb": "far too large; at most %(max_px)s pixels on a side are taken",
    "image_animated": "an animated image is not taken",
    "not_an_image": "not an image",
    "clip_unplayable": "not an H.264 MP4 or VP9 WebM clip",
    "too_many_redirects": "the address redirects more than %(most)s times",
    "address_silent": "the address gave no answer",
    "upload_over": "This upload has ended",
    "upload_too_slow": "The bytes came too slowly",
    "upload_tried_out": "Bytes were sent %(most)s times already. Begin another upload.",
    "upload_not_received": "No bytes have come for this upload",
    "only_images": "only images are taken",
    "address_answered": "the address answered with status %(status)s",
}


class Failed(Exception):
    """A 'no' of this front itself: what the request is, not what it asks for."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


def bad(field: str, saying: str) -> Failed:
    """Bad input at a field: 400, "prompt: required"."""
    return Failed(400, f"{field}: {saying}")


def not_found(what: str = "Not found") -> Failed:
    """No such thing, or somebody else's: 404."""
    return Failed(404, what)


def answer(status: int, detail: Any, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """The response of a 'no'."""
    return say({"detail": detail}, status=status, headers=headers)


def say(body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """Any response: JSON values as they are."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return HttpResponse(text, status=status, content_type="application/json", headers=headers)


def refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """The response to what a room refuses."""
    status = _STATUSES.get(refusal.code, 400)
    return answer(status, _detail(request, refusal, status), _headers(refusal, status))


def _detail(request: HttpRequest, refusal: Refusal, status: int) -> Any:
    if refusal.code == "queue_full":
        return _queue_full(refusal.facts)
    if refusal.code == "not_enough_credits":
        return _too_little(request, refusal.facts)
    if refusal.code == "window_limit":
        return _window(refusal.facts)
    field = _FIELDS.get(refusal.field, refusal.field)
    return f"{field}: {said(refusal)}" if field and status == 400 else said(refusal)


def said(refusal: Refusal) -> str:
    """What is wrong, without the field that it concerns."""
    saying = SAYINGS.get(refusal.code) or refusal.code.replace("_", " ")
    return saying % {name: _readable(value) for name, value in refusal.facts.items()}


def _readable(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value


def _too_little(request: HttpRequest, facts: Mapping[str, Any]) -> str:
    """Whose wallet it is, what it takes and what is free."""
    key = getattr(request, "key", None)
    whose = "key" if key is not None and key.wallet_id else "user"
    return f"Insufficient {whose} balance. Required: {facts['needed']}, Available: {facts['free']}"


def _window(facts: Mapping[str, Any]) -> str:
    resets_at: datetime = facts["resets_at"]
    period = _PERIODS[facts["limit"]]
    figures = f"Limit: {facts['most']}, Used: {facts['used']}, Required: {facts['needed']}"
    return f"{period} limit reached. {figures}. Resets at {resets_at.isoformat(timespec='seconds')}"


def _queue_full(facts: Mapping[str, Any]) -> dict[str, Any]:
    running, queue, moving = facts["running"] or 0, facts["queue"] or 0, facts["moving"]
    queued = max(0, moving - running)
    return {
        "error": "Queue full",
        "message": f"Queue full ({queued}/{queue})",
        "current_usage": {"total": min(moving, running), "queued": queued},
        "limits": {"total_concurrent": running, "queue": queue},
    }


def rate_headers(limit: int, remaining: int, resets_in_s: int) -> dict[str, str]:
    """How many requests a minute has, how many are left in it, and in how many seconds the next one begins."""
    return {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset": str(resets_in_s),
    }


def _headers(refusal: Refusal, status: int) -> dict[str, str]:
    if status != 429:
        return {}
    facts = refusal.facts
    wait = {"Retry-After": str(max(1, math.ceil(facts.get("retry_after_s", _QUEUE_WAIT_S))))}
    if refusal.code != "key_rate":
        return wait
    return wait | rate_headers(facts["limit"], facts["remaining"], facts["resets_in_s"])
