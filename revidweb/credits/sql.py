"""What the database itself forbids, beyond constraints: triggers, which each database writes in its own way; and sums.

A later migration that rebuilds one of these tables on SQLite loses its triggers: let it end with `install`.
`check_ledger` reports a guard that is missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection as default
from django.db.backends.base.base import BaseDatabaseWrapper


@dataclass(frozen=True)
class Guard:
    """A trigger: its name, the table it stands on and the statements that make it."""

    name: str
    table: str
    statements: tuple[str, ...]


_SQLITE_REFUSAL = """
CREATE TRIGGER {name} BEFORE UPDATE ON {table} {when}
BEGIN SELECT RAISE(ABORT, '{name}: {message}'); END
"""

_POSTGRESQL_REFUSAL = """
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '{name}: {message}' USING ERRCODE = 'integrity_constraint_violation'; END $$
"""

# The sum is looked at when the transaction commits: between its two entries no transfer is in balance.
_POSTGRESQL_BALANCE = """
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE the_transfer bigint := {transfer}; sides int; total numeric;
BEGIN
  SELECT count(*), coalesce(sum(credits), 0) INTO sides, total FROM credits_entry WHERE transfer_id = the_transfer;
  IF sides < 2 OR total <> 0 THEN
    RAISE EXCEPTION '{name}: transfer % has % entries that sum to %', the_transfer, sides, total
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NULL;
END $$
"""

_ENDED = "WHEN (OLD.state <> 'open')"


def guards(vendor: str) -> list[Guard]:
    """The guards of this database ("sqlite" or "postgresql").

    PostgreSQL also refuses to delete, and sees at commit that a transfer's entries sum to zero. SQLite cannot wait for
    the commit, and its rows must stay deletable for Django's flush: there `check_ledger` is what finds it.
    """
    refusal = _on_sqlite if vendor == "sqlite" else _on_postgresql
    kept = [
        refusal("entry_never_changes", "credits_entry", "an entry never changes"),
        refusal("transfer_never_changes", "credits_transfer", "a transfer never changes"),
        refusal("hold_ended_never_changes", "credits_hold", "an ended hold never changes", _ENDED),
    ]
    return kept if vendor == "sqlite" else [*kept, *_balances()]


def install(connection: BaseDatabaseWrapper) -> None:
    """Put every guard in place, also where it already stands."""
    remove(connection)
    with connection.cursor() as cursor:
        for guard in guards(connection.vendor):
            for statement in guard.statements:
                cursor.execute(statement)


def remove(connection: BaseDatabaseWrapper) -> None:
    """Take every guard away."""
    with connection.cursor() as cursor:
        for guard in guards(connection.vendor):
            on = "" if connection.vendor == "sqlite" else f" ON {guard.table}"
            cursor.execute(f"DROP TRIGGER IF EXISTS {guard.name}{on}")


def switch_sums(connection: BaseDatabaseWrapper, *, on: bool) -> None:
    """Let each transfer be summed at the commit, or not: within a transaction, which nobody else sees before its end.

    SQLite sums none.
    """
    if connection.vendor == "sqlite":
        return
    connection.check_constraints()  # while anything waits for the commit, PostgreSQL switches nothing
    verb = "ENABLE" if on else "DISABLE"
    with connection.cursor() as cursor:
        for guard in _balances():
            cursor.execute(f"ALTER TABLE {guard.table} {verb} TRIGGER {guard.name}")


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """The names of guards that do not stand, or that were switched off."""
    there = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        if connection.vendor == "sqlite"
        else "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'"
    )
    with connection.cursor() as cursor:
        cursor.execute(there)
        standing = {name for (name,) in cursor.fetchall()}
    return [guard.name for guard in guards(connection.vendor) if guard.name not in standing]


def _on_sqlite(name: str, table: str, message: str, when: str = "") -> Guard:
    return Guard(name, table, (_SQLITE_REFUSAL.format(name=name, table=table, message=message, when=when),))


def _on_postgresql(name: str, table: str, message: str, when: str = "") -> Guard:
    function = _POSTGRESQL_REFUSAL.format(name=name, message=message)
    trigger = f"CREATE TRIGGER {name} BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {when} EXECUTE FUNCTION {name}()"
    return Guard(name, table, (function, trigger))


def _balances() -> list[Guard]:
    """On the transfer, which may lack its entries, and on the entry, which may come later."""
    return [
        _balance("transfer_has_entries", "credits_transfer", "NEW.id"),
        _balance("entries_sum_to_zero", "credits_entry", "NEW.transfer_id"),
    ]


def _balance(name: str, table: str, transfer: str) -> Guard:
    function = _POSTGRESQL_BALANCE.format(name=name, transfer=transfer)
    trigger = (
        f"CREATE CONSTRAINT TRIGGER {name} AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED"
        f" FOR EACH ROW EXECUTE FUNCTION {name}()"
    )
    return Guard(name, table, (function, trigger))


# -- sums ------------------------------------------------------------------------------------------------------------

_OF = {"tenant": "tenant_id = %s AND balance_after IS NOT NULL", "wallet": "wallet_id = %s"}
_SUM = "SELECT %s, COALESCE(SUM(credits), 0) FROM credits_entry WHERE {of} AND id > %s AND id <= %s"


def sums(owner: str, pk: int, spans: Sequence[tuple[int, int]]) -> list[int]:
    """The sums of the entries after the first id of each span up to its second, in order. One query, none for none.

    owner, pk: a "wallet", or the "tenant" whose metered wallets they are of. Each span is a statement with its own
    bounds in it: the database sees how short they are and takes its index for each.
    """
    if not spans:
        return []
    each = _SUM.format(of=_OF[owner])
    words = [word for place, (start, end) in enumerate(spans) for word in (place, pk, start, end)]
    with default.cursor() as cursor:
        cursor.execute(" UNION ALL ".join([each] * len(spans)), words)
        return [int(total) for _place, total in sorted(cursor.fetchall())]
