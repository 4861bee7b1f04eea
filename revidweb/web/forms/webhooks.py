"""Where to send a test."""

from django import forms
from django.utils.translation import gettext_lazy as _


class TestForm(forms.Form):
    """An address; empty for the key's own."""

    receiver = forms.CharField(label=_("Address"), max_length=2000, required=False)
