"""What the answer to a create call means, written once: the ticket, a no, or that nobody knows.

Each deed takes the attempt that was answered. An answer may come after it was given up on: then it takes the place of
what was assumed, and the job follows it as far as it still can.
"""

from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction

from revidweb.lib import clock
from revidweb.providers import registry
from revidweb.providers.base import AccountRefused, ProviderError, ProviderRefused, Receipt, Status
from revidweb.trail import trail

from . import orders, poll, settle
from .models import Attempt, AttemptState, Job, Verdict
from .states import State

log = structlog.get_logger(__name__)

ACCOUNT_WAIT_S = 2  # the account is tried by its connection; until it is mended nothing is sent
DEADLINES_BUSY = 24  # an order that is only turned away fails after so many deadlines of a job: a day, as they come
MOST_LOST = 10  # answers of one order that costs nothing to send again


@transaction.atomic
def created(job: Job, attempt: Attempt, receipt: Receipt) -> None:
    """Keep the ticket and what it cost there; the job is upstream's now.

    An answer that came after we gave up on it is kept too, and the job goes on with it, unless it is sent anew by now.
    Where another attempt was given this ticket meanwhile, the answer counts as lost, and another job is looked for.
    """
    is_awaited = _is_awaited(job, attempt)
    cost = job.upstream_credits if receipt.cost is None else receipt.cost
    spent = cost if is_awaited or not _is_repeatable(job) else 0  # what is sent twice on purpose costs nothing
    kept = _keep_ticket(attempt, receipt.ticket, spent)
    if kept is None:
        answer_lost(job, attempt, "another order has its ticket")
    if not kept:
        return
    if cost != job.upstream_credits:
        tenant = job.tenant.public_id
        trail.record("job.cost_differs", about=job.reference, tenant=tenant, quoted=job.upstream_credits, upstream=cost)
    if not is_awaited:
        log.warning("answer.late", state=job.state)
        settle.correct(job)
        return
    pace = registry.provider(job.connection.provider).pace(orders.upstream(job))
    deadline = clock.after(settings.JOB_DEADLINE_S)
    if job.move(State.WORKING, deadline_at=deadline, next_look_at=clock.after(pace.first_s)):
        _if_seen(job, receipt)


def _keep_ticket(attempt: Attempt, ticket: str, spent: int) -> bool | None:
    """Whether the answer was written; None when the ticket is another attempt's already."""
    try:
        with transaction.atomic():
            return _answer(attempt, AttemptState.SENT, ticket=ticket, upstream_cost_micros=spent * 1_000_000)
    except IntegrityError:
        log.warning("answer.ticket_taken", attempt=attempt.pk)
        return None


def _if_seen(job: Job, receipt: Receipt) -> None:
    """Some upstreams finish inside the create call: what they said is taken in as the first look."""
    seen = receipt.seen
    if seen is not None and seen.status not in (Status.PENDING, Status.WORKING):
        poll.take_in([(job, seen)])


@transaction.atomic
def answer_lost(job: Job, attempt: Attempt, reason: str) -> None:
    """Nobody knows whether the order was made. Sent again only where the provider says that it costs nothing.

    An order that loses answer after answer is not sent for ever.
    """
    is_awaited = _is_awaited(job, attempt)
    repeatable = _is_repeatable(job)
    cost = None if repeatable else job.upstream_credits * 1_000_000
    lost = {"is_cost_uncertain": not repeatable, "upstream_cost_micros": cost}
    if not _answer(attempt, AttemptState.LOST, reason, **lost) or not is_awaited:
        return
    if not repeatable:
        job.move(State.UNKNOWN, deadline_at=clock.after(settings.UNKNOWN_S))
    elif job.attempts.filter(state=AttemptState.LOST).count() < MOST_LOST:
        job.move(State.QUEUED)
    else:
        settle.fail(job, code="lost", error=reason, verdict=Verdict.LOST)


