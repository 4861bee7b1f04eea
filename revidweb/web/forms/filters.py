"""What every filter bar does: read a word from the address, and offer what there is to choose."""

from collections.abc import Iterable, Mapping

from revidweb.catalog.params import Choice

_MOST_CHARS, _MOST_DIGITS = 200, 18


def word(query: Mapping[str, str], name: str) -> str:
    """What the address says under this name, fit for a database; "" for nothing."""
    return plain(query.get(name, ""))


def plain(text: str) -> str:
    """The text, fit for a database and short."""
    return text.replace("\x00", "").strip()[:_MOST_CHARS]


def number(query: Mapping[str, str], name: str) -> int | None:
    """The row's id that the address says under this name, as long as a database can hold it; None for anything else."""
    text = query.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS else None


def choices(named: Iterable[tuple[str, str]], chosen: str, *, every: str) -> list[Choice]:
    """The choices of one filter, by value and label. every: what not to filter is called."""
    return [Choice(value, label, is_chosen=value == chosen) for value, label in [("", every), *named]]
