"""Media: the bytes of stored files and of the tenant's logo, to those who may see them."""

import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import quote

from django.core.files import File
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from revidweb.accounts.models import Tenant
from revidweb.files import logos, storage, thumbs
from revidweb.files.models import EXTENSIONS, StoredFile
from revidweb.lib import ranges
from revidweb.lib.ranges import NotSatisfiable, Range
from revidweb.web import access
from revidweb.web.access import ActorRequest, actor_may

_YEAR_S = 31_536_000
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


@require_safe
@actor_may()
def media(request: ActorRequest, file_id: str, variant: str) -> HttpResponseBase:
    """A stored file, its thumbnail or its poster, whole or in part; `?download` offers it for saving."""
    file = access.file(request, file_id)
    name, content_type = _variant(file, variant)
    answer = _served(request, name, content_type=content_type, etag=f'"{file.sha256[:40]}-{variant}"')
    answer["Content-Disposition"] = _disposition(_file_name(file, content_type), "download" in request.GET)
    _keep(answer, _YEAR_S)
    return answer


@require_safe
@actor_may()
def logo(request: ActorRequest) -> HttpResponseBase:
    """The tenant's logo, to its members."""
    return logo_of(request, request.actor.tenant)


def logo_of(request: HttpRequest, tenant: Tenant) -> HttpResponseBase:
    """A tenant's logo, to whom the caller lets see it; under an address with `?v=` it never changes. 404: has none."""
    name = tenant.logo
    if not name:
        raise Http404
    answer = _served(request, name, content_type=logos.CONTENT_TYPE, etag=f'"{name.rpartition("/")[2]}"')
    _keep(answer, _YEAR_S if "v" in request.GET else 0)
    return answer


def _keep(answer: HttpResponseBase, for_s: int) -> None:
    """Let the browser of whoever asked keep the answer, and nobody in between; for 0 seconds: ask each time."""
    if answer.status_code == 416:
        patch_cache_control(answer, no_store=True)
    elif for_s:
        patch_cache_control(answer, private=True, max_age=for_s, immutable=True)
    else:
        patch_cache_control(answer, private=True, no_cache=True)


def _variant(file: StoredFile, variant: str) -> tuple[str, str]:
    """Where the variant is stored and what it is; 404 for one that the file does not have."""
    names = {
        "original": (file.path, file.content_type),
        "thumb": (file.thumb_path, thumbs.CONTENT_TYPE),
        "poster": (file.poster_path, thumbs.CONTENT_TYPE),
    }
    name, content_type = names.get(variant, ("", ""))
    if not name:
        raise Http404
    return name, content_type


def _served(request: HttpRequest, name: str, *, content_type: str, etag: str) -> HttpResponseBase:
    """The stored file as the request's conditions and range want it: 200, 206, 304 or 416; 404 if it is not there."""
    if _is_known(request.headers.get("If-None-Match", ""), etag):
        answer: HttpResponseBase = HttpResponse(status=304)
    else:
        answer = _with_body(request, _opened(name), etag)
        answer["Content-Type"] = content_type
        answer["Accept-Ranges"] = "bytes"
        answer["Content-Security-Policy"] = _POLICY
        answer["Cross-Origin-Resource-Policy"] = "same-origin"
        answer["X-Content-Type-Options"] = "nosniff"
    answer["ETag"] = etag
    return answer


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
    answer = _head(file) if request.method == "HEAD" else StreamingHttpResponse(_Part(file, part or Range(0, size - 1)))
    answer["Content-Length"] = str(part.length if part else size)
    if part:
        answer.status_code = 206
        answer["Content-Range"] = f"bytes {part.start}-{part.end}/{size}"
    return answer


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
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().strip()
    plain = f"file{plain}" if plain.startswith(".") or not plain else plain
    kind = "attachment" if is_download else "inline"
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
