"""What stands above a statement: what is there, held and free; of the house what it issued and spent."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Aggregate, BigIntegerField, Count, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from revidweb.accounts.models import Tenant
from revidweb.lib import kept
from revidweb.lib.kept import Word

from . import books
from .books import Book, Together
from .models import METERED, Hold, HoldState, Wallet


@dataclass(frozen=True)
class Summary:
    """Figures of a metered wallet, or of many, in credits, and how many holds are open."""

    balance: int
    held: int
    free: int
    holds: int


@dataclass(frozen=True)
class HouseSummary:
    """The house's figures in credits: what it gave to its members and paid itself, and what is held on it."""

    issued: int  # to members, less what came back
    spent: int  # captured from the house itself, less what was given back
    held: int
    holds: int


def with_holds(wallets: QuerySet[Wallet]) -> QuerySet[Wallet]:
    """The wallets, each with the count of its open holds, so that `summary` need not ask."""
    held = Hold.objects.filter(wallet=OuterRef("pk"), state=HoldState.OPEN)
    return wallets.annotate(open_holds=_total(held.values("wallet"), Count("pk")))


def summary(wallet: Wallet) -> Summary:
    """The wallet's figures as they were read, and its open holds. One query, and none for one found `with_holds`."""
    known: int | None = getattr(wallet, "open_holds", None)
    count = wallet.holds.filter(state=HoldState.OPEN).count() if known is None else known
    return Summary(balance=wallet.balance, held=wallet.held, free=wallet.free, holds=count)


def together(tenant: Tenant) -> Summary:
    """What the tenant's members and keys hold together. One query."""
    ((balance, held, count),) = _TOGETHER.all(tenant=tenant.pk)
    return Summary(balance=balance, held=held, free=balance - held, holds=count)


def _together() -> "QuerySet[Any, Any]":
    tenant = Word("tenant", BigIntegerField())
    wallets = Wallet.objects.filter(tenant=tenant, kind__in=METERED)
    holds = Hold.objects.filter(state=HoldState.OPEN, wallet__tenant=tenant, wallet__kind__in=METERED)
    return Tenant.objects.filter(pk=tenant).values_list(
        _total(wallets.values("tenant"), Sum("balance")),
        _total(wallets.values("tenant"), Sum("held")),
        _total(holds.values("wallet__tenant"), Count("pk")),
    )


_TOGETHER = kept.Values(_together)


def _total(groups: "QuerySet[Any, Any]", total: Aggregate) -> Coalesce:
    """The aggregate of the one group as a subquery; 0 where there is none."""
    return Coalesce(Subquery(groups.order_by().annotate(total=total).values("total")), 0)


def of(book: Book) -> "Summary | HouseSummary":
    """What stands above the statement."""
    if isinstance(book, Together):
        return together(book.tenant)
    return summary(book) if book.is_metered else house_summary(book)


def house_summary(house: Wallet) -> HouseSummary:
    """What the house issued and spent since the tenant began, and what is held on it. One query."""
    balance, moved, held, holds = books.house_sums(house)
    return HouseSummary(issued=-moved, spent=moved - balance, held=held, holds=holds)
