"""The only place where work and money end.

Each deed moves the job first: of two steps that bring a verdict, one counts a row and the other does nothing.
"""

from collections.abc import Sequence
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, Sum
from django.db.models.functions import Coalesce

from revidweb.credits import ledger
from revidweb.files.models import StoredFile
from revidweb.keys import budgets
from revidweb.lib import clock
from revidweb.trail import trail

from .models import Attempt, AttemptState, Job, Output, Settlement, UploadedInput, Verdict
from .states import ENDED, State

log = structlog.get_logger(__name__)


@transaction.atomic
def finish(job: Job, files: Sequence[StoredFile]) -> bool:
    """Keep the results and take the held credits. False when another step ended the job.

    files: unsaved rows whose bytes are in the storage already, in upstream's order.
    """
    if not job.move(State.DONE, was=State.STORING, progress=100, results=[]):
        return False
    for position, file in enumerate(files):
        file.save()
        Output.objects.create(
            job=job,
            position=position,
            tenant_id=job.tenant_id,
            member_id=job.member_id,
            key_id=job.key_id,
            kind=job.kind,
            media_model_id=job.media_model_id,
            file=file,
        )
    Job.objects.filter(pk=job.pk).update(cover=files[0])
    _close(job, Verdict.DONE, charged=True)
    return True


@transaction.atomic
def fail(
    job: Job,
    *,
    code: str,
    error: str,
    refunded: bool = False,
    is_cost_uncertain: bool = False,
    verdict: Verdict = Verdict.FAILED,
) -> bool:
    """End without a result and give the held credits back. False when another step moved the job.

    refunded: upstream gave its charge back, as it does for a job that failed there. is_cost_uncertain: nobody knows
    whether it did. Where upstream may have the work, it is looked at now and then, in case it succeeds after all. The
    order of what was adopted is nobody's again, and may be adopted once more.
    """
    late_look_at = clock.after(settings.LATE_LOOK_S) if _may_succeed(job) else None
    if not job.move(State.FAILED, error_code=code, error=error, late_look_at=late_look_at):
        return False
    if refunded:
        _refund_upstream(job)
    if is_cost_uncertain or verdict == Verdict.LOST:
        _doubt_upstream(job)
    if job.is_adopted:
        _disown(job)
    _close(job, verdict, charged=False)
    return True


@transaction.atomic
def cancel(job: Job, *, charged: bool) -> bool:
    """End because somebody asked. charged: upstream had the work and kept its charge, so the payer pays."""
    if not job.move(State.CANCELLED):
        return False
    if not charged:
        _refund_upstream(job)
    _close(job, Verdict.CANCELLED, charged=charged)
    return True


@transaction.atomic
def correct(job: Job) -> None:
    """After a job's end more is known of what upstream did: the settlement says the same as the attempts.

    A failed job whose order turned up there is looked at, in case it succeeds. Before the end it changes nothing.
    """
    Settlement.objects.filter(job=job).update(is_due=True, **_upstream_cost(job))
    if job.attempts.filter(credential__isnull=False, state=AttemptState.SENT).exists():
        failed = Job.objects.filter(pk=job.pk, state=State.FAILED, adopted_at__isnull=True)
        failed.filter(late_at__isnull=True, late_look_at__isnull=True).update(late_look_at=clock.now())


@transaction.atomic
def late_success(job: Job, attempt: Attempt, results: Sequence[str]) -> bool:
    """Upstream finished what had failed here: keep where it is. The job stays failed, and nobody pays. Once only.

    Upstream was seen to call jobs failed that it had finished, so failures may have results too; an input that it
    hands back is none. What had been given back there may be charged again: then the cost is uncertain.
    """
    results = _made(attempt, results)
    if not results:
        return False
    missed = Job.objects.filter(pk=job.pk, state=State.FAILED, late_at__isnull=True)
    now = clock.now()
    if not missed.update(late_at=now, late_results=results, late_look_at=None, changed_at=now):
        return False
    if attempt.upstream_cost_micros:
        Attempt.objects.filter(pk=attempt.pk).update(is_cost_uncertain=False)
    else:
        charged = job.upstream_credits * 1_000_000
        Attempt.objects.filter(pk=attempt.pk).update(upstream_cost_micros=charged, is_cost_uncertain=True)
    correct(job)
    trail.record("job.late_success", about=job.reference, tenant=job.tenant.public_id, results=len(results))
    return True


