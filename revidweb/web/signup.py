"""How allauth meets the house."""

from allauth.account.adapter import DefaultAccountAdapter


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """E-mail and password only; a person signs up and founds a tenant of one."""
