"""Entries that are read as one statement, and the balance after each of them.

A metered wallet's entries store theirs. What members and keys hold together, and the house, change too often for a
stored sum: theirs is the sum of the entries up to a line, from the nearest checkpoint on.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import (
    Aggregate,
    BigIntegerField,
    BooleanField,
    Case,
    Count,
    Exists,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    RowRange,
    Subquery,
    Sum,
    Value,
    When,
    Window,
)
from django.db.models.functions import Coalesce

from revidweb.accounts.models import Tenant
from revidweb.lib import kept
from revidweb.lib.kept import Word

from . import sql
from .models import IS_METERED, METERED, Checkpoint, Entry, Hold, HoldState, Shelf, Transfer, TransferKind, Wallet

MOVED = Q(kind__in=(TransferKind.GRANT, TransferKind.TRANSFER))  # all else is between a payer and `spent`


@dataclass(frozen=True)
class Together:
    """What a tenant's members and keys hold together."""

    tenant: Tenant


Book = Wallet | Together


@dataclass(frozen=True)
class Ids:
    """The ids by which a book's entries are found, or places for them in a kept statement."""

    tenant: int | Word
    wallet: int | Word | None  # None for what many wallets hold together
    stores_balance: bool  # whether each entry has its own


def ids(book: Book) -> Ids:
    """The book's."""
    if isinstance(book, Together):
        return Ids(book.tenant.pk, None, stores_balance=False)
    return Ids(book.tenant_id, book.pk, stores_balance=book.is_metered)


def entries(book: Book) -> QuerySet[Entry]:
    """Every entry of the book."""
    return entries_of(ids(book))


def entries_of(its: Ids) -> QuerySet[Entry]:
    """Every entry of the book with these ids."""
    if its.wallet is None:
        return Entry.objects.filter(IS_METERED, tenant=its.tenant)
    return Entry.objects.filter(wallet=its.wallet)


def checkpoints(book: Book) -> QuerySet[Checkpoint]:
    """Those of the shelf on which the book stands; a metered wallet's entries are among the tenant's."""
    return _checkpoints(ids(book))


def _checkpoints(its: Ids) -> QuerySet[Checkpoint]:
    shelf = Shelf.TOGETHER if its.wallet is None or its.stores_balance else Shelf.HOUSE
    return Checkpoint.objects.filter(tenant=its.tenant, shelf=shelf)


# -- balances --------------------------------------------------------------------------------------------------------


def marked(its: Ids, rows: QuerySet[Entry]) -> QuerySet[Entry]:
    """The rows, each with the nearest checkpoint below it for `balances`: its entry and its balance, 0 for none."""
    if its.stores_balance:
        return rows
    marks = _checkpoints(its).filter(entry__lte=OuterRef("pk")).order_by("-entry")
    return rows.annotate(mark=_or_nothing(_first(marks, "entry")), total=_or_nothing(_first(marks, "balance")))


def balances(book: Book, lines: "Sequence[Any]", *, is_whole: bool) -> dict[int, int]:
    """The true balance after each of these `marked` entries, newest first, by id: in at most one query.

    is_whole: the lines follow each other in the book, none between them is left out.
    """
    if isinstance(book, Wallet) and book.is_metered:
        return {line.pk: line.balance_after for line in lines}
    upwards = lines[::-1]
    summed = dict(_summed(book, upwards[:1] if is_whole else upwards))
    balance = summed[upwards[0].pk] if upwards else 0
    for line in upwards[1:] if is_whole else ():
        balance += line.credits
        summed[line.pk] = balance
    return summed


def _summed(book: Book, upwards: "Sequence[Any]") -> Iterator[tuple[int, int]]:
    """The balance after each line, oldest first: from the line below it, or a checkpoint where that is nearer."""
    below = [0, *(line.pk for line in upwards)]
    spans = [(max(older, line.mark), line.pk) for older, line in zip(below, upwards, strict=False)]
    balance = 0
    for line, (start, _end), some in zip(upwards, spans, sql.sums(*_owner(book), spans), strict=True):
        balance = (line.total if start == line.mark else balance) + some
        yield line.pk, balance


def _owner(book: Book) -> tuple[str, int]:
    return ("tenant", book.tenant.pk) if isinstance(book, Together) else ("wallet", book.pk)


