"""A new tenant that can work at once."""

from django.db import transaction

from revidweb.accounts import tenants
from revidweb.accounts.models import Member, Person
from revidweb.connections import preview

from . import loading


@transaction.atomic
def found(person: Person, *, name: str) -> Member:
    """A tenant with this person as its owner, a preview connection and everything that it offers; all or nothing.

    Each call founds another tenant.
    """
    member = tenants.found(person, name=name)
    loading.stock(preview.open_at(member.tenant))
    return member
