"""Which colours and which land a prompt calls for: its words steer, the seed decides the rest."""

import colorsys
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from PIL import Image, ImageColor

Colour = tuple[float, float, float]  # sRGB, 0..255


class Land(StrEnum):
    """What stands at the horizon."""

    HILLS = "hills"
    PEAKS = "peaks"
    DUNES = "dunes"
    TREES = "trees"
    TOWERS = "towers"
    SEA = "sea"


@dataclass(frozen=True)
class Palette:
    """The colours of one picture. sky: from the zenith to the horizon; far and near: the land's."""

    sky: tuple[Colour, ...]
    disc: Colour
    far: Colour
    near: Colour
    is_night: bool = False


def _palette(colours: str, *, is_night: bool = False) -> Palette:
    """From "zenith upper lower horizon disc far near" in hex."""
    *sky, disc, far, near = (_rgb(ImageColor.getrgb(f"#{colour}")) for colour in colours.split())
    return Palette(tuple(sky), disc, far, near, is_night)


def _rgb(colour: tuple[int, ...]) -> Colour:
    return (float(colour[0]), float(colour[1]), float(colour[2]))


PALETTES = {
    "dusk": _palette("2b2350 7a3b78 e0707a ffc38f ffe6bd 93507d 1f1433"),
    "dawn": _palette("5279b0 a3b5d6 f3bfae ffe4bd fff6de a492b4 33365a"),
    "azure": _palette("1d4c9a 4a86d2 9ac6f0 eaf3fa fffdf0 7aa5d2 11305f"),
    "ocean": _palette("0d3b52 1f6f86 63b3b4 d9edd9 fff6d8 4797a3 06222f"),
    "lagoon": _palette("0c4a4a 1c8278 6cc7ad e6f4d2 f8ffe4 429c8e 062c2b"),
    "forest": _palette("1d3a2c 4b7350 9dbb7e efeebb fff8d2 688f68 0b1c14"),
    "meadow": _palette("3c6b2f 7da23f bccb62 f5f2b8 fffcd8 86a352 1b3015"),
    "desert": _palette("7c3b2c cb6732 f2a658 ffdfa8 fff3d2 bd7146 3a1812"),
    "ember": _palette("2a0d14 7d1a22 d8452f ffab60 ffdfae 93302f 16060a"),
    "gold": _palette("5a3d14 a8741f e2b040 fff0b4 fffce6 ad8036 2a1a08"),
    "rose": _palette("5c2a5e b24a86 f087a6 ffd6c9 fff3ea b86a97 2e1233"),
    "violet": _palette("1d1645 4a2f8a 8f62c8 e9c0ea fdeeff 674aa2 0f0a2a"),
    "night": _palette("050a1e 0e1c44 24407a 7690c2 f4f0de 2a4274 03060f", is_night=True),
    "space": _palette("04030f 1a0f3a 4a1f63 b05686 efe2ff 321c50 03020a", is_night=True),
    "aurora": _palette("04121c 0c3540 2a8f78 a8ebb2 f0fff0 175048 020b0e", is_night=True),
    "snow": _palette("86a2c0 b5c9dd dce6ef fdf8f0 fffef8 a9bccf 3c536d"),
    "slate": _palette("24262e 51545f 8d8f98 d8d4cf f6f2ec 72747d 14151a"),
}

