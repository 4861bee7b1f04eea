"""A history's money while it is made up: what each wallet has, when it is filled, and what each key has used."""

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from .cast import Buyer, Cast

TOP_UP = 1000  # credits at least, whenever a wallet falls short
_KEPT_DAYS = 45  # what a key's windows may still count

Move = Callable[[int, str, int, int, int], int]  # at, kind, source wallet, target wallet, credits: the transfer's id


class Book:
    """Wallets by primary key. The house and what is spent keep no balance."""

    def __init__(self, cast: Cast, balances: dict[int, int], top_up: int) -> None:
        self.balance = balances
        self.held: dict[int, int] = dict.fromkeys(balances, 0)
        self.filled: dict[int, int] = defaultdict(int)
        self.figures: dict[int, KeyFigures] = defaultdict(KeyFigures)
        self._house, self._top_up = cast.house, top_up

    def hold(self, buyer: Buyer, credits: int, at: int, move: Move) -> None:
        """Set credits aside; a wallet that falls short is filled first."""
        if buyer.wallet is not None:
            self._see_to(buyer.wallet, buyer.source, credits, at, move, is_key=buyer.is_key_wallet)
            self.held[buyer.wallet] += credits

    def end(self, wallet: int | None, credits: int) -> None:
        """Hold so much less."""
        if wallet is not None:
            self.held[wallet] -= credits

    def moved(self, wallet: int, credits: int) -> int | None:
        """The wallet's balance after so many credits came (or went); None where none is kept."""
        if wallet not in self.balance:
            return None
        self.balance[wallet] += credits
        return self.balance[wallet]

    def _see_to(self, wallet: int, source: int | None, credits: int, at: int, move: Move, *, is_key: bool) -> None:
        short = credits - (self.balance[wallet] - self.held[wallet])
        if short <= 0:
            return
        credits = -(-short // self._top_up) * self._top_up
        if source is not None:
            self._see_to(source, None, credits, at, move, is_key=False)
        if is_key:
            self.filled[wallet] += credits
        move(at, "transfer" if is_key else "grant", source or self._house, wallet, credits)


class KeyFigures:
    """What a key has used, as its row says it."""

    def __init__(self) -> None:
        self.spent = self.lifetime = self.last_used = 0
        self.day = date.min
        self._by_day: dict[date, int] = defaultdict(int)

    @property
    def last_used_at(self) -> datetime:
        """When something was last asked for, aware UTC."""
        return datetime.fromtimestamp(self.last_used, UTC)

    def held(self, day: date, at: int) -> None:
        """Something was asked for."""
        self.day, self.last_used = max(self.day, day), at

    def taken(self, day: date, credits: int) -> None:
        """Of what was held that day so much was taken."""
        self.spent += credits
        self.lifetime += credits
        self._by_day[day] += credits
        if len(self._by_day) > 2 * _KEPT_DAYS:
            oldest = self.day - timedelta(days=_KEPT_DAYS)
            for old in [one for one in self._by_day if one < oldest]:
                del self._by_day[old]

    def since(self, first: date) -> int:
        """What was taken of the days from then on."""
        return sum(credits for day, credits in self._by_day.items() if day >= first)
