"""Take files in: prove what they are, place them with their small pictures, and describe them as a row."""

import hashlib
import io
import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from revidweb.accounts.models import Member, Tenant
from revidweb.lib.refusal import Refusal

from . import probe, storage, stripping, thumbs
from .models import EXTENSIONS, MediaKind, Purpose, StoredFile

_NAME_MAX_CHARS = 120


def take_in(
    path: Path, *, tenant: Tenant, member: Member | None, key: str = "", purpose: Purpose, stem: str, name: str = ""
) -> StoredFile:
    """Place the file and its small pictures, and describe them in a row that the caller saves.

    All names come from `stem` ("outputs/<tenant>/<job>/0"), so a second run replaces what a first one left behind. An
    input must be an image and loses its metadata (and a GIF becomes a PNG); an output is kept byte for byte. `path` is
    the caller's and stays as it is. key: the public id of the API key by which it came, "" for none. name: what the
    person called it.
    Raises Refusal "file_empty", "file_too_large" (max_mb=), "file_unknown_type", "file_broken", "image_too_large"
    (width=, height=, max_px=), "image_bomb" (max_px=), "image_animated", "not_an_image" or "clip_unplayable".
    """
    is_input = purpose == Purpose.INPUT
    probe.measure(path, max_bytes=settings.UPLOAD_MAX_BYTES if is_input else settings.RESULT_MAX_BYTES)
    with storage.scratch() as folder, probe.decoding:
        if is_input:
            path = _as_input(path, folder)
        look = probe.look(path)
        file = _described(path, look, stem)
        _place(path, look, file, stem)
    file.tenant, file.member, file.key = tenant, member, key
    file.purpose, file.name = purpose, clean_name(name)
    return file


def _as_input(path: Path, folder: Path) -> Path:
    """The image as inputs are kept: without metadata, and never as a GIF, which few models take."""
    content_type = probe.sniff(path)
    if not content_type.startswith("image/"):
        raise Refusal("not_an_image")
    kept = folder / "input"
    if content_type == "image/gif":
        probe.look(path).picture.save(kept, "PNG")
    else:
        kept.write_bytes(stripping.strip(path.read_bytes(), content_type))
    return kept


def _described(path: Path, look: probe.Look, stem: str) -> StoredFile:
    with path.open("rb") as content:
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    return StoredFile(
        kind=look.kind,
        content_type=look.content_type,
        size_bytes=path.stat().st_size,
        sha256=sha256,
        width=look.width,
        height=look.height,
        duration_ms=look.duration_ms,
        has_audio=look.has_audio,
        path=stem + EXTENSIONS[look.content_type],
        thumb_path=f"{stem}-thumb.webp",
        poster_path=f"{stem}-poster.webp" if look.kind == MediaKind.VIDEO else "",
        blur=thumbs.blur(look),
    )


def _place(path: Path, look: probe.Look, file: StoredFile, stem: str) -> None:
    """Store the pictures, then the file; and delete what an earlier run stored as another type."""
    storage.place(io.BytesIO(thumbs.thumb(look)), file.thumb_path)
    if file.poster_path:
        storage.place(io.BytesIO(thumbs.poster(look)), file.poster_path)
    with path.open("rb") as content:
        storage.place(content, file.path)
    storage.delete(*_names(stem).difference(file.names))


def forget(stem: str) -> None:
    """Delete whatever `take_in` placed for this stem, for who saves no row of it. A repeat changes nothing."""
    storage.delete(*_names(stem))


def _names(stem: str) -> set[str]:
    """Every name that a file of this stem may have."""
    pictures = {f"{stem}-thumb.webp", f"{stem}-poster.webp"}
    return pictures | {stem + extension for extension in EXTENSIONS.values()}


def received(upload: "UploadedFile[bytes]", folder: Path) -> Path:
    """The upload as a file in the folder. Raises Refusal "file_too_large" before anything is copied."""
    if (upload.size or 0) > settings.UPLOAD_MAX_BYTES:
        raise probe.too_large(settings.UPLOAD_MAX_BYTES)
    path = folder / "upload"
    with path.open("wb") as file:
        for chunk in upload.chunks():
            file.write(chunk)
    return path


@contextmanager
def refused_at(field: str) -> Iterator[None]:
    """Let a refusal from inside concern this form field."""
    try:
        yield
    except Refusal as refusal:
        refusal.field = field
        raise


def clean_name(name: str) -> str:
    """A file's name without folders and control characters, at most 120 characters."""
    plain = unicodedata.normalize("NFC", re.split(r"[/\\]", name)[-1])
    return "".join(sign for sign in plain if unicodedata.category(sign)[0] != "C").strip()[:_NAME_MAX_CHARS]
