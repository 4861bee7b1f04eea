"""Find what a crash left lying, and give everything that waits too long its end."""

from collections.abc import Callable
from datetime import datetime

import structlog
from celery import shared_task
from django.conf import settings
from django.db.models import Q, QuerySet

from revidweb.connections.models import Connection
from revidweb.files import erasing
from revidweb.lib import clock

from . import answers, settle, store, submit
from .models import AttemptState, Job, Verdict
from .states import State

log = structlog.get_logger(__name__)

TRIES_TO_PREPARE = 5


@shared_task
def tick() -> None:
    """One round. Every step is conditional, so that two rounds at once change nothing more."""
    unprepare()
    unsend()
    lose()
    give_up_storing()
    give_up_unrouted()
    submit.forget()
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


def lose() -> None:
    """Days without word: the job fails as lost, its hold is released, upstream's cost stands as uncertain."""
    _each(_overdue(State.UNKNOWN), lambda job: settle.fail(job, code="lost", error="", verdict=Verdict.LOST))


def give_up_storing() -> None:
    """Results that did not come home in time."""
    _each(_overdue(State.STORING), lambda job: store.give_up(job, ""))


def give_up_unrouted() -> None:
    """Queued for a connection that takes no work, for too long: since it was queued, and since it takes none."""
    long_ago = clock.ago(settings.UNROUTED_S)
    waiting = Job.objects.full().unleased(State.QUEUED).filter(changed_at__lt=long_ago)
    for why, connections in (("no_connection", _closed(long_ago)), ("account_refused", _in_trouble(long_ago))):
        _each(waiting.filter(connection__in=connections.values("pk")), _give_up(why))


def _closed(since: datetime) -> QuerySet[Connection]:
    """Connections that were switched off, removed or never ready since then."""
    off = Q(is_enabled=False) & (Q(disabled_at__isnull=True) | Q(disabled_at__lt=since))
    closed = Connection.objects.exclude(pk__in=Connection.objects.usable().values("pk"))
    return closed.filter(off | Q(removed_at__lt=since) | Q(is_enabled=True, removed_at__isnull=True))


def _in_trouble(since: datetime) -> QuerySet[Connection]:
    return Connection.objects.exclude(trouble="").filter(Q(trouble_since__isnull=True) | Q(trouble_since__lt=since))


def _give_up(why: str) -> Callable[[Job], object]:
    return lambda job: settle.fail(job, code=why, error=job.connection.trouble_reason)


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
        answers.answer_lost(job, attempt, "")  # the process that sent it died


def _overdue(state: State) -> QuerySet[Job]:
    return Job.objects.full().unleased(state).filter(deadline_at__lt=clock.now())


def _each(jobs: QuerySet[Job], deed: Callable[[Job], object]) -> None:
    """Do it to one after the other, each as it is by then; a bug at some of them must not leave the others lying."""
    for pk in list(jobs.order_by("pk").values_list("pk", flat=True)):
        job = jobs.filter(pk=pk).first()
        try:
            if job:
                deed(job)
        except Exception:
            log.exception("sweep.bug", job=pk)
