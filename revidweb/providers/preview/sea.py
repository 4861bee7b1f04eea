"""Water: the sky's colours upside down, and the disc's light broken into glints."""

import numpy as np
from PIL import Image

from .fields import Flow, Plane, grid, grow, lit, ramp
from .palette import Palette, mixed
from .sizes import Size
from .sky import Disc

_GLINTS = 200


class Sea:
    """Everything below a level horizon. Its glints come and go, each in its own time."""

    def __init__(self, size: Size, palette: Palette, horizon: int, disc: Disc, rng: np.random.Generator) -> None:
        self._size = (size[0], size[1] - horizon)
        self._horizon, self._unit = horizon, min(size)
        self._water = self._grown(palette, rng)
        self._light = tuple(int(value) for value in mixed(disc.light, palette.sky[-1], 0.3))
        depth = rng.uniform(0.004, 1, _GLINTS) ** 1.5
        self._depth = depth
        self._x = disc.x + rng.normal(0, 1, _GLINTS) * self._unit * (0.035 + 0.13 * depth)
        self._long = self._unit * rng.uniform(0.01, 0.035, _GLINTS) * (0.5 + 1.9 * depth)
        self._turn, self._period_s = rng.uniform(0, 2 * np.pi, _GLINTS), rng.uniform(1.6, 4.0, _GLINTS)

    def lay(self, canvas: Image.Image, at_s: float) -> None:
        """Paint it over what stands behind."""
        canvas.paste(self._water, (0, self._horizon))
        canvas.paste(self._light, (0, self._horizon), Image.fromarray(self._glitter(at_s)))

    def _grown(self, palette: Palette, rng: np.random.Generator) -> Image.Image:
        x, y = grid(self._size)
        stops = (
            mixed(palette.sky[-1], palette.far, 0.45),
            palette.far,
            mixed(palette.far, palette.near, 0.55),
            palette.near,
        )
        swell = Flow.drawn(rng).at(x * 0.8, y * 5)
        field = ramp(np.clip(y / y.max() * 0.92 + 0.05 * swell, 0, 1), stops)
        return grow(lit(field, palette.sky[-1], np.clip(swell, 0, 1) * np.float32(0.08)), self._size)

    def _glitter(self, at_s: float) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
        """How much light lies on each pixel of the water, 0..255."""
        light = np.zeros((self._size[1], self._size[0]), np.float32)
        bright = (0.5 + 0.5 * np.sin(self._turn + 2 * np.pi * at_s / self._period_s)) * (0.85 - 0.45 * self._depth)
        for x, depth, long, strength in zip(self._x, self._depth, self._long, bright, strict=True):
            self._add(light, x, depth * self._size[1], long, strength)
        return (np.clip(light, 0, 0.9) * 255).astype(np.uint8)

    def _add(self, light: Plane, x: float, y: float, long: float, strength: float) -> None:
        """One glint: a flat, soft dash."""
        thick = max(long * 0.07, 0.7)
        top, left = max(int(y - 2 * thick), 0), max(int(x - 2 * long), 0)
        part = light[top : int(y + 2 * thick) + 2, left : max(int(x + 2 * long) + 2, 0)]
        rows = np.arange(top, top + part.shape[0])[:, None]
        columns = np.arange(left, left + part.shape[1])
        part += strength * np.exp(-(((rows - y) / thick) ** 2) - ((columns - x) / long) ** 2)
