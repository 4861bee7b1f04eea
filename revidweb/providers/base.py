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
    """Later: nothing was created. `retry_after_s` where the provider said how long to wait.

    `code`: "unreachable" (no connection was opened), "rate" (too many requests), "queue_full", "unavailable" or "busy".
    """

    def __init__(self, reason: str, *, code: str = "busy", retry_after_s: float | None = None) -> None:
        super().__init__(reason, code=code)
        self.retry_after_s = retry_after_s


class ProviderRefused(ProviderError):
    """Final. `code`: "input" (the order is wrong), "moderated", "failed" (the work), "gone" (no such thing there),
    "no_upload" (it takes no uploads), "not_owner" (only a tenant owner's key may ask) or "not_the_provider" (who
    answers is something else).
    """


class AccountRefused(ProviderError):
    """The account says no, the order itself may be good. `code`: "invalid" (key), "exhausted" (credits) or "locked"."""


class OutcomeUnknown(ProviderError):
    """The answer was lost: the job may or may not have been made. Never sent again on a guess."""


@dataclass(frozen=True)
class Account:
    """Whose account is used. `connection_id` names the connection in logs; the rest is empty where none is needed.

    base_url: without a slash at the end. key: the secret itself; it stands in no log and no error.
    """

    connection_id: str
    base_url: str = ""
    key: str = field(default="", repr=False)


@dataclass(frozen=True)
class Input:
    """A file that an order starts from: one of ours (`file_id`), or an address that still has to be fetched (`url`).

    is_lent: who asks was given the file's address, or the file with a job that they see, and may use it as their own.
    In an order that is sent, `url` is where `upload` put it at the provider; "" where the provider takes no uploads.
    `open` gives the bytes once the file is here; a caller closes what it opens.
    """

    file_id: str = ""
    is_lent: bool = field(default=False, kw_only=True)
    url: str = ""
    content_type: str = ""
    size_bytes: int = 0
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
    """What a create call answered. cost: upstream credits or None; `seen` where it came with more than pending.

    balance: what the account has left after it, where the provider says so.
    """

    ticket: str
    cost: int | None = None
    seen: Sighting | None = None
    balance: int | None = None


@dataclass(frozen=True)
class Cancellation:
    """What a cancel call answered. refunded: None where upstream does not say."""

    is_cancelled: bool
    refunded: bool | None = None


@dataclass(frozen=True)
class Limits:
    """How many jobs the account may run at once, and how many run there now, whoever sent them."""

    total: int
    image: int
    video: int
    active_total: int = 0
    active_image: int = 0
    active_video: int = 0


@dataclass(frozen=True)
class Pace:
    """When to look: first after `first_s`, then every `interval_s`; `expected_s` is a usual job; all seconds."""

    first_s: float
    interval_s: float
    expected_s: float


@dataclass(frozen=True)
class Requests:
    """How many requests a call makes, rather too many than too few: so many it takes from the key's budget.

    account: balance and limits together; stop: a cancel, and a look where that stops nothing; job_list, credit_log: the
    most that one reading may make, of which only those that it made are kept. All other calls make one.
    """

    account: int = 2
    check: int = 1
    models: int = 1
    upload: int = 1
    stop: int = 2
    job_list: int = 1
    credit_log: int = 1


class JobList(Protocol):
    """An account's jobs upstream, read once for many orders: as far as one of them needs it, and kept."""

    requests: int  # made until now

    def find(self, order: Order, *, since: datetime, until: datetime) -> Sequence[Receipt]:
        """Jobs that may be this order's, made between the two (aware UTC), oldest first.

        A list that could not be read stays so: the same error comes again, and nothing more is asked.
        """


class Provider(Protocol):
    """The contract. Every function may raise the four errors and nothing else."""

    name: str
    title: str
    is_repeatable: bool  # a lost submit may be sent again: it costs nothing
    takes_uploads: bool  # inputs are brought there before the order is sent
    base_url: str  # where a new connection starts from; "" for a provider that needs no account
    requests: Requests

    def check(self, account: Account, *, timeout_s: float | None = None) -> Sequence[Mapping[str, object]]:
        """See that a provider answers here and takes the key; what `models` says comes with it.

        timeout_s: for each request's answer; the provider's usual one by default.
        Raises AccountRefused (the key), ProviderBusy (not reached, or later) or ProviderRefused "not_the_provider".
        """

    def submit(self, account: Account, order: Order, *, attempt: int) -> Receipt:
        """Ask for the work. attempt: 1 for the first. Raises all four."""

    def poll(self, account: Account, ticket: str) -> Sighting:
        """Look at one job. A verdict is a Sighting, never an error."""

    def cancel(self, account: Account, ticket: str) -> Cancellation:
        """Ask upstream to stop."""

    def job_list(self, account: Account, *, most_requests: int) -> JobList:
        """Its jobs upstream, to look through for orders whose answers were lost. Asks nothing yet."""

    def models(self, account: Account) -> Sequence[Mapping[str, object]]:
        """The models with their price rows, in the shape of RevidAPI's `GET /models`."""

    def balance(self, account: Account) -> int:
        """Free credits at the provider."""

    def limits(self, account: Account) -> Limits:
        """The account's slots."""

    def upload(self, account: Account, file: Input) -> str:
        """Bring an input to the provider; the address by which an order names it. Raises all four; repeatable."""

    def fetch(self, account: Account, result: str, target: BinaryIO, *, max_bytes: int) -> None:
        """Write one result's bytes to `target`. Raises ProviderBusy (later) or ProviderRefused (never)."""

    def pace(self, order: Order) -> Pace:
        """How often this order is worth a look."""
