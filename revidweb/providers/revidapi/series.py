"""Which tables of an answer can be drawn: one label for each row, and figures beside it."""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

from revidweb.providers.account_pages import Line, Series, Table, Value

_ROWS_MAX = 400
_LINES_MAX = 8
_LABELS = ("date", "day", "month", "period", "name", "model", "model_name", "plan", "type", "server", "status")
_TIME = re.compile(r"\d{4}-\d\d(-\d\d)?")


def of(tables: Sequence[Table]) -> Iterator[Series]:
    """The series of those tables that are some."""
    for table in tables:
        at = _label_column(table)
        lines = tuple(_lines(table)) if at is not None else ()
        if at is not None and lines:
            yield _ordered(table, at, lines[:_LINES_MAX])


def _label_column(table: Table) -> int | None:
    """The column that names the rows: each once, all with a text."""
    if not 0 < len(table.rows) <= _ROWS_MAX:
        return None
    known = [at for name in _LABELS for at, column in enumerate(table.columns) if column.lower() == name]
    return next((at for at in known if _is_label(_column(table, at))), None)


def _is_label(cells: Sequence[Value]) -> bool:
    return all(isinstance(cell, str) and cell for cell in cells) and len(set(cells)) == len(cells)


def _lines(table: Table) -> Iterator[Line]:
    """The columns that hold figures and nothing else."""
    for at, name in enumerate(table.columns):
        figures = tuple(_figures(_column(table, at)))
        if len(figures) == len(table.rows) and any(figure is not None for figure in figures):
            yield Line(name, figures)


def _figures(cells: Sequence[Value]) -> Iterator[int | Decimal | None]:
    for cell in cells:
        if cell is None or (isinstance(cell, int | Decimal) and not isinstance(cell, bool)):
            yield cell


def _ordered(table: Table, at: int, lines: Sequence[Line]) -> Series:
    """Days from the first to the last, names as they came."""
    labels = [str(cell) for cell in _column(table, at)]
    is_by_time = all(_TIME.fullmatch(label) for label in labels)
    order = sorted(range(len(labels)), key=labels.__getitem__) if is_by_time else range(len(labels))
    turned = tuple(Line(line.name, tuple(line.figures[row] for row in order)) for line in lines)
    return Series(table.name, table.columns[at], is_by_time, tuple(labels[row] for row in order), turned)


def _column(table: Table, at: int) -> Sequence[Value]:
    return [row[at] for row in table.rows]
