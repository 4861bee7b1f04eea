"""Entries that are read as one statement, and the balance after each of them.

A metered wallet's entries store theirs. What members and keys hold together, and the house, change too often for a
stored sum: theirs is the sum of the entries up to a line, from the nearest checkpoint on.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf

from django.db.models import (
    BigIntegerField,
    Case,
    F,
    Max,
    Min,
    Q,
    QuerySet,
    RowRange,
    Subquery,
    Sum,
    When,
    Window,
)
from django.db.models.functions import Coalesce

from revidweb.accounts.models import Tenant

from . import sql
from .models import IS_METERED, METERED, Checkpoint, Entry, Shelf, TransferKind, Wallet

_EVER = datetime.min.replace(tzinfo=UTC)
MOVED = Q(kind__in=(TransferKind.GRANT, TransferKind.TRANSFER))  # all else is between a payer and `spent`


@dataclass(frozen=True)
class Together:
    """What a tenant's members and keys hold together."""

    tenant: Tenant


Book = Wallet | Together


def entries(book: Book) -> QuerySet[Entry]:
    """Every entry of the book."""
    if isinstance(book, Together):
        return Entry.objects.filter(IS_METERED, tenant=book.tenant)
    return book.entries.all()


def checkpoints(book: Book) -> QuerySet[Checkpoint]:
    """Those of the shelf on which the book stands; a metered wallet's entries are among the tenant's."""
    if isinstance(book, Together):
        return Checkpoint.objects.filter(tenant=book.tenant, shelf=Shelf.TOGETHER)
    shelf = Shelf.TOGETHER if book.is_metered else Shelf.HOUSE
    return Checkpoint.objects.filter(tenant=book.tenant_id, shelf=shelf)


# -- balances --------------------------------------------------------------------------------------------------------


def balances(book: Book, lines: Sequence[Entry], *, is_whole: bool) -> dict[int, int]:
    """The true balance after each of these entries of the book, newest first, by id: in at most two queries.

    is_whole: the lines follow each other in the book, none between them is left out.
    """
    if isinstance(book, Wallet) and book.is_metered:
        return {line.pk: line.balance_after or 0 for line in lines}
    upwards = lines[::-1]
    summed = dict(_summed(book, upwards[:1] if is_whole else upwards))
    balance = summed.get(upwards[0].pk, 0) if upwards else 0
    for line in upwards[1:] if is_whole else ():
        balance += line.credits
        summed[line.pk] = balance
    return summed


def _summed(book: Book, upwards: Sequence[Entry]) -> Iterator[tuple[int, int]]:
    """The balance after each line, oldest first: from the line below it, or a checkpoint where that is nearer."""
    if not upwards:
        return
    ids = [line.pk for line in upwards]
    below = [0, *ids[:-1]]
    marks = _marks(book, ids[0], ids[-1])
    nearest = [marks[bisect_right(marks, (pk, inf)) - 1] for pk in ids]
    starts = [max(older, mark) for older, (mark, _total) in zip(below, nearest, strict=True)]
    balance = 0
    sums = sql.sums(*_owner(book), list(zip(starts, ids, strict=True)))
    for pk, start, (mark, total), some in zip(ids, starts, nearest, sums, strict=True):
        balance = (total if start == mark else balance) + some
        yield pk, balance


def _marks(book: Book, oldest: int, newest: int) -> list[tuple[int, int]]:
    """Entry and balance of the checkpoints from below the oldest line up to the newest, in that order."""
    marks = checkpoints(book).filter(entry__lte=newest)
    below = marks.filter(entry__lte=oldest).order_by("-entry").values("entry")[:1]
    since = marks.filter(entry__gte=_or_nothing(Subquery(below)))
    return [(0, 0), *since.order_by("entry").values_list("entry", "balance")]


def _owner(book: Book) -> tuple[str, int]:
    return ("tenant", book.tenant.pk) if isinstance(book, Together) else ("wallet", book.pk)


def now(book: Book) -> tuple[int, int]:
    """The balance after the last entry, and what grants and transfers made of it. Two queries."""
    mark = checkpoints(book).order_by("-entry").first()
    since = entries(book).filter(pk__gt=mark.entry_id) if mark else entries(book)
    sums = since.aggregate(balance=Coalesce(Sum("credits"), 0), moved=Coalesce(Sum("credits", filter=MOVED), 0))
    begun = (mark.balance, mark.moved) if mark else (0, 0)
    return begun[0] + sums["balance"], begun[1] + sums["moved"]


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
    return _or_nothing(Subquery(entries(book).order_by().values("wallet").annotate(sum=Sum("credits")).values("sum")))


def _or_nothing(total: Subquery) -> Coalesce:
    return Coalesce(total, 0, output_field=BigIntegerField())


# -- time ------------------------------------------------------------------------------------------------------------


def stretch(book: Book, since: datetime | None, until: datetime | None) -> Q:
    """The ids between which all of the book's entries of this time stand: an index jumps there. At most two queries.

    since, until: aware; None is open. Wider than the time itself, which is still to be asked for.
    """
    if not since and not until:
        return Q()
    marks = checkpoints(book).aggregate(
        last=Coalesce(Max("entry"), 0),
        first=Min("after", filter=Q(newest_at__gte=since or _EVER)),
        end=Coalesce(Max("entry", filter=Q(oldest_at__lt=until or _EVER)), 0),
    )
    asked = Q()
    if since:
        asked &= Q(pk__gt=marks["last"] if marks["first"] is None else marks["first"])
    if until and not entries(book).filter(pk__gt=marks["last"], transfer__at__lt=until).exists():
        asked &= Q(pk__lte=marks["end"])
    return asked
