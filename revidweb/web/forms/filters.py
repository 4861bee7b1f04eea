"""What every filter bar does: read a word from the address, and offer what there is to choose."""

from collections.abc import Iterable, Mapping

from revidweb.catalog.params import Choice

_MOST_CHARS = 200


def word(query: Mapping[str, str], name: str) -> str:
    """What the address says under this name, fit for a database; "" for nothing."""
    return query.get(name, "").replace("\x00", "").strip()[:_MOST_CHARS]


def choices(named: Iterable[tuple[str, str]], chosen: str, *, every: str) -> list[Choice]:
    """The choices of one filter, by value and label. every: what not to filter is called."""
    return [Choice(value, label, is_chosen=value == chosen) for value, label in [("", every), *named]]
