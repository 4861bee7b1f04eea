"""See whether upstream finished after all what had failed here.

A failed job stays failed, and nobody pays for it: a late success is written on it, with the place where it is.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import chain

import structlog
from celery import shared_task
from django.conf import settings
from django.db import transaction

from revidweb.connections import budget
from revidweb.lib import clock
from revidweb.providers.base import ProviderError, Receipt, Sighting, Status

from . import asking, find, poll, settle
from .models import Attempt, AttemptState, Job
from .states import State

log = structlog.get_logger(__name__)

MOST_AT_ONCE = 100
MOST_LOOKS = 8  # each twice as long after the last one
MOST_DAYS = 7
THREADS = 4

Answer = Sighting | Sequence[Receipt] | ProviderError
Pairs = Sequence[tuple[Job, Attempt]]


@shared_task
def tick() -> None:
    """One round over the failed jobs that are worth a look."""
    claimed = claim()
    for job, attempt, answer in chain(_looked(claimed), _found(claimed)):
        try:
            take_in(job, attempt, answer)
        except Exception:
            log.exception("late.bug", job=job.public_id)  # it comes again when its lease is over


def claim() -> list[tuple[Job, Attempt]]:
    """Take what is due for one round, each with the attempt that may succeed late and a key to ask with."""
    jobs = list(Job.objects.full().filter(pk__in=_take()).order_by("pk"))
    attempts = Attempt.latest(jobs, AttemptState.LOST) | Attempt.latest(jobs, AttemptState.SENT)
    return [(job, attempts[job.pk]) for job in jobs if job.pk in attempts and _has_key(job, attempts[job.pk])]


@transaction.atomic
def _take() -> list[int]:
    due = Job.objects.filter(state=State.FAILED, late_look_at__lte=clock.now()).order_by("late_look_at")
    taken = [job.pk for job in due.select_for_update(skip_locked=True, of=("self",))[:MOST_AT_ONCE]]
    Job.objects.filter(pk__in=taken).update(late_look_at=clock.after(settings.LEASE_S))
    return taken


def _has_key(job: Job, attempt: Attempt) -> bool:
    """Whoever forgot the key has nothing to ask with, ever."""
    has_key = attempt.credential is not None and bool(attempt.credential.sealed)
    if not has_key:
        _next(job, None)
    return has_key


def _looked(claimed: Pairs) -> Iterator[tuple[Job, Attempt, Answer]]:
    """What upstream says of those with a ticket."""
    asked = [(job, attempt) for job, attempt in claimed if attempt.ticket and _may_ask(job, attempt)]
    if not asked:
        return
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        for (job, attempt), seen in zip(asked, pool.map(lambda pair: poll.look(*pair), asked), strict=True):
            yield job, attempt, seen


def _may_ask(job: Job, attempt: Attempt) -> bool:
    if asking.may_ask(attempt, wanted=1, rank=budget.Rank.PAGE):
        return True
    _wait(job, attempt)
    return False


def _wait(job: Job, attempt: Attempt) -> None:
    """No request is free for it at this moment."""
    _next(job, max(poll.NOT_ASKED_WAIT_S, budget.resting_s(attempt.credential)))


def _found(claimed: Pairs) -> Iterator[tuple[Job, Attempt, Answer]]:
    """What upstream has that may be an order whose answer was lost."""
    groups = []
    for group in find.grouped((pair for pair in claimed if not pair[1].ticket), rank=budget.Rank.PAGE):
        if group.search.most:
            groups.append(group)
        else:
            for one in group.lost:
                _wait(one.job, one.attempt)
    for one, found in find.searched(groups, threads=THREADS):
        yield one.job, one.attempt, found


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
