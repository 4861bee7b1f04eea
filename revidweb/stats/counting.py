"""Count what ended: as it ends, in one transaction with what was taken, or all anew. Both give the same rows."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from celery import shared_task
from django.db import transaction
from django.db.models import F, Model

from revidweb.accounts.models import Tenant
from revidweb.jobs import facts
from revidweb.jobs.facts import Fact
from revidweb.lib import clock

from . import folding, sql
from .folding import Amounts
from .models import Grain, UsageCell, UsageDay, UsageMonth, UsageState

log = structlog.get_logger(__name__)

HOURS_KEPT_DAYS = 35
MOST_AT_ONCE = 1000
_Put = Callable[[type[Model], int, Mapping[Any, Amounts]], None]


@shared_task
def tick() -> None:
    """One round: whatever ended since the last one is counted, of every tenant. A repeat finds nothing new."""
    for tenant in Tenant.objects.filter(pk__in=facts.due_tenants()):
        while count(tenant) == MOST_AT_ONCE:
            pass


@shared_task
def rebuild_moved() -> None:
    """Count anew the tenants that have moved to another time zone; until then their usage stands in the old one."""
    moved = UsageState.objects.exclude(time_zone=F("tenant__time_zone"))
    for state in moved.select_related("tenant"):
        rebuild(state.tenant)


@shared_task
def forget_hours() -> None:
    """Take away the hours that nobody looks at any more; their days and months stay."""
    long_ago = clock.now().date() - timedelta(days=HOURS_KEPT_DAYS + 1)  # a day more, for whichever zone
    UsageCell.objects.filter(grain=Grain.HOUR, day__lt=long_ago).delete()


@transaction.atomic
def count(tenant: Tenant, *, limit: int = MOST_AT_ONCE) -> int:
    """Count what is new of at most so many settlements, in the zone in which the tenant is counted; how many.

    Taken and counted in one transaction: a crash loses nothing and counts nothing twice. Of two at once one waits.
    """
    state = _locked(tenant)
    found = facts.take(tenant, limit=limit)
    _write(tenant, found, ZoneInfo(state.time_zone), sql.add)
    return len(found)


@transaction.atomic
def rebuild(tenant: Tenant) -> int:
    """Count everything of the tenant anew, in its present time zone, in one transaction; how many jobs.

    Pages show what was there until it is done. Whoever counts meanwhile waits; what ends meanwhile is counted after it.
    """
    state = _locked(tenant)
    zone = Tenant.objects.values_list("time_zone", flat=True).get(pk=tenant.pk)
    for table in (UsageCell, UsageDay, UsageMonth):
        table._default_manager.filter(tenant=tenant).delete()
    counted = _count_all(tenant, ZoneInfo(zone))
    state.time_zone, state.built_at = zone, clock.now()
    state.save()
    log.info("usage.rebuilt", tenant=tenant.public_id, jobs=counted, time_zone=zone)
    return counted


def _locked(tenant: Tenant) -> UsageState:
    """The tenant's state, which nobody else counts by until the transaction ends."""
    UsageState.objects.get_or_create(tenant=tenant, defaults={"time_zone": tenant.time_zone})
    return UsageState.objects.select_for_update().get(tenant=tenant)


def _count_all(tenant: Tenant, zone: ZoneInfo) -> int:
    """Month by month, so that what is kept in mind stays small, and no month meets another's rows."""
    counted = 0
    for _month, some in groupby(facts.taken(tenant), key=lambda fact: _month_of(fact, zone)):
        found = list(some)
        _write(tenant, found, zone, sql.put)
        counted += len(found)
    return counted


def _month_of(fact: Fact, zone: ZoneInfo) -> date:
    return fact.ended_at.astimezone(zone).date().replace(day=1)


def _write(tenant: Tenant, found: Iterable[Fact], zone: ZoneInfo, put: _Put) -> None:
    """Add the facts to the rows of their hours, days and months. put: how sums become rows of a table."""
    hours = folding.by_hour(found, zone)
    days = folding.by_day(hours)
    months = folding.by_month(days)
    since = clock.now().astimezone(zone).date() - timedelta(days=HOURS_KEPT_DAYS)
    for table, longer in ((UsageDay, days), (UsageMonth, months)):
        put(table, tenant.pk, {(day, *cross): row for (day, cross), row in longer.items()})
    recent = ((day, hour, cross, row) for (day, hour, cross), row in hours.items() if day >= since)
    put(UsageCell, tenant.pk, folding.cells(Grain.HOUR, recent))
    for grain, longer in ((Grain.DAY, days), (Grain.MONTH, months)):
        whole = ((day, 0, cross, row) for (day, cross), row in longer.items())
        put(UsageCell, tenant.pk, folding.cells(grain, whole))
