"""A RevidAPI key of somebody's own, which is none of ours: it opens the provider's own pages of its account.

It is tried where the tenant's account is, and at no other address. Nothing of it is written down here, neither the key
nor what its account tells.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

from revidweb.accounts.models import Tenant
from revidweb.connections import credentials, mirror, trying
from revidweb.connections.models import Connection
from revidweb.lib.refusal import Refusal
from revidweb.providers import registry
from revidweb.providers.account_pages import AccountPages, Copy, Question
from revidweb.providers.base import Account, AccountRefused, ProviderBusy, ProviderError, ProviderRefused

from . import minting

PROVIDER = "revidapi"
_NOBODY = "own"  # what logs name in a connection's place
_REQUESTS = 4  # of one trial, at most
_SPARE_S = 5


@dataclass(frozen=True)
class Place:
    """Where keys of one's own are tried: the base URL of the tenant's first account that is in use."""

    tenant: Tenant
    base_url: str

    @property
    def host(self) -> str:
        """Its name, to be shown."""
        return urlsplit(self.base_url).netloc


def place_of(tenant: Tenant) -> Place | None:
    """None where the tenant does not allow it, or has no account by whose address to go. One query."""
    if not tenant.allows_own_keys:
        return None
    usable = Connection.objects.usable().filter(tenant=tenant, provider=PROVIDER, credential__isnull=False)
    first = usable.order_by("pk").values_list("credential__base_url", flat=True).first()
    return Place(tenant, first) if first else None


def pages() -> AccountPages:
    """What an account lets be read."""
    found = registry.account_pages(PROVIDER)
    assert found is not None
    return found


def check(place: Place, key: str) -> str:
    """The key, clean, once the provider has taken it; one that is out of credits is good too. Asks outside.

    One of this installation's own is never sent anywhere.
    Raises Refusal, field key: key_needed, bad_key, key_is_ours, wrong_key, key_locked, unreachable, provider_busy,
    not_the_provider, tries_of_others.
    """
    key = credentials.clean_key(key)
    if minting.is_ours(key):
        raise Refusal("key_is_ours", field="key")
    with _turn(place, requests=_REQUESTS):
        try:
            registry.provider(PROVIDER).check(_account(place, key), timeout_s=settings.REVIDAPI_LOOK_TIMEOUT_S)
        except (ProviderError, Refusal) as error:
            if not (isinstance(error, AccountRefused) and error.code == "exhausted"):
                raise Refusal(_code_of(error), field="key", host=place.host) from None
    return key


def ask(place: Place, key: str, question: Question) -> Copy:
    """What its account tells; kept nowhere. Raises as `AccountPages.ask`, and Refusal "tries_of_others"."""
    with _turn(place, requests=1):
        return mirror.asked(pages(), _account(place, key), question)


@contextmanager
def _turn(place: Place, *, requests: int) -> Iterator[None]:
    """Wait for the provider beside few others. Raises Refusal "tries_of_others"."""
    for_s = requests * settings.REVIDAPI_LOOK_TIMEOUT_S + _SPARE_S
    with trying.visiting(place.tenant, for_s=for_s) as is_free:
        if not is_free:
            raise Refusal("tries_of_others", field="key")
        yield


def _account(place: Place, key: str) -> Account:
    return Account(_NOBODY, place.base_url, key)


def _code_of(error: ProviderError | Refusal) -> str:
    match error:
        case AccountRefused():
            return "key_locked" if error.code == "locked" else "wrong_key"
        case ProviderRefused():
            return "not_the_provider"
        case ProviderBusy() if error.code != "unreachable":
            return "provider_busy"
    return "unreachable"
