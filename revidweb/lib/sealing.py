"""Seal what must be read again but never shown: upstream keys. `SEALING_KEYS` opens them, the first of it seals.

Fernet (AES-128-CBC with HMAC-SHA256) of the cryptography library; a new key is put in front, and the old ones stay
until everything is sealed anew.
"""

import base64
import hashlib
from functools import cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class CannotOpen(Exception):
    """It was sealed with a key that is not in `SEALING_KEYS` any more."""


def seal(text: str) -> str:
    """The text so that only this installation reads it; twice the same text looks different."""
    return _box(tuple(settings.SEALING_KEYS)).encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """The text again. Raises CannotOpen."""
    try:
        return _box(tuple(settings.SEALING_KEYS)).decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise CannotOpen("sealed with a key that is not in SEALING_KEYS") from None


@cache
def _box(keys: tuple[str, ...]) -> MultiFernet:
    """Any text serves as a key: its SHA-256 is what seals."""
    return MultiFernet(Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest())) for key in keys)
