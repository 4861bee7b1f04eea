"""See whether upstream finished after all what had failed here.

A failed job stays failed, and nobody pays for it: a late success is written on it, with the place where it is.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import structlog
from celery import shared_task
from django.conf import settings
from django.db import transaction

from revidweb.connections import budget
from revidweb.lib import clock
from revidweb.providers.base import Order, ProviderError, Receipt, Sighting, Status

from . import asking, find, poll, settle
from .models import Attempt, AttemptState, Job
from .states import State

log = structlog.get_logger(__name__)

MOST_AT_ONCE = 100
MOST_LOOKS = 8  # each twice as long after the last one
MOST_DAYS = 7
THREADS = 4

Answer = Sighting | Sequence[Receipt] | ProviderError


@shared_task
def tick() -> None:
    """One round over the failed jobs that are worth a look."""
    asked = [(job, attempt, find.sent(job, attempt)) for job, attempt in claim()]
    if not asked:
        return
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        answers = pool.map(lambda one: look(*one), asked)
        for (job, attempt, _order), answer in zip(asked, answers, strict=True):
            try:
                take_in(job, attempt, answer)
            except Exception:
                log.exception("late.bug", job=job.public_id)  # it comes again when its lease is over


def claim() -> list[tuple[Job, Attempt]]:
    """Take what is due for one round, each with the attempt that may succeed late."""
    jobs = list(Job.objects.full().filter(pk__in=_take()).order_by("pk"))
    attempts = Attempt.latest(jobs, AttemptState.LOST) | Attempt.latest(jobs, AttemptState.SENT)
    return [(job, attempts[job.pk]) for job in jobs if job.pk in attempts and _may_ask(job, attempts[job.pk])]


@transaction.atomic
def _take() -> list[int]:
    due = Job.objects.filter(state=State.FAILED, late_look_at__lte=clock.now()).order_by("late_look_at")
    taken = [job.pk for job in due.select_for_update(skip_locked=True, of=("self",))[:MOST_AT_ONCE]]
    Job.objects.filter(pk__in=taken).update(late_look_at=clock.after(settings.LEASE_S))
    return taken


def _may_ask(job: Job, attempt: Attempt) -> bool:
    """Whether a request is free for it; whoever forgot the key has nothing to ask with."""
    if attempt.credential is None or not attempt.credential.sealed:
        _next(job, None)
        return False
    if not asking.may_ask(attempt, wanted=1, rank=budget.Rank.PAGE):
        _next(job, max(poll.NOT_ASKED_WAIT_S, budget.resting_s(attempt.credential)))
        return False
    return True


def look(job: Job, attempt: Attempt, order: Order) -> Answer:
    """What upstream says of a ticket, or what it has that may be the order. Touches no database."""
    return poll.look(job, attempt) if attempt.ticket else find.search(job, attempt, order)


def take_in(job: Job, attempt: Attempt, answer: Answer) -> None:
    """Write what was seen, and when to look again."""
    match answer:
        case Sighting(status=Status.DONE | Status.FAILED) if settle.late_success(job, attempt, answer.results):
            return
        case Sighting(status=Status.FAILED) if answer.refunded is not False:
            settle.late_failure(job, attempt)
        case ProviderError():
            log.warning("late.later", job=job.public_id, reason=answer.reason)
        case Sighting():
            pass
        case found if find.adopt(job, attempt, found):
            _next(job, 0)  # it has its ticket now
            return
    _look_again(job)


def _look_again(job: Job) -> None:
    """Twice as long after this look as it was before it; after eight looks or seven days never."""
    looks = job.late_looks + 1
    wait_s = settings.LATE_LOOK_S * 2**looks
    ends = (job.ended_at or clock.now()) + timedelta(days=MOST_DAYS)
    is_over = looks >= MOST_LOOKS or clock.after(wait_s) > ends
    _next(job, None if is_over else wait_s, late_looks=looks)


def _next(job: Job, after_s: float | None, **changes: int) -> None:
    at = None if after_s is None else clock.after(after_s)
    Job.objects.filter(pk=job.pk, late_at__isnull=True).update(late_look_at=at, **changes)
