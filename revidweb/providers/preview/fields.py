"""Soft colour fields: worked out on a small grid, grown to any size in bands so that memory stays bounded."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .palette import Colour
from .sizes import Size

Plane = NDArray[np.floating[Any]]  # (rows, columns)
Field = NDArray[np.floating[Any]]  # (rows, columns, 3), sRGB 0..255

_GRID = 144  # cells along the longer side
_BAND_ROWS = 256
_TILE = 512  # px of grain, repeated


@dataclass(frozen=True)
class Flow:
    """Slow, bent waves of -1..1 over the plane; `phase` moves them."""

    angles: tuple[float, ...]
    phases: tuple[float, ...]
    scale: float

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> "Flow":
        """Any flow."""
        angles, phases = rng.uniform(0, 2 * np.pi, 3), rng.uniform(0, 2 * np.pi, 5)
        return cls(tuple(map(float, angles)), tuple(map(float, phases)), float(rng.uniform(2.2, 3.6)))

    def at(self, x: Plane, y: Plane, phase: float = 0.0) -> Plane:
        """The flow at these places, in units of the picture's short side."""
        x, y = x * self.scale, y * self.scale
        one, two, three, four, five = self.phases
        bent_x = x + 0.7 * np.sin(1.3 * y + 0.6 * x + one + phase)
        bent_y = y + 0.6 * np.sin(1.1 * x - 0.5 * y + two - 0.7 * phase)
        waves = (
            0.55 * np.sin(_along(bent_x, bent_y, self.angles[0]) + three + 0.6 * phase),
            0.3 * np.sin(1.9 * _along(bent_x, bent_y, self.angles[1]) + four - phase),
            0.15 * np.sin(3.1 * _along(bent_y, bent_x, self.angles[2]) + five + phase),
        )
        return np.asarray(sum(waves), np.float32)


def _along(x: Plane, y: Plane, angle: float) -> Plane:
    return np.asarray(x * np.cos(angle) + y * np.sin(angle), np.float32)


def grid(size: Size) -> tuple[Plane, Plane]:
    """Where the grid's cells lie, x and y, for a picture of this size, in units of its short side."""
    width, height = size
    cells = _GRID / max(size)
    unit = min(size)
    columns = np.linspace(0, width / unit, max(round(width * cells), 2), dtype=np.float32)
    rows = np.linspace(0, height / unit, max(round(height * cells), 2), dtype=np.float32)
    x, y = np.meshgrid(columns, rows)
    return x, y


def ramp(share: Plane, stops: tuple[Colour, ...]) -> Field:
    """Colours for shares of 0..1, evenly from the first stop to the last."""
    places = np.linspace(0, 1, len(stops))
    planes = [np.interp(share, places, [stop[channel] for stop in stops]) for channel in range(3)]
    return np.stack(planes, axis=-1).astype(np.float32)


def lit(field: Field, light: Colour, strength: Plane) -> Field:
    """The field with light added as a lamp adds it: never beyond white."""
    room = 1 - field / 255
    return field + room * np.asarray(light, np.float32) * strength[..., None]


def grow(field: Field, size: Size) -> Image.Image:
    """The field as a picture of this size, dithered so that no steps show."""
    picture = Image.new("RGB", size)
    width, height = size
    planes = [Image.fromarray(np.ascontiguousarray(field[..., channel])) for channel in range(3)]
    noise = _tile(np.random.default_rng(7), width, 0.6)
    for top in range(0, height, _BAND_ROWS):
        rows = min(_BAND_ROWS, height - top)
        box = (0, top * field.shape[0] / height, field.shape[1], (top + rows) * field.shape[0] / height)
        grown = [np.asarray(plane.resize((width, rows), Image.Resampling.BICUBIC, box)) for plane in planes]
        picture.paste(_picture(np.stack(grown, axis=-1) + noise[:rows, :, None]), (0, top))
    return picture


def grain(picture: Image.Image, rng: np.random.Generator, strength: float) -> None:
    """Lay film grain over the picture, in place. strength: standard deviation in steps of 255."""
    noise = _tile(rng, picture.width, strength)
    for top in range(0, picture.height, _BAND_ROWS):
        rows = min(_BAND_ROWS, picture.height - top)
        band = np.asarray(picture.crop((0, top, picture.width, top + rows)))
        picture.paste(_picture(band + np.roll(noise, top * 97, axis=1)[:rows, :, None]), (0, top))


def _tile(rng: np.random.Generator, width: int, strength: float) -> Plane:
    tile = rng.standard_normal((_BAND_ROWS, _TILE), dtype=np.float32) * np.float32(strength)
    return np.tile(tile, -(-width // _TILE))[:, :width]


def _picture(colours: Field) -> Image.Image:
    return Image.fromarray(np.clip(np.rint(colours), 0, 255).astype(np.uint8))
