"""What the door of `/key/` asks for. The key is never shown: a form that comes back has an empty field."""

from django import forms
from django.utils.translation import gettext_lazy as _

_KEY_MAX_CHARS = 200  # nobody's key is longer, and a whole file that was pasted is not worth hashing


class KeyDoorForm(forms.Form):
    """The key alone. A password manager keeps it under the name that stands beside it."""

    key = forms.CharField(
        label=_("API key"),
        max_length=_KEY_MAX_CHARS,
        widget=forms.PasswordInput(
            attrs={"autocomplete": "current-password", "autocapitalize": "none", "spellcheck": "false"}
        ),
        error_messages={
            "required": _("Paste your key here."),
            "max_length": _("This key is not known here. Copy it once more, with nothing left out."),
        },
    )
