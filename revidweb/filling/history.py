"""Write a tenant's history, all of it or nothing."""

from datetime import timedelta
from random import Random

from django.db import transaction

from revidweb.accounts.models import Tenant
from revidweb.credits import checking, checkpoints, ledger
from revidweb.credits.books import Together
from revidweb.credits.models import METERED, Transfer, Wallet
from revidweb.jobs.models import Job
from revidweb.keys.models import ApiKey
from revidweb.stats import counting

from . import cast, pictures, script, tables
from .book import Book, KeyFigures
from .pictures import Shelf
from .rows import Keeping, Writer
from .script import Plan

_PICTURES = 12


@transaction.atomic
def write(tenant: Tenant, plan: Plan, *, keeping: Keeping, note: str, top_up: int = 5000) -> bool:
    """Make the plan's history up and write it: jobs, money, files and what keys have used; not yet the usage.

    Only where nothing has happened yet: so a repeat changes nothing, and False comes back. The same plan of the same
    members, keys and prices is the same history. top_up: what a wallet that falls short is filled with, in credits.
    """
    if Job.objects.filter(tenant=tenant).exists() or Transfer.objects.filter(tenant=tenant).exists():
        return False
    parts, chance = cast.of(tenant), Random(plan.seed)  # noqa: S311 — a seed is what is wanted
    wallets = Wallet.objects.filter(tenant=tenant, kind__in=METERED)
    book = Book(parts, dict(wallets.values_list("pk", "balance")), top_up)
    with checking.summed_at_once(), tables.open_for(plan.jobs):
        writer = Writer(parts, book, Shelf(tenant, _PICTURES), f"{plan.seed} {tenant.slug}", keeping, note)
        writer.write(script.play(plan, parts, chance), plan.jobs)
        tables.move_sequences()
    _write_figures(tenant, book)
    transaction.on_commit(lambda: pictures.copy(writer.copies))
    return True


def count(tenant: Tenant) -> int:
    """Count the usage of what was written, and what the book sums to; how many jobs."""
    tables.refresh_statistics()
    for book in (Together(tenant), ledger.house(tenant)):
        checkpoints.extend(book)
    return counting.rebuild(tenant)


def _write_figures(tenant: Tenant, book: Book) -> None:
    """What wallets have, and what keys have used."""
    wallets = Wallet.objects.in_bulk(book.balance)
    for pk, balance in book.balance.items():
        wallets[pk].balance = balance
    Wallet.objects.bulk_update(wallets.values(), ["balance"])
    keys = list(ApiKey.objects.filter(tenant=tenant))
    for key in keys:
        key.filled = book.filled.get(key.wallet_id or 0, 0)
        if key.pk in book.figures:
            _count(key, book.figures[key.pk])
    ApiKey.objects.bulk_update(keys, _FIGURES)


_FIGURES = [
    *("counted_on", "day_credits", "week_credits", "month_credits"),
    *("lifetime_credits", "spent", "filled", "last_used_at"),
]


def _count(key: ApiKey, figures: KeyFigures) -> None:
    day = figures.day
    key.counted_on = day
    key.day_credits = figures.since(day)
    key.week_credits = figures.since(day - timedelta(days=day.weekday()))
    key.month_credits = figures.since(day.replace(day=1))
    key.lifetime_credits, key.spent = figures.lifetime, figures.spent
    key.last_used_at = figures.last_used_at
