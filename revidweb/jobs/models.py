"""Work: what was asked, every try, what came of it, and where work and money ended."""

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import DatabaseError, models
from django.db import connection as database
from django.db.models import Count, Exists, F, OuterRef, Q
from django.utils.functional import cached_property

from revidweb.accounts.actors import Actor
from revidweb.accounts.models import Member, Tenant
from revidweb.catalog.models import MediaModel, Offer
from revidweb.connections.models import Connection, Credential, account_of
from revidweb.credits.models import Hold
from revidweb.files.models import StoredFile
from revidweb.keys.models import ApiKey
from revidweb.lib import clock, ids, sealing
from revidweb.lib.kept import Word
from revidweb.providers.base import Account, AccountRefused, Kind, Mode

from .states import ENDED, MOVES, MOVING, State

MOST_KEPT_S = 3600  # work that takes longer is taken for hung, and another step may try


class Batch(models.Model):
    """Jobs that one submission asked for: all or none."""

    public_id = models.CharField(max_length=40, unique=True, default=partial(ids.new, "bat"), editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="batches")
    member = models.ForeignKey(Member, on_delete=models.PROTECT, null=True, blank=True, related_name="batches")
    count = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField(default=clock.now)

    is_repeat = False  # of the one that a submission is answered with: whether an earlier one had made it

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(count__gte=1, count__lte=8), name="batch_1_to_8")]

    def __str__(self) -> str:
        return f"{self.public_id} x {self.count}"

    @cached_property
    def in_order(self) -> "list[Job]":
        """Its jobs as they were made, with the rows that every step reads. One query, none for a new batch."""
        return list(self.jobs.full().order_by("pk"))


class Submission(models.Model):
    """The stored answer to one form or request, so that the same one twice is one batch."""

    member = models.ForeignKey(Member, on_delete=models.PROTECT, null=True, blank=True, related_name="submissions")
    key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, null=True, blank=True, related_name="submissions")
    token = models.CharField(max_length=255, help_text="The form's token, or the request's Idempotency-Key.")
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of what was asked.")
    batch = models.OneToOneField(Batch, on_delete=models.PROTECT, related_name="submission")
    balance = models.BigIntegerField(null=True, help_text="What a program was told to be left, in credits.")
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["member", "token"], condition=Q(key__isnull=True), name="submission_once_a_form"
            ),
            models.UniqueConstraint(
                fields=["key", "token"], condition=Q(key__isnull=False), name="submission_once_a_key"
            ),
            models.CheckConstraint(
                condition=Q(member__isnull=False) | Q(key__isnull=False), name="submission_by_somebody"
            ),
        ]
        indexes = [models.Index(fields=["created_at"], condition=Q(key__isnull=False), name="submission_of_key_old")]

    def __str__(self) -> str:
        return f"{self.key or self.member} {self.token}"


class JobQuerySet(models.QuerySet["Job"]):
    """Lists of jobs."""

    def visible_to(self, actor: Actor) -> "JobQuerySet":
        """The tenant's jobs to those who see all, one's own to others; a key sees what it asked for."""
        return self.filter(actor.scope())

    def of_key(self, tenant: int | Word, key: int | Word) -> "JobQuerySet":
        """What the key asked for."""
        return self.filter(tenant_id=tenant, key_id=key)

    def moving(self) -> "JobQuerySet":
        """Those without a verdict."""
        return self.filter(state__in=MOVING)

    def unleased(self, state: State) -> "JobQuerySet":
        """Those in this state that no step is working on."""
        return self.filter(Q(lease_until__isnull=True) | Q(lease_until__lt=clock.now()), state=state)

    def due(self, state: State) -> "JobQuerySet":
        """Those in this state that want a look now and that no step is working on."""
        return self.unleased(state).filter(next_look_at__lte=clock.now())

    def holding_slots(self) -> "JobQuerySet":
        """Those that take a slot at their connection; an order whose answer was lost does so for `GHOST_SLOT_S`."""
        return self.filter(_holds_slot())

    def at_work(self) -> "JobQuerySet":
        """Those that a key's running limit counts: what takes a slot somewhere, and what is being brought home."""
        return self.filter(Q(state=State.STORING) | _holds_slot())

    def slots_used(self) -> dict[str, int]:
        """How many of each kind hold a slot. One query."""
        held = self.holding_slots().order_by()
        return dict(held.values_list("kind").annotate(Count("pk")))

    def full(self) -> "JobQuerySet":
        """With the rows that every step reads."""
        return self.select_related(
            "tenant", "member", "key", "media_model", "offer", "connection__credential", "hold__wallet"
        )


