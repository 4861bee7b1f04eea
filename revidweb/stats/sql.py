"""What each database does in its own way: adding figures to rows that may be there, and reading one moment."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import islice
from typing import Any

import psycopg
from django.db import connection, models, transaction

from revidweb.lib import bulk

from .folding import FIGURES, Amounts

_AT_ONCE = 2000


@contextmanager
def one_moment() -> Iterator[None]:
    """All that is read in the block is of one moment: what is counted meanwhile is seen in one place, not in two.

    Inside a transaction it is that one's business.
    """
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "sqlite":
        yield from _one_moment_of_sqlite()
    else:
        with _repeatable(), transaction.atomic():
            yield


@contextmanager
def _repeatable() -> Iterator[None]:
    """The next transaction reads of one moment, and begins so: to set it afterwards would be one statement more."""
    connection.ensure_connection()
    raw: psycopg.Connection[Any] = connection.connection
    raw.isolation_level, raw.read_only = psycopg.IsolationLevel.REPEATABLE_READ, True
    try:
        yield
    finally:
        if not raw.closed:
            raw.isolation_level = raw.read_only = None


def _one_moment_of_sqlite() -> Iterator[None]:
    """Not by `atomic`: that would begin as a writer does, and wait for one."""
    with connection.cursor() as cursor:
        cursor.execute("BEGIN DEFERRED")
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")


def add(table: type[models.Model], tenant_id: int, sums: Mapping[Any, Amounts]) -> None:
    """Add each sum to the row of its key, which is made where it is missing; in the caller's transaction.

    sums: by the table's primary key without the tenant, in the order of its columns. Rows are taken in the order of
    their keys, so that of two that add at once none waits for the other's next.
    """
    sql = _statement(table)
    with connection.cursor() as cursor:
        for some in _batches(_rows(tenant_id, sums)):
            if connection.vendor == "sqlite":
                cursor.executemany(sql, some)
            else:
                cursor.execute(sql, [bulk.array(column) for column in zip(*some, strict=True)])


def put(table: type[models.Model], tenant_id: int, sums: Mapping[Any, Amounts]) -> None:
    """As `add`, where none of the rows is there yet: on PostgreSQL by COPY."""
    if connection.vendor == "sqlite":
        add(table, tenant_id, sums)
        return
    with connection.cursor() as cursor:
        bulk.copy(cursor, table._meta.db_table, _columns(table), _rows(tenant_id, sums))


def _rows(tenant_id: int, sums: Mapping[Any, Amounts]) -> Iterator[Sequence[Any]]:
    return ((tenant_id, *at, *sums[at]) for at in sorted(sums))


def _batches(rows: Iterable[Sequence[Any]]) -> Iterator[list[Sequence[Any]]]:
    rows = iter(rows)
    while some := list(islice(rows, _AT_ONCE)):
        yield some


@cache
def _statement(table: type[models.Model]) -> str:
    columns = _columns(table)
    keys = columns[: -len(FIGURES)]
    name = table._meta.db_table
    raised = ", ".join(f"{figure} = {name}.{figure} + excluded.{figure}" for figure in FIGURES)
    return (
        f"INSERT INTO {name} ({', '.join(columns)}) {_source(table, columns)} "
        f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {raised}"
    )


def _columns(table: type[models.Model]) -> list[str]:
    return [*(str(field.column) for field in table._meta.pk_fields), *FIGURES]


def _source(table: type[models.Model], columns: list[str]) -> str:
    if connection.vendor == "sqlite":
        return f"VALUES ({', '.join(['%s'] * len(columns))})"
    types = {field.column: field.db_type(connection) for field in table._meta.concrete_fields}
    return f"SELECT * FROM unnest({', '.join(f'%s::{_plain(types[column])}[]' for column in columns)})"  # noqa: S608


def _plain(kind: str | None) -> str:
    """A column's type without its length: varchar(20) as text."""
    return "text" if kind and kind.startswith("varchar") else str(kind)
