"""Send queued jobs: claim those for which a slot is free, prepare them, write the attempt, call, keep the ticket."""

from collections import Counter
from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from itertools import groupby
from typing import NamedTuple

import structlog
from celery import shared_task
from django.conf import settings
from django.db import transaction
from django.db.models import BigIntegerField, Count, F, Min, Q, Window
from django.db.models.functions import Coalesce, RowNumber

from revidweb.connections import budget, slots
from revidweb.connections.models import Connection, ConnectionQuerySet
from revidweb.files import fetching
from revidweb.keys.models import ApiKey
from revidweb.lib import clock, wake
from revidweb.lib.refusal import Refusal
from revidweb.providers import registry
from revidweb.providers.base import (
    AccountRefused,
    Kind,
    OutcomeUnknown,
    ProviderBusy,
    ProviderError,
    ProviderRefused,
)

from . import answers, inputs, orders, settle, signs
from .inputs import Brought
from .models import Attempt, AttemptState, Job
from .states import State

MOST_AT_ONCE = 200
TRIES_TO_FETCH = 4
# Whose turn it is: a member's, whatever keys they use, or a key's that is no member's.
_LINE = Coalesce(F("member_id"), -F("key_id"), output_field=BigIntegerField())
SLOW_S = 5  # a create call that takes longer comes from a slow server


@shared_task
def tick() -> None:
    """Send what is queued wherever a slot is free."""
    waiting = Job.objects.due(State.QUEUED).filter(connection__in=_open().values("pk"))
    for connection_id in waiting.order_by().values_list("connection", flat=True).distinct():
        _fill(connection_id)


def _fill(connection_id: int) -> None:
    for pk in claim(connection_id):
        wake.up(send, pk, expires=settings.LEASE_S)


def _open() -> ConnectionQuerySet:
    """The connections that take orders now."""
    return Connection.objects.usable().filter(trouble="")


@transaction.atomic
def claim(connection_id: int) -> list[int]:
    """Move as many queued jobs to preparing as the connection has free slots and requests; of two claims one waits.

    Whoever holds a job's row may wait for its key's, which is held here: so no job's row is waited for, and one that
    somebody has at this moment comes with the next claim.
    """
    connection = _open().select_for_update(no_key=True).filter(pk=connection_id).first()
    if connection is None:
        return []
    picked = _pick(connection)
    picked = picked[: budget.take(connection.credential, wanted=len(picked), rank=budget.Rank.SEND)]
    queued = Job.objects.filter(pk__in=picked, state=State.QUEUED).select_for_update(skip_locked=True, no_key=True)
    there = set(queued.values_list("pk", flat=True))
    now = clock.now()
    Job.objects.filter(pk__in=there).update(
        state=State.PREPARING, lease_until=clock.after(settings.LEASE_S), changed_at=now, looks=0
    )
    return [pk for pk in picked if pk in there]


class _Waiting(NamedTuple):
    """A queued job, as its line knows it."""

    line: int
    pk: int
    kind: str
    key: int | None


def _pick(connection: Connection) -> list[int]:
    """Jobs for the free slots: each goes to the line that has the least there, and then to the oldest that fits."""
    free = slots.Free.of(connection, used=Job.objects.filter(connection=connection).slots_used())
    free.total = min(free.total, MOST_AT_ONCE, _threads_left(connection))
    lines = _lines(connection, most=free.total)
    room = _room(job.key for line in lines.values() for job in line if job.key)
    holding = Job.objects.filter(connection=connection).holding_slots().order_by()
    has = Counter(dict(holding.values_list(_LINE).annotate(Count("pk"))))
    turns = [(has[name], line[0].pk, name) for name, line in lines.items()]
    heapify(turns)
    waiting = {name: iter(line) for name, line in lines.items()}
    picked = []
    while turns:
        had, oldest, name = heappop(turns)
        job = next((job for job in waiting[name] if room.get(job.key, 1) > 0 and free.take(Kind(job.kind))), None)
        if job is not None:
            picked.append(job.pk)
            room[job.key] = room.get(job.key, MOST_AT_ONCE) - 1
            heappush(turns, (had + 1, oldest, name))
    return picked


def _room(keys: Iterable[int]) -> dict[int | None, int]:
    """How many more jobs each of these keys that has a running limit may have at work.

    Its row stays locked until the claim is over, so that claims for other connections count what this one takes.
    """
    limited = ApiKey.objects.filter(pk__in=set(keys), running_limit__isnull=False).order_by("pk")
    most = dict(limited.select_for_update(no_key=True).values_list("pk", "running_limit"))
    if not most:
        return {}
    at_work = Job.objects.filter(key__in=most).at_work().order_by()
    counted = dict(at_work.values_list("key").annotate(Count("pk")))
    return {key: (limit or 0) - counted.get(key, 0) for key, limit in most.items()}


def _threads_left(connection: Connection) -> int:
    """How many more the worker may prepare and send there: others' servers need threads too.

    No connection has more than three quarters of them, and one that leaves a call waiting a third until it answers:
    enough for the slots of a usual account, whose slowest models answer an order only after a minute.
    """
    under_way = Job.objects.filter(connection=connection, state__in=[State.PREPARING, State.SENDING])
    oldest = Min("attempts__sent_at", filter=Q(state=State.SENDING, attempts__state=AttemptState.SENDING))
    now = under_way.aggregate(count=Count("pk", distinct=True), oldest=oldest)
    is_slow = now["oldest"] is not None and now["oldest"] < clock.ago(SLOW_S)
    most = settings.WORKER_THREADS // 3 if is_slow else settings.WORKER_THREADS * 3 // 4
    return max(0, max(most, 1) - int(now["count"]))


