"""From an order's parameters to pixels, seconds and sound."""

import re
from collections.abc import Mapping

from revidweb.providers.base import Param

Size = tuple[int, int]
FRAMES_PER_S = 24
LONGEST_S = 120

_LONG_SIDE = {"1k": 1024, "2k": 2048, "4k": 4096}
_SHORT_SIDE = {"480p": 480, "720p": 720, "1080p": 1080}
_WIDEST = 4.0  # beyond this a picture is a strip


def picture_size(params: Mapping[str, Param], like: Size = (1, 1)) -> Size:
    """Width and height of a picture: the resolution names its long side. like: the shape where none is asked."""
    long_side = _LONG_SIDE.get(_word(params, "resolution"), 1024)
    ratio = _ratio(params, like)
    return (long_side, _even(long_side / ratio)) if ratio >= 1 else (_even(long_side * ratio), long_side)


def clip_size(params: Mapping[str, Param], like: Size = (16, 9)) -> Size:
    """Width and height of a clip: the resolution names its short side. like: the shape where none is asked."""
    short_side = _SHORT_SIDE.get(_word(params, "resolution"), 720)
    ratio = _ratio(params, like)
    return (_even(short_side * ratio), short_side) if ratio >= 1 else (short_side, _even(short_side / ratio))


def duration_s(params: Mapping[str, Param]) -> int:
    """Whole seconds of a clip, 5 where none are asked. Raises ValueError outside 1..120."""
    seconds = int(_word(params, "duration").removesuffix("s") or 5)
    if not 1 <= seconds <= LONGEST_S:
        raise ValueError(f"a clip lasts 1 to {LONGEST_S} seconds, not {seconds}")
    return seconds


def has_audio(params: Mapping[str, Param]) -> bool:
    """Whether a sound track is asked for."""
    return _word(params, "audio") in ("true", "1", "yes", "on")


def _word(params: Mapping[str, Param], name: str) -> str:
    return str(params.get(name, "")).strip().lower()


def _ratio(params: Mapping[str, Param], like: Size) -> float:
    """Width over height: as asked ("16:9"), else that of `like` ("auto", "default" and none)."""
    asked = re.fullmatch(r"([1-9]\d*)\s*[:x/]\s*([1-9]\d*)", _word(params, "aspect_ratio"))
    width, height = (int(asked[1]), int(asked[2])) if asked else like
    return min(max(width / height, 1 / _WIDEST), _WIDEST)


def _even(length: float) -> int:
    """The nearest even number: half-sized colour planes need it."""
    return 2 * round(length / 2)
