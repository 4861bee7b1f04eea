"""What a page that is open needs to know about running jobs."""

from dataclasses import dataclass

from django.db.models import Q

from revidweb.accounts.actors import Actor
from revidweb.lib import clock

from .models import Job
from .states import MOVING

MOST = 60
JUST_ENDED_S = 120


@dataclass(frozen=True)
class Watch:
    """The moving jobs and those that ended a moment ago, newest first, and a version that changes when they do."""

    jobs: list[Job]
    version: str

    @property
    def running(self) -> list[Job]:
        """Those without a verdict."""
        return [job for job in self.jobs if job.is_moving]

    @property
    def ended(self) -> list[Job]:
        """Those with a verdict of the last two minutes."""
        return [job for job in self.jobs if not job.is_moving]


def watch(actor: Actor) -> Watch:
    """One query, at most 60 jobs. The version also changes when a job falls out of the list."""
    recent = Q(state__in=MOVING) | Q(ended_at__gte=clock.ago(JUST_ENDED_S))
    rows = Job.objects.visible_to(actor).filter(recent).select_related("media_model", "cover", "member__person")
    jobs = list(rows.order_by("-id")[:MOST])
    newest = max((job.changed_at.timestamp() for job in jobs), default=0)
    return Watch(jobs, f"{len(jobs)}-{newest:.6f}")