def _lines(connection: Connection, *, most: int) -> dict[int, list[_Waiting]]:
    """The queue by line, oldest first; of each kind and key no more than the slots there are.

    A key that may not have more at work must not hide what its member waits for besides.
    """
    if most <= 0:
        return {}
    place = Window(RowNumber(), partition_by=[F("member"), F("key"), F("kind")], order_by=F("id").asc())
    due = Job.objects.due(State.QUEUED).filter(connection=connection).annotate(place=place, line=_LINE)
    rows = due.filter(place__lte=most).order_by("line", "pk").values_list("line", "pk", "kind", "key")
    return {line: list(jobs) for line, jobs in groupby(map(_Waiting._make, rows), lambda job: job.line)}


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
        brought = _prepare(job)
        attempt = _begin(job) if brought else None
        if brought and attempt:
            _call(job, attempt, brought)
    _go_on(job)


def _go_on(job: Job) -> None:
    """Where the server takes orders, the next one need not wait for the clock."""
    waiting = Job.objects.due(State.QUEUED).filter(connection=job.connection_id)
    if job.state != State.QUEUED and waiting.exists():
        _fill(job.connection_id)


def _prepare(job: Job) -> Brought | None:
    """Bring the inputs here, and from here to the provider. None when the job cannot go on now."""
    if not job.inputs.exists():
        return Brought()
    try:
        with job.keeping(settings.LEASE_S):
            inputs.fetch(job)
            return inputs.bring(job)
    except Refusal as refusal:
        settle.fail(job, code=refusal.code, error=_not_fetched(job))
    except fetching.FetchFailed as failed:
        _fetch_later(job, failed)
    except ProviderRefused as refused:
        settle.fail(job, code=refused.code or "refused", error=refused.reason)
    except AccountRefused as refused:
        _bring_later(job, refused)
        signs.refused(job.connection, job.connection.credential, refused)
    except ProviderError as error:
        _bring_later(job, error)
        signs.bad(job.connection, job.connection.credential, error)
    return None


def _not_fetched(job: Job) -> str:
    """The address at which the fetching stopped."""
    return job.inputs.filter(file__isnull=True).values_list("url", flat=True).first() or ""


def _fetch_later(job: Job, failed: fetching.FetchFailed) -> None:
    """An address that does not answer gets a few more chances, then the job fails and costs nothing."""
    tries = job.misses + 1
    if tries >= TRIES_TO_FETCH:
        settle.fail(job, code="input_unreachable", error=str(failed))
    else:
        job.move(State.QUEUED, misses=tries, next_look_at=clock.after(failed.wait_s * tries))


def _bring_later(job: Job, error: ProviderError) -> None:
    """The provider did not take an input: nothing was ordered yet."""
    if answers.is_busy_for_long(job):
        settle.fail(job, code="busy", error=error.reason)
        return
    started, next_look = job.started_at or clock.now(), clock.after(_wait_s(error, tries=2))
    job.move(State.QUEUED, misses=job.misses, started_at=started, next_look_at=next_look)


@transaction.atomic
def _begin(job: Job) -> Attempt | None:
    """Write the attempt in its own commit directly before the call, so that a crash cannot forget it.

    The key is the one for which the job was prepared; where that was replaced, or the connection takes no orders any
    more, the job goes back to the queue.
    """
    credential = job.connection.credential
    if not _open().filter(pk=job.connection_id, credential=credential).exists():
        job.move(State.QUEUED, misses=job.misses)
        return None
    lease = clock.after(settings.SEND_LEASE_S)
    started = job.started_at or clock.now()
    if not job.move(State.SENDING, lease_until=lease, next_look_at=lease, started_at=started):
        return None
    number = job.attempts.count() + 1
    return Attempt.objects.create(job=job, number=number, connection=job.connection, credential=credential)


def _call(job: Job, attempt: Attempt, brought: Brought) -> None:
    """The create call, outside any transaction, and what its answer means.

    The answer is written first: what it says of the account can be learnt again, what it says of the order cannot.
    """
    provider = registry.provider(job.connection.provider)
    try:
        order = orders.of(job, brought.addresses)
        receipt = provider.submit(attempt.account, order, attempt=attempt.number)
    except ProviderBusy as busy:
        answers.not_created(job, attempt, busy, wait_s=_wait_s(busy, tries=attempt.number))
        signs.bad(job.connection, attempt.credential, busy)
    except AccountRefused as refused:
        answers.account_refused(job, attempt, refused)
        signs.refused(job.connection, attempt.credential, refused)
    except ProviderRefused as refused:
        _refused(job, attempt, refused, brought)
    except OutcomeUnknown as lost:
        answers.answer_lost(job, attempt, lost.reason)
    else:
        answers.created(job, attempt, receipt)
        signs.taken(job.connection, attempt.credential, receipt, quoted=job.upstream_credits)


def _refused(job: Job, attempt: Attempt, refused: ProviderRefused, brought: Brought) -> None:
    """A final no; only an input that was brought there for an earlier job gets one more chance."""
    is_stale = refused.code == "input" and brought.forget_reused()
    if is_stale and not job.attempts.filter(state=AttemptState.REFUSED).exists():
        answers.not_created(job, attempt, refused, wait_s=0, state=AttemptState.REFUSED)
    else:
        answers.order_refused(job, attempt, refused)


def _wait_s(error: ProviderError, *, tries: int) -> float:
    """Seconds until the next try: what the provider asked for, else a little longer each time."""
    asked = error.retry_after_s if isinstance(error, ProviderBusy) else None
    longest = 30 if error.code == "queue_full" else 60
    return asked or min(2.0 ** min(tries, 10), longest)
