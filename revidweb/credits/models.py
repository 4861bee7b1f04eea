"""Money: wallets, the transfers between them, and holds. Only `ledger.py` writes here.

Credits are whole numbers. An entry's sign is the wallet's view: + came in, - went out.
"""

from django.db import models
from django.db.models import F, Q

from revidweb.accounts.models import Member, Tenant
from revidweb.lib import clock


class WalletKind(models.TextChoices):
    """Whose money it is."""

    HOUSE = "house", "house"  # issues credits, unlimited
    SPENT = "spent", "spent"  # where captured credits end
    MEMBER = "member", "member"
    KEY = "key", "key"  # of a budgeted or standalone API key


METERED = (WalletKind.MEMBER, WalletKind.KEY)


class Wallet(models.Model):
    """Credits of one payer. `house` and `spent` store no balance and are never locked, so they are no hot row."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="wallets")
    kind = models.CharField(max_length=8, choices=WalletKind.choices)
    member = models.OneToOneField(Member, on_delete=models.PROTECT, null=True, blank=True, related_name="wallet")
    origin = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Of a key: where it was filled from, and what is free goes back to.",
    )
    balance = models.BigIntegerField(default=0)
    held = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(default=clock.now)
    closed_at = models.DateTimeField(null=True, blank=True, help_text="Nothing is free in it, and nothing comes in.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "kind"], condition=~Q(kind__in=METERED), name="wallet_one_house_one_spent"
            ),
            models.CheckConstraint(condition=Q(kind__in=WalletKind.values), name="wallet_kind_known"),
            models.CheckConstraint(condition=Q(held__gte=0, balance__gte=F("held")), name="wallet_never_overdrawn"),
            models.CheckConstraint(
                condition=Q(kind__in=METERED) | Q(balance=0, held=0), name="wallet_house_stores_no_balance"
            ),
            models.CheckConstraint(
                condition=Q(kind=WalletKind.MEMBER, member__isnull=False)
                | (~Q(kind=WalletKind.MEMBER) & Q(member__isnull=True)),
                name="wallet_member_has_member",
            ),
            models.CheckConstraint(
                condition=Q(kind=WalletKind.KEY, origin__isnull=False)
                | (~Q(kind=WalletKind.KEY) & Q(origin__isnull=True)),
                name="wallet_key_has_origin",
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True) | Q(balance=F("held")), name="wallet_closed_has_nothing_free"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.member or self.tenant}"

    @property
    def is_metered(self) -> bool:
        """Whether it can run out."""
        return self.kind in METERED

    @property
    def free(self) -> int:
        """What may still be spent: balance less what is held."""
        return self.balance - self.held


class TransferKind(models.TextChoices):
    """Why credits moved."""

    GRANT = "grant", "grant"  # house to member
    CAPTURE = "capture", "capture"  # payer to spent, at a job's verdict
    TRANSFER = "transfer", "transfer"  # wallet to wallet
    REFUND = "refund", "refund"  # spent to payer, after a job's verdict


class Transfer(models.Model):
    """Credits that moved once, for one cause. Its entries sum to zero and never change."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="transfers")
    kind = models.CharField(max_length=8, choices=TransferKind.choices)
    reference = models.CharField(max_length=120, unique=True, help_text='The cause, "capture:job:job_…".')
    actor = models.CharField(max_length=60, help_text="Who caused it, as the trail writes it.")
    note = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=TransferKind.values), name="transfer_kind_known"),
            models.CheckConstraint(condition=~Q(reference=""), name="transfer_has_cause"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.reference}"


IS_METERED = Q(balance_after__isnull=False)
IS_CAPTURE = Q(kind=TransferKind.CAPTURE)


