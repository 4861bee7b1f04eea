"""Look upstream for an order whose answer was lost."""

from collections.abc import Sequence

import structlog
from django.conf import settings
from django.db import transaction

from revidweb.connections.models import Connection
from revidweb.lib import clock
from revidweb.providers import registry
from revidweb.providers.base import ProviderError, Receipt

from . import dispatch, orders
from .models import Attempt, AttemptState, Job
from .states import State

log = structlog.get_logger(__name__)

INTERVAL_S = 60


def find(pk: int) -> bool:
    """Adopt a job upstream that is this order's: same order, sent in the window, in no attempt of ours yet.

    Equal candidates are interchangeable. False when none was there; the row is looked at again in a minute.
    """
    job = Job.claim(pk, State.UNKNOWN, lease_s=settings.LEASE_S)
    if job is None:
        return False
    attempt = job.attempts.filter(state=AttemptState.LOST).last()
    if attempt and _adopt(job, attempt, _candidates(job, attempt)):
        return True
    job.look_again(after_s=INTERVAL_S)
    return False


@transaction.atomic
def _adopt(job: Job, attempt: Attempt, found: Sequence[Receipt]) -> bool:
    """Take the first that is nobody's; the connection's lock keeps two finders from taking the same one."""
    Connection.objects.select_for_update(no_key=True).get(pk=job.connection_id)
    ours = Attempt.objects.filter(connection=job.connection_id, ticket__in=[one.ticket for one in found])
    taken = set(ours.values_list("ticket", flat=True))
    receipt = next((one for one in found if one.ticket not in taken), None)
    if receipt:
        dispatch.created(job, attempt, receipt)
    return receipt is not None


def _candidates(job: Job, attempt: Attempt) -> Sequence[Receipt]:
    provider = registry.provider(job.connection.provider)
    try:
        return provider.find(
            job.connection.account, orders.of(job), since=attempt.sent_at, until=attempt.answered_at or clock.now()
        )
    except ProviderError as error:
        log.warning("find.later", job=job.public_id, reason=error.reason)
        return ()
