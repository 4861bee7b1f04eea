"""The connection with which every tenant starts: the preview provider, which needs no account anywhere."""

from django.conf import settings
from django.utils.translation import gettext as _

from revidweb.accounts.actors import Actor
from revidweb.accounts.models import Tenant
from revidweb.lib import clock

from .models import PREVIEW, Connection

BALANCE = 1_000_000  # credits that preview says it has left


def open_at(tenant: Tenant) -> Connection:
    """The tenant's preview connection, made on the first call; later calls return it as it stands.

    `PREVIEW_SLOTS` jobs at once of either kind. `PREVIEW_ENABLED` says how it starts (in production: switched off);
    afterwards only `switching.show_preview` and a first real connection change that.
    """
    slots = settings.PREVIEW_SLOTS
    connection, _made = Connection.objects.get_or_create(
        tenant=tenant,
        provider=PREVIEW,
        defaults={
            "name": _("Preview"),
            "is_enabled": settings.PREVIEW_ENABLED,
            "disabled_at": None if settings.PREVIEW_ENABLED else clock.now(),
            "balance": BALANCE,
            "total_slots": slots,
            "image_slots": slots,
            "video_slots": slots,
        },
    )
    return connection


def is_alone(actor: Actor) -> bool:
    """Whether the tenant has no account at a provider, so that its jobs can only draw previews. One query."""
    return not Connection.objects.visible_to(actor).exclude(provider=PREVIEW).exists()


def is_on(actor: Actor) -> bool:
    """Whether the tenant offers previews. One query."""
    return Connection.objects.visible_to(actor).filter(provider=PREVIEW, is_enabled=True).exists()
