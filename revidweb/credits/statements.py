"""Read a book: its figures, and its entries as a bank would print them. A book is one wallet, or many together."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from revidweb.accounts.models import Tenant

from . import books
from .books import Book, Together
from .models import IS_CAPTURE, METERED, Entry, Hold, HoldState, TransferKind, Wallet

_STEP = 500  # entries that are looked at at first for those of some days
_OF_JOB = ("capture", "return", "refund")  # what a reference says before "job:job_…"


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
    spent: int  # captured from the house itself
    held: int
    holds: int


def lines(
    book: Book,
    *,
    before: int | None = None,
    after: int | None = None,
    limit: int = 50,
    wanted: Wanted = EVERYTHING,
) -> list[Line]:
    """The book's entries, newest first: two queries however long it is, and two more where it stores no balance.

    before: a line's id; only older ones follow. after: the newer ones next to that line. Days cost some four
    queries more.
    """
    entries = books.entries(book).filter(books.stretch(book, wanted.since, wanted.until), _asked(wanted))
    if after is not None:
        found = _walked(entries.filter(pk__gt=after).order_by("id"), wanted, limit)[::-1]
    else:
        older = entries if before is None else entries.filter(pk__lt=before)
        found = _walked(older.order_by("-id"), wanted, limit)
    others = _others([line for line in found if line.kind != TransferKind.CAPTURE])
    balances = books.balances(book, found, is_whole=wanted == EVERYTHING)
    return [_line(entry, others.get(entry.pk), balances[entry.pk]) for entry in found]


def page(
    book: Book,
    *,
    before: int | None = None,
    after: int | None = None,
    limit: int = 50,
    wanted: Wanted = EVERYTHING,
) -> Page:
    """`lines`, and the ways to the pages beside them. Too few newer lines for a page: the first page."""
    found = lines(book, before=before, after=after, limit=limit + 1, wanted=wanted)
    if after is None:
        shown, has_older, has_newer = found[:limit], len(found) > limit, before is not None
    elif len(found) > limit:
        shown, has_older, has_newer = found[1:], True, True
    else:
        return page(book, limit=limit, wanted=wanted)
    return Page(shown, shown[-1].id if shown and has_older else None, shown[0].id if shown and has_newer else None)


def found(book: Book, wanted: Wanted = EVERYTHING) -> QuerySet[Entry]:
    """All entries of a statement that are asked for, newest first, each with its `balance`: for a file."""
    return books.with_balance(book, _asked(wanted) & _within(wanted)).order_by("-id")


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
    """What the tenant's members and keys hold together. Two queries."""
    wallets = Wallet.objects.filter(tenant=tenant, kind__in=METERED)
    sums = wallets.aggregate(balance=Coalesce(Sum("balance"), 0), held=Coalesce(Sum("held"), 0))
    holding = wallets.filter(held__gt=0)
    holds = Hold.objects.filter(wallet__in=holding.values("pk"), state=HoldState.OPEN).count()
    return Summary(balance=sums["balance"], held=sums["held"], free=sums["balance"] - sums["held"], holds=holds)


def figures(book: Book) -> "Summary | HouseSummary":
    """What stands above the statement."""
    if isinstance(book, Together):
        return together(book.tenant)
    return summary(book) if book.is_metered else house_summary(book)


def house_summary(house: Wallet) -> HouseSummary:
    """What the house issued and spent since the tenant began, and what is held on it. Three queries."""
    balance, moved = books.now(house)
    open_holds = Hold.objects.filter(wallet=house, state=HoldState.OPEN)
    holds = open_holds.aggregate(credits=Coalesce(Sum("credits"), 0), count=Count("pk"))
    return HouseSummary(issued=-moved, spent=moved - balance, held=holds["credits"], holds=holds["count"])


def _asked(wanted: Wanted) -> Q:
    """All but the days."""
    asked = Q(kind=wanted.kind) if wanted.kind else Q()
    if wanted.kind and wanted.kind != TransferKind.CAPTURE:
        asked &= ~IS_CAPTURE  # said outright, so that SQLite too takes the index of the few
    if wanted.job:
        asked &= Q(transfer__reference__in=[f"{deed}:job:{wanted.job}" for deed in _OF_JOB])
    return asked


def _within(wanted: Wanted) -> Q:
    since = Q(transfer__at__gte=wanted.since) if wanted.since else Q()
    return since & Q(transfer__at__lt=wanted.until) if wanted.until else since


def _walked(rows: QuerySet[Entry], wanted: Wanted, limit: int) -> list[Entry]:
    """The first of these rows that are of the wanted days.

    The days are looked at here: a database that does not know that ids and days go together would read and sort all of
    the days' rows for the first few. The stretch is narrow, so that hardly more are looked at than are shown.
    """
    whole = rows.select_related("transfer", "wallet__member__person")
    if not wanted.since and not wanted.until:
        return list(whole[:limit])
    found: list[int] = []
    seen, step = 0, _STEP
    places = rows.values_list("pk", "transfer__at")
    while len(found) < limit and (some := list(places[seen : seen + step])):
        found += [pk for pk, at in some if wanted.covers(at)]
        seen, step = seen + step, step * 4
    return list(whole.filter(pk__in=found[:limit])) if found else []


def _others(lines: list[Entry]) -> dict[int, Wallet]:
    """The wallet on the other side of each entry, by the entry. One query, none for none."""
    sides = Entry.objects.filter(transfer__in={line.transfer_id for line in lines}).select_related(
        "wallet__member__person"
    )
    wallets: dict[int, list[Wallet]] = {}
    for side in sides if lines else ():
        wallets.setdefault(side.transfer_id, []).append(side.wallet)
    pairs = [(line, wallet) for line in lines for wallet in wallets[line.transfer_id]]
    return {line.pk: wallet for line, wallet in pairs if wallet.pk != line.wallet_id}


def _line(entry: Entry, other: Wallet | None, balance: int) -> Line:
    its = entry.transfer
    return Line(
        id=entry.pk,
        at=its.at,
        kind=TransferKind(its.kind),
        reference=its.reference,
        note=its.note,
        actor=its.actor,
        wallet=entry.wallet,
        other=other,
        credits=entry.credits,
        balance_after=balance,
    )
