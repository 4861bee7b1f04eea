"""Receive uploads without letting one fill the disk, or hold a thread of the server for longer than it takes."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler

from revidweb.lib.refusal import Refusal

from . import probe

_CHUNK_BYTES = 64 * 1024
_LEAST_BYTES_PER_S = 16 * 1024  # on average
_START_S = 15.0  # before the average counts
_MOST_S = 600.0


class Readable(Protocol):
    """What a request's body is read from."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; b"" at the end."""
        ...


def write(source: Readable, target: Path, *, declared: int | None) -> int:
    """Write a body to `target` as it comes; how many bytes there were. declared: how many the sender promised, if any.

    Nothing is read beyond UPLOAD_MAX_BYTES. Raises Refusal "file_too_large" (max_mb=), "file_empty", "file_cut_off", or
    "upload_too_slow": fewer than 16 KB a second, or more than ten minutes in all.
    """
    most, size_bytes = settings.UPLOAD_MAX_BYTES, 0
    if (declared or 0) > most:
        raise probe.too_large(most)
    with target.open("wb") as file, _timely(source) as body:
        while size_bytes <= most and (chunk := body.read(_CHUNK_BYTES)):
            size_bytes += file.write(chunk)
    if declared is not None and size_bytes < declared:
        raise Refusal("file_cut_off")
    return probe.measure(target, max_bytes=most)


@contextmanager
def _timely(source: Readable) -> "Iterator[_Timely]":
    body = _Timely(source)
    try:
        yield body
    finally:
        body.leave()


class _Timely:
    """A body that is waited for as long as it comes fast enough.

    To read from a connection knows no end of its waiting. So a thread beside ours reads, one chunk when it is asked to;
    where that takes too long it is left behind, and ends with its connection.
    """

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._wanted: SimpleQueue[int] = SimpleQueue()
        self._found: SimpleQueue[bytes | Exception] = SimpleQueue()
        self._began, self._size_bytes = time.monotonic(), 0
        threading.Thread(target=self._work, name="upload", daemon=True).start()

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; b"" at the end. Raises Refusal "upload_too_slow", and what the source raises."""
        self._wanted.put(size)
        try:
            found = self._found.get(timeout=max(0.0, self._left_s()))
        except Empty:
            raise Refusal("upload_too_slow") from None
        if isinstance(found, Exception):
            raise found
        self._size_bytes += len(found)
        return found

    def leave(self) -> None:
        """Read no more."""
        self._wanted.put(0)

    def _left_s(self) -> float:
        may_take_s = min(_MOST_S, _START_S + self._size_bytes / _LEAST_BYTES_PER_S)
        return self._began + may_take_s - time.monotonic()

    def _work(self) -> None:
        while size := self._wanted.get():
            try:
                self._found.put(self._source.read(size))
            except Exception as trouble:  # told to who waits for it
                self._found.put(trouble)


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
