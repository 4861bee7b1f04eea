"""Bringing files to upstream: small ones directly, large ones to an address that it signs, or from an address."""

import time
from contextlib import ExitStack
from typing import Any, BinaryIO

from django.conf import settings

from revidweb.lib import multipart
from revidweb.lib.refusal import Refusal
from revidweb.providers.base import Account, Input, ProviderBusy, ProviderRefused

from . import client, errors, sending, shapes
from .client import Answer

_LOOK_S, _LOOK_MAX_S = 0.25, 2.0
_READABLE_TRIES, _READABLE_S = 3, 5.0
_UNSIGNED = ("authorization", "host", "content-length", "transfer-encoding", "connection", "cookie")


def upload(account: Account, file: Input) -> str:
    """Bring the file there; the address by which an order names it. REVIDAPI_CREATE_TIMEOUT_S bounds it all.

    Raises all four: ProviderRefused "no_upload" when it takes none, "input" when it does not like this one.
    """
    until = _from_now()
    with ExitStack() as opened:
        content = sending.opened_file(file, opened)
        is_large = multipart.size_of(content) >= settings.REVIDAPI_PRESIGN_BYTES
        address = _signed(account, file, content, until) if is_large and _kind(file) != "audio" else ""
        address = address or _direct(account, file, content, until)
    _wait_until_readable(address, until)
    return address


def from_url(account: Account, url: str, *, kind: str) -> str:
    """Let upstream fetch an address itself. kind: "image" or "video". Raises as `upload` does."""
    until = _from_now()
    answer = client.ask(account, "POST", "/files/upload-url", sent={"url": url, "type": kind})
    return _address(account, _good(answer), until)


def _from_now() -> float:
    return time.monotonic() + settings.REVIDAPI_CREATE_TIMEOUT_S


def _kind(file: Input) -> str:
    kind = file.content_type.partition("/")[0]
    return kind if kind in ("image", "video", "audio") else "image"


def _direct(account: Account, file: Input, content: BinaryIO, until: float) -> str:
    kind = file.content_type or "application/octet-stream"
    part = multipart.FilePart("file", sending.filename(file.content_type), kind, content)
    body, content_type = multipart.encode([], [part], until=until)
    answer = client.ask(
        account,
        "POST",
        f"/files/upload/{_kind(file)}",
        body=body,
        content_type=content_type,
        timeout_s=client.left_s(until),
    )
    return _address(account, _good(answer), until)


def _signed(account: Account, file: Input, content: BinaryIO, until: float) -> str:
    """By an address that upstream signs; "" where it signs none, or its store does not take the file that way."""
    answer = client.ask(
        account, "POST", "/files/upload/presign", sent={"filename": sending.filename(file.content_type)}
    )
    if not answer.is_good:
        return _nothing_if_refused(answer)
    told = answer.body
    upload_id, target = _upload_id(told), shapes.url(shapes.first(told, "upload_url", "url"))
    if not (upload_id and target and _is_put(target, told, file, content, until)):
        return ""
    confirmed = client.ask(account, "POST", "/files/upload/confirm", sent={"upload_id": upload_id})
    if not confirmed.is_good:
        return _nothing_if_refused(confirmed)
    return _address(account, confirmed.body, until, upload_id=upload_id)


def _nothing_if_refused(answer: Answer) -> str:
    error = errors.of(answer)
    if isinstance(error, ProviderRefused):
        return ""
    raise error


def _is_put(target: str, told: Any, file: Input, content: BinaryIO, until: float) -> bool:
    """Whether the store took the bytes. The key stays here: the store is another host."""
    body = multipart.Body([content], until=until)
    try:
        status = client.put(target, body, _headers(told, file), timeout_s=client.left_s(until))
    except (Refusal, ProviderBusy):
        return False
    return 200 <= status < 300


def _headers(told: Any, file: Input) -> dict[str, str]:
    """The content type, and what the signature asks for besides."""
    asked = shapes.first(told, "headers")
    asked = asked if isinstance(asked, dict) else {}
    signed = {
        str(name): value
        for name, value in asked.items()
        if isinstance(value, str) and f"{name}{value}".isascii() and f"{name}{value}".isprintable()
    }
    kept = {name: value for name, value in signed.items() if name.lower() not in _UNSIGNED}
    return {"Content-Type": file.content_type or "application/octet-stream"} | kept


def _good(answer: Answer) -> Any:
    """The body of an upload's answer. Raises what it says instead, an upload that is not offered as "no_upload"."""
    if answer.is_good:
        return answer.body
    if answer.status in (404, 405, 501):
        raise ProviderRefused(errors.reason_of(answer), code="no_upload")
    raise errors.of(answer)


def _upload_id(told: Any) -> str:
    return shapes.identifier(shapes.first(told, "upload_id", "uploadId", "file_id", "id"))


def _address(account: Account, told: Any, until: float, *, upload_id: str = "") -> str:
    """Where the file stands; asked for until it is ready. Raises ProviderRefused when it failed or stands nowhere."""
    upload_id = _upload_id(told) or upload_id
    wait_s = _LOOK_S
    while not _is_ready(told):
        if not upload_id:
            raise ProviderRefused("The upload came back without an address.", code="no_upload")
        time.sleep(min(wait_s, client.left_s(until)))
        wait_s = min(wait_s * 1.5, _LOOK_MAX_S)
        told = _good(client.ask(account, "GET", f"/files/upload/{client.quoted(upload_id)}/status"))
    return _url(told)


def _is_ready(told: Any) -> bool:
    """Whether it can be used. Raises ProviderRefused "input" when it failed."""
    status = shapes.word(shapes.first(told, "status"))
    if status.startswith(("failed", "error")):
        raise ProviderRefused(shapes.saying(told) or "The upload failed.", code="input")
    return bool(_url(told)) and status not in ("processing", "pending", "queued", "uploading")


def _url(told: Any) -> str:
    return shapes.url(shapes.first(told, "url", "file_url", "cdn_url"))


def _wait_until_readable(address: str, until: float) -> None:
    """Give a fresh address a moment: it is not always readable at once. One that stays closed is used all the same."""
    wait_s = _LOOK_S
    for _try in range(_READABLE_TRIES):
        left_s = until - time.monotonic()
        if left_s <= wait_s or client.is_readable(address, timeout_s=min(_READABLE_S, left_s)):
            return
        time.sleep(wait_s)
        wait_s *= 2
