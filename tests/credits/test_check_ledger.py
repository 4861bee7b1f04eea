"""`check_ledger` passes on a sound book and finds each kind of fault, planted behind the database's own guards."""

import json
import re
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection

from revidweb.credits import checking, checkpoints, ledger, sql
from revidweb.credits.books import Together
from revidweb.credits.models import Entry, Hold, Wallet
from tests import makers
from tests.credits.makers import ACTOR, a_wallet

pytestmark = pytest.mark.django_db

CHECKS = {
    "credits_wallet": (
        "wallet_never_overdrawn",
        "wallet_house_stores_no_balance",
        "wallet_closed_has_nothing_free",
    ),
    "credits_transfer": ("transfer_kind_known",),
    "credits_entry": ("entry_moves_something", "entry_never_overdrawn"),
    "credits_hold": ("hold_state_known", "hold_captures_no_more_than_held", "hold_ends_once"),
}


@dataclass
class Book:
    """A sound book with one of everything in it, and the ids that a fault is planted at."""

    alice: Wallet
    bob: Wallet
    house: Wallet
    stranger: Wallet
    cleos: Wallet
    keys: Wallet
    captured: Hold
    by_house: Hold
    open: Hold
    released: Hold

    def ids(self) -> dict[str, int]:
        entries = Entry.objects.filter(wallet=self.alice).order_by("id")
        rows = {name: row.pk for name, row in vars(self).items()}
        rows |= {"granted": entries[0].pk, "moved": entries[1].pk, "taken": self.captured.transfer_id}
        rows["house_side"] = self.by_house.transfer.entries.get(wallet=self.house).pk
        rows["bobs_member"] = self.bob.member_id
        given = Entry.objects.get(wallet=self.house, transfer__kind="refund")
        rows["given"] = given.pk
        return rows | {"house_taken": self.by_house.transfer_id, "other_tenant": self.stranger.tenant_id}


@pytest.fixture
def book(monkeypatch) -> Book:
    tenant = makers.a_tenant()
    alice, bob = a_wallet(100, member=makers.a_member(tenant)), a_wallet(0, member=makers.a_member(tenant))
    house = ledger.house(tenant)
    ledger.transfer(alice, bob, credits=5, reference="transfer:1", actor=ACTOR)
    holds = [ledger.hold(alice, credits=30, reference=f"job:{n}") for n in range(3)]
    by_house = ledger.hold(house, credits=7, reference="job:house")
    ledger.capture(holds[0], actor=ACTOR, credits=20)
    ledger.release(holds[1])
    ledger.capture(by_house, actor=ACTOR)
    back = ledger.hold(house, credits=6, reference="job:back")
    ledger.capture(back, actor=ACTOR)
    ledger.refund(back, actor=ACTOR)
    cleos = a_wallet(0, member=makers.a_member(tenant))
    keys = ledger.open_for_key(house)
    monkeypatch.setattr(checkpoints, "STRETCH", 2)
    monkeypatch.setattr(checkpoints, "SETTLED_S", -60)
    checkpoints.extend(Together(tenant))
    return Book(alice, bob, house, a_wallet(50), cleos, keys, holds[0], by_house, holds[2], holds[1])


