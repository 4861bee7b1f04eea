"""How allauth's accounts meet the house: its words, and limits that no address in a request's head can widen."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from revidweb.accounts.models import Person

_WAYS: dict[str, str | Promise] = {
    "reauthenticate": _("Use your password"),
    "mfa_reauthenticate": _("Use a code"),
    "mfa_reauthenticate:webauthn": _("Use a passkey"),
}


class HouseAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """allauth's decisions, told in the house's words."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "account_inactive": _("This account is switched off. Ask the operator of this installation."),
        "cannot_remove_primary_email": _("This is your main address. Make another one the main one first."),
        "duplicate_email": _("This address is yours already."),
        "email_password_mismatch": _("Address and password do not fit together."),
        "email_taken": _("There is an account with this address already."),
        "enter_current_password": _("This is not your password."),
        "incorrect_code": _("This code is not right."),
        "incorrect_password": _("This is not your password."),
        "invalid_login": _("Address and password do not fit together."),
        "invalid_password_reset": _("The link is used up."),
        "max_email_addresses": _("An account has %d addresses at most."),
        "rate_limited": _("That was tried too often. Wait a few minutes."),
        "too_many_login_attempts": _("That was tried too often. Wait five minutes, or choose a new password."),
        "unverified_primary_email": _("Your main address must be confirmed first."),
    }

    def get_reauthentication_methods(self, user: Person) -> list[dict[str, Any]]:
        """The ways to show once more that it is you, the usual one first."""
        ways: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        return [way | {"description": _WAYS[way["id"]]} for way in ways]

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """One limit per account. allauth's own counts anew for every host and port that the request claims to ask."""
        address: str = credentials.get("email", "")
        return address.lower()
