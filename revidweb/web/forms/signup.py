"""The sign-up form's own part: what is asked beside e-mail and password."""

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from revidweb.accounts.models import Person


class SignupForm(forms.Form):
    """Your name; allauth adds e-mail and password."""

    name = forms.CharField(label=_("Your name"), max_length=80)

    def signup(self, request: HttpRequest, person: Person) -> None:
        """Keep the name."""
        person.name = self.cleaned_data["name"]
        person.save(update_fields=["name"])
