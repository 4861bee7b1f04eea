"""Tables as CSV files that are sent while they are read: RFC 4180, UTF-8, nothing kept in memory.

Lines end with CRLF, a cell with a comma, quote or line end stands in quotes, None and "" are empty cells. What somebody
wrote is kept from being a formula where a spreadsheet opens it. Both databases give the same bytes: on PostgreSQL a
COPY does the shaping, so that Python only hands on its lines; on SQLite Python does it row by row.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import EmptyResultSet
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Func, QuerySet
from django.db.models.expressions import Combinable

BOM = b"\xef\xbb\xbf"  # tells Excel that it is UTF-8
BLOCK_BYTES = 1 << 16
LONGEST_S = 900  # a slow reader keeps the database from tidying up no longer
_AT_ONCE = 2000  # rows of a cursor that Python shapes

# What spreadsheets skip at the start of a cell, and what makes a formula there. The wide signs are taken for the narrow
# ones under some keyboards' languages.
_SKIPPED = "\x01-\x20\x7f\x85\xa0\u1680\u180e\u2000-\u200f\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
_FORMULA = f"^([\t\n\r]|[{_SKIPPED}]*[=+@＝＋－＠-])"
_IS_FORMULA = re.compile(_FORMULA.replace("\x01", "\x00"))  # PostgreSQL keeps no NUL
_WANTS_QUOTES = re.compile('[",\r\n]')


class Sort(Enum):
    """What stands in a column, and how PostgreSQL writes it.

    A letter or digit ahead is the most frequent beginning and no formula: it is asked first, because it is cheap.
    """

    TEXT = (
        "CASE WHEN ascii({0}) BETWEEN 48 AND 57 OR ascii({0}) BETWEEN 65 AND 122 THEN {0} WHEN {0} = '' THEN NULL "
        f"WHEN {{0}} ~ '{_FORMULA}' THEN '''' || {{0}} ELSE {{0}} END"
    )
    WORD = "NULLIF({0}, '')"
    NUMBER = "{0}"
    MOMENT = """to_char({0}, 'YYYY-MM-DD"T"HH24:MI:SSTZH:TZM')"""
    SECONDS = "trunc(extract(epoch FROM {0}))::bigint"
    DAY = "to_char({0}, 'YYYY-MM-DD')"
    FLAG = "CASE WHEN {0} THEN 'true' WHEN NOT {0} THEN 'false' END"


@dataclass(frozen=True)
class Column:
    """A column: its name in the head, which programs rely on, what it shows of a row, and how."""

    name: str
    shows: Combinable
    sort: Sort


def text(name: str, shows: str | Combinable = "") -> Column:
    """What somebody wrote, kept from being a formula. shows: a field's path or an expression; the name by default."""
    return _column(name, shows, Sort.TEXT)


def word(name: str, shows: str | Combinable = "") -> Column:
    """A word of our own, which is never a formula: a state, a kind, a public id."""
    return _column(name, shows, Sort.WORD)


def number(name: str, shows: str | Combinable = "") -> Column:
    """A whole number or a Decimal; it stays a number."""
    return _column(name, shows, Sort.NUMBER)


def moment(name: str, shows: str | Combinable = "") -> Column:
    """A point in time, to the second, with the file's zone's offset at that moment: 2026-03-08T01:30:00-05:00."""
    return _column(name, shows, Sort.MOMENT)


def seconds(name: str, shows: str | Combinable = "") -> Column:
    """How long something took, in whole seconds."""
    return _column(name, shows, Sort.SECONDS)


def day(name: str, shows: str | Combinable = "") -> Column:
    """A date."""
    return _column(name, shows, Sort.DAY)


def flag(name: str, shows: str | Combinable = "") -> Column:
    """Whether something is so: true or false."""
    return _column(name, shows, Sort.FLAG)


def _column(name: str, shows: str | Combinable, sort: Sort) -> Column:
    return Column(name, F(shows or name) if isinstance(shows, str) else shows, sort)


# -- the file --------------------------------------------------------------------------------------------------------


def of_query(
    rows: "QuerySet[Any]", columns: Sequence[Column], *, zone: ZoneInfo, bom: bool = False, cut_off: str
) -> Iterator[bytes]:
    """The file of all rows of a query, in its order, from one snapshot: one statement is all that is asked.

    cut_off: the last line of a file that could not be finished, since a stream's end does not tell. What went wrong is
    raised after it. Whoever stops reading closes the iterator: that ends the statement and its transaction.
    """
    asked = shaped(rows, columns)
    on_postgresql = connections[rows.db].vendor == "postgresql"
    body = _copied(asked, zone) if on_postgresql else _fetched(asked, columns, zone)
    return _file(columns, body, bom=bom, cut_off=cut_off)


def shaped(rows: "QuerySet[Any]", columns: Sequence[Column]) -> "QuerySet[Any]":
    """The query that gives each row's cells; on PostgreSQL as they stand in the file."""
    cells = {f"csv_{number}": _Shaped(column) for number, column in enumerate(columns)}
    asked: QuerySet[Any] = rows.annotate(**cells).values_list(*cells)
    return asked


