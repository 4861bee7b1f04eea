"""What a key may be limited to, made plain and judged before it is written."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from revidweb.credits.ledger import MOST_CREDITS
from revidweb.lib import addresses, clock, http
from revidweb.lib.refusal import Refusal
from revidweb.providers.base import Kind

from .models import ApiKey

MOST_JOBS = MOST_REQUESTS = 1_000_000
MOST_NAMES = 200  # of models, and of networks
_NAME_CHARS = 120

# The least and the most of each number.
BOUNDS = {
    "day": (0, MOST_CREDITS),
    "week": (0, MOST_CREDITS),
    "month": (0, MOST_CREDITS),
    "lifetime": (0, MOST_CREDITS),
    "running": (1, MOST_JOBS),
    "queue": (0, MOST_JOBS),
    "per_minute": (1, MOST_REQUESTS),
}
# Which column of the key keeps which limit.
COLUMNS = {
    "day": "day_limit",
    "week": "week_limit",
    "month": "month_limit",
    "lifetime": "lifetime_limit",
    "running": "running_limit",
    "queue": "queue_limit",
    "per_minute": "per_minute",
    "models": "allowed_models",
    "kinds": "allowed_kinds",
    "addresses": "allowed_addresses",
    "expires_at": "expires_at",
    "callback_url": "callback_url",
}
_LISTS = ("models", "kinds", "addresses")


@dataclass(frozen=True)
class Limits:
    """What a key may do; None and empty do not limit.

    day, week, month, lifetime: credits. running: jobs at work at once. queue: jobs that wait beyond those, so it needs
    `running`. per_minute: requests. models: names of media models. kinds: "image", "video". addresses: networks such as
    "203.0.113.0/24". expires_at: aware. callback_url: for jobs that name none of their own.
    """

    day: int | None = None
    week: int | None = None
    month: int | None = None
    lifetime: int | None = None
    running: int | None = None
    queue: int | None = None
    per_minute: int | None = None
    models: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    expires_at: datetime | None = None
    callback_url: str = ""

    @classmethod
    def of(cls, key: ApiKey) -> "Limits":
        """Those that the key has now."""
        found = {name: getattr(key, column) for name, column in COLUMNS.items()}
        return cls(**found | {name: tuple(found[name]) for name in _LISTS})

    def columns(self) -> dict[str, object]:
        """As the key's row keeps them."""
        found = {column: getattr(self, name) for name, column in COLUMNS.items()}
        return found | {COLUMNS[name]: list(getattr(self, name)) for name in _LISTS}


def check(limits: Limits, *, was: Limits | None = None) -> Limits:
    """The limits as they are kept: lists without repeats, networks in their usual form.

    was: those of a key that is changed; an expiry that stays as it was may have passed.
    Raises Refusal at the field of the limit: "limit_out_of_range" (facts least, most), "running_limit_needed",
    "expiry_passed", "unknown_kind" (value), "bad_network" (value), "bad_model_name", "too_many_names" (most), and at
    callback_url "bad_address" or "private_address".
    """
    for name in BOUNDS:
        _check_number(name, getattr(limits, name))
    if limits.queue is not None and limits.running is None:
        raise Refusal("running_limit_needed", field="running")
    if limits.expires_at and limits.expires_at <= clock.now() and not (was and was.expires_at == limits.expires_at):
        raise Refusal("expiry_passed", field="expires_at")
    if limits.callback_url:
        http.check(limits.callback_url, field="callback_url")
    return replace(
        limits,
        models=_distinct("models", map(_model, limits.models)),
        kinds=_distinct("kinds", map(_kind, limits.kinds)),
        addresses=_distinct("addresses", map(_network, limits.addresses)),
    )


def _check_number(name: str, value: int | None) -> None:
    least, most = BOUNDS[name]
    if value is not None and (type(value) is not int or not least <= value <= most):
        raise Refusal("limit_out_of_range", field=name, least=least, most=most)


def _network(text: str) -> str:
    try:
        return str(addresses.network(text))
    except ValueError:
        raise Refusal("bad_network", field="addresses", value=text.strip()[:_NAME_CHARS]) from None


def _model(text: str) -> str:
    name = text.strip()
    if not name or len(name) > _NAME_CHARS or not name.isprintable():
        raise Refusal("bad_model_name", field="models")
    return name


def _kind(text: str) -> str:
    if text not in list(Kind):
        raise Refusal("unknown_kind", field="kinds", value=text[:_NAME_CHARS])
    return str(text)


def _distinct(name: str, found: Iterable[str]) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(found))
    if len(names) > MOST_NAMES:
        raise Refusal("too_many_names", field=name, most=MOST_NAMES)
    return names
