"""Send the deliveries that are due, from a crew of threads: who is slow keeps a few of them, and never all.

A delivery is claimed for the time of a try. When a worker dies in the middle of one, the claim runs out and it is sent
again: a receiver may get it twice, under one id.
"""

import functools
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import structlog
from celery import shared_task
from django.conf import settings
from django.db import connections, transaction
from django.db.models import BooleanField, Q, QuerySet
from django.db.models.expressions import RawSQL

from revidweb.lib import clock

from . import events, sending
from .models import Delivery, DeliveryState

log = structlog.get_logger(__name__)

THREADS = 16
MOST_OF_TENANT = 8  # under way at once
MOST_OF_HOST = 4  # of one tenant
KEPT_S = 30 * 86_400
_JUST_ENDED_S = 900
_LONG_AGO_S = 7 * 86_400
_WINDOW = 200  # of what is due, to choose from
_BATCH = 500
_KEEPS_BODY = RawSQL('NOT ("notices_delivery"."body" = \'\')', [], BooleanField())

_under_way: "set[Future[None]]" = set()
_starting = threading.Lock()


@shared_task
def tick() -> None:
    """Write what there is to tell, and have the crew begin with what is due; waits for no receiver."""
    events.write(since_s=_JUST_ENDED_S)
    with _starting:
        _under_way.difference_update([one for one in _under_way if one.done()])
        for claimed in claim(THREADS - len(_under_way)):
            _under_way.add(_crew().submit(_work, claimed))


@shared_task
def sweep() -> None:
    """Write what a longer stop has left untold, and forget the bodies of old deliveries."""
    while events.write(since_s=_LONG_AGO_S):
        pass
    while forget():
        pass


def forget() -> int:
    """Empty the bodies of the deliveries that ended and are older than thirty days, 500 at most; how many."""
    old = Delivery.objects.filter(_KEEPS_BODY, created_at__lt=clock.ago(KEPT_S))
    ended = old.exclude(state=DeliveryState.WAITING).values_list("pk", flat=True)[:_BATCH]
    return Delivery.objects.filter(pk__in=list(ended)).update(body="")


@functools.cache
def _crew() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="webhook")


def _work(claimed: Delivery | None) -> None:
    """Send it, and then whatever else is due, until nothing is."""
    try:
        while claimed:
            assert claimed.lease_until is not None
            sending.send(claimed, claimed.lease_until)
            claimed = next(iter(claim(1)), None)
    except Exception:
        log.exception("webhook.bug")  # its claim runs out, and it comes again
    finally:
        connections.close_all()  # this thread's own


# -- claims


def claim(most: int) -> list[Delivery]:
    """Take up to so many that are due, each for the time of one try; fairly among tenants and receivers."""
    claimed: list[Delivery] = []
    while len(claimed) < most and (some := _claim(most - len(claimed))):
        claimed += some
    return claimed


def _claim(most: int) -> list[Delivery]:
    """Some of what is due; nothing where nobody may begin with any of it."""
    if not _due().exists():
        return []
    with transaction.atomic():
        busy = _Busy(Delivery.objects.filter(lease_until__gt=clock.now()).values_list("tenant_id", "host"))
        due = _due().exclude(busy.full()).order_by("next_try_at", "pk").select_for_update(skip_locked=True)
        places = due.values_list("pk", "tenant_id", "host")[:_WINDOW]
        taken = [pk for pk, tenant, host in places if busy.take(tenant, host)][:most]
        lease = clock.after(_lease_s())
        Delivery.objects.filter(pk__in=taken).update(lease_until=lease)
    return list(Delivery.objects.select_related("key").filter(pk__in=taken, lease_until=lease).order_by("pk"))


def _due() -> "QuerySet[Delivery]":
    now = clock.now()
    is_free = Q(lease_until__isnull=True) | Q(lease_until__lte=now)
    return Delivery.objects.filter(is_free, state=DeliveryState.WAITING, next_try_at__lte=now)


def _lease_s() -> float:
    """Longer than a try takes: to connect, to answer, and to look up a name."""
    return float(2 * settings.WEBHOOK_TIMEOUT_S + 60)


class _Busy:
    """How many deliveries of each tenant, and of each of its receivers, are under way."""

    def __init__(self, under_way: "QuerySet[Delivery, tuple[int, str]]") -> None:
        places: Sequence[tuple[int, str]] = list(under_way)
        self.hosts = Counter(places)
        self.tenants = Counter(tenant for tenant, _host in places)

    def full(self) -> Q:
        """Whose turn it is not: tenants and receivers with as many under way as they may have."""
        full = Q(tenant__in=[tenant for tenant, count in self.tenants.items() if count >= MOST_OF_TENANT])
        for (tenant, host), count in self.hosts.items():
            if count >= MOST_OF_HOST:
                full |= Q(tenant=tenant, host=host)
        return full

    def take(self, tenant: int, host: str) -> bool:
        """One more of this place, if it may have it."""
        if self.tenants[tenant] >= MOST_OF_TENANT or self.hosts[tenant, host] >= MOST_OF_HOST:
            return False
        self.tenants[tenant] += 1
        self.hosts[tenant, host] += 1
        return True
