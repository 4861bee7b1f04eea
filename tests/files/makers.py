"""Real pictures and clips, small, made on the spot; and bad ones."""

import io
import struct
import zlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

ORIENTATION, CAMERA = 0x0112, 0x010F
GPS = 0x8825


def a_picture(width: int = 96, height: int = 64, mode: str = "RGB") -> Image.Image:
    """A gradient, so that scaling and turning can be seen."""
    across = np.linspace(0, 255, width, dtype=np.uint8)[None, :].repeat(height, 0)
    down = np.linspace(0, 255, height, dtype=np.uint8)[:, None].repeat(width, 1)
    return Image.fromarray(np.dstack([across, down, np.full_like(across, 90)])).convert(mode)


def encoded(picture: Image.Image | None = None, kind: str = "PNG", **options: object) -> bytes:
    target = io.BytesIO()
    (picture or a_picture()).save(target, kind, **options)
    return target.getvalue()


def a_photo(*, orientation: int = 1, width: int = 96, height: int = 64, kind: str = "JPEG") -> bytes:
    """A picture as a phone makes it: turned, with the camera's name and the place."""
    exif = Image.Exif()
    exif[ORIENTATION], exif[CAMERA] = orientation, "Telltale Camera"
    exif.get_ifd(GPS)[1] = "N"
    return encoded(a_picture(width, height), kind, exif=exif)


def an_animation(kind: str) -> bytes:
    frames = [a_picture(), a_picture().transpose(Image.Transpose.ROTATE_180)]
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)


def a_png_of_zeros(width: int, height: int) -> bytes:
    """A valid black 1-bit PNG of any size, small on disk."""
    packed = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    pixels = b"".join(packed.compress(row) for _ in range(height)) + packed.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = (a_chunk(b"IHDR", header), a_chunk(b"IDAT", pixels), a_chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def a_chunk(name: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + name + payload + struct.pack(">I", zlib.crc32(name + payload))


def a_clip(
    folder: Path,
    *,
    name: str = "clip.mp4",
    codec: str = "libx264",
    width: int = 96,
    height: int = 64,
    seconds: float = 1,
    has_audio: bool = False,
) -> Path:
    path = folder / name
    with av.open(path, "w", options={"movflags": "faststart"} if path.suffix == ".mp4" else {}) as clip:
        video = clip.add_stream(codec, rate=8, width=width, height=height, pix_fmt="yuv420p")
        audio = clip.add_stream("aac", rate=44_100, layout="mono") if has_audio else None
        still = np.asarray(a_picture(width, height))
        for _ in range(int(seconds * 8)):
            clip.mux(video.encode(av.VideoFrame.from_ndarray(still, format="rgb24")))
        clip.mux(video.encode())
        if audio:
            for number in range(int(seconds * 44_100) // 1024):
                frame = AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
                frame.sample_rate, frame.pts, frame.time_base = 44_100, number * 1024, Fraction(1, 44_100)
                clip.mux(audio.encode(frame))
            clip.mux(audio.encode())
    return path


def filmed_sideways(clip: bytes) -> bytes:
    """The clip with the display matrix of a phone held upright: a quarter turn clockwise."""
    matrix = struct.pack(">9i", 0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
    at = clip.index(b"tkhd") + 4 + 40
    return clip[:at] + matrix + clip[at + len(matrix) :]


def an_upload(content: bytes, name: str = "photo.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, content_type="image/png")
