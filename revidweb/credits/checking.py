"""Prove the book: what must be true of every wallet, transfer, entry and hold, asked of the database itself.

Each fact is asked in one statement, which sees one moment: so it may run while money moves. Only what is wrong comes
back.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, connection
from django.db.models import (
    Aggregate,
    BigIntegerField,
    Count,
    F,
    FilteredRelation,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    Window,
)
from django.db.models.functions import Coalesce, Concat, Lag, Substr

from revidweb.accounts.models import MemberState

from . import sql
from .books import MOVED
from .ledger import REFUND
from .models import (
    IS_METERED,
    METERED,
    Checkpoint,
    Entry,
    Hold,
    HoldState,
    Shelf,
    Transfer,
    TransferKind,
    Wallet,
    WalletKind,
)

_METERED = Q(kind__in=METERED)
_OF_METERED = Q(wallet__kind__in=METERED)
_OF_HOUSE = Q(wallet__kind=WalletKind.HOUSE)
_OF_SPENT = Q(wallet__kind=WalletKind.SPENT)
_IN, _OUT = Q(credits__gt=0), Q(credits__lt=0)


@dataclass(frozen=True)
class Fault:
    """One thing in the book that is not as it must be."""

    what: str  # a stable word, "transfer_sum"
    where: str  # the row, "transfer 12 (grant:…)"
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.what}: {self.where}: expected {self.expected}, found {self.found}"


def faults() -> Iterator[Fault]:
    """Every fault of the book, check by check; none when it is sound."""
    for check in CHECKS:
        yield from check()


def sizes() -> dict[str, int]:
    """How many rows the book has, by table."""
    tables = {"wallets": Wallet, "transfers": Transfer, "entries": Entry, "holds": Hold}
    return {name: table._default_manager.count() for name, table in tables.items()}


def guards_stand() -> Iterator[Fault]:
    """The triggers that forbid changes are in place."""
    for name in sql.missing(connection):
        yield Fault("guard_missing", f"trigger {name}", "in place", "missing or switched off")


@contextmanager
def summed_at_once() -> Iterator[None]:
    """Prove the transfers of the caller's transaction together, not one by one: for a million of them.

    Raises IntegrityError where one does not sum to zero. Meanwhile the guards of sums are off, for this transaction.
    """
    sql.switch_sums(connection, on=False)
    yield
    sql.switch_sums(connection, on=True)
    for fault in transfers_sum_to_zero():
        raise IntegrityError(str(fault))


def transfers_sum_to_zero() -> Iterator[Fault]:
    """What one wallet gives, another gets."""
    summed = Transfer.objects.annotate(total=Coalesce(Sum("entries__credits"), 0), sides=Count("entries"))
    wrong = summed.filter(~Q(total=0) | Q(sides__lt=2))
    for pk, reference, total, sides in wrong.values_list("pk", "reference", "total", "sides").iterator():
        where = _transfer(pk, reference)
        yield Fault("transfer_sum", where, "2 or more entries that sum to 0", f"{sides} that sum to {total}")


def balances_are_booked() -> Iterator[Fault]:
    """A metered wallet's balance is the sum of its entries."""
    booked = Wallet.objects.filter(_METERED).annotate(booked=Coalesce(Sum("entries__credits"), 0))
    return _differing("wallet_balance", booked.exclude(balance=F("booked")), "booked", "balance")


def holds_are_held() -> Iterator[Fault]:
    """A metered wallet's `held` is the sum of its open holds."""
    is_open = FilteredRelation("holds", condition=Q(holds__state=HoldState.OPEN))
    summed = Wallet.objects.filter(_METERED).annotate(still=is_open, set_aside=Coalesce(Sum("still__credits"), 0))
    return _differing("wallet_held", summed.exclude(held=F("set_aside")), "set_aside", "held")


def nothing_is_overdrawn() -> Iterator[Fault]:
    """No metered wallet holds more than it has, nor ever went below zero."""
    overdrawn = Wallet.objects.filter(_METERED).filter(Q(held__lt=0) | Q(balance__lt=F("held")))
    for pk, balance, held in overdrawn.values_list("pk", "balance", "held").iterator():
        yield Fault("wallet_overdrawn", f"wallet {pk}", "0 <= held <= balance", f"held {held}, balance {balance}")
    for pk, wallet, after in Entry.objects.filter(balance_after__lt=0).values_list("pk", "wallet", "balance_after"):
        yield Fault("entry_overdrawn", _entry(pk, wallet), "a balance of 0 or more", str(after))


