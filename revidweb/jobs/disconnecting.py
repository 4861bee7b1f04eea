"""Remove a connection for good: no key of it is left, and nothing is sold there any more."""

from django.db import transaction

from revidweb.accounts.actors import Actor, Right
from revidweb.catalog import sync
from revidweb.catalog.models import Offer
from revidweb.connections import credentials
from revidweb.connections.models import Connection
from revidweb.lib import clock
from revidweb.lib.refusal import Refusal
from revidweb.trail import trail

from .models import Job


@transaction.atomic
def disconnect(actor: Actor, connection: Connection) -> None:
    """Remove it once nothing runs there; what it made stays. A second call changes nothing.

    An order that is being accepted at the same moment either counts as running, because its job points at the row that
    is locked here, or comes too late: then it finds no way there, fails, and costs nothing.
    Raises Refusal: not_allowed, preview_stays, connection_busy (fact running=).
    """
    actor.must(Right.MANAGE_CONNECTIONS)
    present = Connection.objects.visible_to(actor).select_for_update().filter(pk=connection.pk).first()
    if present is None:
        return
    if present.is_preview:
        raise Refusal("preview_stays")
    if running := Job.objects.moving().filter(connection=present).count():
        raise Refusal("connection_busy", running=running)
    _close(present)
    trail.record("connection.removed", about=present.reference, tenant=actor.tenant.public_id, actor=actor.name)
    connection.refresh_from_db()


def _close(connection: Connection) -> None:
    credentials.forget(connection)
    Offer.objects.filter(connection=connection).update(is_available=False)
    sync.overtake(connection)
    now = clock.now()
    Connection.objects.filter(pk=connection.pk).update(
        removed_at=now, is_enabled=False, disabled_at=now, trouble="", trouble_reason="", trouble_since=None
    )
