"""Read a book: its entries as a bank would print them. A book is one wallet, or many together."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

from django.db.models import BigIntegerField, Case, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce

from revidweb.accounts import members
from revidweb.lib import kept
from revidweb.lib.kept import Word

from . import books
from .books import Book, Ids
from .models import IS_CAPTURE, Entry, TransferKind, Wallet, WalletKind

_END = 2**63 - 1  # above any entry's id
_EDGE = 150  # entries beside some days' own that are looked at with them at first
PAID = ("capture:job:", "refund:job:")  # what a reference says before the job that it paid for, or gives back
_OF_JOB = (*PAID, "return:job:")


@dataclass(frozen=True)
class NamedWallet:
    """A wallet as a statement names it. public_id, name: of its member or its key; "" where none is named."""

    id: int
    kind: str
    public_id: str = ""
    name: str = ""


NONE: Mapping[int, NamedWallet] = MappingProxyType({})


@dataclass(frozen=True)
class Line:
    """One entry of a statement. `credits` is signed: + came in, - went out."""

    id: int  # where the next page goes on
    at: datetime  # aware UTC
    kind: TransferKind
    reference: str  # the cause, "capture:job:job_…"
    note: str
    actor: str  # as the trail writes it
    wallet: NamedWallet  # whose line it is
    other: NamedWallet | None  # the wallet on the other side; None for what jobs cost
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


class _Read(NamedTuple):
    """An entry as it is read for a line. mark, total: see `books.marked`."""

    pk: int
    wallet: int
    kind: str
    credits: int
    balance_after: int | None
    at: datetime
    reference: str
    note: str
    actor: str
    other: int | None
    other_kind: str | None
    mark: int = 0
    total: int = 0


_OF_TRANSFER = ("transfer__at", "transfer__reference", "transfer__note", "transfer__actor")
_COLUMNS = ("pk", "wallet_id", "kind", "credits", "balance_after", *_OF_TRANSFER)


def lines(
    book: Book,
    *,
    before: int | None = None,
    after: int | None = None,
    limit: int = 50,
    wanted: Wanted = EVERYTHING,
    wallets: Mapping[int, NamedWallet] = NONE,
) -> list[Line]:
    """The book's entries, newest first: at most three queries however long it is, and for some days one more.

    before: a line's id; only older ones follow. after: the newer ones next to that line. wallets: some that are at
    hand, by id; others are asked for, and named only where they are a member's.
    """
    is_newer = after is not None
    place = next(each for each in (after, before, _END) if each is not None)
    if wanted == EVERYTHING:
        found = _beside(book, place, is_newer=is_newer, limit=limit)
    else:
        found = _walked(book, place, wanted, is_newer=is_newer, limit=limit)
    if is_newer:
        found.reverse()
    known = _named(book, found, wallets)
    balances = books.balances(book, found, is_whole=wanted == EVERYTHING)
    return [_line(read, known, balances[read.pk]) for read in found]


def page(
    book: Book,
    *,
    before: int | None = None,
    after: int | None = None,
    limit: int = 50,
    wanted: Wanted = EVERYTHING,
    wallets: Mapping[int, NamedWallet] = NONE,
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


def _beside(book: Book, place: int, *, is_newer: bool, limit: int) -> list[_Read]:
    """The book's entries next to a place, the nearest first: what most pages ask, by a kept statement."""
    its = books.ids(book)
    beside = _kept(is_wallet=its.wallet is not None, stores_balance=its.stores_balance, is_newer=is_newer, limit=limit)
    return [_Read(*each) for each in beside.all(tenant=its.tenant, wallet=its.wallet, place=place)]


@lru_cache(maxsize=32)  # a program may ask for a page of any length
def _kept(*, is_wallet: bool, stores_balance: bool, is_newer: bool, limit: int) -> kept.Values:
    tenant, wallet, place = (Word(name, BigIntegerField()) for name in ("tenant", "wallet", "place"))
    its = Ids(tenant, wallet if is_wallet else None, stores_balance)
    return kept.Values(lambda: _read(its, books.entries_of(its), place, is_newer=is_newer)[:limit])


def _walked(book: Book, place: int, wanted: Wanted, *, is_newer: bool, limit: int) -> list[_Read]:
    """As `_beside`, of what is wanted.

    The days are looked at here: a database that does not know that ids and days go together would read and sort all of
    the days' rows for the first few. The stretch is narrow, so that hardly more are looked at than are shown.
    """
    entries = books.entries(book).filter(books.stretch(book, wanted.since, wanted.until), _asked(wanted))
    whole = _read(books.ids(book), entries, place, is_newer=is_newer)
    if not wanted.since and not wanted.until:
        return [_Read(*each) for each in whole[:limit]]
    found: list[_Read] = []
    seen, step, is_more = 0, limit + _EDGE, True
    while is_more and len(found) < limit:
        some = [_Read(*each) for each in whole[seen : seen + step]]
        found += [line for line in some if wanted.covers(line.at)]
        seen, step, is_more = seen + step, step * 4, len(some) == step
    return found[:limit]


def _read(its: Ids, entries: QuerySet[Entry], place: int | Word, *, is_newer: bool) -> "QuerySet[Any, Any]":
    """Those of the entries that are newer than a place, or older, the nearest first, as `_Read` has them."""
    rows = entries.filter(pk__gt=place).order_by("id") if is_newer else entries.filter(pk__lt=place).order_by("-id")
    marked = books.marked(its, rows.annotate(other=_other("wallet"), other_kind=_other("wallet__kind")))
    return marked.values_list(*_COLUMNS, *marked.query.annotations)


def _other(column: str) -> Case:
    """Of the wallet on the other side, where that is not only where captured credits end."""
    sides = Entry.objects.filter(transfer=OuterRef("transfer")).exclude(pk=OuterRef("pk"))
    return Case(When(~IS_CAPTURE, then=Subquery(sides.values(column)[:1])))


def _named(book: Book, lines: list[_Read], at_hand: Mapping[int, NamedWallet]) -> dict[int, NamedWallet]:
    """The wallets of the lines. One query where a member's is to be named, or one of many is not at hand."""
    unnamed = {line.other: line.other_kind for line in lines if line.other and line.other_kind != WalletKind.MEMBER}
    if isinstance(book, Wallet):
        unnamed[book.pk] = book.kind
    known = {pk: NamedWallet(pk, kind or "") for pk, kind in unnamed.items()} | dict(at_hand)
    missing = {pk for line in lines for pk in (line.wallet, line.other) if pk} - known.keys()
    words = [Coalesce(word, Value("")) for word in ("member__public_id", members.called("member__"))]
    rows = Wallet.objects.filter(pk__in=missing).values_list("pk", "kind", *words) if missing else []
    return known | {pk: NamedWallet(pk, *words) for pk, *words in rows}


def _line(read: _Read, wallets: Mapping[int, NamedWallet], balance: int) -> Line:
    return Line(
        id=read.pk,
        at=read.at,
        kind=TransferKind(read.kind),
        reference=read.reference,
        note=read.note,
        actor=read.actor,
        wallet=wallets[read.wallet],
        other=wallets[read.other] if read.other else None,
        credits=read.credits,
        balance_after=balance,
    )
