"""Take out of an image what it tells about its maker: place, camera, prompts, comments; without touching a pixel.

Kept: the colour profile, transparency, resolution and the orientation. Dropped with the rest: whatever hangs behind the
image's end, so that no second file travels inside a picture.
"""

import re
import struct
import zlib
from collections.abc import Callable, Iterator

from PIL import Image

from revidweb.lib.refusal import Refusal

_ORIENTATION = 0x0112
_EXIF = b"Exif\0\0"
_SCANS_MAX = 100  # a progressive JPEG with thousands of scans takes minutes to decode

_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_SCAN, _EXIF_SEGMENT, _COMMENT = 0xDA, 0xE1, 0xFE
_APPLICATION = range(0xE0, 0xF0)
_KEPT_SEGMENTS = {0xE0: b"JFIF\0", 0xE2: b"ICC_PROFILE\0", 0xEE: b"Adobe"}
_MARKER = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")  # inside a scan, FF00 is a pixel's byte and FFD0..D7 a restart

_PNG = b"\x89PNG\r\n\x1a\n"
_KEPT_CHUNKS = frozenset(
    {b"IHDR", b"PLTE", b"IDAT", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"sBIT", b"bKGD", b"pHYs"}
    | {b"acTL", b"fcTL", b"fdAT", b"IEND"}  # an animation stays one, and is refused as one
)
_KEPT_PARTS = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ICCP", b"ANIM", b"ANMF"})
_EXIF_FLAG, _XMP_FLAG = 0x08, 0x04


def strip(content: bytes, content_type: str) -> bytes:
    """The same picture without metadata; the same content gives the same bytes. Other types pass as they are.

    Raises Refusal "file_broken" when the file's own structure does not hold.
    """
    strip_type = _STRIPPERS.get(content_type)
    try:
        return strip_type(content) if strip_type else content
    except (IndexError, ValueError, struct.error):
        raise Refusal("file_broken") from None


def _jpeg(content: bytes) -> bytes:
    kept, scans = [_SOI], 0
    for marker, segment in _segments(content):
        scans += marker == _SCAN
        if scans > _SCANS_MAX:
            raise ValueError("too many scans")
        kept.append(_kept_segment(marker, segment))
    return b"".join([*kept, _EOI])


def _segments(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Each segment with its marker, a scan together with its pixels, up to the end of the (first) image."""
    at = len(_SOI)
    while True:
        if content[at] != 0xFF:
            raise ValueError("no marker")
        while content[at + 1] == 0xFF:  # fill bytes
            at += 1
        marker = content[at + 1]
        if marker == _EOI[1]:
            return
        end = at + 2 + int.from_bytes(content[at + 2 : at + 4])
        if end < at + 4 or end > len(content):
            raise ValueError("a segment reaches beyond the end")
        if marker == _SCAN:
            end = _end_of_scan(content, end)
        yield marker, content[at:end]
        at = end


def _end_of_scan(content: bytes, start: int) -> int:
    found = _MARKER.search(content, start)
    if found is None:
        raise ValueError("a scan without an end")
    return found.start()


def _kept_segment(marker: int, segment: bytes) -> bytes:
    payload = segment[4:]
    if marker == _EXIF_SEGMENT and payload.startswith(_EXIF):
        exif = _only_orientation(payload)
        return struct.pack(">BBH", 0xFF, marker, len(exif) + 2) + exif if exif else b""
    if marker in _APPLICATION:
        start = _KEPT_SEGMENTS.get(marker)
        return segment if start and payload.startswith(start) else b""
    return b"" if marker == _COMMENT else segment


def _png(content: bytes) -> bytes:
    kept, at, name = [_PNG], len(_PNG), b""
    while name != b"IEND":
        length, name = struct.unpack_from(">I4s", content, at)
        chunk, at = content[at : at + length + 12], at + length + 12
        if at > len(content):
            raise ValueError("a chunk reaches beyond the end")
        if name == b"eXIf":
            kept.append(_png_exif(chunk[8:-4]))
        elif name in _KEPT_CHUNKS:
            kept.append(chunk)
    return b"".join(kept)


def _png_exif(payload: bytes) -> bytes:
    exif = _only_orientation(payload).removeprefix(_EXIF)
    named = b"eXIf" + exif
    return struct.pack(">I", len(exif)) + named + struct.pack(">I", zlib.crc32(named)) if exif else b""


def _webp(content: bytes) -> bytes:
    kept, exif = [], b""
    for name, payload in _parts(content):
        if name == b"EXIF":
            exif = _only_orientation(payload).removeprefix(_EXIF)
        elif name in _KEPT_PARTS:
            kept.append((name, payload))
    parts = [(name, _flagged(payload, bool(exif)) if name == b"VP8X" else payload) for name, payload in kept]
    if exif:
        parts.append((b"EXIF", exif))
    body = b"WEBP" + b"".join(
        name + struct.pack("<I", len(payload)) + payload + b"\0" * (len(payload) % 2) for name, payload in parts
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _parts(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    at, end = 12, 8 + int(struct.unpack_from("<I", content, 4)[0])
    if end > len(content):
        raise ValueError("the file is shorter than it says")
    while at + 8 <= end:
        name, length = struct.unpack_from("<4sI", content, at)
        if at + 8 + length > end:
            raise ValueError("a part reaches beyond the end")
        yield name, content[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _flagged(header: bytes, has_exif: bool) -> bytes:
    """The extended header, saying which metadata is left."""
    return bytes([header[0] & ~(_EXIF_FLAG | _XMP_FLAG) | (_EXIF_FLAG if has_exif else 0)]) + header[1:]


def _only_orientation(exif: bytes) -> bytes:
    """An EXIF block that says how to turn the picture and nothing else; b"" for one that stands upright."""
    orientation = _orientation(exif)
    if orientation == 1:
        return b""
    kept = Image.Exif()
    kept[_ORIENTATION] = orientation
    return kept.tobytes()


def _orientation(exif: bytes) -> int:
    block = Image.Exif()
    try:
        block.load(exif)
        orientation = block.get(_ORIENTATION, 1)
    except Exception:  # a broken EXIF block is no reason to refuse the picture
        return 1
    return orientation if orientation in range(2, 9) else 1


_STRIPPERS: dict[str, Callable[[bytes], bytes]] = {"image/jpeg": _jpeg, "image/png": _png, "image/webp": _webp}
