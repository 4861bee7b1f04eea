"""Ask connections how they are, when it is time: balance, slots, and whether trouble is over."""

from celery import shared_task
from django.conf import settings
from django.db.models import Min

from revidweb.connections import health, trying
from revidweb.connections.models import PREVIEW, Connection
from revidweb.lib import clock, wake

from .models import Job, JobQuerySet
from .states import State


@shared_task
def tick() -> None:
    """Have those checked that are due. Of two ticks only one claims a connection; a lost message costs a minute."""
    due = Connection.objects.present().filter(next_check_at__lte=clock.now()).exclude(provider=PREVIEW)
    for connection in due.order_by("next_check_at"):
        claim = Connection.objects.filter(pk=connection.pk, next_check_at=connection.next_check_at)
        if claim.update(next_check_at=clock.after(settings.ACCOUNT_RETRY_S)):
            wake.up(check, connection.pk, expires=settings.ACCOUNT_RETRY_S)


@shared_task
def check(connection_id: int) -> None:
    """Check one connection when there is room; a second run asks once more and changes nothing else."""
    connection = Connection.objects.present().select_related("credential", "tenant").filter(pk=connection_id).first()
    if connection is None:
        return
    with trying.asking(connection) as wait_s:
        if wait_s:
            Connection.objects.filter(pk=connection.pk).update(next_check_at=clock.after(wait_s))
        else:
            jobs = Job.objects.filter(connection=connection)
            health.check(connection, ours=jobs.slots_used, cheapest=_cheapest(jobs))


def _cheapest(jobs: JobQuerySet) -> int:
    """What the cheapest order that is not sent yet costs there; 0 where none waits."""
    waiting = jobs.filter(state__in=[State.QUEUED, State.PREPARING])
    return waiting.aggregate(least=Min("upstream_credits"))["least"] or 0