def _holds_slot() -> Q:
    is_there = Exists(Attempt.objects.filter(job=OuterRef("pk"), state=AttemptState.SENT))
    unknown = Q(state=State.UNKNOWN) & (Q(is_there) | Q(changed_at__gt=clock.ago(settings.GHOST_SLOT_S)))
    return Q(state__in=[State.PREPARING, State.SENDING, State.WORKING]) | unknown


class Job(models.Model):
    """One thing to be made, and its price frozen at submit."""

    public_id = models.CharField(max_length=40, unique=True, default=partial(ids.new, "job"), editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, db_index=False, related_name="jobs")
    member = models.ForeignKey(
        Member, on_delete=models.PROTECT, null=True, blank=True, db_index=False, related_name="jobs"
    )
    key = models.ForeignKey(
        ApiKey, on_delete=models.PROTECT, null=True, blank=True, db_index=False, related_name="jobs"
    )
    batch = models.ForeignKey(Batch, on_delete=models.PROTECT, related_name="jobs")
    retry_of = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="retries")

    kind = models.CharField(max_length=8, choices=[(kind, kind) for kind in Kind])
    mode = models.CharField(max_length=8, choices=[(mode, mode) for mode in Mode])
    media_model = models.ForeignKey(MediaModel, on_delete=models.PROTECT, related_name="jobs")
    prompt = models.TextField()
    params = models.JSONField(default=dict, help_text="Every parameter, completed; durations in whole seconds.")

    offer = models.ForeignKey(Offer, on_delete=models.PROTECT, related_name="jobs")
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, db_index=False, related_name="jobs")
    server = models.CharField(max_length=20)
    price_key = models.CharField(max_length=60)
    upstream_credits = models.PositiveIntegerField(help_text="What the quoted row costs at the provider.")
    credits = models.PositiveIntegerField(help_text="What the payer is charged when it is done.")
    is_estimate = models.BooleanField(default=False)
    hold = models.OneToOneField(
        Hold, on_delete=models.PROTECT, null=True, blank=True, related_name="job", help_text="Empty: nobody pays."
    )
    refunded = models.PositiveIntegerField(default=0, help_text="Credits that the payer was given back after the end.")
    adopted_at = models.DateTimeField(
        null=True, blank=True, help_text="Of a job that was found upstream: since when it is ours. Nobody pays for it."
    )
    held_on = models.DateField(
        null=True, blank=True, help_text="Of a key's job: the tenant's day whose limits count it."
    )
    warnings = models.JSONField(default=list, help_text="What of the request was dropped: codes.")
    callback_url = models.URLField(max_length=2000, blank=True, help_text="Who is told of its end.")

    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    progress = models.PositiveSmallIntegerField(default=0, help_text="0..100")
    error_code = models.CharField(max_length=40, blank=True)
    error = models.TextField(blank=True)
    cancel_asked_at = models.DateTimeField(null=True, blank=True)

    next_look_at = models.DateTimeField(default=clock.now, help_text="When some step should look at it again.")
    lease_until = models.DateTimeField(null=True, blank=True, help_text="Until then one step works on it alone.")
    deadline_at = models.DateTimeField(null=True, blank=True, help_text="A verdict is owed by then.")
    looks = models.PositiveIntegerField(default=0, help_text="Looks in this state, for growing intervals.")
    misses = models.PositiveSmallIntegerField(default=0, help_text='How often upstream said "no such job" in a row.')
    results = models.JSONField(default=list, help_text="Where upstream's results are, until they are stored.")
    cover = models.ForeignKey(
        StoredFile, on_delete=models.PROTECT, null=True, blank=True, related_name="+", help_text="Its first output."
    )

    late_look_at = models.DateTimeField(
        null=True, blank=True, help_text="Of a failed job: when to see whether upstream finished it after all."
    )
    late_looks = models.PositiveSmallIntegerField(default=0)
    late_at = models.DateTimeField(null=True, blank=True, help_text="When a success was seen after the job had failed.")
    late_results = models.JSONField(default=list, help_text="Where that success is, upstream.")

    created_at = models.DateTimeField(default=clock.now)
    started_at = models.DateTimeField(null=True, blank=True, help_text="First sent to the provider.")
    ended_at = models.DateTimeField(null=True, blank=True)
    changed_at = models.DateTimeField(default=clock.now, help_text="Versions what a page shows of it.")

    objects = JobQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=State.values), name="job_state_known"),
            models.CheckConstraint(condition=Q(progress__lte=100), name="job_progress_percent"),
            models.CheckConstraint(
                condition=Q(credits__gt=0, hold__isnull=False, adopted_at__isnull=True)
                | Q(credits=0, hold__isnull=True, key__isnull=True, adopted_at__isnull=False),
                name="job_never_free",
            ),
            models.CheckConstraint(condition=Q(refunded__in=[0, F("credits")]), name="job_refunded_whole"),
            models.UniqueConstraint(
                fields=["retry_of"],
                condition=Q(adopted_at__isnull=False) & ~Q(state=State.FAILED),
                name="job_late_success_adopted_once",
            ),
            models.CheckConstraint(condition=Q(member__isnull=False) | Q(key__isnull=False), name="job_by_somebody"),
            models.CheckConstraint(
                condition=Q(state__in=ENDED, ended_at__isnull=False) | (~Q(state__in=ENDED) & Q(ended_at__isnull=True)),
                name="job_ended_says_when",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "-id"], name="job_tenant_newest"),
            models.Index(fields=["member", "-id"], name="job_member_newest"),
            # Not partial: SQLite takes no partial index for states that come as bound parameters.
            models.Index(fields=["state", "next_look_at"], name="job_due"),
            models.Index(fields=["connection", "state", "kind"], name="job_slots"),
            models.Index(fields=["tenant", "state", "-id"], name="job_tenant_state"),
            models.Index(fields=["member", "state", "-id"], name="job_member_state"),
            models.Index(fields=["tenant", "ended_at"], name="job_tenant_ended"),
            models.Index(fields=["member", "ended_at"], name="job_member_ended"),
            *(
                models.Index(fields=["key", *then], condition=Q(key__isnull=False), name=name)
                for name, then in {
                    "job_key_newest": ["-id"],
                    "job_key_state": ["state", "-id"],
                    "job_key_ended": ["ended_at"],
                }.items()
            ),
            models.Index(fields=["ended_at"], condition=~Q(callback_url=""), name="job_calls_back"),
            models.Index(fields=["late_look_at"], condition=Q(late_look_at__isnull=False), name="job_late"),
        ]

    def __str__(self) -> str:
        return f"{self.public_id} {self.state}"

    @property
    def reference(self) -> str:
        """The job as lower rooms name it: "job:job_…"."""
        return f"job:{self.public_id}"

    @property
    def is_moving(self) -> bool:
        """Whether a verdict is still to come."""
        return self.state in MOVING

    @property
    def is_adopted(self) -> bool:
        """Whether it was found upstream, where somebody else had ordered it, or where it came too late."""
        return self.adopted_at is not None

    @property
    def cost(self) -> int:
        """Credits that are held for it or were taken; less what was given back."""
        if self.is_moving:
            return self.credits
        return self.hold.captured - self.refunded if self.hold else 0

    @property
    def can_cancel(self) -> bool:
        """Whether asking to cancel may still change anything."""
        return self.state in (State.QUEUED, State.PREPARING, State.WORKING) and self.cancel_asked_at is None

    @property
    def took(self) -> timedelta | None:
        """From the first sending to the verdict; None before it, and for a job that was never sent."""
        return self.ended_at - self.started_at if self.ended_at and self.started_at else None

    def move(self, to: State, *, was: State | None = None, **changes: Any) -> bool:
        """Move the row if it is still where we think it is; False when another step was faster.

        The lease is given back and the look count starts anew. was: the old state, by default the one we hold.
        """
        old = was or State(self.state)
        if to not in MOVES[old]:
            raise ValueError(f"No job moves from {old} to {to}.")
        now = clock.now()
        fields: dict[str, Any] = {"lease_until": None, "next_look_at": now, "changed_at": now, "looks": 0, "misses": 0}
        fields |= changes
        if to in ENDED:
            fields.setdefault("ended_at", now)
        moved = Job.objects.filter(pk=self.pk, state=old).update(state=to, **fields)
        if moved:
            self.state = to
            for name, value in fields.items():
                setattr(self, name, value)
        return bool(moved)

    @classmethod
    def claim(cls, pk: int, state: State, *, lease_s: float) -> "Job | None":
        """Take the row for this step alone, for so many seconds; None when another step has it or it moved on."""
        if not cls.objects.unleased(state).filter(pk=pk).update(lease_until=clock.after(lease_s)):
            return None
        return cls.objects.full().get(pk=pk)

    def look_again(self, *, after_s: float) -> None:
        """Give the row back; some step looks again after so many seconds."""
        Job.objects.filter(pk=self.pk, state=self.state).update(
            lease_until=None, next_look_at=clock.after(after_s), looks=models.F("looks") + 1
        )

    @contextmanager
    def keeping(self, lease_s: float) -> Iterator[None]:
        """Renew the lease while the block runs, so that slow work is not done twice; for an hour at most."""
        is_over = threading.Event()
        keeper = threading.Thread(target=self._keep, args=(is_over, lease_s), daemon=True)
        keeper.start()
        try:
            yield
        finally:
            is_over.set()
            keeper.join()

    def _keep(self, is_over: threading.Event, lease_s: float) -> None:
        until = time.monotonic() + MOST_KEPT_S
        try:
            while time.monotonic() < until and not is_over.wait(lease_s / 3):
                with suppress(DatabaseError):  # it is away for a moment; the next renewal comes
                    self._renew(lease_s)
        finally:
            database.close()  # this thread's own

    def _renew(self, lease_s: float) -> None:
        Job.objects.filter(pk=self.pk, state=self.state).update(lease_until=clock.after(lease_s))


