"""Hold our orders against an account's log of credits, order by order: pure values, nothing is asked or written.

An order belongs to the time at which we sent it, and one that is not ours to the time of its charge: so ranges that
follow each other name each difference once, however the two clocks differ. Whatever was given back counts, whenever;
of an older order it is found by what was given back in the range.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta

from revidweb.providers.account_pages import CreditLine, Move

from .models import Sort

SKEW = timedelta(minutes=15)  # by so much two clocks may differ
_MICROS = 1_000_000


@dataclass(frozen=True)
class Ours:
    """One order as our book has it. attempt: its primary key; ticket: "" where its answer was lost.

    is_over: its job ended a while ago, and nobody looks for it any more. is_asked: it went to the account whose log
    this is; another one's counts only where the log names it.
    """

    attempt: int
    ticket: str
    cost_micros: int
    sent_at: datetime
    is_over: bool = True
    is_asked: bool = True


@dataclass(frozen=True)
class Compared:
    """One order in both books. charged, refunded: whole credits there; attempt: None for one that is not ours."""

    ticket: str
    attempt: int | None
    ours_micros: int
    charged: int
    refunded: int
    at: datetime | None
    sort: Sort | None = None

    @property
    def theirs_micros(self) -> int:
        """What it cost there in the end."""
        return (self.charged - self.refunded) * _MICROS

    @property
    def mark(self) -> str:
        """By which it is known again."""
        return self.ticket or f"attempt:{self.attempt}"


@dataclass(frozen=True)
class Comparison:
    """What came of it. Sums of matched and differences are the totals; the rest of the log stands apart.

    waiting: orders that are not at their end, or have lines that could not be read; beyond: orders from before a log
    that was cut short.
    """

    matched: tuple[Compared, ...]
    differences: tuple[Compared, ...]
    others: tuple[CreditLine, ...]
    waiting: int
    beyond: int

    @property
    def ours_micros(self) -> int:
        """What all compared orders cost by our book."""
        return sum(one.ours_micros for one in (*self.matched, *self.differences))

    @property
    def theirs_micros(self) -> int:
        """What all compared orders cost by theirs."""
        return sum(one.theirs_micros for one in (*self.matched, *self.differences))


@dataclass(frozen=True)
class Stretch:
    """What is compared: from `since` up to, not including, `until`; both aware.

    fresh_after: what is younger may still change. read_from: where a log begins that was cut short, None for a whole.
    """

    since: datetime
    until: datetime
    fresh_after: datetime
    read_from: datetime | None = None

    def has(self, at: datetime | None) -> bool:
        """Whether this moment is in it; what tells no time is."""
        return at is None or self.since <= at < self.until

    def is_beyond(self, at: datetime) -> bool:
        """Whether the log that was read begins only after this."""
        return self.read_from is not None and at < self.read_from + SKEW


def compare(
    ours: Iterable[Ours], lines: Sequence[CreditLine], stretch: Stretch, *, unread: Set[str] = frozenset()
) -> Comparison:
    """Compare every order of the stretch. ours: each attempt once, and all whose tickets the log names.

    unread: tickets of which it also has lines that could not be read; what they cost is not known, so they wait.
    """
    moves, others = _by_ticket(lines)
    round_ = _Round(stretch, unread)
    for order in ours:
        round_.take(order, moves.pop(order.ticket, []) if order.ticket else [])
    for ticket, moved in moves.items():
        round_.take_foreign(ticket, moved)
    return Comparison(
        tuple(round_.matched),
        tuple(sorted(round_.differences, key=lambda one: (one.at or stretch.until, one.mark), reverse=True)),
        tuple(others),
        round_.waiting,
        round_.beyond,
    )


def tickets(lines: Iterable[CreditLine]) -> set[str]:
    """The jobs that a log names."""
    return {line.ticket for line in lines if _is_of_job(line)}


def _by_ticket(lines: Iterable[CreditLine]) -> tuple[dict[str, list[CreditLine]], list[CreditLine]]:
    moves: Mapping[str, list[CreditLine]] = defaultdict(list)
    others = []
    for line in lines:
        if _is_of_job(line):
            moves[line.ticket].append(line)
        else:
            others.append(line)
    return dict(moves), others


def _is_of_job(line: CreditLine) -> bool:
    return bool(line.ticket) and line.move is not Move.OTHER


class _Round:
    """One comparison as it is made."""

    def __init__(self, stretch: Stretch, unread: Set[str]) -> None:
        self.matched: list[Compared] = []
        self.differences: list[Compared] = []
        self.waiting = self.beyond = 0
        self._stretch, self._unread = stretch, unread

    def take(self, order: Ours, moved: Sequence[CreditLine]) -> None:
        """An order of ours, and what moved for it there."""
        stretch = self._stretch
        is_named = bool(list(_of(moved, Move.CHARGE)))
        is_late = not is_named and order.sent_at < stretch.since and any(map(stretch.has, _times(moved, Move.REFUND)))
        if not (stretch.has(order.sent_at) or is_late) or not (moved or order.is_asked):
            return
        if not is_named and not is_late and stretch.is_beyond(order.sent_at):
            self.beyond += 1
            return
        if order.ticket in self._unread:
            self.waiting += 1
            return
        self._judge(order, moved, is_late=is_late)

    def take_foreign(self, ticket: str, moved: Sequence[CreditLine]) -> None:
        """A job there that is none of ours. One that cost nothing in the end is nobody's matter."""
        charged, refunded = _sum(moved, Move.CHARGE), _sum(moved, Move.REFUND)
        at = min((at for at in _times(moved, Move.CHARGE) if at), default=None)
        is_here = charged != refunded and any(map(self._stretch.has, _times(moved, Move.CHARGE)))
        if not is_here:
            return
        is_fresh = at is not None and at > self._stretch.fresh_after  # the answer to an order of ours may be under way
        if is_fresh or ticket in self._unread:
            self.waiting += 1
        else:
            self.differences.append(Compared(ticket, None, 0, charged, refunded, at, Sort.MISSING_HERE))

    def _judge(self, order: Ours, moved: Sequence[CreditLine], *, is_late: bool) -> None:
        refunded, charged = _sum(moved, Move.REFUND), _sum(moved, Move.CHARGE)
        assumed = max(refunded, order.cost_micros // _MICROS) if is_late else 0
        at = min((at for at in _times(moved, Move.CHARGE) if at), default=order.sent_at)
        both = Compared(order.ticket, order.attempt, order.cost_micros, charged + assumed, refunded, at)
        if both.ours_micros == both.theirs_micros:
            self.matched.append(both)
        elif not order.is_over:
            self.waiting += 1
        else:
            self.differences.append(_sorted(both, is_named=bool(moved)))


def _sorted(both: Compared, *, is_named: bool) -> Compared:
    if not is_named:
        sort = Sort.MISSING_THERE
    elif both.refunded and both.theirs_micros <= 0:
        sort = Sort.REFUNDED
    else:
        sort = Sort.DIFFERENT
    return Compared(both.ticket, both.attempt, both.ours_micros, both.charged, both.refunded, both.at, sort)


def _of(moved: Iterable[CreditLine], move: Move) -> Iterator[CreditLine]:
    return (line for line in moved if line.move is move)


def _sum(moved: Iterable[CreditLine], move: Move) -> int:
    return sum(line.credits for line in _of(moved, move))


def _times(moved: Iterable[CreditLine], move: Move) -> Iterator[datetime | None]:
    return (line.at for line in _of(moved, move))
