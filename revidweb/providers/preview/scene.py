"""One composition: a sky, a disc, and ranges of land before it; the seed and the prompt's words lay it out."""

import zlib
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PIL import Image

from .fields import Flow, grid, grow, lit, ramp
from .land import Layer, skyline
from .palette import Land, Palette, is_steered, land_for, mixed, palette_for, palette_of
from .sea import Sea
from .sizes import Size
from .sky import Disc, FlowingSky, PicturedSky, Sky

_RISE = {Land.HILLS: 0.13, Land.PEAKS: 0.27, Land.DUNES: 0.15, Land.TREES: 0.19, Land.TOWERS: 0.34, Land.SEA: 0.0}
_FAR_LAND = {Land.TREES: Land.HILLS, Land.SEA: Land.PEAKS}  # what stands far behind; else the same land


class Range(Protocol):
    """Something that is laid over what stands behind it."""

    def lay(self, canvas: Image.Image, at_s: float) -> None:
        """Paint it as it is at that time."""


@dataclass(frozen=True)
class Plan:
    """Where things stand. horizon: the row (px) from which no sky is seen."""

    size: Size
    palette: Palette
    land: Land
    horizon: int
    disc: Disc
    rng: np.random.Generator

    @property
    def unit(self) -> int:
        """The short side, px: lengths look alike at every size and shape."""
        return min(self.size)


@dataclass(frozen=True)
class Scene:
    """A picture that can be drawn at any time of its clip."""

    sky: Sky
    disc: Disc
    ranges: tuple[Range, ...]

    def draw(self, at_s: float = 0.0, of_s: float = 1.0) -> Image.Image:
        """The picture at that second of a clip of so many."""
        share = at_s / of_s
        canvas = self.sky.at(share)
        self.disc.lay(canvas, share)
        for land in self.ranges:
            land.lay(canvas, at_s)
        return canvas


def compose(prompt: str, seed: int, size: Size, basis: Image.Image | None = None) -> Scene:
    """Lay out a scene. The same prompt, seed, size and basis give the same one. basis: the picture to start from."""
    rng = np.random.default_rng([seed, zlib.crc32(prompt.encode())])
    if basis is None:
        plan = _plan(size, palette_for(prompt, rng), land_for(prompt, rng), rng)
        sky: Sky = FlowingSky(plan.palette, size, plan.horizon, plan.disc, rng)
        return Scene(sky, plan.disc, _ranges(plan))
    wash = palette_for(prompt, rng) if is_steered(prompt) else None
    plan = _low_plan(size, palette_of(basis), rng)
    return Scene(PicturedSky(basis, size, wash), plan.disc, _ranges(plan, count=2))


def _plan(size: Size, palette: Palette, land: Land, rng: np.random.Generator) -> Plan:
    horizon = int(size[1] * rng.uniform(0.56, 0.7))
    return Plan(size, palette, land, horizon, _disc(size, palette, horizon, rng), rng)


def _low_plan(size: Size, palette: Palette, rng: np.random.Generator) -> Plan:
    """Before a picture: low hills only, and a disc like a breath on glass."""
    disc = _disc(size, palette, int(size[1] * 0.6), rng, strength=0.34)
    return Plan(size, palette, Land.HILLS, int(size[1] * 0.86), disc, rng)


def _disc(size: Size, palette: Palette, horizon: int, rng: np.random.Generator, strength: float = 1.0) -> Disc:
    unit = min(size)
    radius = unit * (rng.uniform(0.055, 0.11) if palette.is_night else rng.uniform(0.085, 0.18))
    x = size[0] * (float(rng.choice((0.3, 0.5, 0.68))) + rng.uniform(-0.07, 0.07))
    y = rng.uniform(radius + 0.09 * unit, horizon - 0.12 * unit)
    bite = float(rng.uniform(0.45, 0.8)) if palette.is_night and rng.random() < 0.45 else 0.0
    travel = (unit * float(rng.uniform(-0.03, 0.03)), -0.06 * unit)
    shade, glow = mixed(palette.disc, palette.sky[-1], 0.55), mixed(palette.disc, palette.sky[-2], 0.5)
    return Disc(x, y, radius, travel, palette.disc, shade, glow, strength, bite)


def _ranges(plan: Plan, count: int | None = None) -> tuple[Range, ...]:
    """The land from far to near."""
    if plan.land is Land.SEA:
        return _coast(plan)
    count = count or int(plan.rng.integers(3, 5))
    bases = np.linspace(plan.horizon, plan.size[1], count + 1)[:-1].astype(int)
    ends = [*bases[1:], plan.size[1]]
    lands = [plan.land if depth >= count - 2 else _FAR_LAND.get(plan.land, plan.land) for depth in range(count)]
    return tuple(
        _layer(plan, land, int(base), int(end), depth / (count - 1))
        for depth, (land, base, end) in enumerate(zip(lands, bases, ends, strict=True))
    )


def _coast(plan: Plan) -> tuple[Range, ...]:
    """Far mountains, the sea with the disc's light on it, and sometimes a shore."""
    far = _layer(plan, _FAR_LAND[Land.SEA], plan.horizon, plan.horizon + 1, 0.0, rise=0.1)
    sea = Sea(plan.size, plan.palette, plan.horizon, plan.disc, plan.rng)
    shore = int(plan.size[1] - 0.07 * plan.unit)
    near = [_layer(plan, Land.DUNES, shore, plan.size[1], 1.0)] if plan.rng.random() < 0.6 else []
    return (far, sea, *near)


def _layer(plan: Plan, land: Land, base: int, end: int, depth: float, rise: float | None = None) -> Layer:
    """One range. depth: 0 far..1 near; end: the row from which the next one hides it."""
    part = (_RISE[land] if rise is None else rise) * float(plan.rng.uniform(0.8, 1.15))
    rise_px = int(plan.unit * part * (1 - 0.25 * depth))
    fill = _fill(plan, (plan.size[0], max(end - base, 1) + rise_px + 1), depth)
    return Layer(skyline(land, plan.rng), base, rise_px, fill, speed=0.008 + 0.034 * depth)


def _fill(plan: Plan, size: Size, depth: float) -> Image.Image:
    """Land by its depth: the farther, the more of the sky's haze; mist gathers at its foot; the disc warms it."""
    crest = mixed(mixed(plan.palette.far, plan.palette.sky[-1], 0.18 * (1 - depth)), plan.palette.near, depth**0.85)
    foot = mixed(crest, plan.palette.sky[-1], 0.42 * (1 - depth) + 0.05)
    x, y = grid(size)
    x, y = x * min(size) / plan.unit, y * min(size) / plan.unit
    field = ramp(np.clip(y / y.max(), 0, 1), (crest, mixed(crest, foot, 0.3), foot))
    near_disc = np.exp(-(((x - plan.disc.x / plan.unit) / 0.5) ** 2)) * (0.16 - 0.1 * depth)
    clouds = 0.07 * np.clip(Flow.drawn(plan.rng).at(x, y), 0, 1)
    return grow(lit(field, plan.palette.sky[-1], (near_disc + clouds).astype(np.float32)), size)