def unmetered_wallets_store_nothing() -> Iterator[Fault]:
    """`house` and `spent` keep no figures, neither on themselves nor on their entries."""
    storing = Wallet.objects.exclude(_METERED).exclude(balance=0, held=0)
    for pk, balance, held in storing.values_list("pk", "balance", "held").iterator():
        yield Fault("wallet_stores", f"wallet {pk}", "balance 0, held 0", f"balance {balance}, held {held}")
    entries = Entry.objects.exclude(_OF_METERED).exclude(balance_after=None)
    for pk, wallet, after in entries.values_list("pk", "wallet", "balance_after").iterator():
        yield Fault("entry_stores", _entry(pk, wallet), "no balance", str(after))


def closed_wallets_are_empty() -> Iterator[Fault]:
    """In a closed wallet nothing is free, and only a metered one can be closed."""
    wrong = Wallet.objects.filter(closed_at__isnull=False).exclude(_METERED & Q(balance=F("held")))
    for pk, kind, balance, held in wrong.values_list("pk", "kind", "balance", "held").iterator():
        found = f"a {kind} wallet with balance {balance}, held {held}"
        yield Fault("wallet_closed", f"wallet {pk}", "a metered wallet with nothing free", found)


def wallets_close_with_their_members() -> Iterator[Fault]:
    """The wallet of a removed member is closed, every other member's is open."""
    is_removed = Q(member__state=MemberState.REMOVED)
    right = (is_removed & Q(closed_at__isnull=False)) | (~is_removed & Q(closed_at__isnull=True))
    wrong = Wallet.objects.filter(kind=WalletKind.MEMBER).exclude(right)
    for pk, state, closed_at in wrong.values_list("pk", "member__state", "closed_at").iterator():
        expected = "closed" if state == MemberState.REMOVED else "open"
        yield Fault("wallet_open", f"wallet {pk} of a member who is {state}", expected, f"closed at {closed_at}")


def balances_follow_each_other() -> Iterator[Fault]:
    """Each entry of a metered wallet takes up the balance that the one before it left."""
    before = Coalesce(Window(Lag("balance_after"), partition_by=F("wallet"), order_by=F("id").asc()), 0)
    chained = Entry.objects.filter(_OF_METERED).annotate(due=before + F("credits"))
    broken = chained.filter(Q(balance_after=None) | ~Q(balance_after=F("due")))
    for pk, wallet, due, after in broken.values_list("pk", "wallet", "due", "balance_after").iterator():
        yield Fault("balance_chain", _entry(pk, wallet), str(due), str(after))


def captures_match_their_transfers() -> Iterator[Fault]:
    """What a hold says was taken is what its transfer took from that wallet, under that cause."""
    side = FilteredRelation("transfer__entries", condition=Q(transfer__entries__wallet=F("wallet")))
    due = Concat(Value("capture:"), F("reference"))
    captured = Hold.objects.filter(state=HoldState.CAPTURED).annotate(side=side, moved=F("side__credits"), due=due)
    alike = Q(moved=-F("captured"), transfer__kind=TransferKind.CAPTURE, transfer__reference=F("due"))
    wrong = captured.filter(Q(moved=None) | Q(transfer=None) | ~alike)
    columns = ("pk", "reference", "captured", "moved", "transfer__reference")
    for pk, reference, credits, moved, its in wrong.values_list(*columns).iterator():
        expected = f"{-credits} by capture:{reference}"
        yield Fault("hold_capture", _hold(pk, reference), expected, f"{moved} by {its}")
    strays = Transfer.objects.filter(kind=TransferKind.CAPTURE, hold=None)
    for pk, reference in strays.values_list("pk", "reference").iterator():
        yield Fault("capture_without_hold", _transfer(pk, reference), "a captured hold", "none")


