"""How fast a key spends, and how long what it has left lasts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Q, Sum

from revidweb.jobs import facts
from revidweb.keys.models import ApiKey
from revidweb.lib import clock

from . import folding
from .models import Dimension, Grain, UsageCell

DAYS = 7


@dataclass(frozen=True)
class Pace:
    """credits: what was taken in the last `days` days, to the hour, at most seven; fewer for a key that is younger."""

    credits: int
    days: int

    @property
    def a_day(self) -> int:
        """Credits a day, rounded."""
        return round(self.credits / self.days)

    def lasts_days(self, left: int) -> int | None:
        """For how many whole days so many credits last; None while nothing is spent."""
        return left * self.days // self.credits if self.credits else None


def of(key: ApiKey, zone: ZoneInfo) -> Pace:
    """What the key's jobs took lately. zone: in which its tenant is counted. One query."""
    now = clock.now()
    age_days = (now - key.created_at).days + 1
    return Pace(_taken(key, now - timedelta(days=DAYS), zone), min(age_days, DAYS))


def _taken(key: ApiKey, since: datetime, zone: ZoneInfo) -> int:
    """What is counted from that hour on, and what is not counted yet: a key's many jobs would take long to read."""
    day, hour = folding.place(since, zone)
    cells = UsageCell.objects.filter(
        Q(day__gt=day) | Q(hour__gte=hour),
        day__gte=day,
        tenant=key.tenant_id,
        member_id=0,
        key_id=key.pk,
        dimension=Dimension.ALL,
        grain=Grain.HOUR,
    )
    counted = cells.order_by().values("grain").annotate(credits=Sum("credits")).values_list("credits")
    begins = folding.midnight(day, zone) + timedelta(hours=hour)
    due = facts.credits_not_taken(key.tenant, {"key": key.pk}, since=begins)
    return sum(credits for (credits,) in counted.union(due, all=True))
