"""Which providers this installation can speak to, by name."""

from .base import Provider
from .preview.provider import Preview
from .revidapi.provider import RevidAPI

_PROVIDERS: dict[str, Provider] = {each.name: each for each in (Preview(), RevidAPI())}


class UnknownProvider(Exception):
    """A connection names a provider that this version does not have."""


def provider(name: str) -> Provider:
    """The provider of that name; one object for all threads. Raises UnknownProvider."""
    try:
        return _PROVIDERS[name]
    except KeyError:
        raise UnknownProvider(f"{name!r} is none of {', '.join(_PROVIDERS)}") from None