def refunds_give_back_what_was_taken() -> Iterator[Fault]:
    """A refund gives to the wallet that paid what its hold took, all of it, under that cause."""
    taken = Hold.objects.filter(state=HoldState.CAPTURED, reference=OuterRef("cause"))
    cause = Substr("transfer__reference", len(REFUND) + 1)
    given = Entry.objects.filter(transfer__kind=TransferKind.REFUND, credits__gt=0).annotate(cause=cause)
    given = given.annotate(payer=Subquery(taken.values("wallet")), due=Subquery(taken.values("captured")))
    alike = Q(wallet=F("payer"), credits=F("due"), transfer__reference__startswith=REFUND)
    wrong = given.filter(Q(due=None) | ~alike)
    columns = ("transfer", "transfer__reference", "wallet", "credits", "payer", "due")
    for pk, reference, wallet, credits, payer, due in wrong.values_list(*columns).iterator():
        found = f"{credits} to wallet {wallet}"
        yield Fault("refund", _transfer(pk, reference), f"{due or 'nothing'} to wallet {payer or '-'}", found)


def holds_end_once() -> Iterator[Fault]:
    """An open hold has no end, a released one took nothing, a captured one took something, never more than it held."""
    is_open = Q(state=HoldState.OPEN, ended_at=None, captured=0, transfer=None)
    is_released = Q(state=HoldState.RELEASED, ended_at__isnull=False, captured=0, transfer=None)
    is_captured = Q(state=HoldState.CAPTURED, ended_at__isnull=False, captured__gt=0, captured__lte=F("credits"))
    wrong = Hold.objects.exclude(is_open | is_released | is_captured)
    for pk, reference, state, credits, taken, at in wrong.values_list(
        "pk", "reference", "state", "credits", "captured", "ended_at"
    ).iterator():
        found = f"{state}, {taken} of {credits} captured, ended {at}"
        yield Fault("hold_end", _hold(pk, reference), "open, released or captured whole", found)


def credits_flow_one_way() -> Iterator[Fault]:
    """A grant goes from the house to a metered wallet, a capture from a payer to `spent`, a refund from there to a
    payer, a transfer around `spent`.
    """
    grant = Q(transfer__kind=TransferKind.GRANT) & ((_OF_HOUSE & _OUT) | (_OF_METERED & _IN))
    capture = Q(transfer__kind=TransferKind.CAPTURE) & ((_OF_SPENT & _IN) | (~_OF_SPENT & _OUT))
    refund = Q(transfer__kind=TransferKind.REFUND) & ((_OF_SPENT & _OUT) | (~_OF_SPENT & _IN))
    moved = Q(transfer__kind=TransferKind.TRANSFER) & ~_OF_SPENT & (_IN | _OUT)
    wrong = Entry.objects.exclude(grant | capture | refund | moved)
    columns = ("pk", "wallet", "wallet__kind", "credits", "transfer__kind")
    for pk, wallet, whose, credits, kind in wrong.values_list(*columns).iterator():
        yield Fault("entry_way", _entry(pk, wallet), f"the way of a {kind}", f"{credits:+d} for a {whose} wallet")


def tenants_stay_apart() -> Iterator[Fault]:
    """A transfer moves credits inside its tenant, and a wallet belongs to its member's tenant."""
    entries = Entry.objects.exclude(wallet__tenant=F("transfer__tenant"))
    columns = ("pk", "wallet", "transfer__tenant", "wallet__tenant")
    for pk, wallet, expected, found in entries.values_list(*columns).iterator():
        yield Fault("entry_tenant", _entry(pk, wallet), f"tenant {expected}", f"tenant {found}")
    wallets = Wallet.objects.filter(kind=WalletKind.MEMBER).exclude(tenant=F("member__tenant"))
    for pk, expected, found in wallets.values_list("pk", "member__tenant", "tenant").iterator():
        yield Fault("wallet_tenant", f"wallet {pk}", f"tenant {expected}", f"tenant {found}")


def keys_are_filled_from_their_tenant() -> Iterator[Fault]:
    """A key's wallet comes from the house or a member of its own tenant, never from another key."""
    right = Q(origin__kind__in=(WalletKind.HOUSE, WalletKind.MEMBER), origin__tenant=F("tenant"))
    wrong = Wallet.objects.filter(kind=WalletKind.KEY).exclude(right)
    columns = ("pk", "tenant", "origin__kind", "origin__tenant")
    for pk, tenant, kind, its in wrong.values_list(*columns).iterator():
        expected = f"the house or a member of tenant {tenant}"
        yield Fault("wallet_origin", f"wallet {pk}", expected, f"a {kind} wallet of tenant {its}")


