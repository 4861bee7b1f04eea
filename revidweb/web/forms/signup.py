"""The sign-up form's own part: what is asked beside e-mail and password."""

from django import forms
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from revidweb.accounts.models import Person
from revidweb.web import entry


class SignupForm(forms.Form):
    """Your name; allauth adds e-mail and password."""

    name = forms.CharField(
        label=_("Your name"),
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        error_messages={"required": _("Tell us your name.")},
    )

    def signup(self, request: HttpRequest, person: Person) -> None:
        """Save the person together with the membership that they came for: both or neither. Raises Refusal."""
        person.name = self.cleaned_data["name"]
        with transaction.atomic():
            person.save()
            entry.enter(request, person)
