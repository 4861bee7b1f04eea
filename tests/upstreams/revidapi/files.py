"""Uploads, and the storage behind them: it knows no key, and answers ranges and HEAD."""

import math
import re
from typing import TYPE_CHECKING, cast

from . import generating, media, orders, refusals
from .http import Answer
from .orders import Invalid
from .script import Call
from .uploads import Upload

if TYPE_CHECKING:
    from .stand_in import StandIn


def upload(stand_in: "StandIn", call: Call) -> Answer:
    """POST /files/upload/image: a file in the field `file`."""
    file = next((part for part in call.request.parts() if part.name == "file" and part.filename), None)
    if file is None:
        return refusals.missing("body", "file")
    opened = stand_in.uploads.open(call.account.id, "direct", name=file.filename)
    return _fill(stand_in, call, opened, file.body)


def presign(stand_in: "StandIn", call: Call) -> Answer:
    """POST /files/upload/presign: where to PUT a file of this name."""
    try:
        name = orders.body(call.request).text("filename")
    except Invalid as invalid:
        return refusals.no(422, invalid.detail)
    opened = stand_in.uploads.open(call.account.id, "presign", name=name)
    return Answer(200, {"upload_url": f"{stand_in.origin}/put/{opened.id}", "upload_id": opened.id})


def put(stand_in: "StandIn", call: Call) -> Answer:
    """PUT to the address that `presign` gave: storage, which knows no key."""
    opened = stand_in.uploads.find(call.argument)
    if opened is None or opened.way != "presign":
        return refusals.storage(403, "AccessDenied")
    try:
        stand_in.uploads.fill(opened, call.request.body, wait_s=math.inf)
    except ValueError:
        return refusals.storage(400, "InvalidRequest")
    return Answer(200, b"", {"ETag": f'"{opened.id}"'})


def confirm(stand_in: "StandIn", call: Call) -> Answer:
    """POST /files/upload/confirm: the file was PUT, give its address."""
    try:
        found = stand_in.uploads.find(orders.body(call.request).text("upload_id"))
    except Invalid as invalid:
        return refusals.no(422, invalid.detail)
    if found is None or found.account != call.account.id:
        return refusals.no(404, "Upload not found")
    return _fill(stand_in, call, found, found.body) if found.body else refusals.no(400, "File has not been uploaded")


def upload_url(stand_in: "StandIn", call: Call) -> Answer:
    """POST /files/upload-url: fetch a file from elsewhere. It reaches nobody: what comes is a picture of its own."""
    try:
        source = orders.body(call.request).text("url")
    except Invalid as invalid:
        return refusals.no(422, invalid.detail)
    opened = stand_in.uploads.open(call.account.id, "url", source=source)
    usual: dict[str, object] = {"wait_s": stand_in.upload_s, "said": "completed"}
    call.notes["upload"] = usual | cast("dict[str, object]", call.notes.get("upload", {}))
    _fill(stand_in, call, opened, media.picture({}, mark=source).body)
    return Answer(200, {"upload_id": opened.id, "status": "processing"})


def upload_status(stand_in: "StandIn", call: Call) -> Answer:
    """GET /files/upload/{id}/status."""
    found = stand_in.uploads.find(call.argument)
    if found is None or found.account != call.account.id:
        return refusals.no(404, "Upload not found")
    if found.error:
        return Answer(200, {"upload_id": found.id, "status": "failed", "error": found.error})
    return Answer(200, _upload_row(stand_in, found))


def _fill(stand_in: "StandIn", call: Call, opened: Upload, body: bytes) -> Answer:
    facts = cast("dict[str, float | str]", call.notes.get("upload", {}))
    try:
        filled = stand_in.uploads.fill(opened, body, **facts)  # type: ignore[arg-type]
    except ValueError:
        return refusals.no(400, "Unsupported file type")
    return Answer(200, _upload_row(stand_in, filled))


def _upload_row(stand_in: "StandIn", upload: Upload) -> dict[str, object]:
    """An upload as it is answered; without its address until that can be used."""
    if not stand_in.uploads.is_ready(upload):
        return {"upload_id": upload.id, "status": "processing"}
    return {
        "upload_id": upload.id,
        "file_id": upload.id.replace("up_", "file_"),
        "url": f"{stand_in.origin}/inputs/{upload.id}",
        "type": upload.content_type.partition("/")[0],
        "status": upload.said,
        "content_type": upload.content_type,
        "size_bytes": len(upload.body),
    }


def output(stand_in: "StandIn", call: Call) -> Answer:
    """GET a result."""
    job = stand_in.book.by_token(call.argument)
    if job is None or job.fate.media == "gone":
        return refusals.storage(404, "NoSuchKey")
    if job.fate.media == "page":
        return refusals.gateway(200)
    if generating.is_picture(job):
        made = media.picture(job.params, mark=job.id)
    else:
        seconds = int(job.row.duration.removesuffix("s") or 2)
        made = media.clip(job.params, audio=job.row.audio, seconds=seconds, mark=job.id)
    return _file(call, made.body, made.content_type)


def input_file(stand_in: "StandIn", call: Call) -> Answer:
    """GET an upload."""
    found = stand_in.uploads.find(call.argument)
    if found is None or not stand_in.uploads.is_ready(found):
        return refusals.storage(404, "NoSuchKey")
    return _file(call, found.body, found.content_type)


def _file(call: Call, body: bytes, content_type: str) -> Answer:
    """A file, or the range of it that was asked for."""
    headers = {"Accept-Ranges": "bytes"}
    asked = re.fullmatch(r"bytes=(\d*)-(\d*)", call.request.headers.get("range", ""))
    if asked is None or asked[0] == "bytes=-":
        return Answer(200, body, headers, content_type)
    first = int(asked[1]) if asked[1] else max(len(body) - int(asked[2]), 0)
    last = min(int(asked[2]), len(body) - 1) if asked[1] and asked[2] else len(body) - 1
    if first > last:
        return Answer(416, b"", headers | {"Content-Range": f"bytes */{len(body)}"}, content_type)
    spot = {"Content-Range": f"bytes {first}-{last}/{len(body)}"}
    return Answer(206, body[first : last + 1], headers | spot, content_type)