_COLOUR_WORDS = {
    "ember": "red crimson scarlet ruby fire flame flames lava volcano ember",
    "desert": "orange copper terracotta amber",
    "gold": "yellow gold golden honey autumn wheat",
    "meadow": "green lime emerald spring",
    "lagoon": "teal turquoise cyan mint jade",
    "azure": "blue azure cobalt sapphire",
    "violet": "purple violet lavender indigo neon cyberpunk",
    "rose": "pink rose magenta blossom",
    "slate": "black gray grey monochrome silver noir",
    "snow": "white",
}
_TIME_WORDS = {
    "night": "night midnight moon moonlit moonlight star stars starry nocturnal dark",
    "space": "space galaxy cosmic cosmos nebula planet universe",
    "aurora": "aurora northern",
    "dusk": "dusk sunset evening twilight",
    "dawn": "dawn sunrise morning daybreak",
    "azure": "noon midday sunny sky",
}
_PLACE_WORDS = {
    "forest": "forest jungle wood woods tree trees pine pines",
    "ocean": "ocean sea beach wave waves coast island lake river water harbor harbour",
    "desert": "desert dune dunes sand sahara canyon",
    "meadow": "meadow field fields garden hill hills countryside",
    "snow": "snow snowy winter ice frozen arctic",
    "slate": "storm rain rainy fog foggy",
}
_LAND_WORDS: dict[str, str] = {
    Land.TREES: "forest jungle wood woods tree trees pine pines taiga",
    Land.SEA: "ocean sea beach wave waves coast island lake water harbor harbour boat ship",
    Land.DUNES: "desert dune dunes sand sahara",
    Land.PEAKS: "mountain mountains peak peaks alps alpine volcano canyon arctic",
    Land.TOWERS: "city skyline street tower towers urban downtown neon cyberpunk futuristic",
    Land.HILLS: "hill hills meadow field fields countryside valley garden",
}
_RANKS = (_COLOUR_WORDS, _TIME_WORDS, _PLACE_WORDS)  # a red forest at night is red
_FREE = tuple(name for name in PALETTES if name not in ("slate", "space"))


def is_steered(prompt: str) -> bool:
    """Whether some word of the prompt asks for colours."""
    return any(_named(rank, prompt) for rank in _RANKS)


def palette_for(prompt: str, rng: np.random.Generator) -> Palette:
    """The palette that the prompt's words ask for, else any; a little turned, so that no two are alike."""
    named = next((found for rank in _RANKS if (found := _named(rank, prompt))), list(_FREE))
    return _turned(PALETTES[str(rng.choice(named))], float(rng.uniform(-0.022, 0.022)))


def palette_of(picture: Image.Image) -> Palette:
    """The palette that a picture itself has, from its darkest to its lightest tones."""
    pixels = np.asarray(picture.resize((32, 32))).reshape(-1, 3).astype(np.float32)
    tones = pixels[np.argsort(pixels @ np.array([0.3, 0.6, 0.1], np.float32))]
    dark, low, middle, light = (_mean(part) for part in np.array_split(tones, 4))
    near = mixed(dark, (8, 9, 14), 0.65)
    return Palette(sky=(low, low, low, mixed(low, middle, 0.4)), disc=light, far=mixed(near, low, 0.45), near=near)


def land_for(prompt: str, rng: np.random.Generator) -> Land:
    """The land that the prompt's words ask for, else any."""
    return Land(str(rng.choice(_named(_LAND_WORDS, prompt) or list(Land))))


def mixed(one: Colour, other: Colour, share: float) -> Colour:
    """`one` with a share (0..1) of `other`."""
    red, green, blue = (a + (b - a) * share for a, b in zip(one, other, strict=True))
    return (red, green, blue)


def _named(table: Mapping[str, str], prompt: str) -> list[str]:
    words = set(re.findall(r"\w+", prompt.lower()))
    return [name for name, known in table.items() if words & set(known.split())]


def _mean(pixels: "np.ndarray[tuple[int, ...], np.dtype[np.float32]]") -> Colour:
    red, green, blue = (float(value) for value in pixels.mean(axis=0))
    return (red, green, blue)


def _turned(palette: Palette, turn: float) -> Palette:
    """Every hue moved by a share of the colour circle."""
    return replace(
        palette,
        sky=tuple(_hue_moved(colour, turn) for colour in palette.sky),
        far=_hue_moved(palette.far, turn),
        near=_hue_moved(palette.near, turn),
    )


def _hue_moved(colour: Colour, turn: float) -> Colour:
    hue, light, saturation = colorsys.rgb_to_hls(*(value / 255 for value in colour))
    red, green, blue = colorsys.hls_to_rgb((hue + turn) % 1, light, saturation)
    return (red * 255, green * 255, blue * 255)
