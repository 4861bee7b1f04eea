"""allauth's forms in the house's words. What they check stays allauth's own."""

from typing import Any

from allauth.account import forms as allauth
from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from revidweb.accounts.models import Person

Words = dict[str, dict[str, str | Promise]]
_ADDRESS: dict[str, str | Promise] = {
    "required": _("Write your e-mail address."),
    "invalid": _("Write the address in full: ada@example.com."),
}
_PASSWORD: dict[str, str | Promise] = {"required": _("Write your password.")}
_TWICE: Words = {
    "password1": {"required": _("Choose a new password.")},
    "password2": {"required": _("Write the new password once more.")},
}


class Worded:
    """A form whose fields refuse in these words."""

    words: Words = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, words in self.words.items():
            self.fields[name].error_messages |= words  # type: ignore[attr-defined]


class _Twice(Worded):
    """A new password, written twice."""

    def add_error(self, field: str | None, error: Any) -> None:
        """Every refusal as it is, but of two passwords that differ: the only one that comes to this field as text."""
        if field == "password2" and not isinstance(error, forms.ValidationError):
            error = _("This is not the same as above.")
        super().add_error(field, error)  # type: ignore[misc]


class LoginForm(Worded, allauth.LoginForm):  # type: ignore[misc]
    """E-mail address and password."""

    words = {"login": _ADDRESS, "password": _PASSWORD}


class ReauthenticateForm(Worded, allauth.ReauthenticateForm):  # type: ignore[misc]
    """The password once more, before something that matters."""

    words = {"password": _PASSWORD}


class ChangePasswordForm(_Twice, allauth.ChangePasswordForm):  # type: ignore[misc]
    """The old password and a new one."""

    words = {"oldpassword": _PASSWORD} | _TWICE


class ResetPasswordForm(Worded, allauth.ResetPasswordForm):  # type: ignore[misc]
    """The address to which a link goes."""

    words = {"email": _ADDRESS}


class ResetPasswordKeyForm(_Twice, allauth.ResetPasswordKeyForm):  # type: ignore[misc]
    """A new password behind the link."""

    words = _TWICE


class AddEmailForm(Worded, allauth.AddEmailForm):  # type: ignore[misc]
    """One more address."""

    words = {"email": _ADDRESS}


class ProfileForm(forms.Form):
    """What others see of a person."""

    name = forms.CharField(
        label=_("Your name"),
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        error_messages={"required": _("Tell us your name.")},
    )

    def __init__(self, person: Person, data: Any = None) -> None:
        super().__init__(data, initial={"name": person.name})
