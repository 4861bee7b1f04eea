"""A provider that does what a test wrote down, and remembers what it was asked. Written from the contract."""

import io
import itertools
from collections.abc import Sequence
from datetime import datetime
from typing import BinaryIO

from PIL import Image

from revidweb.providers.base import (
    Account,
    AccountRefused,
    Cancellation,
    Input,
    Limits,
    Order,
    Pace,
    ProviderError,
    Receipt,
    Requests,
    Sighting,
    Status,
)

WORKING = Sighting(Status.WORKING, progress=40)
DONE = Sighting(Status.DONE, progress=100, results=("scripted:0",))


def a_picture(size: tuple[int, int] = (64, 48)) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", size, "teal").save(target, "PNG")
    return target.getvalue()


class Listed:
    """One reading of what is there."""

    def __init__(self, upstream: "Scripted", account: Account) -> None:
        self.requests = 0
        self._upstream, self._account = upstream, account

    def find(self, order: Order, *, since: datetime, until: datetime) -> Sequence[Receipt]:
        self.requests = max(self.requests, self._upstream.pages)
        return self._upstream.find(self._account, order, since=since, until=until)


class Scripted:
    """Answers `submits` and `sightings` in turn (an exception is raised), and the last one for ever."""

    name = "scripted"
    title = "Scripted"
    base_url = "https://scripted.example/v1"
    requests = Requests(job_list=5, upload=3)

    def __init__(self, *, is_repeatable: bool = False, takes_uploads: bool = False) -> None:
        self.is_repeatable = is_repeatable
        self.takes_uploads = takes_uploads
        self.submits: list[Receipt | ProviderError] = []
        self.sightings: list[Sighting | ProviderError] = [DONE]
        self.cancellation = Cancellation(is_cancelled=True)
        self.results: list[bytes | ProviderError] = [a_picture()]
        self.there: list[Receipt] = []
        self.listed: list[tuple[str, int]] = []
        self.pages = 1
        self.dead_keys: set[str] = set()  # refused when they ask after an order
        self.sent: list[Order] = []
        self.polled: list[str] = []
        self.cancelled: list[str] = []
        self.uploads: list[str | ProviderError] = []
        self.uploaded: list[bytes] = []
        self.keys: dict[str, list[str]] = {
            "submit": [],
            "poll": [],
            "cancel": [],
            "find": [],
            "upload": [],
            "fetch": [],
        }
        self._tickets = itertools.count(1)

    def check(self, account: Account, *, timeout_s: float | None = None) -> Sequence[dict[str, object]]:
        return self.models(account)

    def submit(self, account: Account, order: Order, *, attempt: int) -> Receipt:
        self.keys["submit"].append(account.key)
        self.sent.append(order)
        answer = self._next(self.submits) if self.submits else Receipt(f"ticket-{next(self._tickets)}")
        if isinstance(answer, ProviderError):
            raise answer
        return answer

    def poll(self, account: Account, ticket: str) -> Sighting:
        self._heard("poll", account)
        self.polled.append(ticket)
        return self._say(self.sightings)

    def cancel(self, account: Account, ticket: str) -> Cancellation:
        self._heard("cancel", account)
        self.cancelled.append(ticket)
        return self.cancellation

    def job_list(self, account: Account, *, most_requests: int) -> "Listed":
        self.listed.append((account.key, most_requests))
        return Listed(self, account)

    def find(self, account: Account, order: Order, *, since: datetime, until: datetime) -> Sequence[Receipt]:
        self._heard("find", account)
        return self.there

    def models(self, account: Account) -> Sequence[dict[str, object]]:
        return []

    def balance(self, account: Account) -> int:
        return 1000

    def limits(self, account: Account) -> Limits:
        return Limits(total=8, image=8, video=8)

    def upload(self, account: Account, file: Input) -> str:
        self.keys["upload"].append(account.key)
        with file.open() as content:
            self.uploaded.append(content.read())
        return self._say(self.uploads) if self.uploads else f"https://scripted.example/{len(self.uploaded)}.png"

    def fetch(self, account: Account, result: str, target: BinaryIO, *, max_bytes: int) -> None:
        self.keys["fetch"].append(account.key)
        target.write(self._say(self.results))

    def pace(self, order: Order) -> Pace:
        return Pace(first_s=0, interval_s=0, expected_s=0)

    def _heard(self, call: str, account: Account) -> None:
        self.keys[call].append(account.key)
        if account.key in self.dead_keys:
            raise AccountRefused("Invalid API key", code="invalid")

    @staticmethod
    def _next(script: list):
        return script.pop(0) if len(script) > 1 else script[0]

    def _say(self, script: list):
        answer = self._next(script)
        if isinstance(answer, ProviderError):
            raise answer
        return answer
