"""Every night, in each tenant's own, hold the last days of every account against our book, and tell what is new."""

from datetime import date, datetime, timedelta

import structlog
from celery import shared_task
from django.db import IntegrityError, transaction

from revidweb.connections.models import PREVIEW, Connection
from revidweb.lib import clock, wake
from revidweb.trail import trail

from . import reconcile
from .models import Reconciliation, Stage

log = structlog.get_logger(__name__)

DAYS = 3
FROM_HOUR, UNTIL_HOUR = 3, 12  # in the tenant's zone; who was not reached by noon waits for the next night
_AGAIN_S = 3600  # after a run that failed


@shared_task
def tick() -> None:
    """Begin what this night still owes. Two at once begin each run once; a bug at one connection stops no other."""
    rows = Connection.objects.usable().exclude(provider=PREVIEW).filter(failing_since__isnull=True)
    for connection in rows.select_related("tenant").order_by("pk"):
        try:
            _look_at(connection)
        except Exception:
            log.exception("nightly.bug", connection=connection.public_id)


def _look_at(connection: Connection) -> None:
    local = clock.now().astimezone(connection.tenant.zone)
    if FROM_HOUR <= local.hour < UNTIL_HOUR and reconcile.can(connection):
        owe(connection, local)


def owe(connection: Connection, local: datetime) -> Reconciliation | None:
    """The night's run over the days before this one; None where it is done, under way, or failed a moment ago."""
    last_day = local.date() - timedelta(days=1)
    reconcile.give_up_dead(connection)
    tonight = Reconciliation.objects.filter(connection=connection, last_day=last_day, is_nightly=True).first()
    if tonight is not None:
        return _again(tonight)
    if Reconciliation.objects.filter(connection=connection, stage=Stage.ASKING).exists():
        return None
    return _begun(connection, last_day)


def _begun(connection: Connection, last_day: date) -> Reconciliation:
    first_day = last_day - timedelta(days=DAYS - 1)
    return reconcile.start(connection, first_day, last_day, actor=trail.SYSTEM, is_nightly=True)


def _again(tonight: Reconciliation) -> Reconciliation | None:
    """Ask once more where the account did not answer; not while another run is under way, or begins this moment."""
    failed = Reconciliation.objects.filter(pk=tonight.pk, stage=Stage.FAILED, ended_at__lte=clock.ago(_AGAIN_S))
    under_way = Reconciliation.objects.filter(connection=tonight.connection_id, stage=Stage.ASKING)
    if under_way.exists():
        return None
    anew = {"failure": "", "reason": "", "ended_at": None, "lease_until": None, "created_at": clock.now()}
    try:
        with transaction.atomic():
            is_mine = failed.update(stage=Stage.ASKING, **anew)
    except IntegrityError:
        return None
    if not is_mine:
        return None
    wake.up(reconcile.ask, tonight.pk, expires=reconcile.LOST_S)
    return tonight