def house_sums(house: Wallet) -> tuple[int, int, int, int]:
    """Its balance, what grants and transfers made of it, and the credits and the count of its open holds. One query."""
    ((balance, moved, credits, count),) = _HOUSE_SUMS.all(tenant=house.tenant_id, house=house.pk)
    return balance, moved, credits, count


def _house_sums() -> "QuerySet[Any, Any]":
    tenant, house = (Word(name, BigIntegerField()) for name in ("tenant", "house"))
    marks = _checkpoints(Ids(tenant, house, stores_balance=False)).order_by("-entry")
    since = Entry.objects.filter(wallet=OuterRef("pk"), pk__gt=_or_nothing(_first(marks, "entry")))
    held = Hold.objects.filter(wallet=OuterRef("pk"), state=HoldState.OPEN)
    return Wallet.objects.filter(pk=house).values_list(
        _or_nothing(_first(marks, "balance")) + _total(since, Sum("credits")),
        _or_nothing(_first(marks, "moved")) + _total(since.filter(MOVED), Sum("credits")),
        _total(held, Sum("credits")),
        _total(held, Count("pk")),
    )


_HOUSE_SUMS = kept.Values(_house_sums)


def _total(rows: "QuerySet[Entry] | QuerySet[Hold]", total: Aggregate) -> Coalesce:
    """The aggregate of one wallet's rows as a subquery; 0 where there are none."""
    return _or_nothing(Subquery(rows.order_by().values("wallet").annotate(total=total).values("total")))


def with_balance(book: Book, wanted: Q) -> QuerySet[Entry]:
    """The book's entries that are wanted, each with its `balance`: for all of them, in one walk through the book."""
    if isinstance(book, Wallet) and book.is_metered:
        return entries(book).filter(wanted).annotate(balance=F("balance_after"))
    newer = Window(Sum("credits"), order_by=F("pk").desc(), frame=RowRange(start=None, end=0))
    walked = entries(book).annotate(balance=_last(book) - newer + F("credits"))
    if not wanted:
        return walked
    # What is not wanted counts in the walk and drops out behind it.
    return walked.annotate(shown=Case(When(wanted, then=F("balance")))).filter(shown__isnull=False)


def _last(book: Book) -> Coalesce:
    """The balance after the last entry, asked in the statement that reads the entries."""
    if isinstance(book, Together):
        held = Wallet.objects.filter(tenant=book.tenant, kind__in=METERED).order_by().values("tenant")
        return _or_nothing(Subquery(held.annotate(sum=Sum("balance")).values("sum")))
    return _total(entries(book), Sum("credits"))


def _or_nothing(total: Subquery) -> Coalesce:
    return Coalesce(total, 0, output_field=BigIntegerField())


# -- time ------------------------------------------------------------------------------------------------------------


def stretch(book: Book, since: datetime | None, until: datetime | None) -> Q:
    """The ids between which all of the book's entries of this time stand, as checkpoints know: an index jumps there.

    since, until: aware; None is open. Wider than the time itself, which is still to be asked for. One query: a database
    that does not know the ids beforehand would look through all of them.
    """
    if not since and not until:
        return Q()
    marks = checkpoints(book)
    last = _first(marks.order_by("-entry"), "entry")
    begun = marks.filter(newest_at__gte=since).order_by("entry") if since else marks.order_by("entry")
    ended = marks.filter(oldest_at__lt=until).order_by("-entry") if until else marks.none()
    # Each by itself: a database that joins would read all transfers of the time for the few entries that are newer.
    at = Subquery(Transfer.objects.filter(pk=OuterRef("transfer")).values("at"))
    newer = entries(book).filter(pk__gt=_or_nothing(last)).annotate(at=at)
    is_open = Exists(newer.filter(at__lt=until)) if until else Value(True)
    start, end, is_newer = (
        Tenant.objects.filter(pk=ids(book).tenant)
        .values_list(
            Coalesce(_first(begun, "after"), last, 0, output_field=BigIntegerField()),
            _or_nothing(_first(ended, "entry")),
            ExpressionWrapper(is_open, output_field=BooleanField()),
        )
        .get()
    )
    return Q(pk__gt=start) if is_newer else Q(pk__gt=start, pk__lte=end)


def _first(marks: QuerySet[Checkpoint], column: str) -> Subquery:
    return Subquery(marks.values(column)[:1])