def entries_are_of_their_transfers() -> Iterator[Fault]:
    """An entry's tenant and kind are its transfer's."""
    wrong = Entry.objects.exclude(tenant=F("transfer__tenant"), kind=F("transfer__kind"))
    columns = ("pk", "wallet", "transfer__tenant", "transfer__kind", "tenant", "kind")
    for pk, wallet, due, due_kind, tenant, kind in wrong.values_list(*columns).iterator():
        yield Fault("entry_copy", _entry(pk, wallet), f"a {due_kind} of tenant {due}", f"a {kind} of tenant {tenant}")


def checkpoints_sum_up() -> Iterator[Fault]:
    """A checkpoint goes on from the one before it, and says what the entries in between sum to."""
    for shelf, is_its in ((Shelf.TOGETHER, IS_METERED), (Shelf.HOUSE, _OF_HOUSE)):
        marks = Checkpoint.objects.filter(shelf=shelf)
        its = Entry.objects.filter(
            is_its, tenant=OuterRef("tenant"), pk__gt=OuterRef("after"), pk__lte=OuterRef("entry")
        )
        before = marks.filter(tenant=OuterRef("tenant"), entry__lt=OuterRef("entry")).order_by("-entry")
        summed = marks.annotate(
            due_after=_or_nothing(before.values("entry")),
            due_balance=_or_nothing(before.values("balance")) + _or_nothing(_totals(its, Sum("credits"))),
            due_moved=_or_nothing(before.values("moved")) + _or_nothing(_totals(its.filter(MOVED), Sum("credits"))),
            due_oldest=Subquery(_totals(its, Min("transfer__at"))),
            due_newest=Subquery(_totals(its, Max("transfer__at"))),
        )
        names = ("after", "balance", "moved", "oldest", "newest")
        said = [f"{name}_at" if name in ("oldest", "newest") else name for name in names]
        dues = [f"due_{name}" for name in names]
        right = {name: F(due) for name, due in zip(said, dues, strict=True)}
        for pk, *values in summed.exclude(**right).values_list("pk", *dues, *said).iterator():
            expected, found = (" / ".join(map(str, half)) for half in (values[:5], values[5:]))
            yield Fault("checkpoint", f"checkpoint {pk} of {shelf}", expected, found)


CHECKS: tuple[Callable[[], Iterator[Fault]], ...] = (
    guards_stand,
    transfers_sum_to_zero,
    balances_are_booked,
    holds_are_held,
    nothing_is_overdrawn,
    unmetered_wallets_store_nothing,
    closed_wallets_are_empty,
    wallets_close_with_their_members,
    balances_follow_each_other,
    captures_match_their_transfers,
    refunds_give_back_what_was_taken,
    holds_end_once,
    credits_flow_one_way,
    tenants_stay_apart,
    keys_are_filled_from_their_tenant,
    entries_are_of_their_transfers,
    checkpoints_sum_up,
)


def _totals(entries: QuerySet[Entry], total: Aggregate) -> "QuerySet[Any, Any]":
    return entries.order_by().values("tenant").annotate(total=total).values("total")


def _or_nothing(rows: "QuerySet[Any, Any]") -> Coalesce:
    """The first row's figure as a subquery; 0 where there is none."""
    return Coalesce(Subquery(rows[:1]), 0, output_field=BigIntegerField())


def _differing(what: str, wallets: QuerySet[Wallet], expected: str, found: str) -> Iterator[Fault]:
    for pk, due, stored in wallets.values_list("pk", expected, found).iterator():
        yield Fault(what, f"wallet {pk}", str(due), str(stored))


def _transfer(pk: int, reference: str) -> str:
    return f"transfer {pk} ({reference})"


def _entry(pk: int, wallet: int) -> str:
    return f"entry {pk} of wallet {wallet}"


def _hold(pk: int, reference: str) -> str:
    return f"hold {pk} ({reference})"
