"""Who pays for what an actor makes. Chosen when it is ordered, and frozen then."""

from revidweb.accounts.actors import Actor
from revidweb.accounts.models import Member
from revidweb.credits import ledger
from revidweb.credits.models import Wallet

from . import budgets


def of(actor: Actor) -> Wallet:
    """The wallet that pays: in person what the member pays with, by a key its own wallet or what its member pays with.

    The house for owners and admins, also through their shared keys.
    """
    if actor.key is None:
        return ledger.payer_of(actor.in_person)
    key = budgets.key_of(actor)
    if key.wallet is not None:
        return key.wallet
    if key.member is None:
        raise ValueError(f"{key.public_id} has neither a wallet nor a member.")
    return _own_as_read(key.member) or ledger.payer_of(key.member)


def _own_as_read(member: Member) -> Wallet | None:
    """The wallet that was read with the key: which one it is never changes."""
    if member.is_paid_by_house or not Member.wallet.is_cached(member):
        return None
    wallet: Wallet | None = getattr(member, "wallet", None)
    return wallet
