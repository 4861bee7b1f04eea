"""How much was done and spent: today and this month, in the tenant's own days."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q, Sum

from revidweb.accounts.actors import Actor, Right
from revidweb.lib import clock

from .models import Settlement, Verdict

_A_MOMENT = timedelta(minutes=1)
_FAILED = Q(verdict__in=[Verdict.FAILED, Verdict.LOST])


@dataclass(frozen=True)
class Sums:
    """Jobs that ended in a span of time, and the whole credits that they were charged."""

    done: int
    failed: int
    cancelled: int
    credits: int


@dataclass(frozen=True)
class Figures:
    """A job counts on the day on which it ended."""

    today: Sums
    month: Sums


def of(actor: Actor) -> Figures:
    """The tenant's figures for those who see all, one's own for others, its own for a key. One query."""
    midnight = clock.now().astimezone(actor.tenant.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    first = midnight.replace(day=1)
    rows = Settlement.objects.filter(tenant=actor.tenant, at__gte=first)
    if not actor.may(Right.SEE_ALL):  # found through one's own jobs, which end just before they are settled
        mine = Q(job__key=actor.key.pk) if actor.key else Q(job__member=actor.in_person)
        rows = rows.filter(mine, job__ended_at__gte=first - _A_MOMENT)
    found = rows.aggregate(**_sums("today", midnight), **_sums("month", first))
    return Figures(today=_taken("today", found), month=_taken("month", found))


def _sums(name: str, since: datetime) -> dict[str, Count | Sum]:
    when = Q(at__gte=since)
    return {
        f"{name}_done": Count("pk", filter=when & Q(verdict=Verdict.DONE)),
        f"{name}_failed": Count("pk", filter=when & _FAILED),
        f"{name}_cancelled": Count("pk", filter=when & Q(verdict=Verdict.CANCELLED)),
        f"{name}_credits": Sum("credits", filter=when),
    }


def _taken(name: str, found: dict[str, int | None]) -> Sums:
    return Sums(**{column: found[f"{name}_{column}"] or 0 for column in ("done", "failed", "cancelled", "credits")})
