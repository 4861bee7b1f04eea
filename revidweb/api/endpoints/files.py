"""Bringing input images: at once, in steps for large ones, or from an address."""

from datetime import datetime
from typing import Any, Literal, cast

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from ninja import Router
from pydantic import BaseModel, Field

from revidweb.api import bodies, cors, errors, openapi
from revidweb.api.auth import KeyRequest
from revidweb.files import links, receiving, uploading
from revidweb.files.models import StoredFile, Upload, UploadState
from revidweb.jobs import told
from revidweb.lib import clock, ids
from revidweb.lib.refusal import Refusal

router = Router()

_FILE_FIELDS = ("file", "input_image")
_PUT = ["PUT", "OPTIONS"]
_DELETED = "This file was deleted"


class Uploaded(BaseModel):
    """An image that is there. `url` names it in an order, and opens without a header for a day."""

    upload_id: str
    file_id: str
    url: str
    type: Literal["image"]
    status: Literal["ready"]
    content_type: str
    size_bytes: int


class Underway(BaseModel):
    """An upload that somebody is at: ask for its status until it is completed."""

    upload_id: str
    status: Literal["processing"]


class Presigned(BaseModel):
    """Where to send the bytes."""

    upload_id: str
    upload_url: str = Field(description="Takes the bytes as they are; no Authorization header, any content type.")
    method: Literal["PUT"]
    expires_at: datetime


class Stand(BaseModel):
    """How an upload stands; `url` and what follows it once it is completed, `error` once it failed."""

    upload_id: str
    status: Literal["processing", "completed", "failed"]
    file_id: str | None = None
    url: str | None = None
    type: Literal["image"] | None = None
    content_type: str | None = None
    size_bytes: int | None = None
    error: str | None = None


@router.post(
    "/files/upload/image",
    response=openapi.answers(Uploaded, 400),
    summary="Upload an image",
    operation_id="upload_image",
    openapi_extra=openapi.body(
        {}, files={"file": openapi.said(openapi.FILE, "PNG, JPEG, WebP or a still GIF.")}, is_form_alone=True
    ),
)
def image(request: KeyRequest) -> HttpResponse:
    """Keep an image and answer with its address, for `img_url`. The same image again is the same file."""
    return errors.say(_answered(uploading.bring(request.actor, _given(request))))


@router.post(
    "/files/upload/presign",
    response=openapi.answers(Presigned, 400),
    summary="Begin an upload in steps",
    operation_id="presign_upload",
    openapi_extra=openapi.body({"filename": openapi.text("fox.png", most=255, least=1)}, required=("filename",)),
)
def presign(request: KeyRequest) -> HttpResponse:
    """For large images: `PUT` the bytes to `upload_url`, then confirm. What nobody confirms within a day vanishes."""
    upload = uploading.presign(request.actor, filename=_required(request, "filename", most=255))
    url, expires_at = links.sign_upload(upload)
    answer = {"upload_id": upload.public_id, "upload_url": url, "method": "PUT", "expires_at": told.moment(expires_at)}
    return errors.say(answer)


@router.post(
    "/files/upload/confirm",
    response=openapi.answers(Uploaded | Underway, 400, 404),
    summary="Confirm an upload",
    operation_id="confirm_upload",
    openapi_extra=openapi.body({"upload_id": openapi.text("up_...", most=80, least=1)}, required=("upload_id",)),
)
def confirm(request: KeyRequest) -> HttpResponse:
    """Make an image of the bytes that were sent. Again: the same answer, with a fresh address."""
    upload = uploading.confirm(_found(request, _required(request, "upload_id", most=80)))
    return errors.say(_answered(upload))


@router.post(
    "/files/upload-url",
    response=openapi.answers(Uploaded | Underway, 400),
    summary="Upload from an address",
    operation_id="upload_url",
    openapi_extra=openapi.body(
        {
            "url": openapi.said(
                openapi.text("https://example.com/fox.png", least=1), "A public http or https address."
            ),
            "type": {"type": "string", "enum": ["image"], "default": "image"},
        },
        required=("url",),
    ),
)
def from_url(request: KeyRequest) -> HttpResponse:
    """Have an image fetched in the background: ask for its status. An address of our own is ready at once."""
    body = bodies.read(request)
    kind = body.text("type", most=80).strip().lower() or "image"
    upload = uploading.from_url(request.actor, url=body.text("url").strip(), kind=kind)
    return errors.say(_answered(upload))


