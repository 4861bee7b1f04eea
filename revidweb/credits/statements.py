"""Read the book: one wallet's figures, and its entries as a bank would print them."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Aggregate, Count, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from .models import Entry, Hold, HoldState, TransferKind, Wallet


@dataclass(frozen=True)
class Line:
    """One entry of a statement. `credits` is signed: + came in, - went out."""

    id: int  # where the next page goes on
    at: datetime  # aware UTC
    kind: TransferKind
    reference: str  # the cause, "capture:job:job_…"
    note: str
    actor: str  # as the trail writes it
    other: Wallet | None  # the wallet on the other side, with its member and person
    credits: int
    balance_after: int | None  # None for house and spent, which store no balance


@dataclass(frozen=True)
class Wanted:
    """Which lines: of one kind ("" all), from `since` up to, not including, `until` (aware; None is open)."""

    kind: str = ""
    since: datetime | None = None
    until: datetime | None = None


EVERYTHING = Wanted()


@dataclass(frozen=True)
class Page:
    """A stretch of a statement, newest first, and where the pages beside it begin; None where there is none."""

    lines: list[Line]
    older: int | None  # `before` of the next page
    newer: int | None  # `after` of the page before


@dataclass(frozen=True)
class Summary:
    """A wallet's figures in credits, and how many holds are open on it."""

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


def lines(
    wallet: Wallet,
    *,
    before: int | None = None,
    after: int | None = None,
    limit: int = 50,
    wanted: Wanted = EVERYTHING,
) -> list[Line]:
    """The wallet's entries, newest first, in two queries however long the book is.

    before: a line's id; only older ones follow. after: the newer ones next to that line.
    """
    entries = _filtered(wallet, wanted).select_related("transfer")
    if after is not None:
        found = list(entries.filter(pk__gt=after).order_by("id")[:limit])[::-1]
    else:
        older = entries if before is None else entries.filter(pk__lt=before)
        found = list(older.order_by("-id")[:limit])
    others = _others(wallet, [entry.transfer_id for entry in found])
    return [_line(entry, others.get(entry.transfer_id)) for entry in found]


def page(
    wallet: Wallet,
    *,
    before: int | None = None,
    after: int | None = None,
    limit: int = 50,
    wanted: Wanted = EVERYTHING,
) -> Page:
    """`lines`, and the ways to the pages beside them. Too few newer lines for a page: the first page."""
    found = lines(wallet, before=before, after=after, limit=limit + 1, wanted=wanted)
    if after is None:
        shown, has_older, has_newer = found[:limit], len(found) > limit, before is not None
    elif len(found) > limit:
        shown, has_older, has_newer = found[1:], True, True
    else:
        return page(wallet, limit=limit, wanted=wanted)
    return Page(shown, shown[-1].id if shown and has_older else None, shown[0].id if shown and has_newer else None)


def summary(wallet: Wallet) -> Summary:
    """The wallet's figures as they were read, with the count of its open holds."""
    return Summary(
        balance=wallet.balance,
        held=wallet.held,
        free=wallet.free,
        holds=wallet.holds.filter(state=HoldState.OPEN).count(),
    )


def house_summary(house: Wallet) -> HouseSummary:
    """What the house issued and spent since the tenant began, summed from its entries in one query."""
    entries = Entry.objects.filter(wallet=OuterRef("pk"))
    open_holds = Hold.objects.filter(wallet=OuterRef("pk"), state=HoldState.OPEN)
    sums = Wallet.objects.filter(pk=house.pk).values_list(
        _total(entries, Sum("credits")),
        _total(entries.exclude(transfer__kind__in=[TransferKind.CAPTURE, TransferKind.REFUND]), Sum("credits")),
        _total(open_holds, Sum("credits")),
        _total(open_holds, Count("pk")),
    )
    given, issued, held, holds = sums.get()
    return HouseSummary(issued=-issued, spent=issued - given, held=held, holds=holds)


def _total(rows: "QuerySet[Entry] | QuerySet[Hold]", total: Aggregate) -> Coalesce:
    """The aggregate of one wallet's rows as a subquery; 0 where there are none."""
    return Coalesce(Subquery(rows.values("wallet").annotate(total=total).values("total")), 0)


def _filtered(wallet: Wallet, wanted: Wanted) -> QuerySet[Entry]:
    entries = wallet.entries.all()
    if wanted.kind:
        entries = entries.filter(transfer__kind=wanted.kind)
    if wanted.since:
        entries = entries.filter(transfer__at__gte=wanted.since)
    return entries.filter(transfer__at__lt=wanted.until) if wanted.until else entries


def _others(wallet: Wallet, transfers: list[int]) -> dict[int, Wallet]:
    """The wallet on the other side of each transfer."""
    entries = Entry.objects.filter(transfer__in=transfers).exclude(wallet=wallet)
    return {entry.transfer_id: entry.wallet for entry in entries.select_related("wallet__member__person")}


def _line(entry: Entry, other: Wallet | None) -> Line:
    its = entry.transfer
    return Line(
        id=entry.pk,
        at=its.at,
        kind=TransferKind(its.kind),
        reference=its.reference,
        note=its.note,
        actor=its.actor,
        other=other,
        credits=entry.credits,
        balance_after=entry.balance_after,
    )
