"""Find what a crash left lying, and give everything that waits too long its end."""

from celery import shared_task
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef

from revidweb.files import erasing
from revidweb.lib import clock

from . import dispatch, find, settle
from .models import Attempt, AttemptState, Job, Verdict
from .states import State

MOST_AT_ONCE = 500


@shared_task
def tick() -> None:
    """One round. Every step is conditional, so that two rounds at once change nothing more."""
    unprepare()
    unsend()
    seek()
    for job in _overdue(State.UNKNOWN):
        lose(job)
    for job in _overdue(State.STORING):
        settle.fail(job, code="undeliverable", error="")
    give_up_unrouted()
    erasing.sweep()


def free_leases() -> int:
    """Before the processes of a single machine start: whoever held a lease is gone. How many were freed."""
    return Job.objects.moving().filter(lease_until__isnull=False).update(lease_until=clock.now())


def unprepare() -> None:
    """Preparing without a lease: its worker died. Nothing was sent; it goes back to the queue."""
    for job in Job.objects.full().unleased(State.PREPARING)[:MOST_AT_ONCE]:
        job.move(State.QUEUED)


def unsend() -> None:
    """Sending without a lease: its worker died around the call, and nobody has the answer."""
    for job in Job.objects.full().unleased(State.SENDING)[:MOST_AT_ONCE]:
        attempt = job.attempts.filter(state=AttemptState.SENDING).last()
        if attempt:
            dispatch.answer_lost(job, attempt, "The process that sent it died.")


def seek() -> None:
    """Look upstream for the orders whose answers were lost; those with a ticket are polled instead."""
    ticketed = Attempt.objects.filter(job=OuterRef("pk"), state=AttemptState.SENT)
    for pk in Job.objects.due(State.UNKNOWN).filter(~Exists(ticketed)).values_list("pk", flat=True)[:MOST_AT_ONCE]:
        find.find(pk)


@transaction.atomic
def lose(job: Job) -> None:
    """Days without word: the job fails as lost, its hold is released, upstream's cost stays as uncertain."""
    job.attempts.filter(state__in=[AttemptState.SENT, AttemptState.LOST]).update(is_cost_uncertain=True)
    settle.fail(job, code="lost", error="", verdict=Verdict.LOST)


def give_up_unrouted() -> None:
    """Queued for a connection that takes no work, for too long."""
    waiting = Job.objects.full().unleased(State.QUEUED).filter(connection__is_enabled=False)
    for job in waiting.filter(created_at__lt=clock.ago(settings.UNROUTED_S))[:MOST_AT_ONCE]:
        settle.fail(job, code="no_connection", error="")


def _overdue(state: State) -> list[Job]:
    return list(Job.objects.full().unleased(state).filter(deadline_at__lt=clock.now())[:MOST_AT_ONCE])
