"""What the door for keys of one's own asks for. The key is never shown: a form that comes back has an empty field."""

from django import forms
from django.utils.translation import gettext_lazy as _

from revidweb.connections import credentials


class OwnKeyForm(forms.Form):
    """The key alone."""

    key = forms.CharField(
        label=_("RevidAPI key"),
        max_length=credentials.KEY_MAX_CHARS,
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
        error_messages={
            "required": _("Paste your key here."),
            "max_length": _("This is no key. Copy it once more, and nothing beside it."),
        },
    )
