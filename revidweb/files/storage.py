"""The storage of stored files: Django's default one, whole files under names that we choose."""

import shutil
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage

_PARTS = ".parts"  # half-written files, beside the finished ones so that a rename is enough


def place(content: BinaryIO, name: str) -> None:
    """Store the content under exactly this name; what was there is replaced at once, never half.

    A storage elsewhere that keeps what is there, instead of replacing it, has nothing under the name for a moment.
    """
    target = _local(name)
    if target is None:
        _place_elsewhere(content, name)
        return
    part = _local(f"{_PARTS}/{uuid.uuid4().hex}") or target
    for folder in (part.parent, target.parent):
        folder.mkdir(parents=True, exist_ok=True)
    with part.open("xb") as file:
        shutil.copyfileobj(content, file, 1_048_576)
    part.chmod(0o600)
    part.replace(target)


def _place_elsewhere(content: BinaryIO, name: str) -> None:
    """Most storages replace; one that chose another name instead is asked again once the name is free."""
    placed = default_storage.save(name, File(content))
    if placed != name:
        delete(placed, name)
        content.seek(0)
        default_storage.save(name, File(content))


def read(name: str) -> "File[bytes]":
    """The stored file, open for reading; the caller closes it. Raises FileNotFoundError."""
    return default_storage.open(name, "rb")


def delete(*names: str) -> None:
    """Delete what is there under these names; what is not there, or a name that is empty, is none of our worry."""
    for name in filter(None, names):
        default_storage.delete(name)


def exists(name: str) -> bool:
    """Whether something is stored under this name."""
    return default_storage.exists(name)


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for work in progress, gone afterwards."""
    settings.TMP_DIR.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=settings.TMP_DIR) as folder:
        yield Path(folder)


def clear_scratch(*, older_than_s: float) -> int:
    """Delete what crashed work left in the scratch folders longer ago than that; how many entries went."""
    folders = filter(None, (settings.TMP_DIR, _local(_PARTS)))
    return sum(_clear(entry, time.time() - older_than_s) for folder in folders for entry in _entries(folder))


def _clear(entry: Path, before: float) -> bool:
    """Delete one entry if it is that old; another sweeper may have been faster."""
    with suppress(FileNotFoundError):
        if entry.lstat().st_mtime < before:
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
            return True
    return False


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _local(name: str) -> Path | None:
    """Where the name lies on this machine; None for a storage that is elsewhere."""
    try:
        return Path(default_storage.path(name))
    except NotImplementedError:
        return None
