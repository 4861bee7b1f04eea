"""Stored files as answers to requests: whole or in part, known versions not again, and never run by a browser."""

import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import quote

from django.core.files import File
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.cache import patch_cache_control

from revidweb.lib import ranges
from revidweb.lib.ranges import NotSatisfiable, Range

from . import storage, thumbs
from .models import EXTENSIONS, StoredFile

ORIGINAL = "original"
_CHUNK_BYTES = 256 * 1024
# Also opened on its own, a file runs nothing and reaches nothing; browsers style their own viewers inline.
_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'"
_STEM_MAX_CHARS = 100
_UNSAFE_IN_NAMES = re.compile(r'[\x00-\x1f\x7f"\\/:*?<>|]+')


class _Part:
    """A part of an open file in chunks; Django closes it with the response, also when the reader leaves early."""

    def __init__(self, file: "File[bytes]", part: Range) -> None:
        file.seek(part.start)
        self._file, self._left = file, part.length

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self._file.read(min(self._left, _CHUNK_BYTES)):
            self._left -= len(chunk)
            yield chunk

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def variants(file: StoredFile) -> dict[str, tuple[str, str]]:
    """What there is of a file: original, thumb and a clip's poster, each with its stored name and content type."""
    known = {
        ORIGINAL: (file.path, file.content_type),
        "thumb": (file.thumb_path, thumbs.CONTENT_TYPE),
        "poster": (file.poster_path, thumbs.CONTENT_TYPE),
    }
    return {variant: place for variant, place in known.items() if place[0]}


def answer(request: HttpRequest, file: StoredFile, variant: str) -> HttpResponseBase:
    """A variant of the file; `?download` offers it for saving. Say with `keep` how long it is good.

    Raises Http404 for a variant that the file does not have, and for bytes that are not there.
    """
    name, content_type = variants(file).get(variant, ("", ""))
    if not name:
        raise Http404
    given = stored(request, name, content_type=content_type, etag=f'"{file.sha256[:40]}-{variant}"')
    given["Content-Disposition"] = _disposition(_file_name(file, content_type), "download" in request.GET)
    return given


def stored(request: HttpRequest, name: str, *, content_type: str, etag: str) -> HttpResponseBase:
    """What is stored under the name, as the request's conditions and range want it: 200, 206, 304 or 416.

    Raises Http404 if it is not there.
    """
    if _is_known(request.headers.get("If-None-Match", ""), etag):
        given: HttpResponseBase = HttpResponse(status=304)
    else:
        given = _with_body(request, _opened(name), etag)
        given["Content-Type"] = content_type
        given["Accept-Ranges"] = "bytes"
        given["Content-Security-Policy"] = _POLICY
        given["X-Content-Type-Options"] = "nosniff"
    given["Cross-Origin-Resource-Policy"] = "same-origin"
    given["ETag"] = etag
    return given


def keep(given: HttpResponseBase, *, for_s: int, is_fixed: bool = True) -> None:
    """Let the browser of whoever asked keep the answer, and nobody in between; for 0 seconds: ask each time.

    is_fixed: the content behind the address never changes.
    """
    if given.status_code == 416:
        patch_cache_control(given, no_store=True)
    elif for_s <= 0:
        patch_cache_control(given, private=True, no_cache=True)
    elif is_fixed:
        patch_cache_control(given, private=True, max_age=for_s, immutable=True)
    else:
        patch_cache_control(given, private=True, max_age=for_s)


def _opened(name: str) -> "File[bytes]":
    try:
        return storage.read(name)
    except FileNotFoundError:
        raise Http404 from None


def _with_body(request: HttpRequest, file: "File[bytes]", etag: str) -> HttpResponseBase:
    size = file.size
    try:
        part = ranges.asked(_range_header(request, etag), size)
    except NotSatisfiable:
        file.close()
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    given = _head(file) if request.method == "HEAD" else StreamingHttpResponse(_Part(file, part or Range(0, size - 1)))
    given["Content-Length"] = str(part.length if part else size)
    if part:
        given.status_code = 206
        given["Content-Range"] = f"bytes {part.start}-{part.end}/{size}"
    return given


def _range_header(request: HttpRequest, etag: str) -> str:
    """The range asked for; none for HEAD, nor when If-Range names another version than ours."""
    if request.method != "GET" or request.headers.get("If-Range", etag) != etag:
        return ""
    return request.headers.get("Range", "")


def _head(file: "File[bytes]") -> HttpResponse:
    file.close()
    return HttpResponse()


def _is_known(header: str, etag: str) -> bool:
    """Whether If-None-Match names our version, weakly or strongly (RFC 9110, 13.1.2)."""
    return header.strip() == "*" or etag in {tag.strip().removeprefix("W/") for tag in header.split(",")}


def _file_name(file: StoredFile, content_type: str) -> str:
    """What the file is called when saved: its name or its id, with the extension of what it really is."""
    stem = file.name
    for extension in EXTENSIONS.values():
        stem = stem.removesuffix(extension)
    words = " ".join(_UNSAFE_IN_NAMES.sub(" ", stem).split()).strip(" .")
    return (words[:_STEM_MAX_CHARS].strip() or file.public_id) + EXTENSIONS[content_type]


def _disposition(name: str, is_download: bool) -> str:
    """The header of RFC 6266: an ASCII name for old programs, the true one in UTF-8 beside it."""
    folded = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = _UNSAFE_IN_NAMES.sub(" ", folded).strip()  # a wide quotation mark has become a plain one
    plain = f"file{plain}" if plain.startswith(".") or not plain else plain
    kind = "attachment" if is_download else "inline"
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
