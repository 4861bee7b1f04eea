"""Look upstream for orders whose answers were lost. Nothing is sent again: what was made is found, or given up."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

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


@shared_task
def tick() -> None:
    """One round over the unknown outcomes that have no ticket; those with one are polled instead."""
    jobs = claim()
    if not jobs:
        return
    asked = [(job, attempt, sent(job, attempt)) for job, attempt in jobs]
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        for (job, attempt, _order), found in zip(asked, pool.map(lambda one: search(*one), asked), strict=True):
            try:
                take_in(job, attempt, found)
            except Exception:
                log.exception("find.bug", job=job.public_id)  # the lease stays; the others are looked for


def sent(job: Job, attempt: Attempt) -> Order:
    """The order as it was sent, with the addresses of its inputs there: two may differ in nothing else."""
    return orders.of(job, inputs.addresses(job, attempt))


def claim() -> list[tuple[Job, Attempt]]:
    """Take what is due for one round, each with the attempt whose answer was lost, as far as requests may be made."""
    jobs = Job.objects.full().filter(pk__in=_take()).order_by("next_look_at")
    lost = Attempt.latest(jobs, AttemptState.LOST)
    return [(job, lost[job.pk]) for job in jobs if job.pk in lost and _may_ask(job, lost[job.pk])]


@transaction.atomic
def _take() -> list[int]:
    ticketed = Attempt.objects.filter(job=OuterRef("pk"), state=AttemptState.SENT)
    due = Job.objects.due(State.UNKNOWN).filter(~Exists(ticketed)).order_by("next_look_at")
    taken = [job.pk for job in due.select_for_update(skip_locked=True, of=("self",))[:MOST_AT_ONCE]]
    Job.objects.filter(pk__in=taken).update(lease_until=clock.after(settings.LEASE_S))
    return taken


def _may_ask(job: Job, attempt: Attempt) -> bool:
    if asking.may_ask(attempt, wanted=1, rank=budget.Rank.POLL):
        return True
    poll.give_back([job])
    return False


def search(job: Job, attempt: Attempt, order: Order) -> Sequence[Receipt] | ProviderError:
    """Orders upstream that may be this one: alike, and made since it was sent. Touches no database.

    An upstream may have gone on making the order after we had stopped waiting for its answer.
    """
    until = (attempt.answered_at or clock.now()) + timedelta(seconds=settings.SEND_LEASE_S)
    try:
        return asking.find(attempt, order, since=attempt.sent_at, until=until)
    except ProviderError as error:
        return error
    except Exception as bug:
        log.exception("find.bug", job=job.public_id)  # one job's must not keep the round from all others
        return OutcomeUnknown(type(bug).__name__)


def take_in(job: Job, attempt: Attempt, found: Sequence[Receipt] | ProviderError) -> bool:
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