@transaction.atomic
def late_failure(job: Job, attempt: Attempt) -> None:
    """Upstream failed what had failed here, and gave its charge back."""
    charged = Attempt.objects.filter(pk=attempt.pk, upstream_cost_micros__gt=0)
    if charged.update(upstream_cost_micros=0, is_cost_uncertain=False):
        correct(job)


@transaction.atomic
def believe(attempt: Attempt, *, was_micros: int, cost_micros: int) -> bool:
    """Take the account's own figure for what an order cost there. False where it is not what it was any more.

    was_micros, cost_micros: what stood here, and what is right, in millionths of upstream's credits.
    """
    told = Attempt.objects.annotate(stood=Coalesce("upstream_cost_micros", 0)).filter(pk=attempt.pk, stood=was_micros)
    if not told.update(upstream_cost_micros=cost_micros, is_cost_uncertain=False):
        return False
    Settlement.objects.filter(job=attempt.job_id).update(is_due=True, **_upstream_cost(attempt.job))
    return True


@transaction.atomic
def refund(job: Job, *, actor: str) -> int:
    """Give the payer back what an ended job took of them; how many credits, 0 where nothing is left to give.

    Once: of two at once one does it. actor: who decided it, as the trail writes it.
    """
    charged = Job.objects.filter(pk=job.pk, state__in=ENDED, refunded=0, hold__captured=F("credits"))
    if job.hold is None or not charged.update(refunded=F("credits"), changed_at=clock.now()):
        return 0
    ledger.refund(job.hold, actor=actor)
    Settlement.objects.filter(job=job).update(credits=0, is_due=True)
    tenant = job.tenant.public_id
    trail.record("job.refunded", about=job.reference, tenant=tenant, actor=actor, credits=job.credits)
    if job.key_id and job.held_on:  # last, as at the end of a job
        budgets.refund(job.key_id, held_on=job.held_on, credits=job.credits)
    job.refunded = job.credits
    return job.credits


def _made(attempt: Attempt, results: Sequence[str]) -> list[str]:
    """The results without the inputs that were brought there."""
    brought = UploadedInput.objects.filter(connection=attempt.connection_id, address__in=results)
    inputs = set(brought.values_list("address", flat=True)) if results else set()
    return [result for result in results if result not in inputs]


def _may_succeed(job: Job) -> bool:
    """Whether an order of the job is upstream, or may be. What was adopted has succeeded there already."""
    if job.is_adopted:
        return False
    is_there = job.attempts.filter(state__in=[AttemptState.SENT, AttemptState.LOST])
    return is_there.filter(credential__isnull=False).exists()


def _refund_upstream(job: Job) -> None:
    job.attempts.filter(state=AttemptState.SENT).update(upstream_cost_micros=0)


def _doubt_upstream(job: Job) -> None:
    charged = job.attempts.filter(upstream_cost_micros__gt=0, state__in=[AttemptState.SENT, AttemptState.LOST])
    charged.update(is_cost_uncertain=True)


def _disown(job: Job) -> None:
    job.attempts.exclude(ticket="").update(ticket="", upstream_cost_micros=0, is_cost_uncertain=False)


def _close(job: Job, verdict: Verdict, *, charged: bool) -> None:
    """Write the money, the settlement, the trail and the key's figures of a verdict, in the caller's transaction."""
    if job.hold is not None and charged:
        ledger.capture(job.hold, actor=trail.SYSTEM)
    elif job.hold is not None:
        ledger.release(job.hold)
    paid, tenant = job.credits if charged else 0, job.tenant.public_id
    Settlement.objects.create(job=job, tenant_id=job.tenant_id, verdict=verdict, credits=paid, **_upstream_cost(job))
    trail.record(f"job.{verdict}", about=job.reference, tenant=tenant, credits=paid, code=job.error_code)
    if job.key_id and job.held_on:  # last, because whatever the key submits waits for its row
        budgets.settle(job.key_id, held_on=job.held_on, held=job.credits, taken=paid)
    log.info("job.settled", job=job.public_id, verdict=str(verdict), credits=paid, code=job.error_code)


def _upstream_cost(job: Job) -> dict[str, Any]:
    """What all attempts together cost there, as the settlement says it."""
    attempts = job.attempts.all()
    return {
        "upstream_cost_micros": attempts.aggregate(cost=Sum("upstream_cost_micros"))["cost"] or 0,
        "is_cost_uncertain": attempts.filter(is_cost_uncertain=True).exists(),
    }
