"""Public ids: a prefix that says what it is, and enough chance that nobody guesses one."""

import secrets
import string

_ALPHABET = string.digits + string.ascii_lowercase
_LENGTH = 20
_HOW_MANY = len(_ALPHABET) ** _LENGTH  # about 2**103


def new(prefix: str) -> str:
    """A fresh id such as `job_4f0z…`: the prefix, an underscore and 20 characters of [0-9a-z]."""
    chance = secrets.randbelow(_HOW_MANY)
    signs = []
    for _ in range(_LENGTH):
        chance, place = divmod(chance, len(_ALPHABET))
        signs.append(_ALPHABET[place])
    return f"{prefix}_{''.join(signs)}"


def is_possible(text: str) -> bool:
    """Whether this may be an id at all: PostgreSQL fails when it is asked for a NUL, instead of finding nothing."""
    return text.isascii() and text.isprintable()
