"""What a page that is open needs to know about running jobs."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from django.db.models import BigIntegerField, Case, Count, Q, QuerySet, Value, When, Window

from revidweb.accounts.actors import Actor, Right
from revidweb.lib import clock, kept
from revidweb.lib.kept import Word

from .models import Job
from .states import MOVING, State

MOST = 60
JUST_ENDED_S = 120
_STARTS_ANEW_S = 3600  # a page that is open for longer lets go of what ended before
_OVERLAP = timedelta(seconds=10)  # a change may be committed a little after a later one
_AT_WORK_FIRST = Case(When(state__in=MOVING - {State.QUEUED}, then=Value(0)), default=Value(1))


@dataclass(frozen=True)
class Watch:
    """The moving jobs and those that ended since a moment, newest first.

    running: how many have no verdict yet, also beyond the list.
    version: "since.changed.list.ended.look", opaque to the page; it differs whenever a page would show something else.
    """

    jobs: Sequence[Job]
    since: datetime
    running: int

    @property
    def version(self) -> str:
        """What the page sends back to learn of changes."""
        look = [(job.pk, job.state, job.progress, job.cancel_asked_at) for job in self.jobs]
        changed = max((job.changed_at.timestamp() for job in self.jobs), default=0)
        lists = f"{self._list}.{self._ended}"
        return f"{self.since.timestamp():.0f}.{changed:.0f}.{lists}.{_sum([*look, self.running])}"

    @property
    def _list(self) -> str:
        return _sum([job.pk for job in self.jobs])

    @property
    def _ended(self) -> str:
        return _sum([job.pk for job in self.jobs if not job.is_moving])

    def changed_after(self, version: str) -> Sequence[Job]:
        """The jobs that may look different from what the page with this version shows."""
        before = (_moment(version, 1) or clock.ago(_STARTS_ANEW_S)) - _OVERLAP
        return [job for job in self.jobs if job.changed_at >= before]

    def lists_the_same(self, version: str) -> bool:
        """Whether the page with this version shows the very same jobs, whatever became of them."""
        return version.split(".")[2:3] == [self._list]

    def ended_the_same(self, version: str) -> bool:
        """Whether the page with this version knows of every job that ended."""
        return version.split(".")[3:4] == [self._ended] or all(job.is_moving for job in self.jobs)


def watch(actor: Actor, version: str = "") -> Watch:
    """One query, at most 60 jobs, those at work before those that wait.

    version: the page's; its list goes on from the same moment for an hour, then starts anew.
    """
    since = _moment(version, 0)
    if since is None or since < clock.ago(_STARTS_ANEW_S):
        since = clock.ago(JUST_ENDED_S)
    mine = Job.objects.visible_to(actor).order_by()
    moving, ended = mine.moving(), mine.filter(ended_at__gte=since)
    # A union, where an OR would read every job that there ever was.
    wanted = moving.values("pk").union(ended.values("pk"), all=True)
    loaded = ("media_model", "connection", "cover", "hold", "member__person")
    rows = Job.objects.filter(pk__in=wanted).select_related(*loaded)
    counted = rows.annotate(moving_in_all=Window(Count("pk", filter=Q(state__in=MOVING))))
    jobs = list(counted.order_by(_AT_WORK_FIRST, "-changed_at", "-id")[:MOST])
    running = cast("Any", jobs[0]).moving_in_all if jobs else 0
    return Watch(sorted(jobs, key=lambda job: -job.pk), since, running)


def running(actor: Actor) -> int:
    """How many jobs of the actor's view have no verdict yet. One query."""
    tenant = actor.tenant.pk
    if actor.key:
        found = _OF_KEY.all(tenant=tenant, key=actor.key.pk)
    elif actor.may(Right.SEE_ALL):
        found = _OF_TENANT.all(tenant=tenant)
    else:
        found = _OF_MEMBER.all(tenant=tenant, member=actor.in_person.pk)
    return sum(count for (count,) in found)


def _running(**whose: Word) -> "QuerySet[Any, Any]":
    """Their number, in one group; nothing where there is none."""
    rows = Job.objects.filter(tenant=Word("tenant", BigIntegerField()), **whose).moving()
    return rows.order_by().values("tenant").annotate(count=Count("pk")).values_list("count")


_OF_TENANT = kept.Values(_running)  # of every page
_OF_MEMBER = kept.Values(lambda: _running(member=Word("member", BigIntegerField())))
_OF_KEY = kept.Values(lambda: _running(key=Word("key", BigIntegerField())))


def _sum(shown: list[Any]) -> str:
    return f"{zlib.crc32(repr(shown).encode()):08x}"


def _moment(version: str, place: int) -> datetime | None:
    """A moment out of a version; none is before 1970, None for nonsense."""
    try:
        return datetime.fromtimestamp(max(0, int(version.split(".")[place])), UTC)
    except (ValueError, IndexError, OverflowError, OSError):
        return None
