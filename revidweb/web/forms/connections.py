"""What the connection pages ask for. A key is asked for, never shown: a form that comes back has an empty field."""

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from revidweb.connections.credentials import BASE_URL_MAX_CHARS, KEY_MAX_CHARS
from revidweb.connections.models import Connection
from revidweb.providers import registry

PROVIDER = "revidapi"


class NameForm(forms.Form):
    """What the connection is called."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=80,
        error_messages={"required": gettext_lazy("Give the connection a name.")},
    )


class KeyForm(forms.Form):
    """Where the account is, and the key to it. Another address asks for the key again."""

    base_url = forms.CharField(
        label=gettext_lazy("Base URL"),
        max_length=BASE_URL_MAX_CHARS,
        widget=forms.URLInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        error_messages={"required": gettext_lazy("Write the address that the provider's documents name.")},
    )
    key = forms.CharField(
        label=gettext_lazy("API key"),
        max_length=KEY_MAX_CHARS,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        error_messages={"required": gettext_lazy("Paste the key here.")},
    )

    private_host = ""  # what PRIVATE_HOSTS would have to name, after a private address was refused


class ConnectForm(NameForm, KeyForm):
    """A new connection: both together."""

    field_order = ("name", "base_url", "key")


def fresh(taken: list[str]) -> ConnectForm:
    """The form of a new connection. taken: the names of those that are there."""
    provider = registry.provider(PROVIDER)
    return ConnectForm(initial={"name": _free_name(provider.title, taken), "base_url": provider.base_url})


def _free_name(title: str, taken: list[str]) -> str:
    names = [title, *(_("%(name)s %(number)s") % {"name": title, "number": n} for n in range(2, len(taken) + 3))]
    return next(name for name in names if name not in taken)


def name_of(connection: Connection) -> NameForm:
    """The form that renames it."""
    return NameForm(initial={"name": connection.name}, auto_id="rename-%s")


def key_of(connection: Connection) -> KeyForm:
    """The form that replaces its key."""
    credential = connection.credential
    return KeyForm(initial={"base_url": credential.base_url if credential else ""})
