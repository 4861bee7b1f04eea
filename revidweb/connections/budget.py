"""How many requests a credential may make: a bucket in its row, shared by all processes on all machines.

It fills at `REVIDAPI_PER_MINUTE` and holds ten seconds' worth. Who needs it less leaves more of it to the others.
"""

from datetime import datetime
from enum import Enum

from django.conf import settings
from django.db.models import F, Q, Value
from django.db.models.functions import Least

from revidweb.lib import clock

from .models import Credential

_BURST_S = 10
_TRIES = 25  # each round of many at once lets at least one through
_REST_MOST_S = 600  # a provider that asks for more is asked again by then
_REST_UNTOLD_S = 10  # after "too many requests" without a word on how long


class Rank(Enum):
    """Who asks; the value is the part of the bucket that is left to those before."""

    SEND = 0.0
    POLL = 0.2
    PAGE = 0.5


def burst() -> float:
    """Requests in a full bucket."""
    return _per_second() * _BURST_S


def take(credential: Credential | None, *, wanted: int, rank: Rank) -> int:
    """How many requests may be made now, 0 to `wanted`; they count as made. Without a credential all of them.

    Exact over all processes: the row is written only if it is still what was read. A row that is fought over for
    too long gives nothing, so the limit is never passed.
    """
    if credential is None:
        return wanted
    for _ in range(_TRIES):
        given = _try(credential.pk, wanted, rank)
        if given is not None:
            return given
    return 0


def take_all(credential: Credential | None, requests: int, *, rank: Rank) -> bool:
    """Take so many, or none where fewer may be made."""
    given = take(credential, wanted=requests, rank=rank)
    if given < requests:
        give_back(credential, given)
    return given == requests


def give_back(credential: Credential | None, unused: int) -> None:
    """Requests that were taken and not made."""
    if credential is not None and unused > 0:
        tokens = Least(F("tokens") + float(unused), Value(burst()))
        Credential.objects.filter(pk=credential.pk).update(tokens=tokens)


def rest(credential: Credential | None, seconds: float | None) -> None:
    """The provider asked for a pause: nobody takes until it is over, ten minutes at most. Never shortens one.

    seconds: None or 0 where it did not say how long; then ten.
    """
    if credential is not None:
        until = clock.after(min(seconds or _REST_UNTOLD_S, _REST_MOST_S))
        shorter = Q(rests_until__isnull=True) | Q(rests_until__lt=until)
        Credential.objects.filter(shorter, pk=credential.pk).update(rests_until=until)


def resting_s(credential: Credential | None) -> float:
    """Seconds that are left of the pause, 0 without one. One query."""
    if credential is None:
        return 0.0
    until = Credential.objects.filter(pk=credential.pk).values_list("rests_until", flat=True).first()
    return max(0.0, (until - clock.now()).total_seconds()) if until else 0.0


def ready(credential: Credential | None) -> int:
    """Requests that may be made at this moment, as far as the row at hand knows; for a page, no query."""
    if credential is None or (credential.rests_until and credential.rests_until > clock.now()):
        return 0
    return int(_filled(credential.tokens, credential.refilled_at, clock.now()))


def _try(pk: int, wanted: int, rank: Rank) -> int | None:
    """One go: what was given, or None when another process wrote in between."""
    row = Credential.objects.filter(pk=pk).values_list("tokens", "refilled_at", "rests_until").first()
    now = clock.now()
    if row is None or (row[2] and row[2] > now):
        return 0
    tokens, refilled_at, _rests_until = row
    filled = _filled(tokens, refilled_at, now)
    given = max(0, min(wanted, int(filled - rank.value * burst())))
    if not given:
        return 0
    unchanged = Credential.objects.filter(pk=pk, tokens=tokens, refilled_at=refilled_at)
    written = unchanged.update(tokens=filled - given, refilled_at=max(now, refilled_at))
    return given if written else None


def _filled(tokens: float, refilled_at: datetime, now: datetime) -> float:
    """The bucket now; a clock that runs behind the last writer's adds nothing."""
    since_s = max(0.0, (now - refilled_at).total_seconds())
    return min(burst(), tokens + since_s * _per_second())


def _per_second() -> float:
    return float(settings.REVIDAPI_PER_MINUTE) / 60
