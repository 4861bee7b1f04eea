"""What keys are called, where only their wallets are known."""

from collections.abc import Collection

from django.db.models.functions import Coalesce

from revidweb.accounts import members
from revidweb.accounts.models import Tenant
from revidweb.lib.csvfile import Column, text

from .models import ApiKey


def by_wallet(tenant: Tenant, wallet_ids: Collection[int]) -> dict[int, str]:
    """The names of the tenant's keys with these wallets, by wallet. One query, none without wallets."""
    if not wallet_ids:
        return {}
    return dict(ApiKey.objects.filter(tenant=tenant, wallet__in=wallet_ids).values_list("wallet_id", "name"))


def of_wallets() -> Coalesce:
    """What an entry's wallet is called in a query: by its member or its key; the house has no name."""
    return Coalesce(members.called("wallet__member__"), "wallet__api_key__name")


def columns_of_lines() -> list[Column]:
    """Of a statement's entries in a file: whose wallet it was, a member's or a key's."""
    return [text("wallet", of_wallets())]
