"""What a file is, told by its content: its first bytes, then a real decode. Names and claimed types are never asked."""

import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from django.conf import settings
from PIL import Image, ImageOps

from revidweb.lib.refusal import Refusal

from .models import MediaKind

# A picture that Pillow itself calls a bomb is refused, not merely warned about.
warnings.simplefilter("error", Image.DecompressionBombWarning)

# At most so many pictures are held decoded at once by one process: the largest takes about 200 MB.
decoding = threading.BoundedSemaphore(2)

_PILLOW = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP", "image/gif": "GIF"}
_DEMUXERS = {"video/mp4": "mp4", "video/webm": "webm"}
_CODECS = frozenset({"h264", "hevc", "vp8", "vp9", "av1"})  # what browsers play
_NOT_CLIPS = frozenset({b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_NOT_CLIPS |= {b"qt  ", b"crx "}
_ORIENTATION = 0x0112
_SIDEWAYS = frozenset({5, 6, 7, 8})
_REDUCED_PX = 1280  # a large JPEG is decoded to about this side: enough for a thumbnail, a fraction of the memory
_PACKETS_MAX = 300  # a clip that shows no picture within so many packets is broken


@dataclass(frozen=True)
class Look:
    """What a file holds. `picture`: the image (large JPEGs reduced), of a clip its first frame; upright, decoded.

    width, height: pixels, as shown, after the orientation that the file asks for. duration_ms: clips only, where known.
    """

    kind: MediaKind
    content_type: str
    width: int
    height: int
    picture: Image.Image
    duration_ms: int | None = None
    has_audio: bool = False


def too_large(max_bytes: int) -> Refusal:
    """The refusal of a file over so many bytes."""
    return Refusal("file_too_large", max_mb=max_bytes // 1_048_576)


def measure(path: Path, *, max_bytes: int) -> int:
    """The file's size in bytes. Raises Refusal "file_empty" or "file_too_large" (max_mb=)."""
    size_bytes = path.stat().st_size
    if size_bytes == 0:
        raise Refusal("file_empty")
    if size_bytes > max_bytes:
        raise too_large(max_bytes)
    return size_bytes


def sniff(path: Path) -> str:
    """The content type that the first bytes announce; `look` proves it. Raises Refusal "file_unknown_type"."""
    with path.open("rb") as file:
        head = file.read(64)
    if content_type := _image_type(head) or _clip_type(head):
        return content_type
    raise Refusal("file_unknown_type")


def _image_type(head: bytes) -> str:
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    return "image/webp" if head[:4] == b"RIFF" and head[8:12] == b"WEBP" else ""


def _clip_type(head: bytes) -> str:
    if head[4:8] == b"ftyp" and head[8:12] not in _NOT_CLIPS:
        return "video/mp4"
    return "video/webm" if head.startswith(b"\x1aE\xdf\xa3") and b"webm" in head else ""


def look(path: Path) -> Look:
    """Decode the image whole, or the clip up to its first frame. Hold `decoding` while the picture is in use.

    The dimensions in the header are judged before any pixel is decoded. A large file takes a second, not more: of a
    clip only headers and first frame are read. Raises Refusal "file_unknown_type", "file_broken", "image_too_large"
    (width=, height=, max_px=), "image_animated" or "clip_unplayable".
    """
    content_type = sniff(path)
    try:
        return (_look_at_image if content_type in _PILLOW else _look_at_clip)(path, content_type)
    except Refusal:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise Refusal("image_bomb", max_px=settings.IMAGE_MAX_SIDE_PX) from None
    except Exception as trouble:  # decoders meet broken content with nearly every error there is
        raise Refusal("file_broken") from trouble


def _look_at_image(path: Path, content_type: str) -> Look:
    with Image.open(path, formats=[_PILLOW[content_type]]) as image:
        width, height = image.size
        check_dimensions(width, height)
        # A JPEG with several pictures (many phones make them) shows its first one everywhere.
        if content_type != "image/jpeg" and getattr(image, "is_animated", False):
            raise Refusal("image_animated")
        if content_type == "image/jpeg":
            image.draft(None, (_REDUCED_PX, _REDUCED_PX))
        image.load()
        if image.getexif().get(_ORIENTATION) in _SIDEWAYS:
            width, height = height, width
        ImageOps.exif_transpose(image, in_place=True)  # otherwise it copies every picture, upright ones too
        return Look(MediaKind.IMAGE, content_type, width, height, image)


def check_dimensions(width: int, height: int) -> None:
    """Refuse a side over IMAGE_MAX_SIDE_PX, and more pixels than three quarters of its square ("image_too_large")."""
    most = settings.IMAGE_MAX_SIDE_PX
    if max(width, height) > most or width * height > most * most * 3 // 4:
        raise Refusal("image_too_large", width=width, height=height, max_px=most)


def _look_at_clip(path: Path, content_type: str) -> Look:
    if content_type == "video/mp4":
        _check_boxes(path)
    # The demuxer is named, so no playlist can pass for a clip, and only this one file may be opened.
    with av.open(path, format=_DEMUXERS[content_type], options={"protocol_whitelist": "file"}) as clip:
        if not clip.streams.video or clip.streams.video[0].codec_context.name not in _CODECS:
            raise Refusal("clip_unplayable")
        stream = clip.streams.video[0]
        check_dimensions(stream.width, stream.height)
        picture = _upright(_first_frame(clip))
        duration_ms, has_audio = _duration_ms(clip), bool(clip.streams.audio)
        return Look(MediaKind.VIDEO, content_type, *picture.size, picture, duration_ms, has_audio)


def _first_frame(clip: InputContainer) -> VideoFrame:
    for count, packet in enumerate(clip.demux(video=0)):
        for frame in packet.decode():
            check_dimensions(frame.width, frame.height)
            return frame
        if count == _PACKETS_MAX:
            break
    raise Refusal("file_broken")


def _upright(frame: VideoFrame) -> Image.Image:
    """The frame as players show it: phones film sideways and write the turn (counter-clockwise degrees) beside it."""
    picture: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]
    return picture.rotate(frame.rotation, expand=True) if frame.rotation else picture


def _duration_ms(clip: InputContainer) -> int | None:
    if clip.duration:
        return clip.duration // 1000  # FFmpeg counts microseconds
    stream = clip.streams.video[0]
    if stream.duration and stream.time_base:
        return int(Fraction(stream.duration) * stream.time_base * 1000)
    return None


def _check_boxes(path: Path) -> None:
    """Refuse an MP4 whose boxes reach beyond its end: it was cut off, though its first frame may still decode."""
    size_bytes = path.stat().st_size
    with path.open("rb") as file:
        for end in _box_ends(file):
            if end > size_bytes:
                raise Refusal("file_broken")


def _box_ends(file: BinaryIO) -> Iterator[int]:
    """Where each top-level box says that it ends, in bytes from the start (ISO/IEC 14496-12, 4.2)."""
    start = 0
    while len(head := file.read(16)) >= 8:
        length = int.from_bytes(head[:4])
        if length == 1:
            length = int.from_bytes(head[8:16])
        if length < 8:  # 0: up to the end of the file
            return
        start += length
        yield start
        file.seek(start)
