"""A form with files, read while it is sent: a large file never stands in memory whole."""

import io
import os
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

_CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True)
class FilePart:
    """One file of the form. `content` can seek; whoever opened it closes it."""

    name: str
    filename: str
    content_type: str
    content: BinaryIO


class Body:
    """Bytes from several sources one after the other, as requests takes them in `data=`; its length is known.

    Reading fails once `until` (on the monotonic clock) is past, so that a receiver who takes it drop by drop cannot
    hold the sender for ever.
    """

    def __init__(self, sources: Sequence[BinaryIO], *, until: float) -> None:
        self._sources = list(sources)
        self._size_bytes = sum(size_of(source) for source in self._sources)
        self._until = until

    def __len__(self) -> int:
        return self._size_bytes

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self.read(_CHUNK_BYTES):
            yield chunk

    def read(self, size: int = _CHUNK_BYTES) -> bytes:
        """The next bytes, at most `size`; b"" at the end. Raises TimeoutError."""
        if time.monotonic() > self._until:
            raise TimeoutError("The other side took too long to take the file.")
        while self._sources:
            if chunk := self._sources[0].read(size):
                return chunk
            self._sources.pop(0)
        return b""


def size_of(content: BinaryIO) -> int:
    """How many bytes a file holds that can seek; it stands at its beginning afterwards."""
    size_bytes = content.seek(0, os.SEEK_END)
    content.seek(0)
    return size_bytes


def encode(fields: Sequence[tuple[str, str]], files: Sequence[FilePart], *, until: float) -> tuple[Body, str]:
    """The form as a body, and the content type that names its boundary. Names are the caller's own words."""
    boundary = secrets.token_hex(16)
    sources: list[BinaryIO] = [_field(boundary, name, value) for name, value in fields]
    for file in files:
        sources += [_head(boundary, file), file.content, io.BytesIO(b"\r\n")]
    sources.append(io.BytesIO(f"--{boundary}--\r\n".encode()))
    return Body(sources, until=until), f"multipart/form-data; boundary={boundary}"


def _field(boundary: str, name: str, value: str) -> BinaryIO:
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
    return io.BytesIO(f"{head}{value}\r\n".encode("utf-8", "replace"))


def _head(boundary: str, file: FilePart) -> BinaryIO:
    text = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{file.name}"; filename="{file.filename}"\r\n'
        f"Content-Type: {file.content_type}\r\n\r\n"
    )
    return io.BytesIO(text.encode())
