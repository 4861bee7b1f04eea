"""Files that were uploaded to the stand-in, and the only addresses that it takes as inputs."""

import hashlib
import io
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from PIL import Image, UnidentifiedImageError

from .http import Part

Way = Literal["direct", "presign", "url"]


@dataclass(frozen=True)
class Upload:
    """One upload. `body` is b"" until the file is there; `ready_at` by the stand-in's clock, 0 for not asked for yet.

    said: the word for "it is here": "ready" or "completed". source: the address it was to be fetched from.
    """

    id: str
    account: str
    way: Way
    body: bytes = field(default=b"", repr=False)
    content_type: str = ""
    name: str = ""
    ready_at: float = 0
    said: str = "ready"
    source: str = ""
    error: str = ""

    @property
    def sha256(self) -> str:
        """What the file's bytes come to."""
        return hashlib.sha256(self.body).hexdigest()


class Shelf:
    """Every upload. `refused` lists the input addresses that orders named and it never gave out."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._uploads: dict[str, Upload] = {}
        self.refused: list[str] = []

    @property
    def all(self) -> list[Upload]:
        """Every upload, oldest first."""
        with self._lock:
            return list(self._uploads.values())

    @property
    def asked(self) -> list[str]:
        """The addresses that it was asked to fetch."""
        return [upload.source for upload in self.all if upload.way == "url"]

    def open(self, account: str, way: Way, *, name: str = "", source: str = "") -> Upload:
        """Begin an upload, without a file yet."""
        upload = Upload(f"up_{secrets.token_hex(12)}", account, way, name=name, source=source)
        return self._keep(upload)

    def fill(self, upload: Upload, body: bytes, *, wait_s: float = 0, said: str = "ready", error: str = "") -> Upload:
        """Put the file there; it can be used in `wait_s` seconds. Raises ValueError when it is no picture or clip."""
        content_type = sniffed(body)
        now = self._clock()
        filled = replace(upload, body=body, content_type=content_type, ready_at=now + wait_s, said=said, error=error)
        return self._keep(filled)

    def expire(self) -> None:
        """Let every upload so far be gone: its address answers 404, and an order that names it is refused."""
        for upload in self.all:
            self._keep(replace(upload, error="expired"))

    def find(self, upload_id: str) -> Upload | None:
        """The upload of this id."""
        return self._uploads.get(upload_id)

    def is_ready(self, upload: Upload) -> bool:
        """Whether its address may be used."""
        return bool(upload.body) and not upload.error and upload.ready_at <= self._clock()

    def _keep(self, upload: Upload) -> Upload:
        with self._lock:
            self._uploads[upload.id] = upload
        return upload


def is_media(file: Part) -> bool:
    """Whether a part's bytes are a picture or a clip."""
    try:
        return bool(sniffed(file.body))
    except ValueError:
        return False


def sniffed(body: bytes) -> str:
    """What a file is, by its bytes. Raises ValueError for what is neither a picture nor an MP4."""
    if body[4:8] == b"ftyp":
        return "video/mp4"
    try:
        with Image.open(io.BytesIO(body)) as image:
            return image.get_format_mimetype() or "application/octet-stream"
    except (UnidentifiedImageError, OSError) as failed:
        raise ValueError("no picture and no clip") from failed
