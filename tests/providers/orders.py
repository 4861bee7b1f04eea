"""Orders for RevidAPI, and its recorded answers."""

import json
from io import BytesIO
from pathlib import Path

import pytest

from revidweb.providers.base import Input, Kind, Mode, Order, Param, ProviderError

RECORDED = Path(__file__).parent / "revidapi"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


def recorded(name: str):
    """A parameter per recorded case of the table `name`.json."""
    cases = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    return [pytest.param(case, id=case["case"]) for case in cases]


def image_order(prompt="a quiet valley", mode=Mode.T2I, inputs=(), model="nano-banana-pro", **params: Param) -> Order:
    told = {"resolution": "1k", "aspect_ratio": "16:9", "speed": "fast"} | params
    return Order(Kind.IMAGE, mode, model, prompt, told, server="vip1", inputs=tuple(inputs))


def video_order(prompt="a quiet valley", mode=Mode.T2V, inputs=(), model="kling-2.6", **params: Param) -> Order:
    told = {"resolution": "720p", "duration": 5, "audio": True} | params
    return Order(Kind.VIDEO, mode, model, prompt, told, server="fast", inputs=tuple(inputs))


def at(url: str) -> Input:
    return Input(file_id="file_1", url=url, content_type="image/png", open=lambda: BytesIO(PNG))


def of_bytes(content: bytes = PNG, content_type: str = "image/png") -> Input:
    return Input(file_id="file_1", content_type=content_type, size_bytes=len(content), open=lambda: BytesIO(content))


def error_of(deed, *args, **options) -> ProviderError:
    """The error that a call raises; it never holds the key, nor any error of a library that might."""
    from .conftest import KEY

    with pytest.raises(ProviderError) as raised:
        deed(*args, **options)
    error = raised.value
    assert KEY not in f"{error} {error!r} {error.reason} {error.__cause__!r} {error.__context__!r}"
    assert len(error.reason) < 400
    assert error.reason.isprintable()
    return error
