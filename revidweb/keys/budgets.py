"""What a key has used of its limits: raised with every hold, lowered by what a job did not take.

A submission counts in the day, the week (from Monday) and the month of the tenant's time zone in which it was held.
`ApiKey.counted_on` is the day to which the windows' figures belong; it only ever goes forward, so that a tenant that
moves its time zone to the west counts no day twice.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import BigIntegerField, Case, DateField, DateTimeField, F, IntegerField, Q, QuerySet, When
from django.db.models.expressions import CombinedExpression

from revidweb.accounts.actors import ActingKey, Actor
from revidweb.accounts.models import Tenant
from revidweb.lib import clock, kept
from revidweb.lib.kept import Word
from revidweb.lib.refusal import Refusal

from .models import ApiKey


@dataclass(frozen=True)
class KeyInHand(ActingKey):
    """An acting key whose row was read when it was let in."""

    row: ApiKey


@dataclass(frozen=True)
class Meter:
    """How much of a limit is used, in credits. limit: budget, day, week, month or lifetime.

    resets_at: when a window begins anew, aware UTC; None for what never does.
    """

    limit: str
    used: int
    most: int
    resets_at: datetime | None


def key_of(actor: Actor) -> ApiKey:
    """The row of the key by which the actor acts: as it was read when it let them in, else read now."""
    if isinstance(actor.key, KeyInHand):
        return actor.key.row
    if actor.key is None:
        raise ValueError("Nobody acts by a key.")
    return _read(actor.key.pk)


# -- windows ---------------------------------------------------------------------------------------------------------


def _day(day: date) -> date:
    return day


def _week(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _month(day: date) -> date:
    return day.replace(day=1)


def _tomorrow(day: date) -> date:
    return day + timedelta(days=1)


def _next_week(day: date) -> date:
    return _week(day) + timedelta(days=7)


def _next_month(day: date) -> date:
    return (_month(day) + timedelta(days=31)).replace(day=1)


_BEGINS: Mapping[str, Callable[[date], date]] = {"day": _day, "week": _week, "month": _month}
_NEXT: Mapping[str, Callable[[date], date]] = {"day": _tomorrow, "week": _next_week, "month": _next_month}
SPANS = tuple(_BEGINS)


def resets_at(span: str, tenant: Tenant) -> datetime:
    """When the tenant's present day, week or month ends: midnight there, also across daylight saving; aware UTC."""
    return _ends(span, today(tenant), tenant)


def today(tenant: Tenant) -> date:
    """The tenant's calendar day."""
    return clock.now().astimezone(tenant.zone).date()


def begins(span: str, key: ApiKey) -> date:
    """The first day of the window in which the key counts now."""
    return beginning(span, _counting_day(key))


def beginning(span: str, day: date) -> date:
    """The first day of the window to which this day belongs."""
    return _BEGINS[span](day)


def used(key: ApiKey) -> dict[str, int]:
    """Credits that count against each limit now: "day", "week", "month" and "lifetime". As the row was read."""
    day = _counting_day(key)
    windows = {span: getattr(key, f"{span}_credits") if _is_in(span, key, day) else 0 for span in SPANS}
    return windows | {"lifetime": key.lifetime_credits}


def meters(key: ApiKey) -> list[Meter]:
    """The limits that the key has, as the row was read: what is used, the most, and when it begins anew.

    Of a key with a wallet of its own also the budget: what was ever filled in, less what is still free.
    """
    now = used(key)
    found = [Meter(span, now[span], most, _resets(span, key)) for span, most in _mosts(key)]
    if key.wallet is None:
        return found
    return [Meter("budget", key.filled - key.wallet.free, key.filled, None), *found]


def _ends(span: str, day: date, tenant: Tenant) -> datetime:
    return datetime.combine(_NEXT[span](day), time.min, tzinfo=tenant.zone).astimezone(UTC)


def _resets(span: str, key: ApiKey) -> datetime | None:
    return _ends(span, _counting_day(key), key.tenant) if span in SPANS else None


def _counting_day(key: ApiKey) -> date:
    now = today(key.tenant)
    return max(now, key.counted_on) if key.counted_on else now


def _is_in(span: str, key: ApiKey, day: date) -> bool:
    """Whether the row's figure belongs to the window of that day."""
    return key.counted_on is not None and key.counted_on >= _BEGINS[span](day)


def _mosts(key: ApiKey) -> Iterator[tuple[str, int]]:
    for span in (*SPANS, "lifetime"):
        most = getattr(key, f"{span}_limit")
        if most is not None:
            yield span, most


# -- counting --------------------------------------------------------------------------------------------------------


def hold(key: ApiKey, *, credits: int, jobs: int) -> date:
    """Count so many jobs that hold so many credits together, if every limit lets them: all or none.

    One conditional statement, the last one of the caller's transaction, so that nobody waits long for the key's row.
    Returns the day in which they count, for `settle`. A repeat counts again.
    Raises Refusal: "key_revoked", "key_paused", "window_limit" (facts limit, most, used, needed, resets_at),
    "lifetime_limit" (most, used, needed), "queue_full" (running, queue, moving).
    """
    while True:
        day = _counting_day(key)
        if _count(key.pk, day, credits, jobs):
            return day
        key = _read(key.pk)
        _refuse(key, credits, jobs)  # nothing in the way any more: a job has just ended, or the day has


