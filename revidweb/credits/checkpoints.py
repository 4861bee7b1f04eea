"""Write down what entries sum to, now and then, so that no statement has to sum a long book."""

from datetime import datetime, timedelta

from celery import shared_task
from django.db.models import Max, Min, Sum
from django.db.models.functions import Coalesce

from revidweb.accounts.models import Tenant
from revidweb.lib import clock

from . import books, ledger
from .books import Book, Together
from .models import Checkpoint, Shelf, Wallet

STRETCH = 250  # entries from one to the next
SETTLED_S = 3600  # no transaction takes so long: below an entry of that age, none appears any more


@shared_task
def tick() -> None:
    """One round: every tenant's books, as far as they are settled. A repeat finds nothing new."""
    for tenant in Tenant.objects.all():
        extend(Together(tenant))
        extend(ledger.house(tenant))


def extend(book: Book) -> int:
    """Write the checkpoints that are due in what members and keys hold together, or in the house; how many.

    Of two at once each writes the same ones, and each stands once.
    """
    settled = clock.now() - timedelta(seconds=SETTLED_S)
    last = books.checkpoints(book).order_by("-entry").first()
    count = 0
    while (found := _next(book, last, settled)) is not None:
        Checkpoint.objects.bulk_create([found], ignore_conflicts=True)
        last, count = found, count + 1
    return count


def _next(book: Book, last: Checkpoint | None, settled: datetime) -> Checkpoint | None:
    """The one after `last`, not saved; None where its stretch is not full, or not settled."""
    after = last.entry_id if last else 0
    rest = books.entries(book).filter(pk__gt=after).order_by("pk")
    entry = rest.select_related("transfer")[STRETCH - 1 : STRETCH].first()
    if entry is None or entry.transfer.at > settled:
        return None
    sums = rest.filter(pk__lte=entry.pk).aggregate(
        balance=Sum("credits"),
        moved=Coalesce(Sum("credits", filter=books.MOVED), 0),
        oldest_at=Min("transfer__at"),
        newest_at=Max("transfer__at"),
    )
    if last:
        sums["balance"] += last.balance
        sums["moved"] += last.moved
    shelf = Shelf.HOUSE if isinstance(book, Wallet) else Shelf.TOGETHER
    return Checkpoint(tenant_id=entry.tenant_id, shelf=shelf, after=after, entry=entry, **sums)
