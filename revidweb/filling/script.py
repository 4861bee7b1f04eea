"""What happens in a history, as values: when somebody asks for what, how long it takes and how it ends."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from math import log
from random import Random
from typing import NamedTuple

from .cast import Buyer, Cast, Ware

LEAST_S, MOST_S = 2, 3000  # how long a job may take
_HOUR = timedelta(hours=1)
_BY_HOUR = (2, 1, 1, 1, 1, 2, 4, 8, 14, 19, 21, 20, 16, 18, 21, 22, 20, 17, 14, 12, 11, 9, 6, 4)
_BY_WEEKDAY = (10, 11, 12, 11, 10, 5, 4)
_GROWTH = 0.8  # how much busier the last day is than the first
_SIZES, _SIZE_WEIGHTS = (1, 2, 4), (84, 10, 6)
ENDS = ("done", "failed", "cancelled", "lost")
_END_WEIGHTS = (915, 62, 18, 5)
_SPREAD = 0.55
_WHAT = (
    *("A quiet harbour at blue hour", "Rice terraces after the rain", "A paper lantern market", "A fox in fresh snow"),
    *("Product shot of a ceramic cup", "An old tram on a steep street", "A glass greenhouse at dawn"),
    *("A lighthouse in heavy weather", "Portrait of a beekeeper", "A desk by a tall window", "A red kite over dunes"),
    *("Running shoes on wet asphalt", "A night train crossing a bridge", "A bowl of ramen, steam rising"),
)
_HOW = ("soft light", "35 mm film", "wide angle", "watercolour", "studio light", "long exposure", "isometric")
PROMPTS = tuple(f"{what}, {how}" for what in _WHAT for how in _HOW)


@dataclass(frozen=True)
class Plan:
    """How much history, of which hours: `days` times 24 hours up to `until`, aware UTC, by which all has ended."""

    jobs: int
    days: int
    until: datetime
    seed: str


class Asked(NamedTuple):
    """A batch: when it was asked for (seconds since 1970), by whom, what, and each job's seconds and end."""

    at: int
    buyer: Buyer
    ware: Ware
    prompt: str
    jobs: list[tuple[float, str]]


def play(plan: Plan, cast: Cast, chance: Random) -> Iterator[Asked]:
    """The batches in the order in which they are asked for: the same seed and cast, the same history."""
    hours = _hours(plan)
    weights = list(accumulate(_busy(plan, cast, hours, chance)))
    counts = Counter(chance.choices(range(len(hours)), cum_weights=weights, k=plan.jobs))
    draw = _Draw(cast, chance)
    for number in sorted(counts):
        yield from draw.hour(int(hours[number].timestamp()), counts[number])


def _hours(plan: Plan) -> list[datetime]:
    """When each hour begins. The last one is left for what was asked before it to end."""
    first = plan.until - timedelta(days=plan.days)
    return [first + number * _HOUR for number in range(plan.days * 24 - 1)]


def _busy(plan: Plan, cast: Cast, hours: list[datetime], chance: Random) -> Iterator[float]:
    """How much happens in each hour: by the tenant's clock and week, more from day to day, no two days alike."""
    moods = [chance.uniform(0.7, 1.3) for _ in range(plan.days)]
    zone = cast.tenant.zone
    for number, hour in enumerate(hours):
        there, day = hour.astimezone(zone), number // 24
        yield _BY_HOUR[there.hour] * _BY_WEEKDAY[there.weekday()] * moods[day] * (1 + _GROWTH * day / plan.days)


class _Draw:
    """Chance, asked for many at once: that is what makes a million jobs quick."""

    def __init__(self, cast: Cast, chance: Random) -> None:
        self._cast, self._chance = cast, chance
        self._buyers, self._wares = list(accumulate(cast.buyer_weights)), list(accumulate(cast.ware_weights))

    def hour(self, since: int, count: int) -> Iterator[Asked]:
        """So many jobs of the hour that begins then."""
        chance, cast = self._chance, self._cast
        sizes = self._sizes(count)
        many = len(sizes)
        moments = sorted(chance.randrange(3600) for _ in sizes)
        buyers = chance.choices(cast.buyers, cum_weights=self._buyers, k=many)
        wares = chance.choices(cast.wares, cum_weights=self._wares, k=many)
        prompts = chance.choices(PROMPTS, k=many)
        ends = iter(chance.choices(ENDS, _END_WEIGHTS, k=count))
        for size, moment, buyer, ware, prompt in zip(sizes, moments, buyers, wares, prompts, strict=True):
            usual = log(ware.usual_s)
            jobs = [(self._takes(usual), next(ends)) for _ in range(size)]
            yield Asked(since + moment, buyer, ware, prompt, jobs)

    def _sizes(self, count: int) -> list[int]:
        """Sizes of batches that come to so many jobs."""
        sizes: list[int] = []
        for size in self._chance.choices(_SIZES, _SIZE_WEIGHTS, k=count):
            if count <= 0:
                break
            sizes.append(min(size, count))
            count -= sizes[-1]
        return sizes

    def _takes(self, usual: float) -> float:
        return min(max(self._chance.lognormvariate(usual, _SPREAD), LEAST_S), MOST_S)
