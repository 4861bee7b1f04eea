"""How many addresses may be asked at once, and how often: each holds a thread that pages need, or looks at jobs.

Whoever runs a slow or hostile server must not keep everybody else waiting, and nobody gets to knock on the open
internet's doors through us without end.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core.cache import cache

from revidweb.accounts.actors import Actor
from revidweb.accounts.models import Tenant
from revidweb.lib.refusal import Refusal

from .models import Connection

MOST_OF_A_TENANT = 2
MOST_AN_HOUR = 60  # of one person
MOST_VISITING = 2  # of all tenants, one of each: they are nobody's whom we know
MOST_BY_THE_CLOCK = 4  # of all tenants, of the eight threads that look at jobs too
_HOUR_S = 3600
_SOON_S = 5
_REQUESTS = 7  # of one asking, at most
_LONGEST_S = 300  # a try whose process was killed counts so long


def most() -> int:
    """Tries at once of all tenants together: a quarter of the threads that serve pages, and two at least."""
    return max(2, settings.WEB_PROCESSES * settings.WEB_THREADS // 4)


@contextmanager
def turn(actor: Actor) -> Iterator[None]:
    """Let the actor's provider be asked by the request at hand, with a bound on how many are.

    Raises Refusal "tries_under_way" (of this tenant), "tries_of_others" (of all) or "tried_too_often" (fact most=).
    """
    with place(f"trying:{actor.tenant.public_id}", MOST_OF_A_TENANT, for_s=_LONGEST_S) as is_mine:
        if not is_mine:
            raise Refusal("tries_under_way")
        with place("trying", most(), for_s=_LONGEST_S) as is_free:
            if not is_free:
                raise Refusal("tries_of_others")
            _count(actor.in_person.person.public_id)
            yield


@contextmanager
def asking(connection: Connection, *, for_s: float | None = None) -> Iterator[float]:
    """Let the clock ask a connection how it is or what it sells; gives 0, or seconds to wait where no place is free.

    for_s: as in `place`, where it may take longer than such a look.

    Two of a tenant are asked at once, the others a minute later, and four of all tenants: servers that answer slowly
    must not keep everybody's jobs from being looked at.
    """
    for_s = for_s or _REQUESTS * settings.REVIDAPI_TIMEOUT_S
    with place(f"asking:{connection.tenant.public_id}", MOST_OF_A_TENANT, for_s=for_s) as is_mine:
        if not is_mine:
            yield settings.ACCOUNT_RETRY_S
            return
        with place("asking", MOST_BY_THE_CLOCK, for_s=for_s) as is_free:
            yield 0 if is_free else _SOON_S


@contextmanager
def reading(tenant: Tenant, *, for_s: float) -> Iterator[bool]:
    """Let a page of the tenant's wait for a provider's answer; False where too many of the tenant, or of all, do.

    for_s: as in `place`.
    """
    with place(f"reading:{tenant.public_id}", MOST_OF_A_TENANT, for_s=for_s) as is_mine:
        if not is_mine:
            yield False
            return
        with place("trying", most(), for_s=for_s) as is_free:
            yield is_free


@contextmanager
def visiting(tenant: Tenant, *, for_s: float) -> Iterator[bool]:
    """Let a visitor with a key of their own wait for a provider's answer; False where others do.

    They have places of their own: whoever comes by must not take those of members. for_s: as in `place`.
    """
    with place(f"visiting:{tenant.public_id}", 1, for_s=for_s) as is_mine:
        if not is_mine:
            yield False
            return
        with place("visiting", MOST_VISITING, for_s=for_s) as is_free:
            yield is_free


@contextmanager
def place(name: str, places: int, *, for_s: float) -> Iterator[bool]:
    """One of so many places that bear the name, given back at the end; False when all are taken.

    for_s: seconds after which a place is free again whose process was killed.
    """
    taken = next((key for key in (f"{name}:{n}" for n in range(places)) if cache.add(key, 1, for_s)), None)
    try:
        yield taken is not None
    finally:
        if taken is not None:
            cache.delete(taken)


def _count(person: str) -> None:
    """One more try in this hour, which begins with the first."""
    key = f"tried:{person}"
    cache.add(key, 0, _HOUR_S)
    if cache.get(key, 0) >= MOST_AN_HOUR:
        raise Refusal("tried_too_often", most=MOST_AN_HOUR)
    try:
        cache.incr(key)
    except ValueError:  # the hour ended this moment
        cache.add(key, 1, _HOUR_S)
