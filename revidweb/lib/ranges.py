"""Byte ranges as HTTP asks for them (RFC 9110, section 14)."""

import re
from dataclasses import dataclass

_ONE_RANGE = re.compile(r"bytes\s*=\s*([0-9]{0,18})\s*-\s*([0-9]{0,18})\s*", re.IGNORECASE)


class NotSatisfiable(Exception):
    """The range lies beyond the content: 416."""


@dataclass(frozen=True)
class Range:
    """Bytes `start` to `end`, both included."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """How many bytes it covers."""
        return self.end - self.start + 1


def asked(header: str, size: int) -> Range | None:
    """The range that a `Range` header asks of content of so many bytes; None for "the whole".

    Several ranges, other units and nonsense mean the whole: a server may ignore what it does not serve.
    Raises NotSatisfiable when the range begins beyond the end, or asks for the last 0 bytes.
    """
    match = _ONE_RANGE.fullmatch(header.strip())
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        return _suffix(int(last), size)
    start, end = int(first), min(int(last), size - 1) if last else size - 1
    if last and int(last) < start:
        return None
    if start >= size:
        raise NotSatisfiable
    return Range(start, end)


def _suffix(length: int, size: int) -> Range:
    if length == 0 or size == 0:
        raise NotSatisfiable
    return Range(max(0, size - length), size - 1)
