"""What an account tells of itself, as values: answers that may be kept, and what can be read in them.

No provider documents these bodies whole. So an answer is kept as it came and read as far as it goes: what has a known
shape is typed, all else becomes facts and tables that can be shown as what they are.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol

from .base import Account, Kind, Mode, Status

Value = str | int | Decimal | bool | datetime | None  # text is one printable line; times are aware UTC


class Endpoint(StrEnum):
    """What may be asked for; the value is fit for an address."""

    ME = "me"
    LIMITS = "limits"
    JOBS = "jobs"
    STATS = "stats"
    EXPORT = "export"
    CREDITS = "credits"
    MODELS = "models"
    USERS = "users"
    SUBS = "subs"
    REVENUE = "revenue"


@dataclass(frozen=True)
class Question:
    """One page of an endpoint. page counts from 1; status and kind filter jobs, in the provider's words."""

    endpoint: Endpoint
    page: int = 1
    status: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Copy:
    """One good answer as it came, some megabytes at most. No key stands in it, and it may be stored.

    media_type: "application/json" or "text/csv". is_cut: the answer was longer, its end is missing.
    """

    text: str = field(repr=False)
    media_type: str = "application/json"
    is_cut: bool = False


@dataclass(frozen=True)
class Fact:
    """One thing that is told. name: where it stood, "limits.queue"; "" for an answer that is nothing else."""

    name: str
    value: Value


@dataclass(frozen=True)
class Table:
    """One list that is told. name: where it stood, "" for a bare list. left_out: rows beyond those that are here."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]
    left_out: int = 0


@dataclass(frozen=True)
class Line:
    """The figures of a series under one name, one for each label; None where nothing is told."""

    name: str
    figures: tuple[int | Decimal | None, ...]


@dataclass(frozen=True)
class Series:
    """A table that can be drawn. is_by_time: the labels are days or months ("2026-11-20", "2026-11"), oldest first."""

    name: str
    label: str
    is_by_time: bool
    labels: tuple[str, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Place:
    """Where a page stands in its list; None where the answer does not say."""

    page: int | None = None
    pages: int | None = None
    total: int | None = None


@dataclass(frozen=True)
class Reading:
    """What an answer says. text: the beginning of one that is neither JSON nor a table; series: of its tables."""

    facts: tuple[Fact, ...] = ()
    tables: tuple[Table, ...] = ()
    series: tuple[Series, ...] = ()
    place: Place = Place()
    text: str = ""


@dataclass(frozen=True)
class JobEntry:
    """A job as the provider lists it. kind, mode, status and credits are None where it does not say, or not clearly.

    credits: what it cost there. results: addresses that `fetch` understands. raw: the entry as it came.
    """

    ticket: str
    model: str
    prompt: str
    kind: Kind | None
    mode: Mode | None
    status: Status | None
    credits: int | None
    results: tuple[str, ...]
    created_at: datetime | None
    completed_at: datetime | None
    params: Mapping[str, Any]
    raw: Mapping[str, Any] = field(repr=False, compare=False)


@dataclass(frozen=True)
class JobPage:
    """One page of the list of jobs, in the provider's order."""

    entries: tuple[JobEntry, ...]
    place: Place
    is_last: bool


class Move(StrEnum):
    """Why credits moved there."""

    CHARGE = "charge"
    REFUND = "refund"
    OTHER = "other"


@dataclass(frozen=True)
class CreditLine:
    """One move of credits there. change: whole credits, below zero for what was taken: a charge always, a refund never.

    ticket: the job's, "" without one. at: aware UTC, None where none is told.
    """

    id: str
    ticket: str
    move: Move
    change: int
    at: datetime | None
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @property
    def credits(self) -> int:
        """How many moved, whichever way."""
        return abs(self.change)


@dataclass(frozen=True)
class CreditLog:
    """The moves of a stretch of time, newest first, each once.

    reaches_back: nothing of the stretch is missing at its beginning. unread: lines of which it is not clear how many
    whole credits moved; nothing is guessed. requests: how many were made. unread_tickets: the jobs of all such lines.
    """

    lines: tuple[CreditLine, ...]
    reaches_back: bool
    unread: tuple[Mapping[str, Any], ...]
    requests: int
    unread_tickets: frozenset[str] = frozenset()


class AccountPages(Protocol):
    """What a provider lets an account read. Nothing here changes anything; every question is one request.

    Asking raises AccountRefused, ProviderBusy or ProviderRefused: "gone" (there is no such page), "not_owner" (it is
    for the keys of a tenant's owner alone) or "input". Reading raises nothing, whatever a copy says.
    """

    endpoints: Sequence[Endpoint]  # in the order in which they are shown

    def ask(self, account: Account, question: Question, *, timeout_s: float | None = None) -> Copy:
        """Ask one question; the answer, to be kept and read. timeout_s: for the whole of it, else the provider's."""

    def read(self, endpoint: Endpoint, copy: Copy) -> Reading:
        """What can be shown of an answer."""

    def job_page(self, copy: Copy, *, page: int = 1) -> JobPage:
        """An answer to JOBS, typed. page: which one was asked for, where the answer does not say."""

    def credit_log(
        self,
        account: Account,
        *,
        since: datetime,
        until: datetime,
        most_requests: int,
        timeout_s: float | None = None,
        for_s: float = math.inf,
    ) -> CreditLog:
        """The moves of credits from `since` to `until` (aware), with `most_requests` at most.

        timeout_s: of each request, as in `ask`. for_s: after so long none is begun any more.
        Raises as `ask` does, and ProviderRefused "no_end" where a log from old to new is longer than what was read.
        """
