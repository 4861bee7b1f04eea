"""What can be made, on which connection, and what it costs there."""

from django.db import models
from django.db.models import Exists, OuterRef, Prefetch, Q
from django.utils.translation import gettext_lazy as _

from revidweb.accounts.models import Tenant
from revidweb.connections.models import PREVIEW, Connection, usable
from revidweb.lib import clock
from revidweb.lib.kept import Word
from revidweb.providers.base import Kind


class MediaModelQuerySet(models.QuerySet["MediaModel"]):
    """Lists of models."""

    def known_to(self, tenant: Tenant | Word) -> "MediaModelQuerySet":
        """The house's own, and those that a connection of the tenant told of; never what only others' told of."""
        told = Offer.objects.filter(media_model=OuterRef("pk"), connection__tenant=tenant)
        return self.filter(Q(is_told=False) | Exists(told.filter(connection__removed_at__isnull=True)))


class MediaModel(models.Model):
    """A model as people know it, whichever connection offers it."""

    name = models.CharField(max_length=80, unique=True, help_text='The canonical id, "kling-2.6".')
    title = models.CharField(max_length=80, help_text='The name that people read, "Kling 2.6".')
    kind = models.CharField(max_length=8, choices=[(kind, kind) for kind in Kind])
    is_offered = models.BooleanField(default=True, help_text="False: listed as not yet offered.")
    notes = models.TextField(blank=True)
    position = models.PositiveIntegerField(default=0)
    is_told = models.BooleanField(default=False, help_text="Known from a provider's list alone, not the house's own.")

    objects = MediaModelQuerySet.as_manager()

    class Meta:
        ordering = ["position", "name"]
        constraints = [models.CheckConstraint(condition=Q(kind__in=list(Kind)), name="media_model_kind_known")]

    def __str__(self) -> str:
        return self.title


class Alias(models.Model):
    """Another id for a model; it may carry parameters (`nano-banana-fast` = nano-banana with speed fast)."""

    name = models.CharField(max_length=80, unique=True)
    media_model = models.ForeignKey(MediaModel, on_delete=models.CASCADE, related_name="aliases")
    params = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.name} = {self.media_model.name}"


class OfferQuerySet(models.QuerySet["Offer"]):
    """Lists of offers."""

    def on_sale(self, tenant: Tenant) -> "OfferQuerySet":
        """What the tenant's enabled connections offer now, each with only those of its prices that may be billed.

        Two queries: `offer.prices.all()` is already here.
        """
        return (
            self.filter(usable("connection__"), is_available=True, connection__tenant=tenant)
            .select_related("connection")
            .prefetch_related(Prefetch("prices", Price.objects.billable()))
        )


class Offer(models.Model):
    """A model at one connection. A vanished offer is switched off, not deleted."""

    media_model = models.ForeignKey(MediaModel, on_delete=models.PROTECT, related_name="offers")
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="offers")
    is_available = models.BooleanField(default=True)
    upstream_model = models.CharField(
        max_length=80, blank=True, help_text="What the provider calls it; empty: as we do."
    )
    modes = models.JSONField(default=list, help_text="Of t2i, i2i, t2v, i2v, motion, avatar.")
    params = models.JSONField(default=dict, help_text="Parameter name to the provider's prose.")
    credits_min = models.PositiveIntegerField(null=True, help_text="Empty where the provider prints no range.")
    credits_max = models.PositiveIntegerField(null=True)

    objects = OfferQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["media_model", "connection"], name="offer_once")]

    def __str__(self) -> str:
        return f"{self.media_model} at {self.connection}"


class PriceQuerySet(models.QuerySet["Price"]):
    """Lists of price rows, cheapest first; of equal ones the older first, so that the order never changes."""

    def billable(self) -> "PriceQuerySet":
        """Rows that may be charged: switched on, no price waiting for the owner, an estimate only at preview."""
        real = Q(is_estimate=False) | Q(offer__connection__provider=PREVIEW)
        return self.filter(real, is_available=True, waiting_credits__isnull=True).order_by("credits", "pk")

    def on_sale(self, tenant: Tenant | Word) -> "PriceQuerySet":
        """What the tenant may be quoted now: billable rows of available offers at enabled connections."""
        return (
            self.billable()
            .filter(usable("offer__connection__"), offer__is_available=True, offer__connection__tenant=tenant)
            .select_related("offer__connection", "offer__media_model")
        )


class Price(models.Model):
    """One price row: what this exact combination costs at this server. The key is the provider's own."""

    offer = models.ForeignKey(Offer, on_delete=models.CASCADE, related_name="prices")
    server = models.CharField(max_length=20)
    key = models.CharField(max_length=60, help_text='"{resolution}-{duration}[-audio]-{speed}" and its exceptions.')
    credits = models.PositiveIntegerField(help_text="Per job, or per second where `is_per_second`.")
    resolution = models.CharField(max_length=20, blank=True)
    duration_s = models.PositiveIntegerField(null=True)
    quality = models.CharField(max_length=12, blank=True)
    audio = models.BooleanField(null=True, help_text="Empty where sound makes no difference to the price.")
    speed = models.CharField(max_length=12, blank=True)
    is_per_second = models.BooleanField(default=False)
    is_estimate = models.BooleanField(default=False, help_text="Spread inside a printed range; only preview bills it.")
    is_available = models.BooleanField(default=True)
    waiting_credits = models.PositiveIntegerField(
        null=True, blank=True, help_text="A new price that moved so far that the owner is asked first."
    )

    objects = PriceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["offer", "server", "key"], name="price_once_per_key"),
            models.CheckConstraint(condition=Q(credits__gt=0), name="price_never_free"),
        ]

    def __str__(self) -> str:
        return f"{self.server} {self.key}: {self.credits}"


class Change(models.TextChoices):
    """What a sync found to be different."""

    MODEL_ADDED = "model_added", _("Model added")
    MODEL_GONE = "model_gone", _("Model gone")
    ADDED = "added", _("Price added")
    GONE = "gone", _("Price gone")
    MOVED = "moved", _("Price changed")
    HELD = "held", _("Waits for you")


class CatalogChange(models.Model):
    """One difference between two syncs of a connection. Models and price rows are named by text: they may vanish."""

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="catalog_changes")
    what = models.CharField(max_length=12, choices=Change.choices)
    model = models.CharField(max_length=80)
    server = models.CharField(max_length=20, blank=True)
    key = models.CharField(max_length=60, blank=True)
    old = models.PositiveIntegerField(null=True, help_text="Credits before.")
    new = models.PositiveIntegerField(null=True, help_text="Credits now.")
    at = models.DateTimeField(default=clock.now)
    decided_at = models.DateTimeField(null=True, blank=True, help_text="When a held price was accepted or overtaken.")
    is_accepted = models.BooleanField(null=True)
    decided_by = models.CharField(max_length=60, blank=True, help_text="As the trail writes it.")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(what__in=Change.values), name="catalog_change_known"),
        ]
        indexes = [models.Index(fields=["connection", "-id"], name="catalog_change_newest")]

    def __str__(self) -> str:
        return f"{self.model} {self.key}: {self.what} {self.old} > {self.new}"
