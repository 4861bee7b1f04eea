"""Addresses of many rows: what Django takes to reverse one is more than the rest of a row costs."""

from functools import lru_cache

from django.urls import get_urlconf, reverse

_MARK = "a-word-of-the-path"


def of(name: str, place: str, **words: str) -> str:
    """The address of a tenant's page, as `reverse` gives it.

    place: `Actor.place`. words: first the one word of the path that differs from row to row, an id of ours; then those
    that repeat, such as a picture's variant.
    """
    (own, word), *others = words.items()
    before, after = _around(name, place, own, tuple(others), get_urlconf())
    return f"{before}{word}{after}"


@lru_cache(maxsize=1024)
def _around(name: str, place: str, own: str, others: tuple[tuple[str, str], ...], urlconf: str | None) -> list[str]:
    """What stands before and after the word that differs."""
    return reverse(name, urlconf, kwargs={"tenant_slug": place, own: _MARK, **dict(others)}).split(_MARK)