def execute(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def plant(*statements: str) -> None:
    """Write past every guard and check constraint, then put the guards back."""
    if connection.vendor == "sqlite":
        unchecked = ["PRAGMA ignore_check_constraints = ON"]
    else:
        execute("SET CONSTRAINTS ALL IMMEDIATE")
        unchecked = [f"ALTER TABLE {table} DROP CONSTRAINT {name}" for table, names in CHECKS.items() for name in names]
    sql.remove(connection)
    try:
        execute(*unchecked, *statements)
    finally:
        sql.install(connection)
        if connection.vendor == "sqlite":
            execute("PRAGMA ignore_check_constraints = OFF")


def run(*options: str) -> tuple[int, str]:
    """The command's exit code and all that it said."""
    said = StringIO()
    try:
        call_command("check_ledger", *options, stdout=said, stderr=said)
    except SystemExit as ended:
        return int(str(ended.code)), said.getvalue()
    return 0, said.getvalue()


FAULTS = {
    "a refund has no capture": (
        "UPDATE credits_transfer SET reference = 'refund:job:9' WHERE reference = 'refund:job:back'",
        {"refund"},
    ),
    "a refund goes to another wallet": (
        "UPDATE credits_entry SET wallet_id = {cleos}, balance_after = 6 WHERE id = {given}",
        {"refund", "wallet_balance"},
    ),
    "a refund is called a grant": (
        "UPDATE credits_transfer SET kind = 'grant' WHERE reference = 'refund:job:back'",
        {"entry_way", "entry_copy"},
    ),
    "a checkpoint says another balance": (
        "UPDATE credits_checkpoint SET balance = balance + 1 WHERE after = 0",
        {"checkpoint"},
    ),
    "a checkpoint says another time": (
        "UPDATE credits_checkpoint SET newest_at = oldest_at WHERE after = 0",
        {"checkpoint"},
    ),
    "a checkpoint leaves an entry out": ("UPDATE credits_checkpoint SET after = after + 1", {"checkpoint"}),
    "an entry is of another tenant": (
        "UPDATE credits_entry SET tenant_id = {other_tenant} WHERE id = {moved}",
        {"entry_copy", "checkpoint"},
    ),
    "an entry is of another kind": (
        "UPDATE credits_entry SET kind = 'capture' WHERE id = {moved}",
        {"entry_copy", "checkpoint"},
    ),
    "an entry says another amount": (
        "UPDATE credits_entry SET credits = credits + 1 WHERE id = {granted}",
        {"transfer_sum", "wallet_balance", "balance_chain", "checkpoint"},
    ),
    "an entry is gone": ("DELETE FROM credits_entry WHERE id = {house_side}", {"transfer_sum", "hold_capture"}),
    "a transfer has no entries": (
        "DELETE FROM credits_entry WHERE transfer_id = {house_taken}",
        {"transfer_sum", "hold_capture"},
    ),
    "an entry moves nothing": (
        "UPDATE credits_entry SET credits = 0, balance_after = 100 WHERE id = {moved}",
        {"transfer_sum", "wallet_balance", "balance_chain", "entry_way", "checkpoint"},
    ),
    "a balance was raised": ("UPDATE credits_wallet SET balance = balance + 1 WHERE id = {alice}", {"wallet_balance"}),
    "a balance was raised on a wallet without entries": (
        "DELETE FROM credits_entry WHERE wallet_id = {bob}",
        {"wallet_balance", "transfer_sum", "checkpoint"},
    ),
    "a key's wallet was filled from elsewhere": (
        "UPDATE credits_wallet SET origin_id = {stranger} WHERE id = {keys}",
        {"wallet_origin"},
    ),
    "a key's wallet was filled from a key": (
        "UPDATE credits_wallet SET origin_id = {keys} WHERE id = {keys}",
        {"wallet_origin"},
    ),
    "held was raised": ("UPDATE credits_wallet SET held = held + 1 WHERE id = {alice}", {"wallet_held"}),
    "an open hold is gone": ("DELETE FROM credits_hold WHERE id = {open}", {"wallet_held"}),
    "a wallet is overdrawn": (
        "UPDATE credits_wallet SET held = balance + 1 WHERE id = {bob}",
        {"wallet_overdrawn", "wallet_held"},
    ),
    "an entry was overdrawn": (
        "UPDATE credits_entry SET balance_after = -1 WHERE id = {moved}",
        {"entry_overdrawn", "balance_chain"},
    ),
    "an entry says another balance": (
        "UPDATE credits_entry SET balance_after = balance_after + 1 WHERE id = {moved}",
        {"balance_chain"},
    ),
    "an entry says no balance": (
        "UPDATE credits_entry SET balance_after = NULL WHERE id = {moved}",
        {"balance_chain", "checkpoint"},
    ),
    "the house stores a balance": ("UPDATE credits_wallet SET balance = 5 WHERE id = {house}", {"wallet_stores"}),
    "the house's entry says a balance": (
        "UPDATE credits_entry SET balance_after = 5 WHERE id = {house_side}",
        {"entry_stores"},
    ),
    "a hold took another amount": ("UPDATE credits_hold SET captured = 19 WHERE id = {captured}", {"hold_capture"}),
    "a hold took more than it held": (
        "UPDATE credits_hold SET credits = 10 WHERE id = {captured}",
        {"hold_end"},
    ),
    "a hold names another cause": (
        "UPDATE credits_hold SET reference = 'job:other' WHERE id = {captured}",
        {"hold_capture"},
    ),
    "a hold belongs to another wallet": (
        "UPDATE credits_hold SET wallet_id = {bob} WHERE id = {captured}",
        {"hold_capture"},
    ),
    "a captured hold lost its transfer": (
        "UPDATE credits_hold SET transfer_id = NULL WHERE id = {captured}",
        {"hold_capture", "capture_without_hold"},
    ),
    "a captured hold is called released": (
        "UPDATE credits_hold SET state = 'released', captured = 0, transfer_id = NULL WHERE id = {captured}",
        {"capture_without_hold"},
    ),
    "a released hold took something": ("UPDATE credits_hold SET captured = 1 WHERE id = {released}", {"hold_end"}),
    "a released hold never ended": ("UPDATE credits_hold SET ended_at = NULL WHERE id = {released}", {"hold_end"}),
    "a hold has an unknown state": ("UPDATE credits_hold SET state = 'lost' WHERE id = {released}", {"hold_end"}),
    "a capture is called a grant": (
        "UPDATE credits_transfer SET kind = 'grant' WHERE id = {taken}",
        {"hold_capture", "entry_way", "entry_copy"},
    ),
    "a transfer has an unknown kind": (
        "UPDATE credits_transfer SET kind = 'gift' WHERE reference = 'transfer:1'",
        {"entry_way", "entry_copy"},
    ),
    "a closed wallet has free credits": (
        "UPDATE credits_wallet SET closed_at = created_at WHERE id = {alice}",
        {"wallet_closed", "wallet_open"},
    ),
    "the house is closed": ("UPDATE credits_wallet SET closed_at = created_at WHERE id = {house}", {"wallet_closed"}),
    "a removed member's wallet is open": (
        "UPDATE accounts_member SET state = 'removed' WHERE id = {bobs_member}",
        {"wallet_open"},
    ),
    "an active member's wallet is closed": (
        "UPDATE credits_wallet SET closed_at = created_at WHERE id = {cleos}",
        {"wallet_open"},
    ),
    "an entry belongs to another tenant's wallet": (
        "UPDATE credits_entry SET wallet_id = {stranger}, balance_after = 45 WHERE id = {moved}",
        {"entry_tenant", "wallet_balance", "balance_chain"},
    ),
    "a wallet belongs to another tenant": (
        "UPDATE credits_wallet SET tenant_id = {other_tenant} WHERE id = {alice}",
        {"wallet_tenant", "entry_tenant"},
    ),
}


def test_a_sound_book_passes(book):
    code, said = run()
    assert code == 0
    assert said == "The book is sound: 8 wallets, 7 transfers, 14 entries, 5 holds.\n"


def test_an_empty_book_is_sound():
    assert run() == (0, "The book is sound: 0 wallets, 0 transfers, 0 entries, 0 holds.\n")


@pytest.mark.parametrize("name", FAULTS)
def test_each_kind_of_fault_is_found(book, name):
    statement, expected = FAULTS[name]
    plant(statement.format(**book.ids()))
    code, said = run()
    assert code == 1
    assert {line.partition(":")[0] for line in said.splitlines()[:-1]} == expected
    assert "The book is WRONG" in said.splitlines()[-1]


def test_every_fault_that_a_check_names_is_planted_here():
    planted = set().union(*(expected for _, expected in FAULTS.values()))
    named = set(re.findall(r'(?:Fault|_differing)\("(\w+)"', Path(checking.__file__).read_text()))
    assert named - planted == {"guard_missing"}


def test_a_fault_says_what_where_expected_and_found(book):
    plant(f"UPDATE credits_wallet SET balance = 76 WHERE id = {book.alice.pk}")
    assert [str(fault) for fault in checking.faults()] == [
        f"wallet_balance: wallet {book.alice.pk}: expected 75, found 76"
    ]


def test_a_program_reads_json(book):
    code, said = run("--json")
    assert (code, json.loads(said)["is_sound"], json.loads(said)["faults"]) == (0, True, [])
    plant(f"UPDATE credits_wallet SET held = 31 WHERE id = {book.alice.pk}")
    code, said = run("--json")
    assert code == 1
    assert json.loads(said)["faults"] == [
        {"what": "wallet_held", "where": f"wallet {book.alice.pk}", "expected": "30", "found": "31"}
    ]


def test_a_missing_guard_is_a_fault():
    names = [guard.name for guard in sql.guards(connection.vendor)]
    sql.remove(connection)
    found = [fault.where for fault in checking.faults()]
    sql.install(connection)
    assert found == [f"trigger {name}" for name in names]
    assert list(checking.faults()) == []


@pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL switches triggers off")
def test_a_guard_that_is_switched_off_is_a_fault():
    execute("ALTER TABLE credits_entry DISABLE TRIGGER entry_never_changes")
    assert [fault.where for fault in checking.faults()] == ["trigger entry_never_changes"]
