"""What keys are called, where only their wallets are known."""

from collections.abc import Collection

from revidweb.accounts.models import Tenant

from .models import ApiKey


def by_wallet(tenant: Tenant, wallet_ids: Collection[int]) -> dict[int, str]:
    """The names of the tenant's keys with these wallets, by wallet. One query, none without wallets."""
    if not wallet_ids:
        return {}
    return dict(ApiKey.objects.filter(tenant=tenant, wallet__in=wallet_ids).values_list("wallet_id", "name"))
