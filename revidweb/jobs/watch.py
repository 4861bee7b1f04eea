"""What a page that is open needs to know about running jobs."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from django.db.models import Count, Q, Window

from revidweb.accounts.actors import Actor
from revidweb.lib import clock

from .models import Job
from .states import MOVING

MOST = 60
JUST_ENDED_S = 120
_OVERLAP = timedelta(seconds=10)  # a change may be committed a little after a later one


@dataclass(frozen=True)
class Watch:
    """The moving jobs and those that ended since a moment, newest first.

    running: how many have no verdict yet, also beyond the list.
    version: "since.changed.checksum", opaque to the page; it differs whenever a page would show something else.
    """

    jobs: Sequence[Job]
    since: datetime
    running: int

    @property
    def version(self) -> str:
        """What the page sends back to learn of changes."""
        shown = [(job.pk, job.state, job.progress, job.cancel_asked_at) for job in self.jobs]
        changed = max((job.changed_at.timestamp() for job in self.jobs), default=0)
        return f"{self.since.timestamp():.0f}.{changed:.0f}.{zlib.crc32(repr(shown).encode()):08x}"

    def changed_after(self, version: str) -> Sequence[Job]:
        """The jobs that may look different from what the page with this version shows."""
        before = _moment(version, 1) - _OVERLAP
        return [job for job in self.jobs if job.changed_at >= before]


def watch(actor: Actor, version: str = "") -> Watch:
    """One query, at most 60 jobs. version: the page's; its list goes on from the same moment."""
    since = _moment(version, 0) if version else clock.ago(JUST_ENDED_S)
    wanted = Q(state__in=MOVING) | Q(ended_at__gte=since)
    rows = Job.objects.visible_to(actor).filter(wanted).select_related("media_model", "cover", "member__person")
    counted = rows.annotate(moving_in_all=Window(Count("pk", filter=Q(state__in=MOVING))))
    jobs = list(counted.order_by("-id")[:MOST])
    return Watch(jobs, since, running=cast("Any", jobs[0]).moving_in_all if jobs else 0)


def _moment(version: str, place: int) -> datetime:
    """A moment out of a version; nonsense means long ago, but never more than an hour for the list's start."""
    floor = clock.ago(3600)
    try:
        return max(datetime.fromtimestamp(int(version.split(".")[place]), UTC), floor)
    except (ValueError, IndexError, OverflowError, OSError):
        return floor
