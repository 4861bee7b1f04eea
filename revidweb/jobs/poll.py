"""Look at the jobs that are upstream: one claim of what is due, one round of questions, one write of what changed."""

import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby

import structlog
from celery import shared_task
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef

from revidweb.connections import budget
from revidweb.connections.models import Connection, Credential
from revidweb.lib import clock, wake
from revidweb.providers import registry
from revidweb.providers.base import OutcomeUnknown, Pace, ProviderBusy, ProviderError, Sighting, Status

from . import asking, orders, settle, signs, store
from .models import Attempt, AttemptState, Job
from .states import State

log = structlog.get_logger(__name__)

MOST_AT_ONCE = 500
THREADS = 16
MISSES_BELIEVED = 3  # "no such job" is often passing: believed after three looks, MISS_WAIT_S apart
FAILING_PROBES = 2  # of the jobs at a connection that is not reached: the others wait for its answer
FAILING_WAIT_S = 5.0
NOT_ASKED_WAIT_S = 1.0
SILENT_MOST = 16  # so many without a sound answer in good time, and this round asks no more there
SLOW_S = 5.0  # a sound answer that takes longer keeps the round waiting as none does
SILENT_LEAST = 3  # so few may each have their own reason


@dataclass(frozen=True)
class Group:
    """Jobs that are asked about with one credential, and their attempts with the tickets."""

    connection: Connection
    credential: Credential | None
    asked: list[tuple[Job, Attempt]]
    in_vain: list[Job] = field(default_factory=list)  # asked about, without a sound answer in good time since
    stop: list[ProviderBusy] = field(default_factory=list)  # why no more are asked about in this round


@shared_task
def tick() -> None:
    """One round over all that is due. Two rounds at once share the work: each row is claimed once."""
    groups = list(_groups(claim(State.WORKING) + claim(State.UNKNOWN)))
    if not groups:
        return
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        rounds = [(group, pool.map(partial(_look, group), group.asked)) for group in groups]
        for group, seen in rounds:
            _finish(group, list(seen))


@transaction.atomic
def claim(state: State) -> list[Job]:
    """Take what is due in this state for one round; on SQLite the single writer does what SKIP LOCKED does."""
    due = Job.objects.due(state)
    if state == State.UNKNOWN:
        due = due.filter(Exists(Attempt.objects.filter(job=OuterRef("pk"), state=AttemptState.SENT)))
    jobs = list(due.select_for_update(skip_locked=True, of=("self",)).order_by("next_look_at", "pk")[:MOST_AT_ONCE])
    Job.objects.filter(pk__in=[job.pk for job in jobs]).update(lease_until=clock.after(settings.LEASE_S))
    return list(Job.objects.full().filter(pk__in=[job.pk for job in jobs]).order_by("next_look_at", "pk"))


def _groups(jobs: Sequence[Job]) -> Iterator[Group]:
    """By credential, as many jobs as it may ask about now; those at connections that are not reached come last."""
    sent = Attempt.latest(jobs, AttemptState.SENT)
    pairs = [(job, sent[job.pk]) for job in jobs if job.pk in sent]

    def where(pair: tuple[Job, Attempt]) -> tuple[bool, int, int]:
        job, attempt = pair
        return job.connection.failing_since is not None, job.connection_id, attempt.credential_id or 0

    for (is_failing, _connection, _credential), members in groupby(sorted(pairs, key=where), key=where):
        group = list(members)
        job, attempt = group[0]
        may_ask = asking.affordable(group[:FAILING_PROBES] if is_failing else group, rank=budget.Rank.POLL)
        wait_s = FAILING_WAIT_S if is_failing else NOT_ASKED_WAIT_S
        give_back([job for job, _attempt in group[may_ask:]], after_s=wait_s)
        yield Group(job.connection, attempt.credential, group[:may_ask])


def give_back(jobs: Sequence[Job], *, after_s: float = NOT_ASKED_WAIT_S) -> None:
    """Too many for now: they come with the next rounds, and this one does not count as a look."""
    Job.objects.filter(pk__in=[job.pk for job in jobs], state__in=[State.WORKING, State.UNKNOWN]).update(
        lease_until=None, next_look_at=clock.after(after_s)
    )


def _look(group: Group, pair: tuple[Job, Attempt]) -> Sighting | ProviderError:
    """One look of a round. Who leaves everybody waiting is not waited for by all; who wants a rest gets it."""
    if group.stop:
        return group.stop[0]
    began = time.monotonic()
    seen = look(*pair)
    is_slow = time.monotonic() - began > SLOW_S
    if isinstance(seen, ProviderBusy) or is_slow:
        _note_vain(group, pair[0], seen if isinstance(seen, ProviderBusy) else ProviderBusy("It answers slowly."))
    elif isinstance(seen, Sighting):
        group.in_vain.clear()
    return seen


def _note_vain(group: Group, job: Job, why: ProviderBusy) -> None:
    group.in_vain.append(job)
    if why.code == "rate" or len(group.in_vain) >= SILENT_MOST:
        group.stop.append(why)


def look(job: Job, attempt: Attempt) -> Sighting | ProviderError:
    """Ask upstream about one job, or ask it to stop. Touches no database: many run at once."""
    try:
        return asking.look(job, attempt)
    except ProviderError as error:
        return error
    except Exception as bug:
        log.exception("poll.bug", job=job.public_id)  # one job's must not keep the round from all others
        return OutcomeUnknown(type(bug).__name__)


def _finish(group: Group, seen: Sequence[Sighting | ProviderError]) -> None:
    """Write what was seen of each job, then what it says of their connection: once, however many were asked."""
    take_in((job, one) for (job, _attempt), one in zip(group.asked, seen, strict=True))
    is_there = any(isinstance(one, Sighting) for one in seen)
    if is_there:
        signs.good(group.connection, group.credential)
    busy = [one for one in seen if isinstance(one, ProviderBusy) and (one.code == "rate" or not is_there)]
    if busy:
        signs.bad(group.connection, group.credential, busy[0], is_silent=len(busy) >= SILENT_LEAST)


