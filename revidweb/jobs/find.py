"""Look upstream for orders whose answers were lost. Nothing is sent again: what was made is found, or given up."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby

import structlog
from celery import shared_task
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef

from revidweb.connections import budget
from revidweb.connections.models import Connection
from revidweb.lib import clock
from revidweb.providers.base import Order, OutcomeUnknown, ProviderError, Receipt
from revidweb.trail import trail

from . import answers, asking, inputs, orders, poll, signs
from .models import Attempt, AttemptState, Job
from .states import State

log = structlog.get_logger(__name__)

MOST_AT_ONCE = 100
THREADS = 8

Found = Sequence[Receipt] | ProviderError


@shared_task
def tick() -> None:
    """One round over the unknown outcomes that have no ticket; those with one are polled instead."""
    groups = []
    for group in grouped(claim(), rank=budget.Rank.POLL):
        if group.search.most:
            groups.append(group)
        else:
            poll.give_back([one.job for one in group.lost])
    for one, found in searched(groups, threads=THREADS):
        try:
            take_in(one.job, one.attempt, found)
        except Exception:
            log.exception("find.bug", job=one.job.public_id)  # the lease stays; the others are looked for


@dataclass(frozen=True)
class Lost:
    """A job, the attempt whose answer was lost, and the order as it was sent."""

    job: Job
    attempt: Attempt
    order: Order


@dataclass(frozen=True)
class Group:
    """Orders that were lost with one key, and the search that looks for all of them."""

    search: asking.Search
    lost: list[Lost]


def claim() -> list[tuple[Job, Attempt]]:
    """Take what is due for one round, each with the attempt whose answer was lost."""
    jobs = Job.objects.full().filter(pk__in=_take()).order_by("next_look_at", "pk")
    lost = Attempt.latest(jobs, AttemptState.LOST)
    return [(job, lost[job.pk]) for job in jobs if job.pk in lost]


def grouped(lost: Iterable[tuple[Job, Attempt]], *, rank: budget.Rank) -> Iterator[Group]:
    """By key, so that a list is read once a round, and each with the requests that may be made now."""

    def where(pair: tuple[Job, Attempt]) -> tuple[int, int]:
        return pair[1].connection_id, pair[1].credential_id or 0

    for _where, pairs in groupby(sorted(lost, key=where), key=where):
        some = [Lost(job, attempt, _sent(job, attempt)) for job, attempt in pairs]
        yield Group(asking.search(some[0].attempt, rank=rank), some)


def searched(groups: Sequence[Group], *, threads: int) -> Iterator[tuple[Lost, Found]]:
    """What upstream has of each; requests that were not made are given back."""
    if not groups:
        return
    with ThreadPoolExecutor(max_workers=threads) as pool:
        for group, found in zip(groups, pool.map(_search, groups), strict=True):
            group.search.give_back()
            yield from zip(group.lost, found, strict=True)


def _sent(job: Job, attempt: Attempt) -> Order:
    """The order as it was sent, with the addresses of its inputs there: two may differ in nothing else."""
    return orders.of(job, inputs.addresses(job, attempt))


@transaction.atomic
def _take() -> list[int]:
    ticketed = Attempt.objects.filter(job=OuterRef("pk"), state=AttemptState.SENT)
    due = Job.objects.due(State.UNKNOWN).filter(~Exists(ticketed)).order_by("next_look_at", "pk")
    taken = [job.pk for job in due.select_for_update(skip_locked=True, of=("self",))[:MOST_AT_ONCE]]
    Job.objects.filter(pk__in=taken).update(lease_until=clock.after(settings.LEASE_S))
    return taken


def _search(group: Group) -> list[Found]:
    return [_find(group.search, one) for one in group.lost]


def _find(search: asking.Search, lost: Lost) -> Found:
    """Orders upstream that may be this one: alike, and made since it was sent. Touches no database.

    An upstream may have gone on making the order after we had stopped waiting for its answer.
    """
    until = (lost.attempt.answered_at or clock.now()) + timedelta(seconds=settings.SEND_LEASE_S)
    try:
        return search.find(lost.order, since=lost.attempt.sent_at, until=until)
    except ProviderError as error:
        return error
    except Exception as bug:
        log.exception("find.bug", job=lost.job.public_id)  # one job's must not keep the round from all others
        return OutcomeUnknown(type(bug).__name__)


def take_in(job: Job, attempt: Attempt, found: Found) -> bool:
    """Adopt what was found; False when there was nothing to adopt: then it is looked at again, later each time."""
    if isinstance(found, ProviderError):
        log.warning("find.later", job=job.public_id, reason=found.reason)
        signs.bad(job.connection, attempt.credential, found)
    elif adopt(job, attempt, found):
        return True
    job.look_again(after_s=poll.unknown_s(job.looks))
    return False


@transaction.atomic
def adopt(job: Job, attempt: Attempt, found: Sequence[Receipt]) -> bool:
    """Take the first that is nobody's, as if it had been the answer; equal candidates are interchangeable.

    The lock keeps two finders from taking the same one; it is on all of the tenant's connections, since two of them may
    be keys of one account. While an equal order is being sent nothing is taken: what is there may be that order's, and
    its answer is under way.
    """
    list(Connection.objects.select_for_update(no_key=True).filter(tenant=job.tenant_id).order_by("pk"))
    is_lost = Attempt.objects.filter(pk=attempt.pk, state=AttemptState.LOST).exists()
    receipt = next(_free(job, found), None) if is_lost and not _twin_is_sending(job) else None
    if receipt:
        log.info("find.found", job=job.public_id)
        _tell(job, attempt)
        answers.created(job, attempt, receipt)
    return receipt is not None


def _tell(job: Job, attempt: Attempt) -> None:
    """Keep on the trail when and how the answer was lost: once it is answered, the attempt does not say so any more."""
    lost_at = attempt.answered_at.isoformat() if attempt.answered_at else ""
    facts = {"connection": job.connection.name, "lost_at": lost_at, "answer": attempt.answer}
    trail.record("job.found", about=job.reference, tenant=job.tenant.public_id, **facts)


def _free(job: Job, found: Sequence[Receipt]) -> Iterator[Receipt]:
    ours = Attempt.objects.filter(connection__tenant=job.tenant_id, ticket__in=[one.ticket for one in found])
    taken = set(ours.values_list("ticket", flat=True))
    return (one for one in found if one.ticket not in taken)


def _twin_is_sending(job: Job) -> bool:
    sending = Attempt.objects.filter(state=AttemptState.SENDING, connection__tenant=job.tenant_id)
    return sending.filter(job__media_model=job.media_model_id, job__prompt=job.prompt).exclude(job=job).exists()
