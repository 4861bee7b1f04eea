"""Skylines: how high the land stands at each place, and the layers that are cut along them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .palette import Land
from .sizes import Size

Line = NDArray[np.float64]
Skyline = Callable[[Line], Line]  # places in units of the short side -> heights 0..1; endless in both directions

_CELLS = 251
_SAMPLES = (0.17, 0.5, 0.83)  # places inside a pixel column: steep edges stay smooth


def skyline(land: Land, rng: np.random.Generator) -> Skyline:
    """Any skyline of that land."""
    return _MAKERS[land](rng)


def _waves(rng: np.random.Generator, lengths: tuple[float, ...], falloff: float) -> Skyline:
    """Sines of these wave lengths (units), each weaker than the one before."""
    phases = rng.uniform(0, 2 * np.pi, len(lengths))
    weights = falloff ** np.arange(len(lengths))
    turns = 2 * np.pi / (np.array(lengths) * rng.uniform(0.85, 1.15, len(lengths)))

    def heights(u: Line) -> Line:
        parts = [w * np.sin(turn * u + phase) for w, turn, phase in zip(weights, turns, phases, strict=True)]
        return np.asarray(0.5 + 0.5 * sum(parts) / weights.sum())

    return heights


def _hills(rng: np.random.Generator) -> Skyline:
    return _waves(rng, (1.3, 0.61, 0.27), 0.5)


def _dunes(rng: np.random.Generator) -> Skyline:
    """Long backs that fall off more steeply on one side."""
    phase, length = rng.uniform(0, 2 * np.pi), rng.uniform(1.2, 1.9)
    swell = _waves(rng, (3.1, 0.8), 0.3)

    def heights(u: Line) -> Line:
        turn = 2 * np.pi * u / length + phase
        return np.asarray(0.55 * (0.5 + 0.5 * np.sin(turn + 0.75 * np.sin(turn))) + 0.45 * swell(u))

    return heights


def _peaks(rng: np.random.Generator) -> Skyline:
    """Sharp crests: folded waves, finer ones on the backs of the larger."""
    phases = rng.uniform(0, np.pi, 5)
    lengths = np.array([0.83, 0.47, 0.21, 0.093, 0.041]) * rng.uniform(0.85, 1.2, 5)
    weights = np.array([1.0, 0.55, 0.26, 0.12, 0.05])

    def heights(u: Line) -> Line:
        folds = [
            w * (1 - np.abs(np.sin(np.pi * u / length + p)))
            for w, length, p in zip(weights, lengths, phases, strict=True)
        ]
        return np.asarray(sum(folds) / weights.sum())

    return heights


def _trees(rng: np.random.Generator) -> Skyline:
    """Conifers of many heights on a hill."""
    hill = _waves(rng, (1.6, 0.7), 0.45)
    rows = [_tree_row(rng, width) for width in (0.026, 0.037, 0.061)]

    def heights(u: Line) -> Line:
        return np.asarray(0.45 * hill(u) + 0.55 * np.maximum.reduce([row(u) for row in rows]))

    return heights


def _tree_row(rng: np.random.Generator, width: float) -> Skyline:
    tall = rng.uniform(0.25, 1, _CELLS) * min(1.0, width / 0.05)
    offset = rng.uniform(0, 1)

    def heights(u: Line) -> Line:
        place = u / width + offset
        cell = np.floor(place).astype(int)
        side = np.abs(2 * (place - cell) - 1)  # 0 at the trunk
        boughs = 0.09 * (1 - np.mod(side * 4, 1)) * (side > 0.04)
        return np.asarray(tall[cell % _CELLS] * np.clip(1 - side**0.9 + boughs - 0.09, 0, 1))

    return heights


def _towers(rng: np.random.Generator) -> Skyline:
    """Blocks of all widths, a few with a spire."""
    edges = np.cumsum(rng.uniform(0.022, 0.075, _CELLS))
    tall = 0.12 + 0.7 * rng.uniform(0, 1, _CELLS) ** 2.2
    spire = np.where(rng.uniform(0, 1, _CELLS) < 0.14, 0.17, 0.0)

    def heights(u: Line) -> Line:
        place = np.mod(u, edges[-1])
        cell = np.searchsorted(edges, place, side="right")
        from_right = (edges[cell] - place) / np.diff(edges, prepend=0.0)[cell]
        return np.asarray(tall[cell] + spire[cell] * (np.abs(from_right - 0.5) < 0.035))

    return heights


def _sea(rng: np.random.Generator) -> Skyline:
    """Level."""
    return np.zeros_like


_MAKERS: dict[Land, Callable[[np.random.Generator], Skyline]] = {
    Land.HILLS: _hills,
    Land.PEAKS: _peaks,
    Land.DUNES: _dunes,
    Land.TREES: _trees,
    Land.TOWERS: _towers,
    Land.SEA: _sea,
}


@dataclass(frozen=True)
class Layer:
    """One range of land. base: the row (px) from which it is solid; rise: its highest point above that (px).

    fill: what it looks like, from the row base - rise on; speed: units of the short side per second.
    """

    heights: Skyline
    base: int
    rise: int
    fill: Image.Image
    speed: float

    def lay(self, canvas: Image.Image, at_s: float) -> None:
        """Paint it over what stands behind, as it is at that time."""
        top = self.base - self.rise
        band = self.fill.crop((0, 0, canvas.width, self.rise + 1))
        canvas.paste(band, (0, top), self._cover(canvas.size, at_s))
        canvas.paste(self.fill.crop((0, self.rise + 1, *self.fill.size)), (0, self.base + 1))

    def _cover(self, size: Size, at_s: float) -> Image.Image:
        """How much of each pixel between crest and base is land."""
        rows = np.arange(self.rise + 1, dtype=np.float32)[:, None]
        cover = np.zeros((self.rise + 1, size[0]), np.float32)
        for sample in _SAMPLES:
            places = (np.arange(size[0]) + sample) / min(size) + self.speed * at_s
            crest = (self.rise * (1 - self.heights(places))).astype(np.float32)
            cover += np.clip(rows - crest + 0.5, 0, 1)
        return Image.fromarray((cover * (255 / len(_SAMPLES)) + 0.5).astype(np.uint8))
