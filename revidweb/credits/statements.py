"""Read a book: its figures, and its entries as a bank would print them. A book is one wallet, or many together."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from django.db.models import Aggregate, Case, Count, OuterRef, Q, QuerySet, Subquery, Sum, When
from django.db.models.functions import Coalesce

from revidweb.accounts.models import Tenant

from . import books
from .books import Book, Together
from .models import IS_CAPTURE, METERED, Entry, Hold, HoldState, TransferKind, Wallet

NONE: Mapping[int, Wallet] = MappingProxyType({})
_EDGE = 150  # entries beside some days' own that are looked at with them at first
PAID = ("capture:job:", "refund:job:")  # what a reference says before the job that it paid for, or gives back
_OF_JOB = (*PAID, "return:job:")


@dataclass(frozen=True)
class Line:
    """One entry of a statement. `credits` is signed: + came in, - went out."""

    id: int  # where the next page goes on
    at: datetime  # aware UTC
    kind: TransferKind
    reference: str  # the cause, "capture:job:job_…"
    note: str
    actor: str  # as the trail writes it
    wallet: Wallet  # whose line it is, with its member and person
    other: Wallet | None  # the wallet on the other side, with its member and person; None for what jobs cost
    credits: int
    balance_after: int  # of the book, whatever is filtered


@dataclass(frozen=True)
class Wanted:
    """Which lines: of one kind ("" all), from `since` up to, not including, `until` (aware; None is open).

    job: a job's whole public id, "" for all: what it cost, and what came back of it.
    """

    kind: str = ""
    job: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def covers(self, at: datetime) -> bool:
        """Whether it is of the wanted days."""
        return (self.since is None or at >= self.since) and (self.until is None or at < self.until)


EVERYTHING = Wanted()


@dataclass(frozen=True)
class Page:
    """A stretch of a statement, newest first, and where the pages beside it begin; None where there is none."""

    lines: list[Line]
    older: int | None  # `before` of the next page
    newer: int | None  # `after` of the page before


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


def lines(
    book: Book,
    *,
    before: int | None = None,
    after: int | None = None,
    limit: int = 50,
    wanted: Wanted = EVERYTHING,
    wallets: Mapping[int, Wallet] = NONE,
) -> list[Line]:
    """The book's entries, newest first: at most three queries however long it is, and for some days one more.

    before: a line's id; only older ones follow. after: the newer ones next to that line. wallets: some that are at
    hand, by id, with their members and persons; others are asked for.
    """
    entries = books.entries(book).filter(books.stretch(book, wanted.since, wanted.until), _asked(wanted))
    if after is not None:
        found = _walked(book, entries.filter(pk__gt=after).order_by("id"), wanted, limit)[::-1]
    else:
        older = entries if before is None else entries.filter(pk__lt=before)
        found = _walked(book, older.order_by("-id"), wanted, limit)
    known = _with_missing(wallets, found)
    balances = books.balances(book, found, is_whole=wanted == EVERYTHING)
    return [_line(entry, known, balances[entry.pk]) for entry in found]


def page(
    book: Book,
    *,
    before: int | None = None,
    after: int | None = None,
    limit: int = 50,
    wanted: Wanted = EVERYTHING,
    wallets: Mapping[int, Wallet] = NONE,
) -> Page:
    """`lines`, and the ways to the pages beside them. Too few newer lines for a page: the first page."""
    found = lines(book, before=before, after=after, limit=limit + 1, wanted=wanted, wallets=wallets)
    if after is None:
        shown, has_older, has_newer = found[:limit], len(found) > limit, before is not None
    elif len(found) > limit:
        shown, has_older, has_newer = found[1:], True, True
    else:
        return page(book, limit=limit, wanted=wanted, wallets=wallets)
    return Page(shown, shown[-1].id if shown and has_older else None, shown[0].id if shown and has_newer else None)


def found(book: Book, wanted: Wanted = EVERYTHING) -> QuerySet[Entry]:
    """All entries of a statement that are asked for, newest first, each with its `balance`: for a file."""
    return books.with_balance(book, _asked(wanted) & _within(wanted)).order_by("-id")


def job_of(reference: str) -> str:
    """The public id of the job that a cause paid for, or that it gives back; "" for none."""
    return next((reference.removeprefix(cause) for cause in PAID if reference.startswith(cause)), "")


def has_lines(book: Book) -> bool:
    """Whether anything ever moved in it. One query."""
    return books.entries(book).exists()


def summary(wallet: Wallet) -> Summary:
    """The wallet's figures as they were read, with the count of its open holds."""
    return Summary(
        balance=wallet.balance,
        held=wallet.held,
        free=wallet.free,
        holds=wallet.holds.filter(state=HoldState.OPEN).count(),
    )


