"""What people and programs are told: notices in the bell and by e-mail, and webhooks with their log."""

from functools import partial

from django.db import models
from django.db.models import Q

from revidweb.accounts.actors import Actor
from revidweb.accounts.models import Member, Tenant
from revidweb.jobs.models import Job
from revidweb.keys.models import ApiKey
from revidweb.lib import clock, ids
from revidweb.trail.models import TrailRow


class NoticeQuerySet(models.QuerySet["Notice"]):
    """Lists of notices."""

    def visible_to(self, actor: Actor) -> "NoticeQuerySet":
        """One's own; a key has none."""
        return self.none() if actor.key else self.filter(tenant=actor.tenant, member=actor.in_person)

    def unread(self) -> "NoticeQuerySet":
        """Those that the member has not marked as read."""
        return self.filter(read_at__isnull=True)


class Notice(models.Model):
    """Something that a member should know: a row of the trail, told to them once."""

    public_id = models.CharField(max_length=40, unique=True, default=partial(ids.new, "ntc"), editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="notices")
    row = models.ForeignKey(TrailRow, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=clock.now)
    read_at = models.DateTimeField(null=True, blank=True)
    mail_due_at = models.DateTimeField(null=True, blank=True, help_text="When to send it; empty: was sent, or never.")

    objects = NoticeQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["row", "member"], name="notice_once")]
        indexes = [
            models.Index(fields=["member", "-id"], name="notice_newest"),
            models.Index(fields=["member"], condition=Q(read_at__isnull=True), name="notice_unread"),
            models.Index(fields=["mail_due_at"], condition=Q(mail_due_at__isnull=False), name="notice_to_mail"),
        ]

    def __str__(self) -> str:
        return f"{self.row.what} {self.member}"


class DeliveryState(models.TextChoices):
    """Whether a webhook arrived."""

    WAITING = "waiting", "waiting"
    DELIVERED = "delivered", "delivered"
    FAILED = "failed", "failed"  # every try did


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    """Lists of deliveries."""

    def visible_to(self, actor: Actor) -> "DeliveryQuerySet":
        """Those of the keys that the actor may see."""
        return self.filter(tenant=actor.tenant, key__in=ApiKey.objects.visible_to(actor))


class Delivery(models.Model):
    """A webhook: what is told to whom. Its body is fixed when it is written, so that every try says the same."""

    public_id = models.CharField(max_length=40, unique=True, default=partial(ids.new, "evt"), editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    key = models.ForeignKey(ApiKey, on_delete=models.PROTECT, related_name="deliveries", help_text="It signs.")
    job = models.OneToOneField(Job, on_delete=models.PROTECT, null=True, blank=True, related_name="delivery")
    event = models.CharField(max_length=40, help_text='"job.completed", "job.failed", "job.cancelled" or "test".')
    url = models.URLField(max_length=2000)
    host = models.CharField(max_length=260, help_text="Host and port of `url`: so many at once are sent to one.")
    body = models.TextField(help_text="JSON; empty once it is forgotten.")
    state = models.CharField(max_length=9, choices=DeliveryState.choices, default=DeliveryState.WAITING)
    tries = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(default=clock.now)
    lease_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [models.CheckConstraint(condition=Q(state__in=DeliveryState.values), name="delivery_state_known")]
        indexes = [
            models.Index(fields=["key", "-id"], name="delivery_newest"),
            models.Index(fields=["state", "next_try_at"], name="delivery_due"),
            models.Index(fields=["lease_until"], condition=Q(lease_until__isnull=False), name="delivery_under_way"),
            models.Index(fields=["created_at"], condition=~Q(body=""), name="delivery_kept"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.public_id}"

    @property
    def is_forgotten(self) -> bool:
        """Whether its body is gone, so that it cannot be sent any more."""
        return not self.body


class DeliveryTry(models.Model):
    """One request of a delivery, and what came back."""

    delivery = models.ForeignKey(Delivery, on_delete=models.PROTECT, related_name="log")
    at = models.DateTimeField(default=clock.now)
    status = models.PositiveSmallIntegerField(null=True, help_text="The answer's; empty: none came.")
    took_ms = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=200, blank=True)
    answer = models.CharField(max_length=500, blank=True, help_text="How its body begins.")

    class Meta:
        verbose_name_plural = "delivery tries"
        indexes = [models.Index(fields=["delivery", "id"], name="delivery_log")]

    def __str__(self) -> str:
        return f"{self.status or self.error} {self.delivery}"
