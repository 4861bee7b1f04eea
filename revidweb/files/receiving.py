"""Receive uploads without letting one fill the disk."""

from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler


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
