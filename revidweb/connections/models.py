"""A tenant's accounts at providers, and the credentials with which they are used."""

from functools import partial

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from revidweb.accounts.actors import Actor
from revidweb.accounts.models import Tenant
from revidweb.lib import clock, ids, sealing
from revidweb.providers.base import Account

PREVIEW = "preview"  # the provider that needs no account


class Trouble(models.TextChoices):
    """Why an account takes no orders, as its provider said. The words are the codes of AccountRefused."""

    INVALID = "invalid", _("Key refused")
    EXHAUSTED = "exhausted", _("Out of credits")
    LOCKED = "locked", _("Account locked")


def usable(prefix: str = "") -> Q:
    """Where a connection may take new orders: switched on, there, and its catalog known."""
    known = Q(**{f"{prefix}provider": PREVIEW}) | Q(**{f"{prefix}synced_at__isnull": False})
    return known & Q(**{f"{prefix}is_enabled": True, f"{prefix}removed_at__isnull": True})


class ConnectionQuerySet(models.QuerySet["Connection"]):
    """Lists of connections."""

    def visible_to(self, actor: Actor) -> "ConnectionQuerySet":
        """The tenant's, without those that were removed; who may see them at all is the page's matter."""
        return self.filter(tenant=actor.tenant).present()

    def present(self) -> "ConnectionQuerySet":
        """Those that were not removed."""
        return self.filter(removed_at__isnull=True)

    def usable(self) -> "ConnectionQuerySet":
        """Those that may take new work."""
        return self.filter(usable())


class Connection(models.Model):
    """An account at a provider: where jobs are sent, and how many at once."""

    public_id = models.CharField(max_length=40, unique=True, default=partial(ids.new, "con"), editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="connections")
    provider = models.CharField(max_length=16, help_text='The provider\'s word, "preview".')
    name = models.CharField(max_length=80)
    credential = models.OneToOneField(
        "Credential", on_delete=models.PROTECT, null=True, blank=True, related_name="+", help_text="For new orders."
    )
    is_enabled = models.BooleanField(default=True)
    disabled_at = models.DateTimeField(null=True, blank=True, help_text="Since when it is switched off.")
    removed_at = models.DateTimeField(null=True, blank=True)

    balance = models.BigIntegerField(default=0, help_text="The last balance that the provider told, in its credits.")
    total_slots = models.PositiveIntegerField(default=5, help_text="Jobs at once, as the provider's limits say.")
    image_slots = models.PositiveIntegerField(default=3)
    video_slots = models.PositiveIntegerField(default=3)
    foreign_total = models.PositiveIntegerField(default=0, help_text="Jobs there that are none of ours.")
    foreign_image = models.PositiveIntegerField(default=0)
    foreign_video = models.PositiveIntegerField(default=0)

    trouble = models.CharField(max_length=10, choices=Trouble.choices, blank=True, help_text="Of its credential.")
    trouble_reason = models.CharField(max_length=300, blank=True, help_text="In the provider's words.")
    trouble_since = models.DateTimeField(null=True, blank=True)
    last_contact_at = models.DateTimeField(null=True, blank=True, help_text="The last good answer.")
    failing_since = models.DateTimeField(null=True, blank=True, help_text="Not reached since then.")
    failure = models.CharField(max_length=300, blank=True, help_text="Why it is not reached.")
    next_check_at = models.DateTimeField(default=clock.now)

    synced_at = models.DateTimeField(null=True, blank=True, help_text="When its catalog was last read.")
    next_sync_at = models.DateTimeField(default=clock.now)
    sync_failure = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    objects = ConnectionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant"], condition=Q(provider=PREVIEW), name="connection_one_preview"),
            models.CheckConstraint(condition=Q(trouble__in=["", *Trouble.values]), name="connection_trouble_known"),
        ]
        indexes = [
            models.Index(fields=["next_check_at"], condition=Q(removed_at__isnull=True), name="connection_to_check"),
            models.Index(fields=["next_sync_at"], condition=Q(removed_at__isnull=True), name="connection_to_sync"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.provider})"

    @property
    def reference(self) -> str:
        """The connection as the trail names it: "connection:con_…"."""
        return f"connection:{self.public_id}"

    @property
    def is_preview(self) -> bool:
        """Whether it is the tenant's preview connection."""
        return self.provider == PREVIEW

    @property
    def takes_orders(self) -> bool:
        """Whether what waits for it is sent as soon as a slot is free, as far as is known."""
        return self.is_enabled and not self.trouble and self.failing_since is None

    @property
    def account(self) -> Account:
        """The connection as the provider's functions take it, with the credential for new orders."""
        return account_of(self, self.credential)


class Credential(models.Model):
    """One key at one base URL. Replaced, it retires: what it made is still polled with it."""

    public_id = models.CharField(max_length=40, unique=True, default=partial(ids.new, "cre"), editable=False)
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="credentials")
    base_url = models.CharField(max_length=300, help_text="Without a slash at the end.")
    sealed = models.TextField(blank=True, help_text="The key, sealed; empty once it is forgotten.")
    hint = models.CharField(max_length=40, help_text='What may be shown of it, "sk_live_…ab12".')
    fingerprint = models.CharField(
        max_length=64, blank=True, help_text="By which the same key is known again; empty once it is forgotten."
    )
    tokens = models.FloatField(default=0, help_text="Requests that may be made now.")
    refilled_at = models.DateTimeField(default=clock.now)
    rests_until = models.DateTimeField(null=True, blank=True, help_text="The provider asked for a pause.")
    created_at = models.DateTimeField(default=clock.now)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["fingerprint"],
                condition=Q(retired_at__isnull=True) & ~Q(fingerprint=""),
                name="credential_used_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.hint} at {self.base_url}"


class AccountCopy(models.Model):
    """What is known of one question about an account: its last good answer, and why the last try failed, if it did."""

    credential = models.ForeignKey(Credential, on_delete=models.CASCADE, related_name="copies")
    endpoint = models.CharField(max_length=16)
    page = models.PositiveIntegerField(default=1)
    status = models.CharField(max_length=32, blank=True)
    kind = models.CharField(max_length=32, blank=True)

    text = models.TextField(blank=True, help_text="The answer as it came, without any key.")
    media_type = models.CharField(max_length=32, default="application/json")
    is_cut = models.BooleanField(default=False)
    size_bytes = models.PositiveIntegerField(default=0)
    read_at = models.DateTimeField(null=True, blank=True, help_text="Empty: there was no good answer yet.")

    failure_code = models.CharField(max_length=20, blank=True, help_text="Of the last try; empty after a good one.")
    failure = models.CharField(max_length=300, blank=True, help_text="In the provider's words.")
    failed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["credential", "endpoint", "page", "status", "kind"], name="account_copy_one_of_a_question"
            )
        ]

    def __str__(self) -> str:
        return f"{self.endpoint} {self.page}"


def account_of(connection: Connection, credential: Credential | None) -> Account:
    """What a provider's functions take. Raises sealing.CannotOpen."""
    if credential is None:
        return Account(connection_id=connection.public_id)
    key = sealing.unseal(credential.sealed) if credential.sealed else ""
    return Account(connection_id=connection.public_id, base_url=credential.base_url, key=key)
