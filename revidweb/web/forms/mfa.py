"""The forms of the second factors: allauth's, and what the house asks beyond them."""

from collections.abc import Callable
from typing import Any

from allauth.core.internal.cryptokit import normalize_user_code
from allauth.mfa import app_settings
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base import forms as base
from allauth.mfa.totp import forms as totp
from allauth.mfa.webauthn import forms as webauthn
from django import forms
from django.core.cache import cache
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from .account import Worded, Words

_CODE: Words = {"code": {"required": _("Write the code.")}}
_KEY: Words = {
    "credential": {
        "required": _("The browser gave no passkey. It needs JavaScript, and https or localhost as its address."),
        "invalid": _("The browser's answer could not be read. Try again."),
    }
}
_NOT_CONFIRMED = _("This passkey could not be confirmed. Try again, or take another way.")
_NAME: Words = {"name": {"required": _("Give the passkey a name.")}}
_NAME_MAX_CHARS = 60


class _OnceOnly(Worded):
    """A code opens once. allauth forgets a used one after 30 s, while with its neighbours it is good for 90."""

    words = _CODE

    def clean_code(self) -> str:
        """The code, unless somebody came in with it a moment ago."""
        code: str = super().clean_code()  # type: ignore[misc]
        used = salted_hmac("mfa-code", f"{self.user.pk}:{normalize_user_code(code)}")  # type: ignore[attr-defined]
        if not cache.add(
            f"mfa-code:{used.hexdigest()}", "used", app_settings.TOTP_PERIOD * (2 * app_settings.TOTP_TOLERANCE + 1)
        ):
            raise get_adapter().validation_error("incorrect_code")
        return code


class AuthenticateForm(_OnceOnly, base.AuthenticateForm):  # type: ignore[misc]
    """The second step of signing in: an app's code or a recovery code."""


class ReauthenticateForm(_OnceOnly, base.ReauthenticateForm):  # type: ignore[misc]
    """A code before something that matters."""


class ActivateTotpForm(Worded, totp.ActivateTOTPForm):  # type: ignore[misc]
    """The first code of a new app."""

    words = _CODE


class _Careful(Worded):
    """A browser's answer about a passkey. allauth reads it trustingly: another shape is wrong, no fault of ours."""

    words = _KEY

    def _clean_fields(self) -> None:
        self._carefully(super()._clean_fields)  # type: ignore[misc]

    def _clean_form(self) -> None:
        self._carefully(super()._clean_form)  # type: ignore[misc]

    def _carefully(self, clean: Callable[[], None]) -> None:
        try:
            clean()
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            self.add_error("credential", _NOT_CONFIRMED)

    def add_error(self, field: str | None, error: Any) -> None:
        """Every refusal as it is; allauth's of a code speaks of a passkey here."""
        wrong = getattr(error, "code", "") == "incorrect_code"
        super().add_error(field, _NOT_CONFIRMED if wrong else error)  # type: ignore[misc]


class AddPasskeyForm(_Careful, webauthn.AddWebAuthnForm):  # type: ignore[misc]
    """A new passkey and its name."""

    name = forms.CharField(label=_("Name"), required=False, max_length=_NAME_MAX_CHARS)


class AuthenticatePasskeyForm(_Careful, webauthn.AuthenticateWebAuthnForm):  # type: ignore[misc]
    """A passkey as the second step of signing in."""


class LoginPasskeyForm(_Careful, webauthn.LoginWebAuthnForm):  # type: ignore[misc]
    """A passkey instead of a password."""


class ReauthenticatePasskeyForm(_Careful, webauthn.ReauthenticateWebAuthnForm):  # type: ignore[misc]
    """A passkey before something that matters."""


class RenamePasskeyForm(Worded, webauthn.EditWebAuthnForm):  # type: ignore[misc]
    """Another name."""

    words = _NAME
    name = forms.CharField(label=_("Name"), max_length=_NAME_MAX_CHARS)
