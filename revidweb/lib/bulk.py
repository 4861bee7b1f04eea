"""Many plain values at once for PostgreSQL, written as text by hand: its driver adapts them one by one."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.backends.utils import CursorWrapper


def copy(cursor: CursorWrapper, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write the rows by COPY: text, numbers, dates, booleans, times and None, in the order of the columns."""
    quoted = ", ".join(f'"{name}"' for name in columns)
    with cursor.copy(f'COPY "{table}" ({quoted}) FROM STDIN') as stream:
        stream.write("".join(["\t".join([_copied(value) for value in row]) + "\n" for row in rows]))


def array(values: Iterable[Any]) -> str:
    """The values as an array literal, to be cast to its type; the same kinds of values, but no None."""
    return "{" + ",".join([_element(value) if type(value) is str else str(value) for value in values]) + "}"


def _copied(value: Any) -> str:
    if value is None:
        return "\\N"
    text = str(value)
    if "\\" in text or "\n" in text or "\t" in text or "\r" in text:
        text = text.replace("\\", r"\\").replace("\n", r"\n").replace("\t", r"\t").replace("\r", r"\r")
    return text


def _element(text: str) -> str:
    escaped = text.replace("\\", r"\\").replace('"', r"\"")
    return f'"{escaped}"'
