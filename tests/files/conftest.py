"""What tests of files ask for."""

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def written(tmp_path: Path) -> Callable[[bytes], Path]:
    """Write content to a file whose name says nothing about it."""

    def write(content: bytes) -> Path:
        path = tmp_path / "content.bin"
        path.write_bytes(content)
        return path

    return write
