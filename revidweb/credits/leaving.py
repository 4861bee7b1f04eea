"""Members who leave a tenant and who come back, together with their wallets."""

from dataclasses import dataclass

from django.db import transaction

from revidweb.accounts import joining, members
from revidweb.accounts.actors import Actor
from revidweb.accounts.models import Invitation, Member, Person, Tenant

from . import ledger
from .models import Wallet


@dataclass(frozen=True)
class Stake:
    """What a removal takes from a member's wallet, in credits: free ones at once, held ones that no job takes."""

    free: int
    held: int


def at_stake(member: Member) -> Stake:
    """What the member would lose now. Makes no wallet. One query."""
    wallet = Wallet.objects.filter(member=member).first() or Wallet()
    return Stake(wallet.free, wallet.held)


@transaction.atomic
def remove(actor: Actor, member: Member) -> Member:
    """End a membership and close its wallet: what is free goes to the house, what is held follows if it is released.

    Everybody may end their own. Running jobs go on, and their results stay the tenant's. Again: nothing happens.
    Raises Refusal: "not_allowed", "owners_only", "last_owner".
    """
    member = members.remove(actor, member)
    ledger.close(ledger.wallet_of(member), actor=actor.name)
    return member


@transaction.atomic
def restore(actor: Actor, member: Member) -> Member:
    """Let a suspended or removed member in again, and credits into their wallet. Again: nothing happens.

    What went back to the house stays there. Raises Refusal: "not_allowed", "owners_only".
    """
    member = members.restore(actor, member)
    ledger.reopen(ledger.wallet_of(member), actor=actor.name)
    return member


@transaction.atomic
def join(person: Person, tenant: Tenant, *, invitation: Invitation | None = None) -> Member:
    """Let the person in as `joining.join` does, and credits into the wallet of who was removed. Again: nothing happens.

    What went back to the house stays there. Raises what `joining.join` raises.
    """
    member = joining.join(person, tenant, invitation=invitation)
    ledger.reopen(ledger.wallet_of(member), actor=person.reference)
    return member
