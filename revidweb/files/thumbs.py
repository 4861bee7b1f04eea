"""The small pictures that stand for a file: thumbnail, poster, and a blur that fits into the page."""

import base64
import io
from typing import Any

from PIL import Image

from .models import MediaKind
from .probe import Look

CONTENT_TYPE = "image/webp"
THUMB_PX = 640
_BLUR_PX = 16
_BLUR_MAX_CHARS = 300
_PROFILE_MAX_BYTES = 4096  # wide-gamut profiles of phones take 500; a thumbnail carries no more


def thumb(look: Look) -> bytes:
    """A WebP of at most 640 px a side; smaller pictures keep their size."""
    return encoded(look.picture, max_px=THUMB_PX, quality=80)


def poster(look: Look) -> bytes:
    """A clip's first frame in full size as WebP; b"" for an image."""
    if look.kind != MediaKind.VIDEO:
        return b""
    return encoded(look.picture, max_px=max(look.picture.size), quality=80, method=1)


def blur(look: Look) -> str:
    """A data: URL under 300 characters that stands in while the picture loads."""
    small = _fitted(look.picture, _BLUR_PX).convert("RGB")
    for quality in (40, 10, 0):
        url = _data_url(_webp(small, quality=quality, method=6))
        if len(url) < _BLUR_MAX_CHARS:
            return url
    return ""


def encoded(picture: Image.Image, *, max_px: int, quality: int, method: int = 4) -> bytes:
    """The picture as WebP, fitted into a square of so many pixels; transparency and small colour profiles stay."""
    profile = picture.info.get("icc_profile", b"") if picture.mode in ("RGB", "RGBA") else b""
    kept = profile if profile and len(profile) <= _PROFILE_MAX_BYTES else b""
    return _webp(_fitted(picture, max_px), quality=quality, method=method, icc_profile=kept)


def _fitted(picture: Image.Image, max_px: int) -> Image.Image:
    """The picture in RGB or RGBA, made smaller where it has to be; the largest ones are not copied first."""
    mode = "RGBA" if picture.has_transparency_data else "RGB"
    coloured = picture if picture.mode == mode else picture.convert(mode)
    scale = max_px / max(picture.size)
    if scale >= 1:
        return coloured
    width, height = (max(1, round(side * scale)) for side in picture.size)
    return coloured.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)


def _webp(picture: Image.Image, **options: Any) -> bytes:
    target = io.BytesIO()
    picture.save(target, "WEBP", **options)
    return target.getvalue()


def _data_url(content: bytes) -> str:
    return f"data:{CONTENT_TYPE};base64,{base64.b64encode(content).decode()}"
