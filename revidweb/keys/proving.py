"""Prove the keys against the book: what must be true of every key, its member and its wallet.

Each fact is asked in one statement, which sees one moment: so it may run while money moves. What must be true of
wallets alone is the book's own check, and whether the counted jobs are there is the jobs'.
"""

from collections.abc import Callable, Iterator
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce

from revidweb.accounts.models import MemberState
from revidweb.credits.checking import Fault
from revidweb.credits.models import Entry, TransferKind, Wallet, WalletKind

from .models import ApiKey, KeySecret


def faults() -> Iterator[Fault]:
    """Every fault of the keys, check by check; none when they are sound."""
    for check in CHECKS:
        yield from check()


def sizes() -> dict[str, int]:
    """How many rows were looked at, by table."""
    return {"keys": ApiKey.objects.count(), "secrets": KeySecret.objects.count()}


def keys_stay_in_their_tenant() -> Iterator[Fault]:
    """A key's member and wallet are of its own tenant."""
    foreign = (Q(member__isnull=False) & ~Q(member__tenant=F("tenant"))) | (
        Q(wallet__isnull=False) & ~Q(wallet__tenant=F("tenant"))
    )
    for key, tenant, members, wallets in _wrong(foreign, "tenant", "member__tenant", "wallet__tenant"):
        yield Fault("key_tenant", key, f"tenant {tenant}", f"member of {members}, wallet of {wallets}")


def wallets_have_their_keys() -> Iterator[Fault]:
    """A key's own wallet is a key's wallet, and each of those has its key."""
    for key, kind in _wrong(Q(wallet__isnull=False) & ~Q(wallet__kind=WalletKind.KEY), "wallet__kind"):
        yield Fault("key_wallet", key, "a key's wallet", f"a {kind} wallet")
    alone = Wallet.objects.filter(~Exists(ApiKey.objects.filter(wallet=OuterRef("pk"))), kind=WalletKind.KEY)
    for pk in alone.values_list("pk", flat=True).iterator():
        yield Fault("wallet_without_key", f"wallet {pk}", "a key", "none")


def wallets_close_with_their_keys() -> Iterator[Fault]:
    """The wallet of a revoked key is closed, every other key's is open."""
    alike = Q(revoked_at__isnull=True, wallet__closed_at__isnull=True)
    alike |= Q(revoked_at__isnull=False, wallet__closed_at__isnull=False)
    for key, revoked, closed in _wrong(Q(wallet__isnull=False) & ~alike, "revoked_at", "wallet__closed_at"):
        yield Fault("key_wallet_open", key, "closed" if revoked else "open", f"closed at {closed}")


def keys_end_with_their_members() -> Iterator[Fault]:
    """Who was removed has no key that works."""
    for (key,) in _wrong(Q(member__state=MemberState.REMOVED, revoked_at__isnull=True)):
        yield Fault("key_of_removed", key, "revoked", "live")


def keys_count_what_filled_them() -> Iterator[Fault]:
    """`filled` is what was ever paid into the key's own wallet; a shared key counts nothing."""
    came_in = Entry.objects.filter(wallet=OuterRef("wallet"), credits__gt=0)
    came_in = came_in.exclude(transfer__kind=TransferKind.REFUND)
    return _differing("key_filled", ApiKey.objects.all(), came_in, Sum("credits"), "filled")


def keys_count_what_they_spent() -> Iterator[Fault]:
    """`spent` is what was ever captured from the key's own wallet, less what came back of it; a shared key's is not
    told apart in the book.
    """
    kinds = [TransferKind.CAPTURE, TransferKind.REFUND]
    captured = Entry.objects.filter(wallet=OuterRef("wallet"), transfer__kind__in=kinds)
    keys = ApiKey.objects.filter(wallet__isnull=False)
    return _differing("key_spent", keys, captured, -Sum("credits"), "spent")


CHECKS: tuple[Callable[[], Iterator[Fault]], ...] = (
    keys_stay_in_their_tenant,
    wallets_have_their_keys,
    wallets_close_with_their_keys,
    keys_end_with_their_members,
    keys_count_what_filled_them,
    keys_count_what_they_spent,
)


def _wrong(wrong: Q, *columns: str) -> Iterator[tuple[Any, ...]]:
    for public_id, *found in ApiKey.objects.filter(wrong).values_list("public_id", *columns).iterator():
        yield (f"key {public_id}", *found)


def _differing(
    what: str, keys: QuerySet[ApiKey], entries: QuerySet[Entry], total: Combinable, stored: str
) -> Iterator[Fault]:
    """The keys whose stored figure is not the total of these entries."""
    booked = Subquery(entries.order_by().values("wallet").annotate(total=total).values("total"))
    wrong = keys.annotate(booked=Coalesce(booked, 0)).exclude(booked=F(stored))
    for public_id, due, found in wrong.values_list("public_id", "booked", stored).iterator():
        yield Fault(what, f"key {public_id}", str(due), str(found))
