"""How allauth's accounts meet the house: its words, and limits that no address in a request's head can widen."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.db.models import Q
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from revidweb.accounts.models import Host, Member, Person
from revidweb.lib import addresses
from revidweb.web import doors, hosts

_PLAIN_TO_SEE = ("account/messages/logged_in.txt", "account/messages/logged_out.txt")
_LINKS = ("password_reset_url", "activate_url", "signup_url")
_WAYS: dict[str, str | Promise] = {
    "reauthenticate": _("Use your password"),
    "mfa_reauthenticate": _("Use a code"),
    "mfa_reauthenticate:webauthn": _("Use a passkey"),
}


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """allauth's decisions, told in the house's words: e-mail and password, in through a door or to found a tenant."""

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

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Whether there is something that this visitor may sign up for."""
        return doors.may_sign_up(request)

    def save_user(self, request: HttpRequest, user: Person, form: Any, commit: bool = True) -> Person:
        """Fill the person in without saving: the sign-up form saves them together with their membership."""
        filled_in: Person = super().save_user(request, user, form, commit=False)
        return filled_in

    def add_message(
        self, request: HttpRequest, level: int, message_template: str | None = None, *args: Any, **kwargs: Any
    ) -> None:
        """Say what happened, except where the page that follows shows it anyway."""
        if message_template not in _PLAIN_TO_SEE:
            super().add_message(request, level, message_template, *args, **kwargs)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send it with links to a host that may learn what they open. `origin`: scheme and host of them all."""
        here = self.request.build_absolute_uri("/").rstrip("/")
        host = hosts.of(self.request)
        origin = here if host is None or _is_only_of(host, email) else settings.PUBLIC_URL
        links = {name: origin + context[name].removeprefix(here) for name in _LINKS if name in context}
        super().send_mail(template_prefix, email, context | links | {"origin": origin})

    def get_client_ip(self, request: HttpRequest) -> str:
        """Who asks, as keys are told it, through every proxy of ours; where none is named, as allauth counts them."""
        told = addresses.of(request.META) if settings.TRUSTED_PROXIES else ""
        return told or str(super().get_client_ip(request))

    def get_reauthentication_methods(self, user: Person) -> list[dict[str, Any]]:
        """The ways to show once more that it is you, the usual one first."""
        ways: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        return [way | {"description": _WAYS[way["id"]]} for way in ways]

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """One limit per account. allauth's own counts anew for every host and port that the request claims to ask."""
        address: str = credentials.get("email", "")
        return address.lower()


def _is_only_of(host: Host, email: str) -> bool:
    """Whether whoever has this address has nothing outside the host's tenant, and is not the operator.

    The tenant says where its host leads, so a link to a password there is a link that the tenant could read.
    """
    mine = Q(email=email.lower()) | Q(emailaddress__email=email.lower())
    elsewhere = Member.objects.present().exclude(tenant=host.tenant)
    more = Q(is_staff=True) | Q(memberships__in=elsewhere)
    return not Person.objects.filter(mine).filter(more).exists()
