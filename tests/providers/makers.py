"""Orders, inputs and results of the preview provider, for its tests."""

from io import BytesIO

from PIL import Image

from revidweb.providers.base import Account, Input, Kind, Mode, Order, Param
from revidweb.providers.preview.provider import Preview

ACCOUNT = Account(connection_id="1")
ROOM = 50_000_000  # bytes


def order(prompt="a quiet valley", kind=Kind.IMAGE, inputs=(), **params: Param) -> Order:
    mode = {(Kind.IMAGE, False): Mode.T2I, (Kind.IMAGE, True): Mode.I2I, (Kind.VIDEO, False): Mode.T2V}.get(
        (kind, bool(inputs)), Mode.I2V
    )
    return Order(kind, mode, "nano-banana", prompt, params, inputs=tuple(inputs))


def clip_order(prompt="a quiet valley", inputs=(), **params: Param) -> Order:
    return order(prompt, Kind.VIDEO, inputs, **({"resolution": "480p", "aspect_ratio": "1:1", "duration": 1} | params))


def picture_input(colour="red", size=(400, 300), image_format="PNG") -> Input:
    buffer = BytesIO()
    Image.new("RGB", size, colour).save(buffer, image_format)
    return bytes_input(buffer.getvalue())


def bytes_input(content: bytes) -> Input:
    return Input(file_id="file_1", open=lambda: BytesIO(content))


def submitted(an_order: Order) -> str:
    """The ticket of a first attempt."""
    return Preview().submit(ACCOUNT, an_order, attempt=1).ticket


def fetched(ticket: str, max_bytes=ROOM) -> bytes:
    target = BytesIO()
    Preview().fetch(ACCOUNT, f"preview:{ticket}", target, max_bytes=max_bytes)
    return target.getvalue()


def drawn(an_order: Order) -> bytes:
    return fetched(submitted(an_order))


def opened(content: bytes) -> Image.Image:
    return Image.open(BytesIO(content))
