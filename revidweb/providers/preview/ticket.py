"""A preview job as text: all that is needed to poll it and to draw it, whoever asks."""

import binascii
import json
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import asdict, dataclass, field
from typing import Any

from revidweb.providers.base import Kind, Param


class NotATicket(ValueError):
    """The text was not made by `seal`."""


@dataclass(frozen=True)
class Ticket:
    """One job. submitted_at: seconds since 1970; takes_s: from submit to verdict; basis: a small JPEG in base64."""

    kind: str
    model: str
    prompt: str
    seed: int
    submitted_at: float
    takes_s: float
    params: dict[str, Param] = field(default_factory=dict)
    basis: str = ""
    is_to_fail: bool = False

    @property
    def is_clip(self) -> bool:
        """Whether it is a clip rather than a picture."""
        return self.kind != Kind.IMAGE

    def share(self, at: float) -> float:
        """How much of the work is done at that time (seconds since 1970): 0..1."""
        elapsed_s = max(at - self.submitted_at, 0.0)
        return min(elapsed_s / self.takes_s, 1.0) if self.takes_s > 0 else 1.0


def seal(ticket: Ticket) -> str:
    """The ticket as URL-safe text."""
    return urlsafe_b64encode(zlib.compress(json.dumps(asdict(ticket)).encode())).decode()


def read(text: str) -> Ticket:
    """The ticket that `seal` made into this text. Raises NotATicket."""
    try:
        return _checked(json.loads(zlib.decompress(urlsafe_b64decode(text.encode()))))
    except (binascii.Error, zlib.error, ValueError, TypeError, KeyError) as error:
        raise NotATicket(text[:40]) from error


def _checked(told: dict[str, Any]) -> Ticket:
    """Each field with the type that the drawing relies on."""
    return Ticket(
        kind=Kind(told["kind"]),
        model=str(told["model"]),
        prompt=str(told["prompt"]),
        seed=int(told["seed"]),
        submitted_at=float(told["submitted_at"]),
        takes_s=float(told["takes_s"]),
        params=dict(told["params"]),
        basis=str(told["basis"]),
        is_to_fail=bool(told["is_to_fail"]),
    )