def of_rows(
    rows: Iterable[Sequence[Any]], columns: Sequence[Column], *, zone: ZoneInfo, bom: bool = False, cut_off: str
) -> Iterator[bytes]:
    """The file of rows at hand: a value for each column, as Python has them. What columns show is not asked."""
    return _file(columns, _in_blocks(_line(row, columns, zone) for row in rows), bom=bom, cut_off=cut_off)


def _file(columns: Sequence[Column], body: Iterator[bytes], *, bom: bool, cut_off: str) -> Iterator[bytes]:
    """The head goes out at once, before the database has found anything."""
    head = ",".join(column.name for column in columns)
    yield (BOM if bom else b"") + head.encode() + b"\r\n"
    try:
        yield from body
    except Exception:
        yield _cell(cut_off).encode() + b"\r\n"
        raise


def _in_blocks(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The lines, so many in one piece that handing it on costs little."""
    block: list[bytes] = []
    size = 0
    for line in lines:
        block.append(line)
        size += len(line)
        if size >= BLOCK_BYTES:
            yield b"".join(block)
            block, size = [], 0
    if block:
        yield b"".join(block)


# -- PostgreSQL ------------------------------------------------------------------------------------------------------


class _Shaped(Func):
    """A column as PostgreSQL writes it into a file; on SQLite the bare value, which Python shapes."""

    template = "%(expressions)s"

    def __init__(self, column: Column) -> None:
        super().__init__(column.shows)
        self.shape = column.sort.value

    def as_postgresql(self, compiler: Any, connection: BaseDatabaseWrapper, **extra: Any) -> tuple[str, list[Any]]:
        sql, params = self.as_sql(compiler, connection, **extra)
        return self.shape.format(sql), list(params) * self.shape.count("{0}")


# To compile a statement of many columns takes longer than a file's first rows should.
_SETTINGS = """
SELECT set_config('TimeZone', %s, true), set_config('transaction_read_only', 'on', true),
set_config('jit', 'off', true), set_config('statement_timeout', %s, true),
set_config('idle_in_transaction_session_timeout', %s, true)
"""


def _copied(rows: "QuerySet[Any]", zone: ZoneInfo) -> Iterator[bytes]:
    try:
        sql, params = rows.query.sql_with_params()
    except EmptyResultSet:
        return
    using = rows.db
    with transaction.atomic(using), connections[using].cursor() as cursor:
        cursor.execute(_SETTINGS, [str(zone), f"{LONGEST_S * 1000:.0f}", f"{LONGEST_S * 1000:.0f}"])
        with cursor.copy(f"COPY ({sql}) TO STDOUT (FORMAT csv)", params) as copy:
            yield from _ended_anew(copy)
        transaction.set_rollback(True, using)  # also where a caller's transaction goes on: with its own settings


def _ended_anew(copy: Any) -> Iterator[bytes]:
    """The lines of a COPY with CRLF at their ends; it gives each row by itself, ended by LF.

    https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-COPY
    """
    block: list[bytes] = []
    size = 0
    for line in copy:
        block.append(line[:-1])
        size += len(line)
        if size >= BLOCK_BYTES:
            block.append(b"")
            yield b"\r\n".join(block)
            block, size = [], 0
    if block:
        block.append(b"")
        yield b"\r\n".join(block)


# -- SQLite, and rows at hand ----------------------------------------------------------------------------------------


def _fetched(rows: "QuerySet[Any]", columns: Sequence[Column], zone: ZoneInfo) -> Iterator[bytes]:
    with closing(rows.iterator(chunk_size=_AT_ONCE)) as found:  # type: ignore[type-var]
        yield from _in_blocks(_line(row, columns, zone) for row in found)


def _line(row: Sequence[Any], columns: Sequence[Column], zone: ZoneInfo) -> bytes:
    cells = [_written(value, column.sort, zone) for value, column in zip(row, columns, strict=True)]
    return (",".join(map(_cell, cells)) + "\r\n").encode()


def _written(value: Any, sort: Sort, zone: ZoneInfo) -> str:
    if value is None:
        return ""
    match sort, value:
        case Sort.TEXT, _:
            return f"'{value}" if _IS_FORMULA.match(str(value)) else str(value)
        case Sort.MOMENT, datetime():
            return value.astimezone(zone).isoformat(timespec="seconds")
        case Sort.SECONDS, timedelta():
            return str(int(value.total_seconds()))
        case Sort.DAY, date():
            return value.isoformat()[:10]
        case Sort.FLAG, _:
            return "true" if value else "false"
    return str(value)


def _cell(text: str) -> str:
    """RFC 4180, section 2, 5 to 7."""
    if not _WANTS_QUOTES.search(text):
        return text
    escaped = text.replace('"', '""')
    return f'"{escaped}"'
