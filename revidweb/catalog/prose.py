"""What a provider's parameter text says: "720p | 1080p", "boolean (default false; …)". Upstream writes no enums."""

import re
from collections.abc import Mapping

_SEVERAL = 8  # where the text lets several in and does not say how many
_INPUTS = ("img_url", "image_url", "image_urls", "input_image")
_COUNT = re.compile(r"\b(?:up to|at most|max(?:imum)?(?: of)?) (\d{1,2})\b")
_MANY = re.compile(r"\b(?:array|list|urls|repeatable|several|multiple)\b")
_DEFAULT = re.compile(r"\(.*?\bdefault ([^\s;,)]+)")


def choices(text: str) -> list[str]:
    """The words between the bars, in lower case; of a boolean both; nothing where any text will do."""
    head = text.partition("(")[0].strip().lower()
    if head == "boolean":
        return ["false", "true"]
    return [word.strip() for word in head.split("|")] if "|" in head else []


def default(text: str) -> str:
    """The value that holds when the parameter is left out, "" where the text names none."""
    found = _DEFAULT.search(text.lower())
    return found[1] if found else ""


def most_inputs(params: Mapping[str, str]) -> int:
    """How many input images a model starts from at most, as its parameters say: one, where they say nothing else."""
    return max((_count(name, str(params[name]).lower()) for name in _INPUTS if name in params), default=1)


def _count(name: str, text: str) -> int:
    if told := _COUNT.search(text):
        return int(told[1])
    return _SEVERAL if name == "image_urls" or _MANY.search(text) else 1
