"""The only place where work and money end.

Each deed moves the job first: of two steps that bring a verdict, one counts a row and the other does nothing.
"""

from collections.abc import Sequence

import structlog
from django.db import transaction
from django.db.models import Sum

from revidweb.credits import ledger
from revidweb.files.models import StoredFile
from revidweb.trail import trail

from .models import AttemptState, Job, Output, Settlement, Verdict
from .states import State

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
            kind=job.kind,
            media_model_id=job.media_model_id,
            file=file,
        )
    Job.objects.filter(pk=job.pk).update(cover=files[0])
    _close(job, Verdict.DONE, charged=True)
    return True


@transaction.atomic
def fail(job: Job, *, code: str, error: str, refunded: bool = False, verdict: Verdict = Verdict.FAILED) -> bool:
    """End without a result and give the held credits back. False when another step moved the job.

    refunded: upstream gave its charge back, as it does for a job that failed there. With the verdict "lost" what
    upstream charged stands as uncertain.
    """
    if not job.move(State.FAILED, error_code=code, error=error):
        return False
    if refunded:
        _refund_upstream(job)
    if verdict == Verdict.LOST:
        _doubt_upstream(job)
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


def _refund_upstream(job: Job) -> None:
    job.attempts.filter(state=AttemptState.SENT).update(upstream_cost_micros=0)


def _doubt_upstream(job: Job) -> None:
    charged = job.attempts.filter(upstream_cost_micros__gt=0, state__in=[AttemptState.SENT, AttemptState.LOST])
    charged.update(is_cost_uncertain=True)


def _close(job: Job, verdict: Verdict, *, charged: bool) -> None:
    """Write the money, the settlement and the trail of a verdict, in the caller's transaction."""
    if charged:
        ledger.capture(job.hold, actor=trail.SYSTEM)
    else:
        ledger.release(job.hold)
    paid, tenant = job.credits if charged else 0, job.tenant.public_id
    attempts = job.attempts.all()
    Settlement.objects.create(
        job=job,
        tenant_id=job.tenant_id,
        verdict=verdict,
        credits=paid,
        upstream_cost_micros=attempts.aggregate(cost=Sum("upstream_cost_micros"))["cost"] or 0,
        is_cost_uncertain=attempts.filter(is_cost_uncertain=True).exists(),
    )
    trail.record(f"job.{verdict}", about=job.reference, tenant=tenant, credits=paid, code=job.error_code)
    log.info("job.settled", job=job.public_id, verdict=str(verdict), credits=paid, code=job.error_code)