def peek(key: ApiKey, *, credits: int, jobs: int) -> None:
    """Refuse early what `hold` would refuse, before work is done for it. A row that would refuse is read anew."""
    try:
        _refuse(key, credits, jobs)
    except Refusal:
        _refuse(_read(key.pk), credits, jobs)


def settle(key_id: int, *, held_on: date, held: int, taken: int) -> None:
    """Count a job as ended, in the transaction of its verdict: what it did not take is free in its windows again.

    held_on: what `hold` returned; held, taken: its credits. A repeat counts again: the verdict is what happens once.
    """
    freed = held - taken
    windows = {f"{span}_credits": _lowered(span, held_on, freed) for span in SPANS} if freed else {}
    ApiKey.objects.filter(pk=key_id).update(
        moving=F("moving") - 1, spent=F("spent") + taken, lifetime_credits=F("lifetime_credits") - freed, **windows
    )


def refund(key_id: int, *, held_on: date, credits: int) -> None:
    """What an ended job took is given back: it counts nowhere any more. held_on, repeats: as in `settle`."""
    windows = {f"{span}_credits": _lowered(span, held_on, credits) for span in SPANS}
    ApiKey.objects.filter(pk=key_id).update(
        spent=F("spent") - credits, lifetime_credits=F("lifetime_credits") - credits, **windows
    )


def _read(pk: int) -> ApiKey:
    rows = ApiKey.objects.select_related("tenant", "wallet", "member__person", "member__tenant", "member__wallet")
    return rows.get(pk=pk)


def _count(pk: int, day: date, credits: int, jobs: int) -> bool:
    """Whether the limits let it be counted. Another process may count a later day already: then not for this one."""
    first = {f"{span}_begins": begins(day) for span, begins in _BEGINS.items()}
    return _COUNTED.run(key=pk, credits=credits, jobs=jobs, now=clock.now(), **first) == 1


def _counted() -> "tuple[QuerySet[ApiKey], dict[str, Any]]":
    """The key where every limit lets it be counted, and its figures then."""
    day, credits, jobs = (
        Word("day_begins", DateField()),
        Word("credits", BigIntegerField()),
        Word("jobs", IntegerField()),
    )
    figures = {span: _figure(span) + credits for span in SPANS} | {"lifetime": F("lifetime_credits") + credits}
    fits = Q(revoked_at__isnull=True, paused_at__isnull=True) & _fits_queue(jobs)
    fits &= Q(counted_on__isnull=True) | Q(counted_on__lte=day)
    for span, figure in figures.items():
        fits &= Q(**{f"{span}_limit__isnull": True}) | Q(**{f"{span}_limit__gte": figure})
    raised = {f"{span}_credits": figure for span, figure in figures.items()}
    now = Word("now", DateTimeField())
    return (
        ApiKey.objects.filter(fits, pk=Word("key", BigIntegerField())),
        {"counted_on": day, "moving": F("moving") + jobs, "last_used_at": now, **raised},
    )


def _figure(span: str) -> Case:
    """What the window of that day has counted: the row's figure, or nothing where it is of an earlier window."""
    begins = Word(f"{span}_begins", DateField())
    return Case(When(counted_on__gte=begins, then=F(f"{span}_credits")), default=0, output_field=BigIntegerField())


def _lowered(span: str, held_on: date, credits: int) -> Case:
    """The window's figure without so many credits, while it is still the window in which they were held."""
    figure = F(f"{span}_credits")
    return Case(
        When(counted_on__lt=_NEXT[span](held_on), then=figure - credits), default=figure, output_field=BigIntegerField()
    )


def _fits_queue(jobs: Word) -> Q:
    unlimited = Q(running_limit__isnull=True) | Q(queue_limit__isnull=True)
    return unlimited | Q(moving__lte=_places() - jobs)


def _places() -> CombinedExpression:
    return F("running_limit") + F("queue_limit")


_COUNTED = kept.Update(_counted)  # of every submission


def _refuse(key: ApiKey, credits: int, jobs: int) -> None:
    if key.revoked_at:
        raise Refusal("key_revoked")
    if key.paused_at:
        raise Refusal("key_paused")
    _refuse_over_limit(key, credits)
    running, queue = key.running_limit, key.queue_limit
    if running is not None and queue is not None and key.moving + jobs > running + queue:
        raise Refusal("queue_full", running=running, queue=queue, moving=key.moving)


def _refuse_over_limit(key: ApiKey, credits: int) -> None:
    """The limit that lasts longest comes first: it is of no use to wait for a shorter one."""
    now = used(key)
    for span, most in reversed(list(_mosts(key))):
        if now[span] + credits <= most:
            continue
        if span == "lifetime":
            raise Refusal("lifetime_limit", most=most, used=now[span], needed=credits)
        resets = _resets(span, key)
        raise Refusal("window_limit", limit=span, most=most, used=now[span], needed=credits, resets_at=resets)
