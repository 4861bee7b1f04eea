"""API keys: who may spend what by a program, and what of it is spent.

The figures of a key's limits stand in its own row: a submission raises them in one conditional statement, in the
transaction of its hold, and the end of a job lowers what was not taken.
"""

from datetime import datetime
from functools import partial

from django.db import models
from django.db.models import Q

from revidweb.accounts.actors import ActingKey, Actor, Right
from revidweb.accounts.models import Member, Tenant
from revidweb.credits.models import Wallet
from revidweb.lib import clock, ids


class KeyKind(models.TextChoices):
    """Who pays for what a key makes."""

    SHARED = "shared", "shared"  # what its member would pay with
    BUDGETED = "budgeted", "budgeted"  # its own wallet, filled from its member's payer
    STANDALONE = "standalone", "standalone"  # its own wallet, filled from the house; of no member


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    """Lists of keys."""

    def visible_to(self, actor: Actor) -> "ApiKeyQuerySet":
        """The tenant's keys to those who manage them, one's own to others; a key sees itself."""
        mine = self.filter(tenant=actor.tenant)
        if actor.key:
            return mine.filter(pk=actor.key.pk)
        return mine if actor.may(Right.MANAGE_KEYS) else mine.filter(member=actor.in_person)

    def live(self) -> "ApiKeyQuerySet":
        """Those that were not revoked."""
        return self.filter(revoked_at__isnull=True)


def _credits(help_text: str = "") -> "models.BigIntegerField[int | None, int | None]":
    return models.BigIntegerField(null=True, blank=True, help_text=help_text or "Credits; empty: no limit.")


class ApiKey(models.Model):
    """A key, its limits and how much of them is used. An empty limit does not limit."""

    public_id = models.CharField(max_length=40, unique=True, default=partial(ids.new, "key"), editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, db_index=False, related_name="api_keys")
    member = models.ForeignKey(Member, on_delete=models.PROTECT, null=True, blank=True, related_name="api_keys")
    kind = models.CharField(max_length=10, choices=KeyKind.choices)
    name = models.CharField(max_length=80)
    wallet = models.OneToOneField(
        Wallet, on_delete=models.PROTECT, null=True, blank=True, related_name="api_key", help_text="Its own."
    )
    made_by = models.CharField(max_length=60, help_text="As the trail writes it.")
    form_token = models.CharField(max_length=80, blank=True, help_text="Of the form that made it.")
    created_at = models.DateTimeField(default=clock.now)

    day_limit = _credits("Credits held in a day of the tenant; empty: no limit.")
    week_limit = _credits("Credits held from Monday on; empty: no limit.")
    month_limit = _credits("Credits held in a calendar month; empty: no limit.")
    lifetime_limit = _credits("Credits ever; empty: no limit.")
    running_limit = models.PositiveIntegerField(null=True, blank=True, help_text="Jobs at work at once.")
    queue_limit = models.PositiveIntegerField(null=True, blank=True, help_text="Jobs that wait beyond those.")
    per_minute = models.PositiveIntegerField(null=True, blank=True, help_text="Requests in a minute.")
    allowed_models = models.JSONField(default=list, blank=True, help_text="Names of media models; empty: all.")
    allowed_kinds = models.JSONField(default=list, blank=True, help_text="image, video; empty: all.")
    allowed_addresses = models.JSONField(
        default=list, blank=True, help_text="Networks such as 203.0.113.0/24; empty: all."
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_by = models.CharField(max_length=60, blank=True, help_text="As the trail writes it.")
    revoked_at = models.DateTimeField(null=True, blank=True)

    callback_url = models.URLField(max_length=2000, blank=True, help_text="For jobs that name none of their own.")
    signing_secret = models.TextField(help_text="Signs its webhooks; sealed.")

    counted_on = models.DateField(null=True, help_text="The tenant's day to which the windows' figures belong.")
    day_credits = models.BigIntegerField(default=0)
    week_credits = models.BigIntegerField(default=0)
    month_credits = models.BigIntegerField(default=0)
    lifetime_credits = models.BigIntegerField(default=0, help_text="Held or taken, ever.")
    moving = models.PositiveIntegerField(default=0, help_text="Accepted jobs without a verdict.")
    spent = models.BigIntegerField(default=0, help_text="Taken, ever.")
    filled = models.BigIntegerField(default=0, help_text="Paid into its own wallet, ever.")
    last_used_at = models.DateTimeField(null=True, blank=True)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "form_token"], condition=~Q(form_token=""), name="key_once_a_form"
            ),
            models.CheckConstraint(condition=Q(kind__in=KeyKind.values), name="key_kind_known"),
            models.CheckConstraint(
                condition=Q(kind=KeyKind.SHARED, member__isnull=False, wallet__isnull=True)
                | Q(kind=KeyKind.BUDGETED, member__isnull=False, wallet__isnull=False)
                | Q(kind=KeyKind.STANDALONE, member__isnull=True, wallet__isnull=False),
                name="key_kind_has_its_payer",
            ),
            models.CheckConstraint(
                condition=Q(
                    day_credits__gte=0, week_credits__gte=0, month_credits__gte=0, lifetime_credits__gte=0, spent__gte=0
                ),
                name="key_counts_no_less_than_nothing",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "-id"], name="key_tenant_newest"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def reference(self) -> str:
        """The key as the trail names it: "key:key_…"."""
        return f"key:{self.public_id}"

    @property
    def acting(self) -> ActingKey:
        """The key as lower rooms know it."""
        return ActingKey(pk=self.pk, public_id=self.public_id, name=self.name)

    @property
    def is_expired(self) -> bool:
        """Whether its day has passed."""
        return self.expires_at is not None and self.expires_at <= clock.now()


class KeySecret(models.Model):
    """What a program shows. Only its hash is kept; a rotated one lives on for the time that was chosen."""

    key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, related_name="secrets")
    prefix = models.CharField(max_length=16, help_text='Its beginning, "sk_live_7Qm2".')
    last4 = models.CharField(max_length=4)
    sha256 = models.CharField(max_length=64, unique=True, help_text="In hex.")
    created_at = models.DateTimeField(default=clock.now)
    expires_at: "models.DateTimeField[datetime | None, datetime | None]" = models.DateTimeField(
        null=True, blank=True, help_text="Of a rotated one."
    )

    class Meta:
        indexes = [models.Index(fields=["key", "-id"], name="key_secret_newest")]

    def __str__(self) -> str:
        return self.hint

    @property
    def hint(self) -> str:
        """Enough to know it by: "sk_live_7Qm2…x9Kd"."""
        return f"{self.prefix}…{self.last4}"


class KeyRate(models.Model):
    """How many requests a key with a rate has made in a minute; a row of its own, so that submissions do not wait."""

    key = models.OneToOneField(ApiKey, on_delete=models.PROTECT, related_name="rate")
    minute = models.BigIntegerField(default=0, help_text="Since 1970.")
    requests = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.requests} {self.key}"


class AlertLevel(models.IntegerChoices):
    """How much of a limit is used, in per cent, when somebody is told."""

    NEAR = 80
    REACHED = 100


class KeyAlert(models.Model):
    """That somebody was told once that a limit is near or reached."""

    key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, related_name="alerts")
    limit = models.CharField(max_length=10, help_text="budget, day, week, month or lifetime.")
    period = models.CharField(max_length=40, help_text="The window's first day, or what the limit was.")
    level = models.PositiveSmallIntegerField(choices=AlertLevel.choices)
    at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key", "limit", "period", "level"], name="key_alert_once"),
        ]

    def __str__(self) -> str:
        return f"{self.level} % {self.limit} {self.key}"
