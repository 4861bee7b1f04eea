"""A tenant's accent: any colour in, two out that text can stand on and be written in.

Lightness moves in OKLCH (Björn Ottosson's Oklab), hue stays, chroma gives way where sRGB ends. Contrast is WCAG 2's.
"""

from collections.abc import Iterable
from math import atan2, cos, hypot, sin

AA = 4.5
_GREY_CHROMA = 0.03
_GREY_CONTRAST = 10.0  # a grey of just AA looks like a control that is switched off
# What the accent must be told from: text on it, and the lightest or darkest ground that it is written on as text.
_ON_LIGHT = ("#ffffff", "#eceff3")
_ON_DARK = ("#0a0e18", "#2f3137")


def stylesheet(accent: str) -> str:
    """The tenant's stylesheet: one custom property, or nothing for no accent. accent: "#rrggbb" or ""."""
    if not accent:
        return ""
    light, dark = corrected(accent)
    return f":root{{--accent:light-dark({light},{dark})}}\n"


def corrected(accent: str) -> tuple[str, str]:
    """The accent for the light and for the dark theme, each moved only as far as AA asks."""
    lightness, chroma, hue = _to_oklch(accent)
    downward = (_hex(lightness - step / 200, chroma, hue) for step in range(201))
    upward = (_hex(lightness + step / 200, chroma, hue) for step in range(201))
    least = _GREY_CONTRAST if chroma < _GREY_CHROMA else AA
    return _first(downward, _ON_LIGHT, least), _first(upward, _ON_DARK, least)


def contrast(one: str, other: str) -> float:
    """WCAG contrast of two colours, 1..21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _first(shades: Iterable[str], grounds: tuple[str, ...], least: float) -> str:
    """The first shade that every ground stands off from by this contrast."""
    return next(shade for shade in shades if all(contrast(shade, ground) >= least for ground in grounds))


def _luminance(colour: str) -> float:
    red, green, blue = _linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(colour: str) -> tuple[float, float, float]:
    """Linear light, 0..1, of "#rrggbb"."""
    red, green, blue = (_decode(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return red, green, blue


def _decode(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _encode(value: float) -> float:
    return value * 12.92 if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055


def _to_oklch(colour: str) -> tuple[float, float, float]:
    red, green, blue = _linear(colour)
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    medium = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    lightness = 0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short
    a = 1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short
    b = 0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short
    return lightness, hypot(a, b), atan2(b, a)


def _from_oklch(lightness: float, chroma: float, hue: float) -> tuple[float, float, float]:
    """Linear light, outside 0..1 where sRGB has no such colour."""
    a, b = chroma * cos(hue), chroma * sin(hue)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )


def _hex(lightness: float, chroma: float, hue: float) -> str:
    """The sRGB colour of this lightness (held in 0..1), with as much of the chroma as sRGB has."""
    lightness = min(max(lightness, 0.0), 1.0)
    shades = (_from_oklch(lightness, chroma * step / 40, hue) for step in range(40, -1, -1))
    linear = next(shade for shade in shades if _is_in_srgb(shade))
    return "#" + "".join(f"{round(255 * _encode(min(max(part, 0.0), 1.0))):02x}" for part in linear)


def _is_in_srgb(linear: tuple[float, float, float]) -> bool:
    return all(-0.001 <= part <= 1.001 for part in linear)
