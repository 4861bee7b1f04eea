"""A tenant's accounts at providers."""

from functools import partial

from django.db import models

from revidweb.accounts.models import Tenant
from revidweb.lib import clock, ids
from revidweb.providers.base import Account


class ConnectionQuerySet(models.QuerySet["Connection"]):
    """Lists of connections."""

    def usable(self) -> "ConnectionQuerySet":
        """Those that may take new work."""
        return self.filter(is_enabled=True)


class Connection(models.Model):
    """An account at a provider: where jobs are sent, and how many at once."""

    public_id = models.CharField(max_length=40, unique=True, default=partial(ids.new, "con"), editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="connections")
    provider = models.CharField(max_length=16, help_text='The provider\'s word, "preview".')
    name = models.CharField(max_length=80)
    is_enabled = models.BooleanField(default=True)
    balance = models.BigIntegerField(default=0, help_text="The last balance that the provider told, in its credits.")
    total_slots = models.PositiveIntegerField(default=5, help_text="Jobs at once, as the provider's limits say.")
    image_slots = models.PositiveIntegerField(default=3)
    video_slots = models.PositiveIntegerField(default=3)
    created_at = models.DateTimeField(default=clock.now)

    objects = ConnectionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"], condition=models.Q(provider="preview"), name="connection_one_preview"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.provider})"

    @property
    def account(self) -> Account:
        """The connection as the provider's functions take it."""
        return Account(connection_id=self.public_id)
