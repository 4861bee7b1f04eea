"""RevidAPI's documents as its customers read them, and the command lines that they print."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

SEEDS = Path(__file__).resolve().parent.parent / "seeds"
HOST = "https://ai.revidapi.com"
KEYS = ("sk_live_your_key", "YOUR_KEY")
JOB_IDS = ("job_abc123", "job_123456789", "abc-123")
_COMMAND = re.compile(r"^curl (?:.*\\\n)*.*$", re.MULTILINE)


def commands(document: str) -> list[str]:
    """Every curl line of the document, word for word, in its order; one that goes on over lines is one."""
    return _COMMAND.findall((SEEDS / document).read_text())


def creating(document: str) -> list[str]:
    """Those that make a job."""
    return [command for command in commands(document) if "/generate" in command]


def looking(document: str) -> str:
    """The one that looks at a job."""
    (command,) = (command for command in commands(document) if "/jobs/" in command)
    return command


def changed(command: str, *, host: str, key: str, job_id: str = "") -> str:
    """The command with only host, key and job id of our own."""
    words = {HOST: host} | dict.fromkeys(KEYS, key) | (dict.fromkeys(JOB_IDS, job_id) if job_id else {})
    return "".join(_replaced(command, words))


def _replaced(text: str, words: Mapping[str, str]) -> Iterator[str]:
    pattern = re.compile("|".join(re.escape(word) for word in words))
    at = 0
    for match in pattern.finditer(text):
        yield text[at : match.start()] + words[match[0]]
        at = match.end()
    yield text[at:]
