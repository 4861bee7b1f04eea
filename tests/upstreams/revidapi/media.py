"""What finished jobs look like: pictures and clips of the ordered size, every one with bytes of its own.

Drawing is done once for each size and shade and kept; what tells results apart costs nothing (a PNG text, an MP4 box).
"""

import functools
import io
import struct
import threading
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import av
from PIL import Image, ImageOps

Size = tuple[int, int]
FRAMES_PER_S = 6
SHADES = (("#12355b", "#f2c14e"), ("#42033d", "#f49d6e"), ("#0b3d2e", "#c7ef00"), ("#2d1e2f", "#59c9a5"))
_LONG_SIDE = {"1k": 1024, "2k": 2048, "4k": 4096}
_SHORT_SIDE = {"480p": 480, "720p": 720, "1080p": 1080}
_drawing = threading.Lock()


@dataclass(frozen=True)
class Media:
    """One file as it is served."""

    content_type: str
    suffix: str
    body: bytes


def picture(fields: Mapping[str, object], *, mark: str) -> Media:
    """The PNG that an image order asked for; `mark` makes its bytes its own and picks its shade."""
    aspect = _aspect(fields, "1:1")
    size = _pixels(_LONG_SIDE.get(str(fields.get("resolution")), 1024), max(aspect), aspect)
    with _drawing:
        body = _png(size, _shade(mark))
    return Media("image/png", "png", _with_png_text(body, mark))


def clip(fields: Mapping[str, object], *, audio: bool, seconds: int, mark: str) -> Media:
    """The MP4 that a video order asked for, `seconds` long; `mark` makes its bytes its own and picks its shade."""
    aspect = _aspect(fields, "16:9")
    size = _pixels(_SHORT_SIDE.get(str(fields.get("resolution")), 720), min(aspect), aspect)
    with _drawing:
        body = _mp4(size, _shade(mark), seconds, audio)
    return Media("video/mp4", "mp4", _with_mp4_box(body, mark))


def _aspect(fields: Mapping[str, object], usual: str) -> Size:
    wide, _, high = str(fields.get("aspect_ratio") or usual).partition(":")
    return (int(wide), int(high)) if wide.isdigit() and high.isdigit() and int(wide) and int(high) else (1, 1)


def _pixels(side: int, of: int, aspect: Size) -> Size:
    """The even pixel size of this aspect whose side `of` is `side` pixels long."""
    wide, high = (max(round(side * part / of / 2) * 2, 2) for part in aspect)
    return wide, high


def _shade(mark: str) -> int:
    return zlib.crc32(mark.encode()) % len(SHADES)


@functools.lru_cache(maxsize=64)
def _draw(size: Size, shade: int) -> Image.Image:
    black, white = SHADES[shade]
    return ImageOps.colorize(Image.linear_gradient("L").resize(size), black, white)


@functools.lru_cache(maxsize=64)
def _png(size: Size, shade: int) -> bytes:
    target = io.BytesIO()
    _draw(size, shade).save(target, "PNG", compress_level=3)
    return target.getvalue()


@functools.lru_cache(maxsize=32)
def _mp4(size: Size, shade: int, seconds: int, audio: bool) -> bytes:
    """H.264 (and silent AAC) that costs little to make and to read: a still with one bright bar walking over it."""
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as container:
        video = container.add_stream("libx264", rate=FRAMES_PER_S, options={"preset": "ultrafast", "crf": "35"})
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        sound = container.add_stream("aac", rate=48000, layout="stereo") if audio else None
        for frame in _frames(size, shade, seconds):
            container.mux(video.encode(frame))
        container.mux(video.encode())
        if sound is not None:
            for silence in _silence(seconds):
                container.mux(sound.encode(silence))
            container.mux(sound.encode())
    return target.getvalue()


def _frames(size: Size, shade: int, seconds: int) -> Iterator[av.VideoFrame]:
    still, count = _draw(size, shade), seconds * FRAMES_PER_S
    bar = max(size[0] // 20, 1)
    for number in range(count):
        frame = still.copy()
        left = number * (size[0] - bar) // max(count - 1, 1)
        frame.paste("white", (left, size[1] - 2 * bar, left + bar, size[1] - bar))
        yield av.VideoFrame.from_image(frame)  # type: ignore[no-untyped-call]


def _silence(seconds: int) -> Iterator[av.AudioFrame]:
    for start in range(0, seconds * 48000, 1024):
        frame = av.AudioFrame(format="fltp", layout="stereo", samples=1024)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.sample_rate, frame.pts = 48000, start
        yield frame


def _with_png_text(body: bytes, mark: str) -> bytes:
    """The same picture with a text chunk before its end."""
    chunk = b"tEXt" + b"Comment\0" + mark.encode("latin-1", "replace")
    end = body.rindex(b"IEND") - 4
    return body[:end] + struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) + body[end:]


def _with_mp4_box(body: bytes, mark: str) -> bytes:
    """The same clip with a box after its end that every reader skips."""
    return body + struct.pack(">I4s", 8 + len(mark.encode()), b"free") + mark.encode()
