"""What every provider is to the house: functions over values, and the four ways in which they say no.

A provider owns no tables and knows no tenant. It may be called from many threads at once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import BinaryIO, Protocol


class Kind(StrEnum):
    """What a model makes."""

    IMAGE = "image"
    VIDEO = "video"
    MOTION = "motion"
    AVATAR = "avatar"


class Mode(StrEnum):
    """From what to what."""

    T2I = "t2i"
    I2I = "i2i"
    T2V = "t2v"
    I2V = "i2v"
    MOTION = "motion"
    AVATAR = "avatar"


Param = str | int | bool


class ProviderError(Exception):
    """One of the four errors below; anything else that a provider raises is a bug."""

    def __init__(self, reason: str, *, code: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code


class ProviderBusy(ProviderError):
    """Later: nothing was created. `retry_after_s` where the provider said how long to wait."""

    def __init__(self, reason: str, *, code: str = "busy", retry_after_s: float | None = None) -> None:
        super().__init__(reason, code=code)
        self.retry_after_s = retry_after_s


class ProviderRefused(ProviderError):
    """Final: the input, moderation, or the work itself failed. `code`: "input", "moderated" or "failed"."""


class AccountRefused(ProviderError):
    """The credential is invalid, exhausted or locked; the order itself may be good."""


class OutcomeUnknown(ProviderError):
    """The answer was lost: the job may or may not have been made. Never sent again on a guess."""


@dataclass(frozen=True)
class Account:
    """Whose account is used. `connection_id` names the connection in logs; a provider with keys adds them here."""

    connection_id: str


@dataclass(frozen=True)
class Input:
    """A file that an order starts from: one of ours (`file_id`), or an address that still has to be fetched (`url`).

    `open` gives the bytes once the file is here; a caller closes what it opens.
    """

    file_id: str = ""
    url: str = ""
    content_type: str = ""
    open: Callable[[], BinaryIO] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Order:
    """What is to be made. As asked, `params` may be incomplete; as sent, every parameter is explicit.

    params: names of RevidAPI (resolution, duration, aspect_ratio, speed, audio, quality); durations in whole seconds.
    server: "" lets the cheapest be chosen when quoted; as sent it is the quoted row's server.
    """

    kind: Kind
    mode: Mode
    model: str
    prompt: str
    params: Mapping[str, Param] = field(default_factory=dict)
    server: str = ""
    inputs: tuple[Input, ...] = ()


class Status(StrEnum):
    """What a provider says of a job."""

    PENDING = "pending"
    WORKING = "working"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    MISSING = "missing"  # "no such job": believed only after several looks


@dataclass(frozen=True)
class Sighting:
    """One look at a job upstream. progress: 0..100 or None; results: addresses that `fetch` understands.

    refunded: of a cancelled job, whether upstream gave the charge back; None where it does not say.
    """

    status: Status
    progress: int | None = None
    results: tuple[str, ...] = ()
    error: str = ""
    error_code: str = ""
    refunded: bool | None = None


@dataclass(frozen=True)
class Receipt:
    """What a create call answered. cost: upstream credits or None; `seen` where it came with more than pending."""

    ticket: str
    cost: int | None = None
    seen: Sighting | None = None


@dataclass(frozen=True)
class Cancellation:
    """What a cancel call answered. refunded: None where upstream does not say."""

    is_cancelled: bool
    refunded: bool | None = None


@dataclass(frozen=True)
class Limits:
    """How many jobs the account may run at once."""

    total: int
    image: int
    video: int


@dataclass(frozen=True)
class Pace:
    """When to look: first after `first_s`, then every `interval_s`; `expected_s` is a usual job; all seconds."""

    first_s: float
    interval_s: float
    expected_s: float


class Provider(Protocol):
    """The contract. Every function may raise the four errors and nothing else."""

    name: str
    title: str
    is_repeatable: bool  # a lost submit may be sent again: it costs nothing

    def submit(self, account: Account, order: Order, *, attempt: int) -> Receipt:
        """Ask for the work. attempt: 1 for the first. Raises all four."""

    def poll(self, account: Account, ticket: str) -> Sighting:
        """Look at one job. A verdict is a Sighting, never an error."""

    def cancel(self, account: Account, ticket: str) -> Cancellation:
        """Ask upstream to stop."""

    def find(self, account: Account, order: Order, since: datetime) -> Sequence[Receipt]:
        """Jobs upstream that may be this order's, made after `since` (aware UTC)."""

    def models(self, account: Account) -> Sequence[Mapping[str, object]]:
        """The models with their price rows, in the shape of RevidAPI's `GET /models`."""

    def balance(self, account: Account) -> int:
        """Free credits at the provider."""

    def limits(self, account: Account) -> Limits:
        """The account's slots."""

    def upload(self, account: Account, file: Input) -> str:
        """Bring an input to the provider; the address by which an order names it."""

    def fetch(self, account: Account, result: str, target: BinaryIO, *, max_bytes: int) -> None:
        """Write one result's bytes to `target`. Raises ProviderBusy (later) or ProviderRefused (never)."""

    def pace(self, order: Order) -> Pace:
        """How often this order is worth a look."""
