"""Public ids: a prefix that says what it is, and enough chance that nobody guesses one."""

import secrets
import string

_ALPHABET = string.digits + string.ascii_lowercase
_LENGTH = 20  # 36**20 is about 2**103


def new(prefix: str) -> str:
    """A fresh id such as `job_4f0z…`: the prefix, an underscore and 20 characters of [0-9a-z]."""
    return f"{prefix}_" + "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))


def is_possible(text: str) -> bool:
    """Whether this may be an id at all: PostgreSQL fails when it is asked for a NUL, instead of finding nothing."""
    return text.isascii() and text.isprintable()
