"""Read the trail, and tell those whom a row concerns: once each, whatever happens in between.

Rows may be committed in another order than their ids, so each round looks back over some minutes; a row of which
anybody was told is done, because all are told in one statement.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from celery import shared_task
from django.db.models import Exists, OuterRef, Q, QuerySet

from revidweb.accounts.models import Member, Role
from revidweb.jobs.models import Job
from revidweb.keys.models import ApiKey
from revidweb.lib import clock
from revidweb.trail.models import TrailRow

from .models import Notice

MOST_AT_ONCE = 200
_LONG_AGO_S = 7 * 86_400  # what a longer stop has left untold is told for so long
_LOOK_BACK_S = 900.0  # longer than any transaction that writes the trail
_NOTED_EVERY_S = 60.0

_NOTHING_WAITS = Q(what="catalog.changed", facts__waiting=0)

_noting = threading.Lock()
_noted: "deque[tuple[float, int]]" = deque([(float("-inf"), 0)])  # (when, the newest id then), of this process


@shared_task
def tick() -> None:
    """Tell of what is in the trail and untold. Two rounds at once tell each member once."""
    newest = TrailRow.objects.order_by("-id").values_list("id", flat=True).first() or 0
    floor = _floor()
    while rows := list(_untold(floor)):
        Notice.objects.bulk_create(_notices(rows), ignore_conflicts=True)
        floor = rows[-1].pk
    _note(newest)


def _untold(floor: int) -> "QuerySet[TrailRow]":
    """The next of those that concern somebody and that nobody was told of, in the order of their ids."""
    rows = TrailRow.objects.filter(what__in=KINDS, id__gt=floor, at__gte=clock.ago(_LONG_AGO_S))
    is_told = Exists(Notice.objects.filter(row=OuterRef("pk")))
    return rows.exclude(_NOTHING_WAITS).filter(~is_told).order_by("id")[:MOST_AT_ONCE]


def _notices(rows: Iterable[TrailRow]) -> Iterator[Notice]:
    for row in rows:
        mail_due_at = clock.now() if row.what in MAILED else None
        for member in KINDS[row.what](row):
            yield Notice(tenant_id=member.tenant_id, member=member, row=row, at=row.at, mail_due_at=mail_due_at)


# -- how far back ----------------------------------------------------------------------------------------------------


def _floor() -> int:
    """An id below which no row is untold: the newest one of a while ago; 0 while the process is young."""
    old = time.monotonic() - _LOOK_BACK_S
    with _noting:
        while len(_noted) > 1 and _noted[1][0] <= old:
            _noted.popleft()
        return _noted[0][1]


def _note(newest: int) -> None:
    now = time.monotonic()
    with _noting:
        if now - _noted[-1][0] >= _NOTED_EVERY_S:
            _noted.append((now, newest))


# -- whom a row concerns ---------------------------------------------------------------------------------------------


def _holders(row: TrailRow) -> "QuerySet[Member]":
    """Whose key it is about; of a standalone key, those who run the tenant."""
    key = ApiKey.objects.filter(tenant__public_id=row.tenant, public_id=_named(row)).first()
    return _members(row).filter(pk=key.member_id) if key and key.member_id else _managers(row)


def _makers(row: TrailRow) -> "QuerySet[Member]":
    """Who asked for the job; of a standalone key's, those who run the tenant."""
    job = Job.objects.filter(tenant__public_id=row.tenant, public_id=_named(row)).first()
    return _members(row).filter(pk=job.member_id) if job and job.member_id else _managers(row)


def _makers_and_managers(row: TrailRow) -> "QuerySet[Member]":
    return _makers(row) | _managers(row)


def _managers(row: TrailRow) -> "QuerySet[Member]":
    return _members(row).filter(role__in=[Role.OWNER, Role.ADMIN])


def _members(row: TrailRow) -> "QuerySet[Member]":
    return Member.objects.active().filter(tenant__public_id=row.tenant)


def _named(row: TrailRow) -> str:
    return row.about.partition(":")[2]


KINDS: "dict[str, Callable[[TrailRow], QuerySet[Member]]]" = {
    "key.limit_near": _holders,
    "key.limit_reached": _holders,
    "webhook.given_up": _holders,
    "connection.in_trouble": _managers,
    "connection.unreachable": _managers,
    "connection.differs": _managers,
    "catalog.changed": _managers,
    "job.lost": _makers_and_managers,
    "job.late_success": _makers_and_managers,
    "host.approved": _managers,
    "host.refused": _managers,
}
MAILED = frozenset({"key.limit_near", "key.limit_reached"})
