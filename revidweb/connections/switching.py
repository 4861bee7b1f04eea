"""Switch a connection off and on. What runs there goes on; only new orders stay away."""

from django.db import transaction
from django.db.models import Q

from revidweb.accounts.actors import Actor, Right
from revidweb.lib import clock
from revidweb.trail import trail

from .models import PREVIEW, Connection, ConnectionQuerySet


def pause(actor: Actor, connection: Connection) -> None:
    """No new orders go there. A second call changes nothing. Raises Refusal "not_allowed"."""
    actor.must(Right.MANAGE_CONNECTIONS)
    _switch(Connection.objects.visible_to(actor).filter(pk=connection.pk), on=False, by=actor.name)
    connection.refresh_from_db(fields=["is_enabled", "disabled_at"])


def resume(actor: Actor, connection: Connection) -> None:
    """New orders go there again. A second call changes nothing. Raises Refusal "not_allowed"."""
    actor.must(Right.MANAGE_CONNECTIONS)
    _switch(Connection.objects.visible_to(actor).filter(pk=connection.pk), on=True, by=actor.name)
    connection.refresh_from_db(fields=["is_enabled", "disabled_at"])


def show_preview(actor: Actor, on: bool) -> None:
    """Offer the tenant's preview models, or hide them. A repeat changes nothing. Raises Refusal "not_allowed"."""
    actor.must(Right.MANAGE_CONNECTIONS)
    _switch(Connection.objects.visible_to(actor).filter(provider=PREVIEW), on=on, by=actor.name)


def hide_preview_beside_the_first(connection: Connection, *, by: str) -> None:
    """Switch preview off when this is the tenant's first usable account: real work is not mixed with examples.

    Later accounts change nothing, so an owner who brought preview back keeps it. by: as the trail writes it.
    """
    others = Connection.objects.usable().filter(~Q(provider=PREVIEW), tenant=connection.tenant_id)
    if not others.exclude(pk=connection.pk).exists():
        _switch(Connection.objects.present().filter(provider=PREVIEW, tenant=connection.tenant_id), on=False, by=by)


@transaction.atomic
def _switch(rows: ConnectionQuerySet, *, on: bool, by: str) -> None:
    """Switch what is not so yet, and tell the trail of each; of two at once only one tells."""
    for connection in rows.exclude(is_enabled=on).select_related("tenant"):
        still = Connection.objects.filter(pk=connection.pk, is_enabled=not on)
        if still.update(is_enabled=on, disabled_at=None if on else clock.now()):
            what = "connection.resumed" if on else "connection.paused"
            trail.record(what, about=connection.reference, tenant=connection.tenant.public_id, actor=by)
