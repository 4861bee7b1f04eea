"""Any answer as facts and tables: what stands in it is shown as what it is, bounded, and nothing is made up."""

import csv
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from revidweb.providers.account_pages import Fact, Table, Value

from . import shapes

_DEPTH_MAX = 6
_FACTS_MAX = 200
_TABLES_MAX = 20
_COLUMNS_MAX = 40
_ROWS_MAX = 1000  # of all tables together
_NAME_MAX_CHARS = 120
_CELL_MAX_CHARS = 1000
_DIGITS_MAX = 30
_WRAPPERS = frozenset({"data", "result", "response"})  # in which hosts wrap a whole answer
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
_WHOLE = re.compile(r"-?(0|[1-9]\d{0,29})")  # "007" is a name, no number
_FRACTION = re.compile(r"-?(0|[1-9]\d{0,29})\.\d{1,20}")


@dataclass
class Sheets:
    """The facts and tables of one answer."""

    facts: list[Fact] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    _rows: int = 0

    def take_in(self, told: Any, path: tuple[str, ...] = ()) -> None:
        """Add what a part of the answer says; path: the names that lead to it."""
        if isinstance(told, list):
            self._list(told, path)
        elif not isinstance(told, dict) or not told or len(path) >= _DEPTH_MAX:
            self._fact(told, path)
        elif len(told) == 1 and not path and (inner := _wrapped(told)) is not None:
            self.take_in(inner)
        elif _is_by_name(told):
            rows = [
                {"name": name} | (each if isinstance(each, dict) else {"value": each}) for name, each in told.items()
            ]
            self._list(rows, path)
        else:
            for name, each in told.items():
                self.take_in(each, (*path, name))

    def csv(self, text: str) -> None:
        """Add a table whose first line names its columns."""
        try:
            lines = list(islice(csv.reader(text.splitlines()), _ROWS_MAX + 1))
        except csv.Error:
            return
        head, *rows = [line for line in lines if line] or [[]]
        columns = tuple(shapes.plain(name, _NAME_MAX_CHARS) for name in head[:_COLUMNS_MAX])
        read = tuple(tuple(_of_text(cell) for cell in _filled(row, len(columns))) for row in rows)
        self.tables.append(Table("", columns, read, max(0, len(text.splitlines()) - 1 - len(rows))))

    def _fact(self, told: Any, path: Sequence[str]) -> None:
        if len(self.facts) < _FACTS_MAX:
            self.facts.append(Fact(_name(path), value(told)))

    def _list(self, told: Sequence[Any], path: tuple[str, ...]) -> None:
        """A table of a list, and one more for each column that holds lists of objects itself."""
        if len(self.tables) >= _TABLES_MAX:
            return
        shown = told[: max(0, _ROWS_MAX - self._rows)]
        self._rows += len(shown)
        rows = [_row(one) for one in shown]
        names = dict.fromkeys(name for row in rows for name in row)
        inner = [name for name in names if any(_is_objects(row.get(name)) for row in rows)]
        columns = tuple(name for name in names if name not in inner)[:_COLUMNS_MAX]
        cells = tuple(tuple(value(row.get(name)) for name in columns) for row in rows)
        printed = tuple(shapes.plain(name, _NAME_MAX_CHARS) for name in columns)
        self.tables.append(Table(_name(path), printed, cells, len(told) - len(shown)))
        for name in inner:
            self._list(list(_inner_rows(rows, columns[:1], name)), (*path, name))


def parsed(text: str) -> Any:
    """The JSON of a text, with exact fractions. Raises ValueError or RecursionError where it is none."""
    return json.loads(text, parse_float=_decimal, parse_int=_int, parse_constant=str)


def value(told: Any) -> Value:
    """One thing as it is shown; what holds others is written as JSON, a list of plain things with commas."""
    if told is None or isinstance(told, bool | int | Decimal):
        return told
    if isinstance(told, str):
        return _moment(told) or shapes.plain(told, _CELL_MAX_CHARS)
    if isinstance(told, list) and not any(isinstance(one, dict | list) for one in told):
        return shapes.plain(", ".join(map(str, map(value, told[:100]))), _CELL_MAX_CHARS)
    return shapes.plain(_compact(told), _CELL_MAX_CHARS)


def _compact(told: Any) -> str:
    """JSON of something that may be deep; RecursionError is not worth the name of an answer."""
    try:
        return json.dumps(told, ensure_ascii=False, default=str)
    except RecursionError:
        return "…"


def _int(digits: str) -> int | str:
    return int(digits) if len(digits) <= _DIGITS_MAX else digits


def _decimal(text: str) -> Decimal | str:
    """A fraction, and as a text what no column would hold."""
    number = Decimal(text) if len(text) <= _DIGITS_MAX else None
    return number if number is not None and number.adjusted() in range(-_DIGITS_MAX, _DIGITS_MAX) else text


def _moment(text: str) -> datetime | None:
    """A time with its hour, in UTC; a mere day stays a text."""
    at = shapes.moment(text) if len(text) <= 40 and _MOMENT.match(text.strip()) else None
    try:
        return at.astimezone(UTC) if at else None
    except OverflowError:
        return None


def _of_text(cell: str) -> Value:
    """A cell of a file that knows only text."""
    text = cell.strip()
    if _WHOLE.fullmatch(text):
        return int(text)
    return Decimal(text) if _FRACTION.fullmatch(text) else value(cell)


def _filled(row: Sequence[str], width: int) -> list[str]:
    return [*row[:width], *[""] * (width - len(row))]


def _wrapped(told: dict[str, Any]) -> Any:
    ((name, inner),) = told.items()
    return inner if name in _WRAPPERS and isinstance(inner, dict) else None


def _is_by_name(told: dict[str, Any]) -> bool:
    """Whether an object is a table in disguise: days with figures, or names with objects of the same plain shape."""
    if all(re.fullmatch(r"\d{4}-\d\d(-\d\d)?", name) for name in told):
        return all(_is_plain(each) or _is_flat(each) for each in told.values())
    if len(told) < 2 or not all(map(_is_flat, told.values())):
        return False
    return len({frozenset(each) for each in told.values()}) == 1


def _is_plain(told: Any) -> bool:
    return not isinstance(told, dict | list)


def _is_flat(told: Any) -> bool:
    return isinstance(told, dict) and bool(told) and all(map(_is_plain, told.values()))


def _is_objects(told: Any) -> bool:
    return isinstance(told, list) and bool(told) and all(isinstance(one, dict) for one in told)


def _row(one: Any) -> dict[str, Any]:
    if isinstance(one, dict):
        return one
    return {str(at): each for at, each in enumerate(one, 1)} if isinstance(one, list) else {"value": one}


def _inner_rows(rows: Sequence[dict[str, Any]], key: Sequence[str], name: str) -> Iterator[dict[str, Any]]:
    """The objects inside of rows, each with the row's first cell, which says whose it is."""
    for row in rows:
        for one in row[name] if _is_objects(row.get(name)) else ():
            yield {each: row.get(each) for each in key} | one


def _name(path: Sequence[str]) -> str:
    return shapes.plain(".".join(path), _NAME_MAX_CHARS)
