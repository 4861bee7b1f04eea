"""What stands behind the land: colour fields that flow, or the picture that an order starts from; stars; the disc."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PIL import Image, ImageOps

from .fields import Field, Flow, Plane, grid, grow, lit, ramp
from .palette import Colour, Palette, mixed
from .sizes import Size

_ZOOM = 0.09  # how far a clip moves into its picture
_GRID_SIDE = 256


class Sky(Protocol):
    """A ground to draw on."""

    def at(self, share: float) -> Image.Image:
        """A fresh picture of it when that share (0..1) of the clip has passed."""


@dataclass(frozen=True)
class Disc:
    """Sun or moon. Lengths in px; travel: what it moves by during a clip; bite: 0 is full, 1 a thin crescent."""

    x: float
    y: float
    radius: float
    travel: tuple[float, float]
    light: Colour
    shade: Colour
    glow: Colour
    strength: float = 1.0
    bite: float = 0.0

    def centre(self, share: float) -> tuple[float, float]:
        """Where it stands when that share of the clip has passed."""
        return self.x + self.travel[0] * share, self.y + self.travel[1] * share

    def lay(self, canvas: Image.Image, share: float) -> None:
        """Paint it; its edge is worked out anew each time, so it glides by fractions of a pixel."""
        x, y = self.centre(share)
        left, top = int(x - self.radius) - 2, int(y - self.radius) - 2
        side = int(2 * self.radius) + 5
        rows, columns = np.ogrid[top : top + side, left : left + side]
        down = np.clip((rows - y + self.radius) / (2 * self.radius), 0, 1).astype(np.float32)
        cover = self._cover(columns - x, rows - y) * (1 - 0.32 * down**1.5) * self.strength
        canvas.paste(self._face(down, side), (left, top), Image.fromarray((cover * 255).astype(np.uint8)))

    def _cover(self, x: Plane, y: Plane) -> Plane:
        soft = max(self.radius * 0.012, 0.8)
        cover = np.clip((self.radius - np.hypot(x, y)) / soft + 0.5, 0, 1)
        if self.bite:
            away = self.radius * (1.5 - self.bite)
            gone = self.radius * 0.94 - np.hypot(x - 0.82 * away, y + 0.57 * away)
            cover = cover * (1 - np.clip(gone / (4 * soft) + 0.5, 0, 1))
        return np.asarray(cover, np.float32)

    def _face(self, down: Plane, side: int) -> Image.Image:
        face = ramp(down, (self.light, mixed(self.light, self.shade, 0.5), self.shade))
        return Image.fromarray(face.astype(np.uint8)).resize((side, side))


class FlowingSky:
    """Colours from zenith to horizon, bent by a flow and lit by the disc; in a clip one state melts into another."""

    def __init__(self, palette: Palette, size: Size, horizon: float, disc: Disc, rng: np.random.Generator) -> None:
        self._palette, self._size, self._horizon, self._disc = palette, size, horizon, disc
        self._flow, self._veil = Flow.drawn(rng), Flow.drawn(rng)
        self._stars = _stars(size, horizon, disc, rng) if palette.is_night else []
        self._first = self._grown(0.0)
        self._last: Image.Image | None = None

    def at(self, share: float) -> Image.Image:
        """The sky when that share of the clip has passed."""
        if share == 0:
            return self._first.copy()
        self._last = self._last or self._grown(1.0)
        return Image.blend(self._first, self._last, share)

    def _grown(self, share: float) -> Image.Image:
        picture = grow(self._field(share), self._size)
        for place, mark in self._stars:
            picture.paste((255, 250, 240), place, mark)
        return picture

    def _field(self, share: float) -> Field:
        x, y = grid(self._size)
        height = y * min(self._size) / self._horizon
        bent = np.clip(height * 0.86 + 0.27 * self._flow.at(x, y, 0.9 * share) + 0.04, 0, 1)
        field = ramp(bent, self._palette.sky)
        veil = np.clip(self._veil.at(x * 0.6, y * 1.5, 0.8 * share) - 0.1, 0, 1) * 0.30
        return _glowing(lit(field, self._palette.sky[-1], veil), x, y, self._size, self._disc, share)


def _glowing(field: Field, x: Plane, y: Plane, size: Size, disc: Disc, share: float) -> Field:
    """The disc's light on the sky: a halo and a wide glow; the far corners darker."""
    unit = min(size)
    disc_x, disc_y = disc.centre(share)
    away = np.hypot(x - disc_x / unit, y - disc_y / unit)
    halo = 0.46 * np.exp(-((away / (2.3 * disc.radius / unit)) ** 2)) + 0.22 * np.exp(-away / 0.5)
    shadow = 1 - 0.16 * np.clip(away / 1.3 - 0.35, 0, 1)
    return np.asarray(lit(field, disc.glow, halo.astype(np.float32)) * shadow[..., None], np.float32)


def _stars(
    size: Size, horizon: float, disc: Disc, rng: np.random.Generator
) -> list[tuple[tuple[int, int], Image.Image]]:
    """Places and marks of stars, more of them and fainter towards the zenith."""
    count = int(150 * size[0] * horizon / min(size) ** 2)
    columns, rows = rng.uniform(0, size[0], count), horizon * rng.uniform(0, 1, count) ** 1.4
    glints = 0.15 + 0.85 * rng.uniform(0, 1, count) ** 4
    unit = min(size) / 1000
    return [
        ((int(x), int(y)), _star(max(unit, 0.6) * (0.7 + glint), glint * (1 - 0.8 * y / horizon)))
        for x, y, glint in zip(columns, rows, glints, strict=True)
        if np.hypot(x - disc.x, y - disc.y) > 1.4 * disc.radius  # none before the dark part of a moon
    ]


def _star(radius: float, strength: float) -> Image.Image:
    reach = int(3 * radius) + 1
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    mark = np.exp(-(rows**2 + columns**2) / (1.2 * radius**2)) * 255 * strength
    return Image.fromarray(mark.astype(np.uint8))


class PicturedSky:
    """The picture that an order starts from, filling the frame; a clip moves slowly into it."""

    def __init__(self, picture: Image.Image, size: Size, wash: Palette | None) -> None:
        self._size = size
        side = _GRID_SIDE / max(size)
        small = (max(round(size[0] * side), 2), max(round(size[1] * side), 2))
        self._picture = ImageOps.fit(picture, small, Image.Resampling.LANCZOS)
        if wash:
            self._picture = Image.blend(self._picture, _washed(small, wash), 0.22)

    def at(self, share: float) -> Image.Image:
        """The picture when that share of the clip has passed."""
        width, height = self._picture.size
        inset = _ZOOM / 2 * share
        box = (width * inset, height * inset, width * (1 - inset), height * (1 - inset))
        return self._picture.resize(self._size, Image.Resampling.BICUBIC, box)


def _washed(size: Size, palette: Palette) -> Image.Image:
    """The palette's sky as a plain ramp."""
    _, y = grid(size)
    return grow(ramp(y / y.max(), palette.sky), size)