class JobInput(models.Model):
    """A file that a job starts from. An address is fetched while preparing, and `file` is set then."""

    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="inputs")
    position = models.PositiveSmallIntegerField(default=0)
    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT, null=True, blank=True, related_name="used_by")
    url = models.URLField(max_length=2000, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["job", "position"], name="job_input_once"),
            models.CheckConstraint(condition=Q(file__isnull=False) | ~Q(url=""), name="job_input_from_somewhere"),
        ]

    def __str__(self) -> str:
        return self.url or str(self.file)


class UploadedInput(models.Model):
    """Where an input stands at a provider, so that it is brought there once."""

    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT, related_name="uploads")
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="+")
    base_url = models.CharField(max_length=300, help_text="Another host does not know it.")
    address = models.CharField(max_length=2000)
    at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["file", "connection", "base_url"], name="uploaded_input_once")]

    def __str__(self) -> str:
        return self.address


class AttemptState(models.TextChoices):
    """What came of one create call."""

    SENDING = "sending", "sending"  # written before the call; a crash leaves it here
    SENT = "sent", "sent"  # a ticket came back
    BUSY = "busy", "busy"  # nothing was created, later
    REFUSED = "refused", "refused"  # nothing was created, never
    LOST = "lost", "lost"  # the answer was lost


