"""Stop a job that somebody no longer wants."""

from django.db import transaction

from revidweb.accounts.actors import Actor
from revidweb.lib import clock
from revidweb.lib.refusal import Refusal
from revidweb.trail import trail

from . import settle
from .models import Job
from .states import State


@transaction.atomic
def cancel(actor: Actor, job: Job) -> Job:
    """End a job that was not sent, at no cost; ask upstream to stop one that was.

    Upstream's answer comes with the next look. A second call changes nothing. Raises Refusal "cannot_cancel" for a
    job that is being sent, stored or looked for, and "already_ended" for one with a verdict.
    """
    while job.state in (State.QUEUED, State.PREPARING):
        if settle.cancel(job, charged=False):
            _say(actor, job)
            return job
        job.refresh_from_db()  # a step was faster; it only moves on
    if not job.is_moving:
        raise Refusal("already_ended", state=job.state)
    now = clock.now()
    working = Job.objects.filter(pk=job.pk, state=State.WORKING)
    if working.filter(cancel_asked_at__isnull=True).update(cancel_asked_at=now, next_look_at=now, changed_at=now):
        _say(actor, job)
    elif not working.exists():
        raise Refusal("cannot_cancel", state=job.state)
    job.refresh_from_db()
    return job


def _say(actor: Actor, job: Job) -> None:
    trail.record("job.cancel_asked", about=job.reference, tenant=actor.tenant.public_id, actor=actor.name)
