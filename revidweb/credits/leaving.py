"""Members who leave a tenant and who come back, together with their wallets."""

from django.db import transaction

from revidweb.accounts import members
from revidweb.accounts.actors import Actor
from revidweb.accounts.models import Member

from . import ledger


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
