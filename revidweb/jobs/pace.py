"""How fast a key spends, and how long what it has left lasts."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Sum

from revidweb.keys.models import ApiKey
from revidweb.lib import clock

from .models import Job

DAYS = 7


@dataclass(frozen=True)
class Pace:
    """credits: what was taken in the last `days` days, at most seven; fewer for a key that is younger."""

    credits: int
    days: int

    @property
    def a_day(self) -> int:
        """Credits a day, rounded."""
        return round(self.credits / self.days)

    def lasts_days(self, left: int) -> int | None:
        """For how many whole days so many credits last; None while nothing is spent."""
        return left * self.days // self.credits if self.credits else None


def of(key: ApiKey) -> Pace:
    """What the key's jobs took lately, by their settlements. One query."""
    now = clock.now()
    lately = Job.objects.filter(key=key, ended_at__gt=now - timedelta(days=DAYS))
    taken = lately.aggregate(credits=Sum("settlement__credits"))["credits"]
    age_days = (now - key.created_at).days + 1
    return Pace(taken or 0, min(age_days, DAYS))
