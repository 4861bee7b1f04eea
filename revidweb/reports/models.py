"""Reconciliations: our book held against an account's own, run by run, and every difference that was found."""

from functools import partial

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from revidweb.accounts.actors import Actor
from revidweb.accounts.models import Tenant
from revidweb.connections.models import Connection
from revidweb.jobs.models import Attempt, Job
from revidweb.lib import clock, ids


class Stage(models.TextChoices):
    """How far a reconciliation is."""

    ASKING = "asking", "asking"
    DONE = "done", "done"
    FAILED = "failed", "failed"  # the account did not answer; it may be begun anew


class ReconciliationQuerySet(models.QuerySet["Reconciliation"]):
    """Lists of reconciliations."""

    def visible_to(self, actor: Actor) -> "ReconciliationQuerySet":
        """The tenant's; who may see them at all is the page's matter."""
        return self.filter(tenant=actor.tenant)


class Reconciliation(models.Model):
    """One comparison of a connection's orders with its account's log of credits, over some of the tenant's days.

    Micros are millionths of upstream's credits, as attempts keep them. What they took is less what they gave back.
    """

    public_id = models.CharField(max_length=40, unique=True, default=partial(ids.new, "rec"), editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, db_index=False, related_name="reconciliations")
    first_day = models.DateField()
    last_day = models.DateField(help_text="Included.")
    is_nightly = models.BooleanField(default=False)
    actor = models.CharField(max_length=60, help_text="Who asked for it, as the trail writes it.")

    stage = models.CharField(max_length=8, choices=Stage.choices, default=Stage.ASKING)
    lease_until = models.DateTimeField(null=True, blank=True, help_text="Until then one process asks.")
    failure = models.CharField(max_length=20, blank=True, help_text="Why the account was not asked: a code.")
    reason = models.CharField(max_length=300, blank=True, help_text="The same in the provider's words.")
    created_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    matched = models.PositiveIntegerField(default=0, help_text="Orders on which both books agree.")
    matched_micros = models.BigIntegerField(default=0)
    ours_micros = models.BigIntegerField(default=0, help_text="What all compared orders cost by our book.")
    theirs_micros = models.BigIntegerField(default=0, help_text="What all compared orders cost by theirs.")
    waiting = models.PositiveIntegerField(default=0, help_text="Orders that cannot be judged yet.")
    beyond = models.PositiveIntegerField(default=0, help_text="Orders from before the log begins.")
    others = models.JSONField(default=list, help_text="Moves without a job, the newest: at, change, what.")
    others_count = models.PositiveIntegerField(default=0)
    others_change = models.BigIntegerField(default=0, help_text="Whole credits, above zero for what came in.")
    unread = models.PositiveIntegerField(default=0, help_text="Lines of the log that could not be read.")
    read_from = models.DateTimeField(null=True, blank=True, help_text="Where the log begins that was cut short.")

    objects = ReconciliationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "last_day"], condition=Q(is_nightly=True), name="reconciliation_once_a_night"
            ),
            models.UniqueConstraint(
                fields=["connection"], condition=Q(stage=Stage.ASKING), name="reconciliation_one_at_a_time"
            ),
            models.CheckConstraint(condition=Q(stage__in=Stage.values), name="reconciliation_stage_known"),
        ]
        indexes = [models.Index(fields=["connection", "-id"], name="reconciliation_newest")]

    def __str__(self) -> str:
        return f"{self.public_id} {self.first_day} to {self.last_day}"

    @property
    def difference_micros(self) -> int:
        """By how much our book says more than theirs."""
        return self.ours_micros - self.theirs_micros


class Match(models.Model):
    """One order on which the books agreed in one run; kept for the newest runs, which are those that people open."""

    reconciliation = models.ForeignKey(Reconciliation, on_delete=models.PROTECT, db_index=False, related_name="matches")
    attempt = models.ForeignKey(Attempt, on_delete=models.PROTECT, related_name="+")
    micros = models.BigIntegerField(help_text="What it cost by both.")
    charged = models.BigIntegerField(help_text="Whole credits that were taken there.")
    refunded = models.BigIntegerField(help_text="Whole credits that were given back there.")
    at = models.DateTimeField(help_text="When it was charged there, or sent by us.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["reconciliation", "attempt"], name="match_once_a_run")]
        verbose_name_plural = "matches"

    def __str__(self) -> str:
        return f"{self.attempt_id} in {self.reconciliation_id}"


class Sort(models.TextChoices):
    """How two books differ about one order."""

    MISSING_HERE = "missing_here", _("Missing here")
    MISSING_THERE = "missing_there", _("Missing there")
    DIFFERENT = "different", _("Different amount")
    REFUNDED = "refunded", _("Refunded there")


class Standing(models.TextChoices):
    """Whether somebody has dealt with a difference."""

    OPEN = "open", _("Open")
    REMEDIED = "remedied", _("Remedied")
    IGNORED = "ignored", _("Noted")


class Difference(models.Model):
    """One order about which the books differed in one run. `mark` names it in every run: its ticket, or its attempt."""

    reconciliation = models.ForeignKey(
        Reconciliation, on_delete=models.PROTECT, db_index=False, related_name="differences"
    )
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, db_index=False, related_name="+")
    sort = models.CharField(max_length=14, choices=Sort.choices)
    mark = models.TextField()
    ticket = models.TextField(blank=True)
    attempt = models.ForeignKey(Attempt, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    job = models.ForeignKey(
        Job, on_delete=models.PROTECT, null=True, blank=True, related_name="+", help_text="Ours, or what was adopted."
    )
    ours_micros = models.BigIntegerField(default=0)
    charged = models.BigIntegerField(default=0, help_text="Whole credits that were taken there.")
    refunded = models.BigIntegerField(default=0, help_text="Whole credits that were given back there.")
    at = models.DateTimeField(null=True, blank=True, help_text="When it was charged there, or sent by us.")
    told = models.JSONField(default=dict, help_text="Of an order that is not ours: as the account lists it.")
    is_new = models.BooleanField(default=True, help_text="No earlier run had found it.")

    standing = models.CharField(max_length=8, choices=Standing.choices, default=Standing.OPEN)
    remedy = models.CharField(max_length=16, blank=True, help_text="What was done about it.")
    decided_by = models.CharField(max_length=60, blank=True, help_text="As the trail writes it.")
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["reconciliation", "mark"], name="difference_once_a_run"),
            models.CheckConstraint(condition=Q(sort__in=Sort.values), name="difference_sort_known"),
            models.CheckConstraint(
                condition=Q(standing=Standing.OPEN, decided_at__isnull=True)
                | (~Q(standing=Standing.OPEN) & Q(decided_at__isnull=False)),
                name="difference_decided_says_when",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "mark"], name="difference_mark")]

    def __str__(self) -> str:
        return f"{self.sort} {self.mark}"

    @property
    def theirs_micros(self) -> int:
        """What it cost by their book."""
        return (self.charged - self.refunded) * 1_000_000

    @property
    def difference_micros(self) -> int:
        """By how much our book says more."""
        return self.ours_micros - self.theirs_micros

    @property
    def is_open(self) -> bool:
        """Whether nobody has dealt with it."""
        return self.standing == Standing.OPEN
