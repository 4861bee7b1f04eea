"""From an answer that says no to one of the four errors."""

import html
import re
from typing import Any

from revidweb.providers.base import AccountRefused, OutcomeUnknown, ProviderBusy, ProviderError, ProviderRefused

from . import shapes
from .client import NOTHING, Answer

_WRAPPED = re.compile(r"\s*(4\d\d)\b[\s:\-]*")  # a client's error that the server wrapped: 500 {"detail": "400: …"}
_INPUT = frozenset({400, 404, 413, 422})
_NOT_THERE = frozenset({404, 405, 410, 501})
_PASSING = frozenset({408, 409, 425})
_MODERATED = re.compile(
    r"moderat|nsfw|\bsafety\b|\bsensitive (content|word|material)|inappropriate|prohibited (content|word)"
    r"|content[ _-]policy|usage polic|policy violation|violat\w* [\w' ]{0,30}(polic|guideline|terms)",
    re.IGNORECASE,
)
_OF_THE_ACCOUNT = re.compile(r"\b(accounts?|organi[sz]ation|balance)\b", re.IGNORECASE)
_OF_THE_KEY = re.compile(r"\b(api[ _-]?key|key|token|authorization|credentials?)\b", re.IGNORECASE)
_OF_THE_QUEUE = re.compile(r"queue|concurren|\bslots?\b|running jobs", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]{0,200}>(.{0,500}?)</title", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^>]{0,1000}>")


def of(answer: Answer, *, is_create: bool = False) -> ProviderError:
    """What an answer means that is not the one hoped for. is_create: a job may have been made all the same.

    Of a create only what certainly made nothing is anything but OutcomeUnknown.
    """
    status, reason = _status(answer), reason_of(answer)
    found = _account(status, reason) or _busy(answer, status, reason) or _refused(answer, status, reason, is_create)
    if found:
        return found
    return OutcomeUnknown(reason) if is_create else _of_a_question(answer, reason)


def reason_of(answer: Answer) -> str:
    """What the answer says, in a line that may be stored and shown, with the status where it says little."""
    said = _said(answer.body) if answer.body is not NOTHING else _of_a_page(answer.text)
    return f"HTTP {answer.status}: {said}" if said else f"HTTP {answer.status}"


def is_moderated(text: str) -> bool:
    """Whether a text says that the content was not wanted; an account that is locked for it is another matter."""
    return bool(_MODERATED.search(text)) and not _OF_THE_ACCOUNT.search(text)


def is_page(answer: Answer) -> bool:
    """Whether a web page came, as proxies and other sites send it, instead of an API's answer."""
    return answer.body is NOTHING and answer.text.lstrip()[:1] == "<"


def _said(body: Any) -> str:
    """In the order in which hosts put it: error, detail.error.message, detail, message, the text itself."""
    if not isinstance(body, dict):
        return shapes.saying(body)
    places = (body.get("error"), body.get("detail"), body.get("error_message"), body.get("message"))
    return next(filter(None, map(shapes.saying, places)), "")


def _of_a_page(text: str) -> str:
    """A page's title, else its words."""
    head = text[:20_000]
    title = _TITLE.search(head)
    return shapes.plain(html.unescape(title[1] if title else _TAG.sub(" ", head)))


def _status(answer: Answer) -> int:
    """The status, of a 500 the one that its detail begins with."""
    detail = answer.body.get("detail") if isinstance(answer.body, dict) else None
    wrapped = _WRAPPED.match(shapes.saying(detail)) if answer.status == 500 and detail else None
    return int(wrapped[1]) if wrapped else answer.status


def _account(status: int, reason: str) -> ProviderError | None:
    if status == 403:
        if is_moderated(reason):
            return ProviderRefused(reason, code="moderated")
        return AccountRefused(reason, code="invalid" if _OF_THE_KEY.search(reason) else "locked")
    codes = {401: "invalid", 402: "exhausted"}
    return AccountRefused(reason, code=codes[status]) if status in codes else None


def _busy(answer: Answer, status: int, reason: str) -> ProviderError | None:
    if status == 429:
        code = "queue_full" if _OF_THE_QUEUE.search(reason) else "rate"
        return ProviderBusy(reason, code=code, retry_after_s=answer.retry_after_s)
    if status == 503 and isinstance(answer.body, dict) and "detail" in answer.body:
        return ProviderBusy(reason, code="unavailable", retry_after_s=answer.retry_after_s)
    return None


def _refused(answer: Answer, status: int, reason: str, is_create: bool) -> ProviderError | None:
    """Final for this order or question: what the server's own check of it says."""
    if status not in _INPUT and status == answer.status:
        return None
    if is_moderated(reason):
        return ProviderRefused(reason, code="moderated")
    is_gone = status in _NOT_THERE and not is_create
    return ProviderRefused(reason, code="gone" if is_gone else "input")


def _of_a_question(answer: Answer, reason: str) -> ProviderError:
    """Of anything but a create: gone for ever, wrong for ever, or another time."""
    if answer.status in _NOT_THERE:
        return ProviderRefused(reason, code="gone")
    if 400 <= answer.status < 500 and answer.status not in _PASSING:
        return ProviderRefused(reason, code="input")
    code = "unavailable" if answer.status >= 500 else "busy"
    return ProviderBusy(reason, code=code, retry_after_s=answer.retry_after_s)
