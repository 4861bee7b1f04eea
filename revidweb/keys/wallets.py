"""Wallets whose statements an actor may read: of members and of keys, and the house's to those who see all."""

from typing import Any

from django.db.models import BigIntegerField, Case, F, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce

from revidweb.accounts import members
from revidweb.accounts.actors import Actor, Right
from revidweb.credits import figures
from revidweb.credits.models import Wallet, WalletKind
from revidweb.credits.statements import NamedWallet
from revidweb.lib import kept
from revidweb.lib.kept import Word

MOST_NAMED = 400  # in a list to pick from by eye
_ORDER = Case(When(kind=WalletKind.HOUSE, then=Value(0)), When(kind=WalletKind.MEMBER, then=Value(1)), default=Value(2))


def listed(actor: Actor) -> list[NamedWallet]:
    """The wallets by name, each named as its member or its key: the open ones first. One query.

    Closed ones come last of their kind: what moved in them is still there.
    """
    tenant = actor.tenant.pk
    if actor.may(Right.SEE_ALL):
        found = _OF_TENANT.all(tenant=tenant)
    else:
        found = _OF_MEMBER.all(tenant=tenant, member=actor.in_person.pk)
    return [NamedWallet(*each) for each in found]


def found(actor: Actor, public_id: str) -> Wallet | None:
    """The wallet of this member or key, with it, by their public id; None where it is not to be read. One query."""
    whose = "api_key" if public_id.startswith("key_") else "member"
    rows = Wallet.objects.filter(_readable(actor), **{f"{whose}__public_id": public_id})
    return figures.with_holds(rows.select_related("member__person", "api_key")).first()


def _readable(actor: Actor) -> Q:
    tenants = Q(tenant=actor.tenant)
    return tenants if actor.may(Right.SEE_ALL) else tenants & _of(actor.in_person.pk)


def _of(member: int | Word) -> Q:
    return Q(member=member) | Q(api_key__member=member)


def _listed(whose: Q) -> "QuerySet[Any, Any]":
    """Of each its id, its kind, and the public id and the name of its member or its key, "" for the house."""
    rows = Wallet.objects.filter(whose, tenant=Word("tenant", BigIntegerField())).exclude(kind=WalletKind.SPENT)
    first = (_ORDER, F("closed_at").desc(nulls_first=True))
    public_id = Coalesce("member__public_id", "api_key__public_id", Value(""))
    name = Coalesce(members.called("member__"), "api_key__name", Value(""))
    named = rows.order_by(*first, "member__person__name", "api_key__name", "pk")
    return named.values_list("pk", "kind", public_id, name)[:MOST_NAMED]


_OF_TENANT = kept.Values(lambda: _listed(Q()))
_OF_MEMBER = kept.Values(lambda: _listed(_of(Word("member", BigIntegerField()))))
