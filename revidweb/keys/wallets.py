"""Wallets whose statements an actor may read: of members and of keys, and the house's to those who see all."""

from django.db.models import Case, F, Q, Value, When

from revidweb.accounts.actors import Actor, Right
from revidweb.credits.models import Wallet, WalletKind

MOST_NAMED = 400  # in a list to pick from by eye
_ORDER = Case(When(kind=WalletKind.HOUSE, then=Value(0)), When(kind=WalletKind.MEMBER, then=Value(1)), default=Value(2))


def listed(actor: Actor) -> list[Wallet]:
    """The wallets, each with its member and person or its key: the open ones first, by name. One query.

    Closed ones come last of their kind: what moved in them is still there.
    """
    rows = Wallet.objects.filter(tenant=actor.tenant).exclude(kind=WalletKind.SPENT)
    if not actor.may(Right.SEE_ALL):
        rows = rows.filter(Q(member=actor.in_person) | Q(api_key__member=actor.in_person))
    names = ("member__person__name", "api_key__name", "pk")
    first = (_ORDER, F("closed_at").desc(nulls_first=True))
    return list(rows.select_related("member__person", "api_key").order_by(*first, *names)[:MOST_NAMED])
