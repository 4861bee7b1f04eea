"""What a program shows, and what signs what is sent to it."""

import base64
import hashlib
import re
import secrets
import string
from datetime import datetime

from django.db.models import Q

from .models import ApiKey, KeySecret

_PREFIX = "sk_live_"
_ALPHABET = string.digits + string.ascii_letters
_LENGTH = 32  # 62**32 is about 2**190
_SHAPE = re.compile(rf"{_PREFIX}[0-9A-Za-z]{{{_LENGTH}}}")
_HINT_CHARS = len(_PREFIX) + 4
_SIGNING_BYTES = 32


def mint(key: ApiKey) -> str:
    """A fresh secret for the key. It is nowhere but in the answer: hash, prefix and last four are all that is kept."""
    secret = _PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    KeySecret.objects.create(key=key, prefix=secret[:_HINT_CHARS], last4=secret[-4:], sha256=digest(secret))
    return secret


def current(key: ApiKey) -> int | None:
    """The id of the secret that does not end by a rotation."""
    return KeySecret.objects.filter(key=key, expires_at=None).values_list("pk", flat=True).order_by("-pk").first()


def retire(key: ApiKey, *, at: datetime) -> None:
    """Let every secret that the key has end then, where it does not end earlier."""
    still = Q(expires_at__isnull=True) | Q(expires_at__gt=at)
    KeySecret.objects.filter(still, key=key).update(expires_at=at)


def is_ours(secret: str) -> bool:
    """Whether this installation made it, good still or not. At most one query."""
    return is_possible(secret) and KeySecret.objects.filter(sha256=digest(secret)).exists()


def is_possible(secret: str) -> bool:
    """Whether it looks like one of ours at all."""
    return _SHAPE.fullmatch(secret) is not None


def digest(secret: str) -> str:
    """SHA-256 in hex: with 190 bits of chance in it, a secret needs no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def for_signing() -> str:
    """A fresh secret for webhooks, in the form of Standard Webhooks: "whsec_" and base64 of 32 bytes."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(_SIGNING_BYTES)).decode()
