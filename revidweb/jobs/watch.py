"""What a page that is open needs to know about running jobs."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Case, Count, DateTimeField, Q, QuerySet, Value, When, Window

from revidweb.accounts.actors import Actor
from revidweb.accounts.kept_lists import OfActor
from revidweb.lib import clock, kept
from revidweb.lib.kept import Word

from .models import Job, JobQuerySet
from .states import MOVING, State

MOST = 60
JUST_ENDED_S = 120
_STARTS_ANEW_S = 3600  # a page that is open for longer lets go of what ended before
_OVERLAP = timedelta(seconds=10)  # a change may be committed a little after a later one
_STANDING = ("public_id", "state", "progress", "cancel_asked_at", "changed_at")
_AT_WORK_FIRST = Case(When(state__in=MOVING - {State.QUEUED}, then=Value(0)), default=Value(1))


@dataclass(frozen=True)
class Watch:
    """The moving jobs and those that ended since a moment, newest first; of each only where it stands.

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
    """At most 60 jobs, those at work before those that wait. One query.

    version: the page's; its list goes on from the same moment for an hour, then starts anew.
    """
    since = _moment(version, 0)
    if since is None or since < clock.ago(_STARTS_ANEW_S):
        since = clock.ago(JUST_ENDED_S)
    found: list[Any] = _WATCHED.all(actor, since=since)
    return Watch(sorted(found, key=lambda job: -job.pk), since, found[0].moving_in_all if found else 0)


def with_facts(jobs: Sequence[Job]) -> list[Job]:
    """The jobs with what a card or a row shows of each. One query for each fifty, none for no job."""
    return _CARDS.all([job.pk for job in jobs])


def _cards() -> JobQuerySet:
    return Job.objects.select_related("media_model", "connection", "cover", "hold", "member__person", "key")


_CARDS = kept.ByIds(_cards)


def running(actor: Actor) -> int:
    """How many jobs of the actor's view have no verdict yet. One query."""
    return sum(count for (count,) in _RUNNING.all(actor))


def _watched(actor: Actor) -> JobQuerySet:
    """Each with how many are moving, also beyond the list. To plan it with what a card shows takes far longer."""
    mine = Job.objects.visible_to(actor).order_by()
    ended = mine.filter(ended_at__gte=Word("since", DateTimeField()))
    # A union, where an OR would read every job that there ever was.
    wanted = mine.moving().values("pk").union(ended.values("pk"), all=True)
    counted = Job.objects.filter(pk__in=wanted).only(*_STANDING)
    counted = counted.annotate(moving_in_all=Window(Count("pk", filter=Q(state__in=MOVING))))
    return counted.order_by(_AT_WORK_FIRST, "-changed_at", "-id")[:MOST]


def _running(actor: Actor) -> "QuerySet[Any, Any]":
    """Their number, in one group; nothing where there is none."""
    mine = Job.objects.visible_to(actor).order_by()
    return mine.moving().values("tenant").annotate(count=Count("pk")).values_list("count")


_WATCHED = OfActor(kept.Rows, _watched)  # of every page that is open
_RUNNING = OfActor(kept.Values, _running)  # of every page


def _sum(shown: list[Any]) -> str:
    return f"{zlib.crc32(repr(shown).encode()):08x}"


def _moment(version: str, place: int) -> datetime | None:
    """A moment out of a version; none is before 1970, None for nonsense."""
    try:
        return datetime.fromtimestamp(max(0, int(version.split(".")[place])), UTC)
    except (ValueError, IndexError, OverflowError, OSError):
        return None
