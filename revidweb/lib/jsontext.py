"""JSON as people read it, written anew from its own words: no number and no text changes, however deep it is."""

import re
from collections.abc import Iterator

_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+|"', re.DOTALL)
_STEP = "  "
_DEEPEST = 20  # what is deeper is not indented further


def indented(text: str, *, most_chars: int) -> str:
    """The text with a line for each thing, cut off after so many characters, for which "…" stands at the end."""
    written: list[str] = []
    left = most_chars
    for part in _parts(text):
        left -= len(part)
        if left < 0:
            return "".join([*written, "\n…"])
        written.append(part)
    return "".join(written)


def _parts(text: str) -> Iterator[str]:
    depth, before = 0, ""
    for word in (match[0] for match in _WORD.finditer(text)):
        if word in "}]":
            depth -= 1
            yield word if before in ("{", "[") else f"{_line(depth)}{word}"
        elif word == ",":
            yield word
        elif word == ":":
            yield ": "
        else:
            yield f"{_line(depth)}{word}" if before in ("{", "[", ",") else word
            depth += word in "{["
        before = word


def _line(depth: int) -> str:
    return "\n" + _STEP * max(0, min(depth, _DEEPEST))
