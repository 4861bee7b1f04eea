"""A soft chord for clips with sound, made second by second so that memory does not grow with the clip."""

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from av import AudioFrame
from numpy.typing import NDArray

RATE = 48_000  # samples per second
_ROOTS_HZ = (98.0, 110.0, 123.47, 130.81, 146.83)
_CHORD = ((1.0, 0.5), (1.5, 0.3), (2.0, 0.22), (2.5, 0.16), (3.0, 0.1), (4.5, 0.05))  # of the root: pitch, loudness
_FADE_S = 0.4
_LOUDNESS = 0.2

Samples = NDArray[np.float64]


def frames(seed: int, duration_s: int) -> Iterator[AudioFrame]:
    """The chord as stereo frames of one second each, `duration_s` of them."""
    rng = np.random.default_rng(seed)
    root_hz = float(rng.choice(_ROOTS_HZ))
    turns = rng.uniform(0, 2 * np.pi, (2, len(_CHORD)))
    for second in range(duration_s):
        at_s = second + np.arange(RATE) / RATE
        sides = np.stack([_side(at_s, root_hz, side) for side in turns])
        yield _frame(sides * _fade(at_s, duration_s), second)


def _side(at_s: Samples, root_hz: float, turns: Samples) -> Samples:
    """One ear: every tone swells in its own time, shifted against the other ear."""
    tones = [
        loudness * (0.65 + 0.35 * np.sin(2 * np.pi * at_s / (3.1 + 2 * pitch) + turn))
        * np.sin(2 * np.pi * root_hz * pitch * at_s + turn)
        for (pitch, loudness), turn in zip(_CHORD, turns, strict=True)
    ]  # fmt: skip
    return np.asarray(sum(tones)) * _LOUDNESS


def _fade(at_s: Samples, duration_s: int) -> Samples:
    return np.asarray(np.clip(np.minimum(at_s, duration_s - at_s) / _FADE_S, 0, 1))


def _frame(sides: Samples, second: int) -> AudioFrame:
    frame = AudioFrame.from_ndarray(np.ascontiguousarray(sides, np.float32), format="fltp", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = RATE, second * RATE, Fraction(1, RATE)
    return frame