@transaction.atomic
def order_refused(job: Job, attempt: Attempt, refused: ProviderRefused) -> None:
    """A final no: the job fails, also when its answer was held for lost meanwhile."""
    is_awaited = _is_awaited(job, attempt)
    if not _answer(attempt, AttemptState.REFUSED, refused.reason):
        return
    if is_awaited:
        settle.fail(job, code=refused.code or "refused", error=refused.reason)
    else:
        settle.correct(job)


@transaction.atomic
def account_refused(job: Job, attempt: Attempt, refused: AccountRefused) -> None:
    """The order may be good, the account is not: wait for it to be mended, but not for ever."""
    is_too_long = _refused_since(job) < clock.ago(settings.UNROUTED_S)
    ends_as = "account_refused" if is_too_long else ""
    _not_created(job, attempt, AttemptState.REFUSED, refused, wait_s=ACCOUNT_WAIT_S, ends_as=ends_as)


@transaction.atomic
def not_created(
    job: Job, attempt: Attempt, error: ProviderError, *, wait_s: float, state: AttemptState = AttemptState.BUSY
) -> None:
    """Back to the queue. A job whose answer was held for lost has no way back there: it fails, and costs nothing.

    So does one that has been turned away for a day.
    """
    ends_as = "busy" if is_busy_for_long(job) else ""
    _not_created(job, attempt, state, error, wait_s=wait_s, ends_as=ends_as)


def _not_created(
    job: Job, attempt: Attempt, state: AttemptState, error: ProviderError, *, wait_s: float, ends_as: str
) -> None:
    is_awaited = _is_awaited(job, attempt)
    if not _answer(attempt, state, error.reason):
        return
    if not is_awaited:
        settle.correct(job)
    elif job.state == State.UNKNOWN or ends_as:
        settle.fail(job, code=ends_as or "not_created", error=error.reason)
    else:
        job.move(State.QUEUED, next_look_at=clock.after(wait_s))


def _refused_since(job: Job) -> datetime:
    """Since when the account has refused this order without a pause; a pause is one that is longer than we wait."""
    since = clock.now()
    refusals = job.attempts.filter(state=AttemptState.REFUSED).order_by("-number")
    for sent_at in refusals.values_list("sent_at", flat=True):
        if since - sent_at > timedelta(seconds=settings.UNROUTED_S):
            break
        since = sent_at
    return since


def is_busy_for_long(job: Job) -> bool:
    """Whether the provider has been too busy to take it for `DEADLINES_BUSY`."""
    return job.started_at is not None and job.started_at < clock.ago(DEADLINES_BUSY * settings.JOB_DEADLINE_S)


def _is_repeatable(job: Job) -> bool:
    return registry.provider(job.connection.provider).is_repeatable


def _is_awaited(job: Job, attempt: Attempt) -> bool:
    """Whether the job still waits for this attempt's answer; it is read anew and locked until the transaction ends.

    A call may outlive its lease: then the answer is held for lost, and a repeatable order may be under way once more.
    """
    job.refresh_from_db(fields=["state"], from_queryset=Job.objects.select_for_update(no_key=True))
    is_latest = not job.attempts.filter(number__gt=attempt.number).exists()
    return is_latest and job.state in (State.SENDING, State.UNKNOWN)


def _answer(attempt: Attempt, state: AttemptState, answer: str = "", **fields: Any) -> bool:
    """Write what came of the call, once; a late answer takes the place of a lost one, and of what that had assumed."""
    assumed = [AttemptState.SENDING] if state == AttemptState.LOST else [AttemptState.SENDING, AttemptState.LOST]
    plain = {"upstream_cost_micros": None, "is_cost_uncertain": False}
    written = Attempt.objects.filter(pk=attempt.pk, state__in=assumed).update(
        state=state, answer=answer[:2000], answered_at=clock.now(), **plain | fields
    )
    return bool(written)
