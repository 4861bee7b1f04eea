"""Members who leave a tenant and who come back, together with their wallets and keys."""

from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count, Sum

from revidweb.accounts import joining, members
from revidweb.accounts.actors import Actor
from revidweb.accounts.models import Invitation, Member, Person, Tenant
from revidweb.credits import ledger
from revidweb.credits.models import Wallet

from . import issuing
from .models import ApiKey, ApiKeyQuerySet


@dataclass(frozen=True)
class Stake:
    """What a removal takes: credits of the member's wallet and keys, free ones at once, held ones that no job takes.

    keys: how many are revoked.
    """

    free: int
    held: int
    keys: int


def at_stake(member: Member) -> Stake:
    """What the member would lose now. Makes no wallet. Two queries."""
    wallet = Wallet.objects.filter(member=member).first() or Wallet()
    figures = _live(member).aggregate(keys=Count("pk"), balance=Sum("wallet__balance"), held=Sum("wallet__held"))
    balance, held = wallet.balance + (figures["balance"] or 0), wallet.held + (figures["held"] or 0)
    return Stake(free=balance - held, held=held, keys=figures["keys"])


@transaction.atomic
def remove(actor: Actor, member: Member) -> Member:
    """End a membership, revoke its keys and close its wallets: what is free goes to the house, what is held follows.

    Everybody may end their own. Running jobs go on, and their results stay the tenant's. Again: nothing happens.
    Raises Refusal: "not_allowed", "owners_only", "last_owner".
    """
    member = members.remove(actor, member)
    wallet, keys = ledger.wallet_of(member), list(_live(member).order_by("pk"))
    ledger.lock(wallet, *(key.wallet for key in keys if key.wallet))
    ledger.close(wallet, actor=actor.name)
    for key in keys:
        issuing.end(key, actor=actor.name)
    return member


@transaction.atomic
def restore(actor: Actor, member: Member) -> Member:
    """Let a suspended or removed member in again, and credits into their wallet. Again: nothing happens.

    What went back to the house stays there, and keys that were revoked stay revoked; a suspended member's work again.
    Raises Refusal: "not_allowed", "owners_only".
    """
    member = members.restore(actor, member)
    ledger.reopen(ledger.wallet_of(member), actor=actor.name)
    return member


@transaction.atomic
def join(person: Person, tenant: Tenant, *, invitation: Invitation | None = None) -> Member:
    """Let the person in as `joining.join` does, and credits into the wallet of who was removed. Again: nothing happens.

    What went back to the house stays there, and revoked keys stay revoked. Raises what `joining.join` raises.
    """
    member = joining.join(person, tenant, invitation=invitation)
    ledger.reopen(ledger.wallet_of(member), actor=person.reference)
    return member


def _live(member: Member) -> ApiKeyQuerySet:
    return ApiKey.objects.filter(member=member).live().select_related("wallet", "tenant")