@router.get(
    "/files/upload/{upload_id}/status",
    response=openapi.answers(Stand, 404),
    summary="Look at an upload",
    operation_id="upload_status",
)
def status(request: KeyRequest, upload_id: str) -> HttpResponse:
    """Ask every second or two until `status` is completed or failed."""
    return errors.say(_stand(_found(request, upload_id)))


@router.api_operation(_PUT, "/files/upload/{upload_id}/{ticket}", auth=None, include_in_schema=False)
def put(request: HttpRequest, upload_id: str, ticket: str) -> HttpResponseBase:
    """Take the bytes of an upload at the address that was signed for it."""
    answer = cors.preflight() if request.method == "OPTIONS" else _put(request, upload_id, ticket)
    return cors.open_to_all(answer, _PUT)


def _put(request: HttpRequest, upload_id: str, ticket: str) -> HttpResponse:
    """What `put` answers: 404 for an address that we did not sign, 410 for one that expired."""
    until = links.put_until(upload_id, ticket)
    upload = Upload.objects.select_related("tenant").filter(public_id=upload_id).first() if until else None
    if until is None or upload is None:
        return errors.answer(404, "Upload not found")
    if until <= clock.now():
        return errors.answer(410, "This address has expired. Begin another upload.")
    try:
        size_bytes = uploading.receive(upload, _body(request), declared=_promised(request))
    except Refusal as refusal:
        return errors.refused(request, refusal)
    return errors.say({"upload_id": upload.public_id, "size_bytes": size_bytes})


def _body(request: HttpRequest) -> receiving.Readable:
    """Where the raw body is read from. Django takes one without a length for empty, where the server knows its end."""
    if _promised(request) is None and request.META.get("wsgi.input_terminated"):
        return cast("receiving.Readable", request.META["wsgi.input"])
    return cast("receiving.Readable", request)


def _promised(request: HttpRequest) -> int | None:
    """How many bytes the sender says that it sends; None of a chunked body."""
    said = request.META.get("CONTENT_LENGTH") or ""
    return int(said) if said.isdecimal() else None


def _given(request: HttpRequest) -> "UploadedFile[bytes]":
    files = bodies.read(request).files
    given = [file for name in _FILE_FIELDS for file in files.getlist(name)]
    if not given:
        raise Refusal("file_missing", field="file")
    return given[0]


def _required(request: HttpRequest, name: str, *, most: int) -> str:
    value = bodies.read(request).text(name, most=most).strip()
    if not value:
        raise errors.bad(name, "required")
    return value


def _found(request: KeyRequest, upload_id: str) -> Upload:
    """The key's own upload; anybody else's is not there."""
    rows = Upload.objects.visible_to(request.actor).select_related("file", "tenant")
    found = rows.filter(public_id=upload_id).first() if ids.is_possible(upload_id) else None
    if found is None:
        raise errors.not_found("Upload not found")
    return found


def _answered(upload: Upload) -> dict[str, Any]:
    """An upload that is ready, or under way. 404: its file was deleted since."""
    if upload.file is None:
        return {"upload_id": upload.public_id, "status": "processing"}
    if upload.file.deleted_at:
        raise errors.not_found(_DELETED)
    return {"upload_id": upload.public_id, "status": "ready", **_described(upload.file)}


def _stand(upload: Upload) -> dict[str, Any]:
    """How it stands: `completed` is RevidAPI's word here, where its other answers say `ready`."""
    stand = {"upload_id": upload.public_id}
    if upload.state == UploadState.FAILED:
        return stand | {"status": "failed", "error": errors.said(uploading.refusal_of(upload))}
    if upload.file is None:
        return stand | {"status": "processing"}
    if upload.file.deleted_at:
        return stand | {"status": "failed", "error": _DELETED}
    return stand | {"status": "completed", **_described(upload.file)}


def _described(file: StoredFile) -> dict[str, Any]:
    return {
        "file_id": file.public_id,
        "url": links.sign(file),
        "type": file.kind,
        "content_type": file.content_type,
        "size_bytes": file.size_bytes,
    }