def take_in(round_: Iterable[tuple[Job, Sighting | ProviderError]]) -> None:
    """Write what a round saw: verdicts one by one, since they move money; all else in bulk."""
    waiting: list[Job] = []
    moved_on: list[Job] = []
    for job, seen in round_:
        before = job.progress
        if _is_ended(job, seen):
            continue
        waiting.append(job)
        if job.progress != before:
            moved_on.append(job)
    going_on = Job.objects.filter(state__in=[State.WORKING, State.UNKNOWN])
    going_on.bulk_update(waiting, ["next_look_at", "lease_until", "looks", "misses"], batch_size=200)
    going_on.bulk_update(moved_on, ["progress", "changed_at"], batch_size=200)
    _hurry(waiting)


def _is_ended(job: Job, seen: Sighting | ProviderError) -> bool:
    """Whether the round is over for this job; else what is new stands on it, unwritten."""
    if isinstance(seen, ProviderError):
        log.warning("poll.later", job=job.public_id, reason=seen.reason)
        if _overdue(job):
            return True
        _wait(job)
        return False
    try:
        if _end(job, seen):
            return True
    except Exception:
        log.exception("poll.bug", job=job.public_id)  # the lease stays; the others' verdicts count
        return True
    _note(job, seen)
    return False


def _hurry(waiting: Sequence[Job]) -> None:
    """Who asked to stop a job while the round went on does not wait for the look after the next."""
    unasked = [job.pk for job in waiting if job.cancel_asked_at is None]
    late = Job.objects.filter(pk__in=unasked, state=State.WORKING, cancel_asked_at__isnull=False)
    late.update(next_look_at=clock.now())


def _end(job: Job, seen: Sighting) -> bool:
    """Follow a verdict, or the end of our patience; False when the job goes on."""
    match seen.status:
        case Status.DONE if seen.results:
            to_store(job, seen.results)
        case Status.DONE:
            settle.fail(job, code="undeliverable", error="")
        case Status.FAILED:
            _fail(job, seen)
        case Status.CANCELLED if job.state == State.WORKING and job.cancel_asked_at:
            settle.cancel(job, charged=seen.refunded is not True)
        case Status.CANCELLED:  # nobody here asked for it: the payer does not pay
            settle.fail(job, code="cancelled", error=seen.error, refunded=seen.refunded is True)
        case Status.MISSING if job.misses + 1 >= MISSES_BELIEVED:
            settle.fail(job, code="missing", error=seen.error, is_cost_uncertain=True)
        case _:
            return _overdue(job)
    return True


@transaction.atomic
def _fail(job: Job, seen: Sighting) -> None:
    """Failed is failed for the money; results that come with it are kept as a late success."""
    refunded = seen.refunded is not False
    is_ended = settle.fail(job, code=seen.error_code or "failed", error=seen.error, refunded=refunded)
    attempt = Attempt.latest([job], AttemptState.SENT).get(job.pk) if is_ended and seen.results else None
    if attempt:
        settle.late_success(job, attempt, seen.results)


def to_store(job: Job, results: Sequence[str]) -> None:
    """Upstream is done: the results are to be brought home."""
    with transaction.atomic():
        deadline = clock.after(settings.STORE_DEADLINE_S)
        next_look = clock.after(store.MESSAGE_LIFE_S)
        if job.move(State.STORING, results=list(results), progress=100, deadline_at=deadline, next_look_at=next_look):
            wake.up(store.store, job.pk, expires=store.MESSAGE_LIFE_S)


def _overdue(job: Job) -> bool:
    """A deadline without a verdict: the outcome is unknown and the hold stays, for days."""
    if job.state != State.WORKING or not job.deadline_at or job.deadline_at > clock.now():
        return False
    job.move(
        State.UNKNOWN,
        deadline_at=clock.after(settings.UNKNOWN_S),
        next_look_at=clock.after(settings.UNKNOWN_LOOK_S),
    )
    return True


def _note(job: Job, seen: Sighting) -> None:
    """Keep what is new about a job that goes on, and when to look again."""
    _wait(job)
    if seen.status == Status.MISSING:
        job.misses += 1
        job.next_look_at = clock.after(settings.MISS_WAIT_S)
        return
    job.misses = 0
    if seen.progress is not None and seen.progress != job.progress:
        job.progress = max(0, min(seen.progress, 100))
        job.changed_at = clock.now()


def _wait(job: Job) -> None:
    job.lease_until = None
    job.looks += 1
    job.next_look_at = clock.after(_interval_s(job))


def _interval_s(job: Job) -> float:
    if job.state == State.UNKNOWN:
        return unknown_s(job.looks)
    pace = registry.provider(job.connection.provider).pace(orders.upstream(job))
    age_s = (clock.now() - (job.started_at or job.created_at)).total_seconds()
    return interval_s(pace, age_s=age_s, looks=job.looks)


def unknown_s(looks: int) -> float:
    """Seconds to the next look at an unknown outcome: growing gently, to ten minutes."""
    first: float = settings.UNKNOWN_LOOK_S
    return min(first * 1.25 ** min(looks, 30), max(first, 600.0))


def interval_s(pace: Pace, *, age_s: float, looks: int) -> float:
    """Seconds to the next look: growing with every look, short again around the expected end, a minute at most."""
    if abs(age_s - pace.expected_s) < 2 * pace.interval_s:
        return pace.interval_s
    return min(pace.interval_s * 1.25 ** min(looks, 30), 60.0)
