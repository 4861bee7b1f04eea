"""What a provider's parameter text says: "720p | 1080p", "boolean (default false; …)". Upstream writes no enums."""

import re

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
