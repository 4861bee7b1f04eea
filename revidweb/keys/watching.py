"""Which limits of keys are near or reached, and telling it once: a row on the trail, which others read."""

from collections.abc import Iterator, Mapping
from functools import reduce
from operator import or_

from celery import shared_task
from django.db import transaction
from django.db.models import Case, DateField, F, FloatField, Q, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Greatest

from revidweb.accounts.actors import Actor
from revidweb.accounts.kept_lists import OfActor
from revidweb.lib import kept
from revidweb.lib.kept import Word
from revidweb.trail import trail

from . import budgets
from .budgets import SPANS, Meter
from .models import AlertLevel, ApiKey, ApiKeyQuerySet, KeyAlert

_MOST = 20
_WHAT = {AlertLevel.NEAR: "key.limit_near", AlertLevel.REACHED: "key.limit_reached"}


@shared_task
def tick() -> None:
    """One round over the keys of which something is near; what was told is not told again, also by a round beside."""
    keys = list(_near().select_related("tenant", "wallet"))
    told = set(KeyAlert.objects.filter(key__in=keys).values_list("key_id", "limit", "period", "level"))
    for key in keys:
        for meter, level in _levels(key):
            if (key.pk, meter.limit, _period(key, meter), level) not in told:
                _tell(key, meter, level)


def near(actor: Actor, *, most: int) -> list[tuple[ApiKey, Meter]]:
    """Live keys that the actor may see of which a limit is near or reached, each with the fullest one.

    At most so many (and at most 20), the fullest first. One query.
    """
    passed = ((key, [meter for meter, _level in _levels(key)]) for key in _fullest(actor)[:most])
    return [(key, max(meters, key=lambda meter: meter.used / meter.most)) for key, meters in passed if meters]


def _fullest(actor: Actor) -> list[ApiKey]:
    """The few fullest of the keys that the actor may see and that are near, with what their limits are counted by."""
    today = budgets.today(actor.tenant)
    begins = {span: budgets.beginning(span, today) for span in SPANS}
    keys: list[ApiKey] = _FULLEST.all(actor, **begins)
    for key in keys:
        key.tenant = actor.tenant
    return keys


def _ranked(actor: Actor) -> ApiKeyQuerySet:
    begins = {span: Word(span, DateField()) for span in SPANS}
    rows = _near(begins).visible_to(actor)
    shares = (_share(used, most, counts) for used, most, counts in _figures(begins))
    fullest = rows.alias(share=Greatest(*shares)).order_by("-share", "name", "pk")[:_MOST]
    return fullest.select_related("wallet").only(*_COUNTED_BY)


def _share(used: Combinable, most: str, counts: Q) -> Case:
    """How much is used of what the column allows: 0 to 1."""
    its = Cast(used, FloatField()) / F(most)
    return Case(When(counts & Q(**{f"{most}__gt": 0}), then=its), default=0.0, output_field=FloatField())


_COUNTED_BY = (
    *("public_id", "name", "filled", "wallet__balance", "wallet__held", "counted_on"),
    *(f"{limit}_{figure}" for limit in (*SPANS, "lifetime") for figure in ("credits", "limit")),
)
_FULLEST = OfActor(kept.Rows, _ranked)  # of every overview


def _near(begins: Mapping[str, Word] | None = None) -> ApiKeyQuerySet:
    """Live keys with a figure that may be near its limit.

    begins: the first day of each window; without it a window's figure may be of an earlier one.
    """
    near = [counts & _is_near(used, most) for used, most, counts in _figures(begins or {})]
    return ApiKey.objects.live().filter(reduce(or_, near))


def _figures(begins: Mapping[str, Word]) -> Iterator[tuple[Combinable, str, Q]]:
    """What is used, the column of what is allowed, and when it counts."""
    yield F("filled") - F("wallet__balance") + F("wallet__held"), "filled", Q()
    yield F("lifetime_credits"), "lifetime_limit", Q()
    for span in SPANS:
        yield F(f"{span}_credits"), f"{span}_limit", Q(counted_on__gte=begins[span]) if begins else Q()


def _is_near(used: Combinable, most: str) -> Q:
    """Whether so much is used of what the column allows; a limit of nothing is never news."""
    return Q(**{f"{most}__gt": 0, f"{most}__lte": used * 100 / AlertLevel.NEAR})


def _levels(key: ApiKey) -> Iterator[tuple[Meter, AlertLevel]]:
    """The highest level of each limit, as the key counts now."""
    for meter in budgets.meters(key):
        passed = [level for level in AlertLevel if meter.used * 100 >= meter.most * level]
        if passed and meter.most:
            yield meter, max(passed)


def _tell(key: ApiKey, meter: Meter, level: AlertLevel) -> None:
    """Both rows or none; a round beside that came first has told it."""
    period = _period(key, meter)
    with transaction.atomic():
        _alert, is_new = KeyAlert.objects.get_or_create(key=key, limit=meter.limit, period=period, level=level)
        if is_new:
            trail.record(
                _WHAT[level],
                about=key.reference,
                tenant=key.tenant.public_id,
                limit=meter.limit,
                used=meter.used,
                most=meter.most,
                period=period,
            )


def _period(key: ApiKey, meter: Meter) -> str:
    """What is told of once: a window by its first day, and each limit by what it is: a raised one is told of anew."""
    if meter.limit in SPANS:
        return f"{budgets.begins(meter.limit, key)} {meter.most}"
    return str(meter.most)
