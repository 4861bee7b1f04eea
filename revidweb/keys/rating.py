"""Requests in a minute: counted across all processes, in a row of their own."""

from dataclasses import dataclass

from revidweb.lib import clock
from revidweb.lib.refusal import Refusal

from . import sql
from .models import ApiKey

_MINUTE_S = 60


@dataclass(frozen=True)
class Rate:
    """How many requests a minute has, how many are left in this one, and in how many whole seconds the next begins."""

    limit: int
    remaining: int
    resets_in_s: int


def take(key: ApiKey) -> Rate | None:
    """Count a request; None where the key has no rate. Each call counts, a refused one does not.

    Raises Refusal "key_rate" (facts limit, remaining, resets_in_s, retry_after_s).
    """
    limit = key.per_minute
    if limit is None:
        return None
    minute, second = divmod(int(clock.now().timestamp()), _MINUTE_S)
    wait_s = _MINUTE_S - second
    count = sql.count_request(key.pk, minute=minute, most=limit)
    if count is None:
        raise Refusal("key_rate", limit=limit, remaining=0, resets_in_s=wait_s, retry_after_s=wait_s)
    return Rate(limit, limit - count, wait_s)
