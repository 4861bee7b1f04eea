"""Wallets with money in them, and what a test reads from the book."""

import itertools

from revidweb.accounts.models import Member
from revidweb.credits import ledger
from revidweb.credits.models import Wallet
from tests import makers

ACTOR = "member:mem_test"
_count = itertools.count(1)


def a_reference(kind: str = "job") -> str:
    return f"{kind}:{kind}_{next(_count)}"


def a_wallet(free: int = 0, *, member: Member | None = None) -> Wallet:
    """A member's wallet that was granted so many credits."""
    member = member or makers.a_member()
    if free:
        ledger.grant(member, credits=free, reference=a_reference("grant"), actor=ACTOR)
    return ledger.wallet_of(member)


def figures(wallet: Wallet) -> tuple[int, int, int]:
    """Balance, held and free as the database has them now."""
    wallet.refresh_from_db()
    return wallet.balance, wallet.held, wallet.free
