"""The picture that an order starts from, small enough to travel inside a ticket."""

from base64 import b64decode, b64encode
from io import BytesIO
from typing import BinaryIO

from PIL import Image, ImageOps

from revidweb.providers.base import Input, ProviderRefused

LONGEST_SIDE = 256  # px
MOST_BYTES = 12_000
_QUALITIES = (84, 70, 50, 30, 10)


def shrink(file: Input) -> str:
    """The input as a JPEG of at most 256 px and 12,000 bytes, in base64. Raises ProviderRefused ("input")."""
    if file.open is None:
        raise ProviderRefused("the input was not brought here", code="input")
    try:
        with file.open() as source:
            return b64encode(_small_jpeg(_small(source))).decode()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ProviderRefused(f"the input is no readable picture: {error}", code="input") from error


def unfold(basis: str) -> Image.Image:
    """The picture that `shrink` folded. Raises ValueError or OSError where it is none."""
    return Image.open(BytesIO(b64decode(basis))).convert("RGB")


def _small(source: BinaryIO) -> Image.Image:
    """Upright, opaque, and at most 256 px."""
    picture = Image.open(source)
    picture.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))  # a big JPEG is read at a fraction of its size
    upright = ImageOps.exif_transpose(picture).convert("RGBA")
    upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    ground = Image.new("RGBA", upright.size, "white")
    return Image.alpha_composite(ground, upright).convert("RGB")


def _small_jpeg(picture: Image.Image) -> bytes:
    """The best quality that fits; the lowest always does at this size."""
    jpeg = b""
    for quality in _QUALITIES:
        buffer = BytesIO()
        picture.save(buffer, "JPEG", quality=quality, optimize=True)
        jpeg = buffer.getvalue()
        if len(jpeg) <= MOST_BYTES:
            break
    return jpeg
