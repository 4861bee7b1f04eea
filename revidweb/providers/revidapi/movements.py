"""Upstream's log of credits: what moved, why, for which job, and how far back the log was read."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from revidweb.providers.account_pages import CreditLine, CreditLog, Move

from . import joblist, shapes
from .shapes import Body

_LISTS = ("transactions", "credits", "items", "data", "logs", "history", "results")
_REFUND = re.compile(r"refund|revers|give.?back|returned", re.IGNORECASE)
_CHARGE = re.compile(r"deduct|charge|debit|spen[dt]|usage|consum", re.IGNORECASE)
_OTHER = re.compile(r"initial|admin|top.?up|purchase|deposit|reset|bonus|gift|transfer|subscription", re.IGNORECASE)
_UNREAD_MAX = 100
_DISORDER_S = 120  # so far lines may stand out of order, written by many at once


class Log:
    """The log as it is read: page by page, each line once. One that runs from old to new is read to its end."""

    def __init__(self, since: datetime, until: datetime) -> None:
        self.requests = 0
        self.is_over = False
        self._since, self._until = since.astimezone(UTC), until.astimezone(UTC)
        self._told: dict[str, Body] = {}
        self._newest: datetime | None = None  # the first that was told
        self._last: datetime | None = None  # that was told

    def take_in(self, body: Any) -> None:
        """Add what the next page says."""
        self.requests += 1
        entries = shapes.entries(body, *_LISTS) or []
        news = {_identity(entry): entry for entry in entries if _identity(entry) not in self._told}
        self._told |= news
        pages = shapes.whole(shapes.first(body, "pages", "total_pages", inside=("data", "pagination", "meta")))
        is_last = pages is not None and self.requests >= pages
        self.is_over = not news or is_last or self._has_reached(list(news.values()))

    @property
    def lacks_its_end(self) -> bool:
        """Whether it runs from old to new, and was not read to its end: what is missing is the newest."""
        is_upward = self._newest is not None and self._last is not None and self._last > self._newest
        return is_upward and not self.is_over

    def closed(self) -> CreditLog:
        """What was read of the stretch."""
        lines, unread = [], []
        for entry in self._told.values():
            read = line(entry)
            if read is None:
                unread.append(entry)
            elif read.at is None or self._since <= read.at <= self._until:
                lines.append(read)
        lines.sort(key=lambda each: each.at or self._until, reverse=True)
        tickets = frozenset(filter(None, map(_ticket, unread)))
        return CreditLog(tuple(lines), self.is_over, tuple(unread[:_UNREAD_MAX]), self.requests, tickets)

    def _has_reached(self, entries: Sequence[Body]) -> bool:
        """Whether these lines lie before the stretch, in a log that has been going back until here."""
        times = [at for at in map(_made_at, entries) if at]
        if not times:
            return False
        self._newest, self._last = self._newest or times[0], times[-1]
        return times[-1] < self._newest and times[-1] < self._since - timedelta(seconds=_DISORDER_S)


def line(entry: Body) -> CreditLine | None:
    """One move; None where it is not clear how many whole credits moved, or which way."""
    amount, way = _amount(entry), _way(entry)
    ticket = _ticket(entry)
    move = _move(entry, ticket, way)
    if move is not Move.OTHER:
        way = 1 if move is Move.REFUND else -1
    if amount is None or (way == 0 and amount):
        return None
    return CreditLine(_id(entry), ticket, move, way * amount, _made_at(entry), shapes.kept(entry))


def _ticket(entry: Body) -> str:
    return shapes.identifier(shapes.first(entry, "job_id", "jobId", "task_id", inside=("job",)))


def _move(entry: Body, ticket: str, way: int) -> Move:
    """By the word for it, then by the reason; without either by which way a job's credits went."""
    for name in ("type", "transaction_type", "kind", "action", "reason", "description", "note"):
        said = entry.get(name)
        text = said[:300] if isinstance(said, str) else ""
        for words, move in ((_REFUND, Move.REFUND), (_CHARGE, Move.CHARGE), (_OTHER, Move.OTHER)):
            if words.search(text):
                return move
    if not ticket or not way:
        return Move.OTHER
    return Move.CHARGE if way < 0 else Move.REFUND


def _amount(entry: Body) -> int | None:
    """Whole credits without their sign; else what the balance says."""
    told = shapes.first(entry, "amount", "credits", "change", "delta", "credits_amount", inside=())
    text = (
        str(told).strip().lstrip("+-") if isinstance(told, int | float | str) and not isinstance(told, bool) else None
    )
    if text is not None:
        return shapes.whole(text)
    difference = _difference(entry)
    return None if difference is None else abs(difference)


def _way(entry: Body) -> int:
    """-1 where credits were taken, 1 where some were given, 0 where nothing says so: by the balance, else the sign."""
    difference = _difference(entry)
    if difference:
        return 1 if difference > 0 else -1
    told = shapes.floored(shapes.first(entry, "amount", "credits", "change", "delta", "credits_amount", inside=()))
    return 0 if not told else 1 if told > 0 else -1


def _difference(entry: Body) -> int | None:
    before, after = (
        shapes.whole(shapes.first(entry, *names, inside=()))
        for names in (("balance_before", "before"), ("balance_after", "after"))
    )
    return None if before is None or after is None else after - before


def _made_at(entry: Body) -> datetime | None:
    return joblist.utc(shapes.first(entry, "created_at", "createdAt", "timestamp", "date", "time", "at", inside=()))


def _id(entry: Body) -> str:
    return shapes.identifier(shapes.first(entry, "id", "transaction_id", "uuid", inside=()))


def _identity(entry: Body) -> str:
    """What makes a line the same when it comes twice because a page moved on."""
    return _id(entry) or json.dumps(entry, sort_keys=True, default=str)