class Entry(models.Model):
    """One wallet's side of a transfer. `tenant` and `kind` are the transfer's, here for the indexes of statements."""

    transfer = models.ForeignKey(Transfer, on_delete=models.PROTECT, related_name="entries")
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="entries")
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, db_index=False, related_name="+")
    kind = models.CharField(max_length=8, choices=TransferKind.choices)
    credits = models.BigIntegerField(help_text="Signed: + came in, - went out.")
    balance_after = models.BigIntegerField(null=True, help_text="The metered wallet's balance after it.")

    class Meta:
        verbose_name_plural = "entries"
        constraints = [
            models.UniqueConstraint(fields=["transfer", "wallet"], name="entry_once_per_wallet"),
            models.CheckConstraint(condition=~Q(credits=0), name="entry_moves_something"),
            models.CheckConstraint(condition=Q(balance_after__gte=0), name="entry_never_overdrawn"),
        ]
        indexes = [
            models.Index(fields=["wallet", "-id"], name="entry_statement"),
            models.Index(fields=["tenant", "-id"], name="entry_together", condition=IS_METERED),
            # What no job moved is rare among what jobs moved: a filter by kind jumps from one to the next.
            models.Index(fields=["wallet", "-id"], name="entry_moved", condition=~IS_CAPTURE),
            models.Index(fields=["tenant", "-id"], name="entry_moved_together", condition=IS_METERED & ~IS_CAPTURE),
        ]

    def __str__(self) -> str:
        return f"{self.credits:+d} {self.wallet}"


class Shelf(models.TextChoices):
    """Whose entries a checkpoint sums."""

    TOGETHER = "together", "together"  # of all metered wallets of a tenant
    HOUSE = "house", "house"


class Checkpoint(models.Model):
    """The sum of a tenant's entries up to one of them, so that a balance deep in the book is a short sum.

    It sums entries `after` the one before it up to `entry`. Derived: to take one away only makes statements slower.
    """

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, db_index=False, related_name="+")
    shelf = models.CharField(max_length=8, choices=Shelf.choices)
    after = models.BigIntegerField(help_text="The entry of the one before it; 0 for the first.")
    entry = models.OneToOneField(Entry, on_delete=models.PROTECT, related_name="checkpoint")
    balance = models.BigIntegerField(help_text="Of all entries up to this one.")
    moved = models.BigIntegerField(help_text="What grants and transfers made of it, and no job.")
    oldest_at = models.DateTimeField(help_text="Of its own stretch.")
    newest_at = models.DateTimeField(help_text="Of its own stretch.")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(shelf__in=Shelf.values), name="checkpoint_shelf_known")]
        indexes = [models.Index(fields=["tenant", "shelf", "-entry"], name="checkpoint_newest")]

    def __str__(self) -> str:
        return f"{self.shelf} {self.balance} at {self.entry_id}"


class HoldState(models.TextChoices):
    """A hold is open once and ends once."""

    OPEN = "open", "open"
    CAPTURED = "captured", "captured"
    RELEASED = "released", "released"


class Hold(models.Model):
    """Credits set aside for one cause, until it is known what it cost."""

    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="holds")
    credits = models.BigIntegerField()
    reference = models.CharField(max_length=120, unique=True, help_text='The cause, "job:job_…".')
    state = models.CharField(max_length=8, choices=HoldState.choices, default=HoldState.OPEN)
    captured = models.BigIntegerField(default=0, help_text="How much of it was taken.")
    transfer = models.OneToOneField(Transfer, on_delete=models.PROTECT, null=True, blank=True, related_name="hold")
    created_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(credits__gt=0), name="hold_above_zero"),
            models.CheckConstraint(condition=Q(state__in=HoldState.values), name="hold_state_known"),
            models.CheckConstraint(
                condition=Q(captured__gte=0, captured__lte=F("credits")), name="hold_captures_no_more_than_held"
            ),
            models.CheckConstraint(
                condition=Q(state=HoldState.OPEN, ended_at__isnull=True, captured=0, transfer__isnull=True)
                | Q(state=HoldState.RELEASED, ended_at__isnull=False, captured=0, transfer__isnull=True)
                | Q(state=HoldState.CAPTURED, ended_at__isnull=False, captured__gt=0, transfer__isnull=False),
                name="hold_ends_once",
            ),
        ]
        indexes = [models.Index(fields=["wallet", "state"], name="hold_open")]

    def __str__(self) -> str:
        return f"{self.state} {self.credits} {self.reference}"
