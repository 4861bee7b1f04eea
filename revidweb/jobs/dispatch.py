"""Send queued jobs: claim those for which a slot is free, prepare them, write the attempt, call, keep the ticket."""

from typing import Any

import structlog
from celery import shared_task
from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, Q, Window
from django.db.models.functions import RowNumber

from revidweb.connections import slots
from revidweb.connections.models import Connection
from revidweb.files import fetching, intake, storage
from revidweb.files.models import Purpose
from revidweb.lib import clock
from revidweb.lib.refusal import Refusal
from revidweb.providers import registry
from revidweb.providers.base import (
    AccountRefused,
    Kind,
    OutcomeUnknown,
    ProviderBusy,
    ProviderError,
    ProviderRefused,
    Receipt,
    Status,
)
from revidweb.trail import trail

from . import orders, poll, settle, wake
from .models import Attempt, AttemptState, Job, JobInput, Verdict
from .states import State

log = structlog.get_logger(__name__)

MOST_AT_ONCE = 200
TRIES_TO_FETCH = 4
ACCOUNT_WAIT_S = 15
MOST_LOST = 10  # answers of one order that costs nothing to send again
GHOST_SLOT_S = 900  # an order whose answer was lost is counted as running for so long


@shared_task
def tick() -> None:
    """Send what is queued wherever a slot is free."""
    waiting = Job.objects.due(State.QUEUED).filter(connection__is_enabled=True)
    for connection_id in waiting.order_by().values_list("connection", flat=True).distinct():
        for pk in claim(connection_id):
            wake.up(send, pk, expires=settings.LEASE_S)


@transaction.atomic
def claim(connection_id: int) -> list[int]:
    """Move as many queued jobs to preparing as the connection has free slots; of two claims at once one waits."""
    connection = Connection.objects.select_for_update(no_key=True).get(pk=connection_id)
    free = slots.Free.of(connection, used=_slots_used(connection))
    picked = [pk for pk, kind in _fair_line(connection) if free.take(kind)]
    now = clock.now()
    Job.objects.filter(pk__in=picked, state=State.QUEUED).update(
        state=State.PREPARING, lease_until=clock.after(settings.LEASE_S), changed_at=now, looks=0
    )
    return picked


def _slots_used(connection: Connection) -> dict[str, int]:
    """Jobs per kind that hold a slot at the connection."""
    holds_one = Q(state__in=[State.PREPARING, State.SENDING, State.WORKING]) | Q(state=State.UNKNOWN) & (
        Q(attempts__state=AttemptState.SENT) | Q(changed_at__gt=clock.ago(GHOST_SLOT_S))
    )
    rows = Job.objects.filter(holds_one, connection=connection).order_by()
    return dict(rows.values_list("kind").annotate(Count("pk", distinct=True)))


def _fair_line(connection: Connection) -> list[tuple[int, Kind]]:
    """The queue, one job of each member in turn, oldest first."""
    turn = Window(RowNumber(), partition_by=F("member"), order_by=F("id").asc())
    line = Job.objects.due(State.QUEUED).filter(connection=connection).annotate(turn=turn)
    return [(pk, Kind(kind)) for pk, kind in line.order_by("turn", "pk").values_list("pk", "kind")[:MOST_AT_ONCE]]


@shared_task
def send(job_id: int) -> None:
    """Prepare one claimed job and send it. Run twice, only one of the two gets to the call."""
    claimed = Job.objects.filter(pk=job_id, state=State.PREPARING)
    # The message may have waited for most of the lease; the look tells the sweep that work began.
    claimed.update(lease_until=clock.after(settings.LEASE_S), looks=F("looks") + 1)
    job = claimed.full().first()
    if job is None:
        return
    with structlog.contextvars.bound_contextvars(job=job.public_id):
        if _prepare(job):
            attempt = _begin(job)
            if attempt:
                _call(job, attempt)


def _prepare(job: Job) -> bool:
    """Bring addressed inputs here. Repeatable: what is here already stays. False when the job cannot go on now."""
    try:
        for row in job.inputs.filter(file__isnull=True):
            _fetch_input(job, row)
    except Refusal as refusal:
        settle.fail(job, code=refusal.code, error=row.url)
    except fetching.FetchFailed as failed:
        _fetch_later(job, failed)
    else:
        return True
    return False


def _fetch_input(job: Job, row: JobInput) -> None:
    with storage.scratch() as folder:
        path = folder / "input"
        fetching.fetch(row.url, path, max_bytes=settings.UPLOAD_MAX_BYTES)
        file = intake.take_in(
            path,
            tenant=job.tenant,
            member=job.member,
            purpose=Purpose.INPUT,
            stem=f"inputs/{job.tenant.public_id}/{job.public_id}/{row.position}",
        )
    with transaction.atomic():
        if JobInput.objects.select_for_update().filter(pk=row.pk, file__isnull=True).exists():
            file.save()
            JobInput.objects.filter(pk=row.pk).update(file=file)