class Attempt(models.Model):
    """One create call. Written in its own commit directly before it."""

    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="attempts")
    credential = models.ForeignKey(
        Credential,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="What made it polls it.",
    )
    state = models.CharField(max_length=8, choices=AttemptState.choices, default=AttemptState.SENDING)
    ticket = models.TextField(blank=True)
    answer = models.TextField(blank=True, help_text="What the provider said, in its words.")
    upstream_cost_micros = models.BigIntegerField(null=True, help_text="In millionths of `upstream_unit`.")
    upstream_unit = models.CharField(max_length=12, default="credits")
    is_cost_uncertain = models.BooleanField(default=False)
    sent_at = models.DateTimeField(default=clock.now)
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["job", "number"], name="attempt_once"),
            # Preview's tickets are long and nobody else's.
            models.UniqueConstraint(
                fields=["connection", "ticket"],
                condition=Q(credential__isnull=False) & ~Q(ticket=""),
                name="attempt_owns_ticket",
            ),
            models.CheckConstraint(condition=Q(state__in=AttemptState.values), name="attempt_state_known"),
        ]

    def __str__(self) -> str:
        return f"{self.job} #{self.number}"

    @classmethod
    def latest(cls, jobs: Iterable[Job], state: AttemptState) -> "dict[int, Attempt]":
        """The latest attempt of each job that is in this state, by the job's primary key. One query."""
        there = cls.objects.filter(job__in=jobs, state=state).order_by("number")
        return {attempt.job_id: attempt for attempt in there.select_related("connection__credential", "credential")}

    @property
    def account(self) -> Account:
        """Whose account made it, by the key that did. Raises AccountRefused as `account_with` does."""
        return account_with(self.connection, self.credential)


