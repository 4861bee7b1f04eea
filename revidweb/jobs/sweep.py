"""Find what a crash left lying, and give everything that waits too long its end."""

from collections.abc import Callable

import structlog
from celery import shared_task
from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet

from revidweb.files import erasing
from revidweb.lib import clock

from . import dispatch, find, settle, store
from .models import Attempt, AttemptState, Job, Verdict
from .states import State

log = structlog.get_logger(__name__)

MOST_AT_ONCE = 500
TRIES_TO_PREPARE = 5


@shared_task
def tick() -> None:
    """One round. Every step is conditional, so that two rounds at once change nothing more."""
    unprepare()
    unsend()
    seek()
    lose()
    give_up_storing()
    give_up_unrouted()
    erasing.sweep()


def free_leases() -> int:
    """Before the processes of a single machine start: whoever held a lease is gone. How many were freed."""
    return Job.objects.moving().filter(lease_until__isnull=False).update(lease_until=clock.now())


def unprepare() -> None:
    """Preparing without a lease: its worker died. Nothing was sent; it goes back to the queue, but not for ever."""
    _each(Job.objects.full().unleased(State.PREPARING), _prepare_again)


def unsend() -> None:
    """Sending without a lease: its worker died around the call, and nobody has the answer."""
    _each(Job.objects.full().unleased(State.SENDING), _answer_lost)


def seek() -> None:
    """Look upstream for the orders whose answers were lost; those with a ticket are polled instead."""
    ticketed = Attempt.objects.filter(job=OuterRef("pk"), state=AttemptState.SENT)
    _each(Job.objects.due(State.UNKNOWN).filter(~Exists(ticketed)), lambda job: find.find(job.pk))


def lose() -> None:
    """Days without word: the job fails as lost, its hold is released, upstream's cost stands as uncertain."""
    _each(_overdue(State.UNKNOWN), lambda job: settle.fail(job, code="lost", error="", verdict=Verdict.LOST))


def give_up_storing() -> None:
    """Results that did not come home in time."""
    _each(_overdue(State.STORING), lambda job: store.give_up(job, ""))


def give_up_unrouted() -> None:
    """Queued for a connection that takes no work, for too long."""
    waiting = Job.objects.full().unleased(State.QUEUED).filter(connection__is_enabled=False)
    late = waiting.filter(created_at__lt=clock.ago(settings.UNROUTED_S))
    _each(late, lambda job: settle.fail(job, code="no_connection", error=""))


def _prepare_again(job: Job) -> None:
    """A message that nobody took in time is no try; an input that workers die of is."""
    tries = job.misses + (job.looks > 0)
    if tries < TRIES_TO_PREPARE:
        job.move(State.QUEUED, misses=tries)
    else:
        settle.fail(job, code="not_prepared", error="")


def _answer_lost(job: Job) -> None:
    attempt = job.attempts.filter(state=AttemptState.SENDING).last()
    if attempt:
        dispatch.answer_lost(job, attempt, "")  # the process that sent it died


def _overdue(state: State) -> QuerySet[Job]:
    return Job.objects.full().unleased(state).filter(deadline_at__lt=clock.now())


def _each(jobs: QuerySet[Job], deed: Callable[[Job], object]) -> None:
    """Do it to one after the other; a bug at one of them must not leave all others lying."""
    for job in jobs[:MOST_AT_ONCE]:
        try:
            deed(job)
        except Exception:
            log.exception("sweep.bug", job=job.public_id)