def _fetch_later(job: Job, failed: fetching.FetchFailed) -> None:
    """An address that does not answer gets a few more chances, then the job fails and costs nothing."""
    tries = job.misses + 1
    if tries >= TRIES_TO_FETCH:
        settle.fail(job, code="input_unreachable", error=str(failed))
    else:
        job.move(State.QUEUED, misses=tries, next_look_at=clock.after(failed.wait_s * tries))


@transaction.atomic
def _begin(job: Job) -> Attempt | None:
    """Write the attempt in its own commit directly before the call, so that a crash cannot forget it."""
    lease = clock.after(settings.SEND_LEASE_S)
    started = job.started_at or clock.now()
    if not job.move(State.SENDING, lease_until=lease, next_look_at=lease, started_at=started):
        return None
    number = job.attempts.count() + 1
    return Attempt.objects.create(job=job, number=number, connection=job.connection)


def _call(job: Job, attempt: Attempt) -> None:
    """The create call, outside any transaction, and what its answer means."""
    provider = registry.provider(job.connection.provider)
    try:
        receipt = provider.submit(job.connection.account, orders.of(job), attempt=attempt.number)
    except ProviderBusy as busy:
        not_created(job, attempt, busy, wait_s=busy.retry_after_s or min(2**attempt.number, 60))
    except AccountRefused as refused:
        account_refused(job, attempt, refused)
    except ProviderRefused as refused:
        order_refused(job, attempt, refused)
    except OutcomeUnknown as lost:
        answer_lost(job, attempt, lost.reason)
    else:
        created(job, attempt, receipt)


@transaction.atomic
def created(job: Job, attempt: Attempt, receipt: Receipt) -> None:
    """Keep the ticket and what it cost there; the job is upstream's now.

    An answer that came after we gave up on it is kept too, and the job goes on with it, unless it is sent anew by now.
    """
    is_awaited = _is_awaited(job, attempt)
    cost = job.upstream_credits if receipt.cost is None else receipt.cost
    spent = cost if is_awaited or not _is_repeatable(job) else 0  # what is sent twice on purpose costs nothing
    if not _answer(attempt, AttemptState.SENT, ticket=receipt.ticket, upstream_cost_micros=spent * 1_000_000):
        return
    if cost != job.upstream_credits:
        tenant = job.tenant.public_id
        trail.record("job.cost_differs", about=job.reference, tenant=tenant, quoted=job.upstream_credits, upstream=cost)
    if not is_awaited:
        log.warning("dispatch.late_answer", state=job.state)
        return
    pace = registry.provider(job.connection.provider).pace(orders.bare(job))
    deadline = clock.after(settings.JOB_DEADLINE_S)
    if job.move(State.WORKING, deadline_at=deadline, next_look_at=clock.after(pace.first_s)):
        _if_seen(job, receipt)


def _if_seen(job: Job, receipt: Receipt) -> None:
    """Some upstreams finish inside the create call."""
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
    if _answer(attempt, AttemptState.REFUSED, refused.reason) and is_awaited:
        settle.fail(job, code=refused.code or "refused", error=refused.reason)


@transaction.atomic
def account_refused(job: Job, attempt: Attempt, refused: AccountRefused) -> None:
    """The order may be good, the account is not: wait for it to be mended, but not for ever."""
    since = job.attempts.filter(state=AttemptState.REFUSED).values_list("sent_at", flat=True).first()
    if since is None or since > clock.ago(settings.UNROUTED_S):
        not_created(job, attempt, refused, wait_s=ACCOUNT_WAIT_S, state=AttemptState.REFUSED)
        return
    is_awaited = _is_awaited(job, attempt)
    if _answer(attempt, AttemptState.REFUSED, refused.reason) and is_awaited:
        settle.fail(job, code="account_refused", error=refused.reason)


@transaction.atomic
def not_created(
    job: Job, attempt: Attempt, error: ProviderError, *, wait_s: float, state: AttemptState = AttemptState.BUSY
) -> None:
    """Back to the queue. A job whose answer was held for lost has no way back there: it fails, and costs nothing."""
    is_awaited = _is_awaited(job, attempt)
    if not _answer(attempt, state, error.reason) or not is_awaited:
        return
    if job.state == State.UNKNOWN:
        settle.fail(job, code="not_created", error=error.reason)
    else:
        job.move(State.QUEUED, next_look_at=clock.after(wait_s))


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
