"""How long the book takes to prove and to read: `python -m bench.ledger [entries]`, on the database of DATABASE_URL."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

from django.db import connection, transaction  # noqa: E402

from revidweb.accounts.models import Member, Role  # noqa: E402
from revidweb.credits import checking, figures, ledger, statements  # noqa: E402
from revidweb.credits.models import Entry, Hold, Transfer, Wallet  # noqa: E402
from revidweb.lib import clock  # noqa: E402
from tests import makers  # noqa: E402

WALLETS = 100
CHUNK = 5_000


def fill(entries: int) -> list[Wallet]:
    """A sound book of captures, a quarter of them paid by the house, written without the ledger's care for speed."""
    tenant = makers.a_tenant()
    members = [makers.a_member(tenant) for _ in range(WALLETS)]
    for number, member in enumerate(members):
        ledger.grant(member, credits=entries, reference=f"grant:{number}", actor="system")
    wallets = [ledger.wallet_of(member) for member in members]
    for start in range(0, entries // 2, CHUNK):
        with transaction.atomic():
            captures(
                wallets, ledger.house(tenant), ledger.spent(tenant), range(start, min(start + CHUNK, entries // 2))
            )
    return wallets


def captures(wallets: list[Wallet], house: Wallet, spent: Wallet, numbers: range) -> None:
    transfers = Transfer.objects.bulk_create(
        Transfer(tenant=house.tenant, kind="capture", reference=f"capture:job:{n}", actor="system") for n in numbers
    )
    entries, holds = [], []
    for n, transfer in zip(numbers, transfers, strict=True):
        payer = house if n % 4 == 0 else wallets[n % WALLETS]
        payer.balance -= 1 if payer is not house else 0
        after = payer.balance if payer is not house else None
        its = {"transfer": transfer, "tenant": house.tenant, "kind": "capture"}
        entries.append(Entry(wallet=payer, credits=-1, balance_after=after, **its))
        entries.append(Entry(wallet=spent, credits=1, **its))
        hold = Hold(wallet=payer, credits=1, reference=f"job:{n}", state="captured", captured=1, transfer=transfer)
        hold.ended_at = clock.now()
        holds.append(hold)
    Entry.objects.bulk_create(entries)
    Hold.objects.bulk_create(holds)
    Wallet.objects.bulk_update(wallets, ["balance"])


def timed(what: str, deed: Callable[[], object], times: int = 1) -> None:
    start = time.perf_counter()
    for _ in range(times):
        deed()
    print(f"{what:<44}{(time.perf_counter() - start) / times * 1000:>10.1f} ms")


def measure(wallets: list[Wallet]) -> None:
    print(f"{connection.vendor}: {checking.sizes()}")
    for check in checking.CHECKS:
        timed(check.__name__, partial(drain, check))
    timed("check_ledger, all of it", partial(drain, checking.faults))
    house = ledger.house(wallets[0].tenant)
    timed("statement, first page of a member", lambda: statements.page(wallets[1]), 50)
    timed("statement, first page of the house", lambda: statements.page(house), 50)
    timed("statement, the house's summary", lambda: figures.house_summary(house), 5)
    deeds(wallets[1], makers.a_member(house.tenant, role=Role.OWNER))


def deeds(wallet: Wallet, owner: Member) -> None:
    for payer, name in ((wallet, "a member's wallet"), (ledger.payer_of(owner), "the house")):
        held: list[Hold] = []
        timed(f"hold on {name}", partial(hold, payer, held), 200)
        timed(f"capture from {name}", partial(capture, held), 200)


def hold(payer: Wallet, held: list[Hold]) -> None:
    held.append(ledger.hold(payer, credits=1, reference=f"bench:{payer.pk}:{len(held)}"))


def capture(held: list[Hold]) -> None:
    ledger.capture(held.pop(), actor="system")


def drain(check: Callable[[], Iterator[checking.Fault]]) -> None:
    assert_sound(list(check()))


def assert_sound(faults: list[checking.Fault]) -> None:
    assert not faults, faults[:3]


if __name__ == "__main__":
    before = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        measure(fill(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000))
    finally:
        connection.creation.destroy_test_db(before, verbosity=0)
