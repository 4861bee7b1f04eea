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
    _each(Tenant.objects.filter(pk__in=facts.due_tenants()), _count_on)


@shared_task
def rebuild_moved() -> None:
    """Count anew the tenants that have moved to another time zone; until then their usage stands in the old one."""
    moved = UsageState.objects.exclude(time_zone=F("tenant__time_zone"))
    _each(Tenant.objects.filter(pk__in=moved.values("tenant")), _rebuild_if_moved)


def begin() -> None:
    """Count the tenants that never were, before their pages are asked: all that they have would slow each of them."""
    never = Tenant.objects.filter(pk__in=facts.due_tenants(), usage_state__isnull=True)
    _each(never, rebuild)


@shared_task
def forget_hours() -> None:
    """Take away the hours that nobody looks at any more; their days and months stay."""
    long_ago = clock.now().date() - timedelta(days=HOURS_KEPT_DAYS + 1)  # a day more, for whichever zone
    UsageCell.objects.filter(grain=Grain.HOUR, day__lt=long_ago).delete()


@transaction.atomic
def count(tenant: Tenant, *, limit: int = MOST_AT_ONCE) -> int:
    """Count what is new of at most so many settlements, in the zone in which the tenant is counted; how many.

    Taken and counted in one transaction: a crash loses nothing and counts nothing twice. Where somebody else counts the
    tenant at this moment, none: nobody waits, and the next round comes.
    """
    state = _free(tenant)
    if state is None:
        return 0
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


def _each(tenants: Iterable[Tenant], deed: Callable[[Tenant], object]) -> None:
    """The deed for each tenant; one that cannot be counted keeps no other from being."""
    for tenant in tenants:
        try:
            deed(tenant)
        except Exception:
            log.exception("usage.bug", tenant=tenant.public_id)


def _count_on(tenant: Tenant) -> None:
    """Until less than a full helping was left."""
    while count(tenant, limit=MOST_AT_ONCE) == MOST_AT_ONCE:
        pass


@transaction.atomic
def _rebuild_if_moved(tenant: Tenant) -> None:
    """Unless somebody does it already, or has."""
    state = _free(tenant)
    if state is not None and state.time_zone != tenant.time_zone:
        rebuild(tenant)


def _locked(tenant: Tenant) -> UsageState:
    """The tenant's state, which nobody else counts by until the transaction ends. It waits for who does."""
    UsageState.objects.get_or_create(tenant=tenant, defaults={"time_zone": tenant.time_zone})
    return UsageState.objects.select_for_update().get(tenant=tenant)


def _free(tenant: Tenant) -> UsageState | None:
    """The same, None at once where somebody else has it."""
    UsageState.objects.get_or_create(tenant=tenant, defaults={"time_zone": tenant.time_zone})
    return UsageState.objects.select_for_update(skip_locked=True).filter(tenant=tenant).first()


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
