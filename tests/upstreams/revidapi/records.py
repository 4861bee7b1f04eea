"""What the stand-in remembers: accounts, orders, jobs and moves of credits. Times: seconds since the epoch."""

import math
import secrets
from dataclasses import dataclass, field
from typing import Literal

from .catalog import Fields, Row

Kind = Literal["image", "video"]
State = Literal["queued", "running", "completed", "failed", "cancelled"]
Move = Literal["initial", "deduct", "refund", "admin_add"]
MOVING = ("queued", "running")
GENERIC_FAILURE = "Job failed, change prompt or input and try again"


@dataclass(frozen=True)
class Slots:
    """How much an account may do at once."""

    total: int = 5
    image: int = 3
    video: int = 3
    queue: int = 3

    def of(self, kind: Kind) -> int:
        """The running jobs of one kind."""
        return self.image if kind == "image" else self.video

    def printed(self) -> dict[str, int]:
        """The slots as /limits prints them."""
        return {
            "total_concurrent": self.total,
            "image_concurrent": self.image,
            "video_concurrent": self.video,
            "queue": self.queue,
        }


@dataclass(frozen=True)
class Fate:
    """What is going to become of a job, and how its polls say so.

    form: where a failure's reason stands ("error", "error_message", "message", "detail", "prefix" of the status).
    late_s: a failed job turns out done this long after it failed. listed_s: how long /dashboard/jobs does not know it.
    result: how the address is given ("url", "list", "object", "none"). media: "right", "wrong" kind, "page" or "gone".
    """

    fails: bool = False
    reason: str = GENERIC_FAILURE
    form: str = "error"
    refunds: bool = True
    at_create: bool = False
    stuck: bool = False
    takes_s: float | None = None
    late_s: float | None = None
    listed_s: float = 0
    result: str = "url"
    keeps_result: bool = False
    media: str = "right"


@dataclass(frozen=True)
class Transaction:
    """One move of credits, as /dashboard/credits lists it. `amount` is signed."""

    id: int
    account: str
    job_id: str
    type: Move
    amount: int
    balance_before: int
    balance_after: int
    at: float


@dataclass(eq=False)
class UpstreamAccount:
    """An account at the stand-in. `key` is the first of its keys; `balance` is in whole credits.

    is_owner: its keys are a tenant owner's. keys: until when each is switched off, by the stand-in's clock.
    """

    id: str
    key: str = field(repr=False)
    organization: str
    slots: Slots
    is_owner: bool = False
    balance: int = 0
    keys: dict[str, float] = field(default_factory=dict, repr=False)

    def add_key(self) -> str:
        """Hand out one more key for the same account."""
        key = a_key()
        self.keys[key] = 0
        return key

    def disable(self, key: str = "", *, until: float = math.inf) -> None:
        """Switch one key off, or all of them."""
        self.keys |= dict.fromkeys([key] if key else list(self.keys), until)

    def enable(self, key: str = "") -> None:
        """Switch one key on again, or all of them."""
        self.disable(key, until=0)


@dataclass(eq=False)
class Job:
    """One job. `charge` and `refund` in whole credits, times as seconds since the epoch by the stand-in's clock."""

    id: str
    account: UpstreamAccount
    kind: Kind
    model: str
    prompt: str
    params: Fields
    row: Row
    inputs: tuple[str, ...]
    fate: Fate
    seconds: float
    created_at: float
    charge: int
    refund: int = 0
    state: State = "queued"
    started_at: float = 0
    ended_at: float = 0
    token: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def is_moving(self) -> bool:
        """Whether it still waits or works."""
        return self.state in MOVING

    @property
    def mode(self) -> str:
        """From what to what: t2i, i2i, t2v or i2v."""
        return f"{'i' if self.inputs else 't'}2{'i' if self.kind == 'image' else 'v'}"

    def progress(self, now: float) -> int:
        """Per cent, by the time that it has worked."""
        if self.state == "running":
            return min(int(100 * (now - self.started_at) / max(self.seconds, 0.001)), 99)
        return 100 if self.state == "completed" else 0


@dataclass(eq=False)
class Order:
    """One create request as it came in, refused ones too. `job` is what was made of it, `status` what was answered."""

    at: float
    account: str
    kind: Kind
    model: str
    prompt: str
    fields: Fields
    urls: tuple[str, ...]
    files: tuple[str, ...]
    job: Job | None = None
    status: int = 0
    trouble: str = ""


def a_key() -> str:
    """A key as the vendor writes them."""
    return f"sk_live_{secrets.token_hex(16)}"
