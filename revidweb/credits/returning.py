"""Members who come in through a door, together with the wallet of those who were members before."""

from django.db import transaction

from revidweb.accounts import joining
from revidweb.accounts.models import Invitation, Member, Person, Tenant

from . import ledger


@transaction.atomic
def join(person: Person, tenant: Tenant, *, invitation: Invitation | None = None) -> Member:
    """Let the person in as `joining.join` does, and credits into the wallet of who was removed. Again: nothing happens.

    What went back to the house stays there. Raises what `joining.join` raises.
    """
    member = joining.join(person, tenant, invitation=invitation)
    ledger.reopen(ledger.wallet_of(member), actor=person.reference)
    return member