def account_with(connection: Connection, credential: Credential | None) -> Account:
    """What a provider's functions take. Raises AccountRefused "invalid" where the key cannot be read any more."""
    if credential and not credential.sealed:
        raise AccountRefused("The key was forgotten.", code="invalid")
    try:
        return account_of(connection, credential)
    except sealing.CannotOpen as sealed:
        raise AccountRefused(str(sealed), code="invalid") from None


class OutputQuerySet(models.QuerySet["Output"]):
    """Lists of outputs."""

    def visible_to(self, actor: Actor) -> "OutputQuerySet":
        """The tenant's outputs to those who see all, one's own to others; a key sees what it asked for."""
        return self.filter(actor.scope())

    def present(self) -> "OutputQuerySet":
        """Those that were not deleted."""
        return self.filter(deleted_at__isnull=True)


class Output(models.Model):
    """One result of a job, stored. Whose it is, kind and model stand here too: the gallery reads one table."""

    public_id = models.CharField(max_length=40, unique=True, default=partial(ids.new, "out"), editable=False)
    job = models.ForeignKey(Job, on_delete=models.PROTECT, related_name="outputs")
    position = models.PositiveSmallIntegerField(default=0)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="outputs")
    member = models.ForeignKey(Member, on_delete=models.PROTECT, null=True, blank=True, related_name="outputs")
    key = models.ForeignKey(
        ApiKey, on_delete=models.PROTECT, null=True, blank=True, db_index=False, related_name="outputs"
    )
    kind = models.CharField(max_length=8, choices=[(kind, kind) for kind in Kind])
    media_model = models.ForeignKey(MediaModel, on_delete=models.PROTECT, related_name="outputs", db_index=False)
    file = models.OneToOneField(StoredFile, on_delete=models.PROTECT, related_name="output")
    created_at = models.DateTimeField(default=clock.now)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = OutputQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "position"], name="output_once")]
        indexes = [
            models.Index(fields=[*scope, "-created_at", "-id"], condition=Q(deleted_at__isnull=True), name=name)
            for name, scope in {
                "output_tenant_newest": ["tenant"],
                "output_member_newest": ["member"],
                "output_tenant_kind": ["tenant", "kind"],
                "output_member_kind": ["member", "kind"],
                "output_tenant_model": ["tenant", "media_model"],
                "output_member_model": ["member", "media_model"],
                "output_key_newest": ["key"],
                "output_key_kind": ["key", "kind"],
                "output_key_model": ["key", "media_model"],
            }.items()
        ]

    def __str__(self) -> str:
        return self.public_id


class Verdict(models.TextChoices):
    """How a job ended, for the books."""

    DONE = "done", "done"
    FAILED = "failed", "failed"
    CANCELLED = "cancelled", "cancelled"
    LOST = "lost", "lost"


class Settlement(models.Model):
    """Where work and money ended: one row per verdict. Statistics take it from here.

    What it says may be corrected later, so it keeps what statistics have taken of it: they take the difference.
    """

    job = models.OneToOneField(Job, on_delete=models.PROTECT, related_name="settlement")
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, db_index=False, related_name="settlements")
    verdict = models.CharField(max_length=10, choices=Verdict.choices)
    credits = models.PositiveIntegerField(help_text="What the payer paid.")
    upstream_cost_micros = models.BigIntegerField(default=0, help_text="Over all attempts.")
    is_cost_uncertain = models.BooleanField(default=False)
    at: "models.DateTimeField[datetime, datetime]" = models.DateTimeField(default=clock.now)
    is_due = models.BooleanField(default=True, help_text="Whether statistics have to look at it (again).")
    counted_at = models.DateTimeField(null=True, blank=True, help_text="When statistics first took it.")
    counted_credits = models.PositiveIntegerField(default=0, help_text="Of its credits, what they have taken.")
    counted_cost_micros = models.BigIntegerField(default=0, help_text="Of upstream's cost, what they have taken.")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(verdict__in=Verdict.values), name="settlement_verdict_known"),
            models.CheckConstraint(
                condition=~Q(verdict__in=[Verdict.FAILED, Verdict.LOST]) | Q(credits=0),
                name="settlement_charges_no_failure",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "at"], name="settlement_day"),
            models.Index(fields=["tenant", "id"], condition=Q(is_due=True), name="settlement_due"),
        ]

    def __str__(self) -> str:
        return f"{self.verdict} {self.credits} {self.job}"
