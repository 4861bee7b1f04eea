"""Receive uploads without letting one fill the disk."""

from pathlib import Path
from typing import Any, Protocol

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler

from revidweb.lib.refusal import Refusal

from . import probe

_CHUNK_BYTES = 256 * 1024


class Readable(Protocol):
    """What a request's body is read from."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; b"" at the end."""
        ...


def write(source: Readable, target: Path, *, declared: int | None) -> int:
    """Write a body to `target` as it comes; how many bytes there were. declared: how many the sender promised, if any.

    Nothing is read beyond UPLOAD_MAX_BYTES. Raises Refusal "file_too_large" (max_mb=), "file_empty" or "file_cut_off".
    """
    most, size_bytes = settings.UPLOAD_MAX_BYTES, 0
    if (declared or 0) > most:
        raise probe.too_large(most)
    with target.open("wb") as file:
        while size_bytes <= most and (chunk := source.read(_CHUNK_BYTES)):
            size_bytes += file.write(chunk)
    if declared is not None and size_bytes < declared:
        raise Refusal("file_cut_off")
    return probe.measure(target, max_bytes=most)


class BoundedUploadHandler(FileUploadHandler):
    """Stands first in FILE_UPLOAD_HANDLERS: what comes after the first byte too many is read and thrown away.

    The file that the view gets is then just over UPLOAD_MAX_BYTES, so it is refused at its field, in words.
    """

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """The chunk for the next handler, or nothing once the file is too large anyway."""
        return None if start > settings.UPLOAD_MAX_BYTES else raw_data

    def file_complete(self, file_size: int) -> Any:
        """The next handler makes the file."""
        return None
