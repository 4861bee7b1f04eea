"""What founding a tenant asks for."""

from django import forms
from django.utils.translation import gettext_lazy as _


class FoundForm(forms.Form):
    """The new tenant's name."""

    name = forms.CharField(
        label=_("Name"),
        max_length=80,
        help_text=_("Of the team, the company or yourself. It can be changed later."),
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
        error_messages={"required": _("Give the tenant a name.")},
    )
