"""Which providers this installation can speak to, by name, and which of them let an account read its own pages."""

from .account_pages import AccountPages
from .base import Provider
from .preview.provider import Preview
from .revidapi.dashboard import Dashboard
from .revidapi.provider import RevidAPI

_PROVIDERS: dict[str, Provider] = {each.name: each for each in (Preview(), RevidAPI())}
_ACCOUNT_PAGES: dict[str, AccountPages] = {RevidAPI.name: Dashboard()}


class UnknownProvider(Exception):
    """A connection names a provider that this version does not have."""


def provider(name: str) -> Provider:
    """The provider of that name; one object for all threads. Raises UnknownProvider."""
    try:
        return _PROVIDERS[name]
    except KeyError:
        raise UnknownProvider(f"{name!r} is none of {', '.join(_PROVIDERS)}") from None


def account_pages(name: str) -> AccountPages | None:
    """What an account may read at the provider of that name; None where there is nothing."""
    return _ACCOUNT_PAGES.get(name)