def together(tenant: Tenant) -> Summary:
    """What the tenant's members and keys hold together. One query."""
    wallets = Wallet.objects.filter(tenant=tenant, kind__in=METERED)
    holds = Hold.objects.filter(state=HoldState.OPEN, wallet__tenant=tenant, wallet__kind__in=METERED)
    sums = Tenant.objects.filter(pk=tenant.pk).values_list(
        _total(wallets.values("tenant"), Sum("balance")),
        _total(wallets.values("tenant"), Sum("held")),
        _total(holds.values("wallet__tenant"), Count("pk")),
    )
    balance, held, count = sums.get()
    return Summary(balance=balance, held=held, free=balance - held, holds=count)


def _total(groups: "QuerySet[Any, Any]", total: Aggregate) -> Coalesce:
    """The aggregate of the one group as a subquery; 0 where there is none."""
    return Coalesce(Subquery(groups.order_by().annotate(total=total).values("total")), 0)


def figures(book: Book) -> "Summary | HouseSummary":
    """What stands above the statement."""
    if isinstance(book, Together):
        return together(book.tenant)
    return summary(book) if book.is_metered else house_summary(book)


def house_summary(house: Wallet) -> HouseSummary:
    """What the house issued and spent since the tenant began, and what is held on it. One query."""
    balance, moved, held, holds = books.house_sums(house)
    return HouseSummary(issued=-moved, spent=moved - balance, held=held, holds=holds)


def _asked(wanted: Wanted) -> Q:
    """All but the days."""
    asked = Q(kind=wanted.kind) if wanted.kind else Q()
    if wanted.kind and wanted.kind != TransferKind.CAPTURE:
        asked &= ~IS_CAPTURE  # said outright, so that SQLite too takes the index of the few
    if wanted.job:
        asked &= Q(transfer__reference__in=[f"{cause}{wanted.job}" for cause in _OF_JOB])
    return asked


def _within(wanted: Wanted) -> Q:
    since = Q(transfer__at__gte=wanted.since) if wanted.since else Q()
    return since & Q(transfer__at__lt=wanted.until) if wanted.until else since


def _walked(book: Book, rows: QuerySet[Entry], wanted: Wanted, limit: int) -> list[Any]:
    """The first of these rows that are of the wanted days, marked, and with the wallet on the other side.

    The days are looked at here: a database that does not know that ids and days go together would read and sort all of
    the days' rows for the first few. The stretch is narrow, so that hardly more are looked at than are shown.
    """
    sides = Entry.objects.filter(transfer=OuterRef("transfer")).exclude(pk=OuterRef("pk"))
    other = Case(When(~IS_CAPTURE, then=Subquery(sides.values("wallet")[:1])))
    whole = books.marked(book, rows.select_related("transfer").annotate(other_id=other))
    if not wanted.since and not wanted.until:
        return list(whole[:limit])
    found: list[Any] = []
    seen, step, is_more = 0, limit + _EDGE, True
    while is_more and len(found) < limit:
        some = list(whole[seen : seen + step])
        found += [line for line in some if wanted.covers(line.transfer.at)]
        seen, step, is_more = seen + step, step * 4, len(some) == step
    return found[:limit]


def _with_missing(wallets: Mapping[int, Wallet], lines: list[Any]) -> dict[int, Wallet]:
    """These wallets, and those of the lines that are not among them. One query, none where none is missing."""
    missing = {pk for line in lines for pk in (line.wallet_id, line.other_id) if pk} - wallets.keys()
    rows = Wallet.objects.filter(pk__in=missing).select_related("member__person") if missing else []
    return {**wallets, **{row.pk: row for row in rows}}


def _line(entry: Any, wallets: Mapping[int, Wallet], balance: int) -> Line:
    its = entry.transfer
    return Line(
        id=entry.pk,
        at=its.at,
        kind=TransferKind(its.kind),
        reference=its.reference,
        note=its.note,
        actor=its.actor,
        wallet=wallets[entry.wallet_id],
        other=wallets[entry.other_id] if entry.other_id else None,
        credits=entry.credits,
        balance_after=balance,
    )
