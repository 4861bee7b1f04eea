"""The account area's frame: its pages, and the way back to the person's tenants."""

from dataclasses import dataclass

from django import template
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from revidweb.accounts.models import Member
from revidweb.web import hosts, sessions

register = template.Library()


@dataclass(frozen=True)
class AccountPage:
    """One place of the account area. covers: URL names of the pages that belong to it."""

    name: str
    icon: str
    label: str | Promise
    covers: tuple[str, ...] = ()
    is_current: bool = False


PAGES = (
    AccountPage("account_profile", "user-round", _("Profile")),
    AccountPage("account_email", "mail", _("E-mail")),
    AccountPage("account_change_password", "lock-keyhole", _("Password")),
    AccountPage(
        "mfa_index",
        "shield-check",
        _("Two-factor"),
        covers=(
            *("mfa_activate_totp", "mfa_deactivate_totp"),
            *("mfa_view_recovery_codes", "mfa_generate_recovery_codes"),
        ),
    ),
    AccountPage(
        "mfa_list_webauthn",
        "key-round",
        _("Passkeys"),
        covers=("mfa_add_webauthn", "mfa_edit_webauthn", "mfa_remove_webauthn"),
    ),
    AccountPage("usersessions_list", "monitor-smartphone", _("Sessions")),
)


@register.simple_tag(takes_context=True)
def account_pages(context: template.Context) -> list[AccountPage]:
    """The area's pages, and on which of them this is."""
    match = context["request"].resolver_match
    here = match.url_name if match else ""
    return [
        AccountPage(page.name, page.icon, page.label, is_current=here in (page.name, *page.covers)) for page in PAGES
    ]


@register.simple_tag(takes_context=True)
def person_tenants(context: template.Context) -> list[Member]:
    """Where the person may go back to, by name. One query."""
    return hosts.memberships(context["request"], context["request"].user)


@register.filter
def browser(agent: str) -> str:
    """A User-Agent as people name it: "Chrome on Linux"."""
    return sessions.browser_of(agent)


@register.filter
def is_handheld(agent: str) -> bool:
    """Whether it is a telephone or a tablet."""
    return sessions.is_handheld(agent)
