"""How allauth's second factors meet the house: sealed at rest, named and refused in the house's words."""

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from revidweb.accounts.models import Person
from revidweb.lib import sealing


class MfaAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Secrets of authenticator apps and seeds of recovery codes lie sealed: a copy of the database opens nothing."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "cannot_generate_recovery_codes": gettext_lazy("Recovery codes need a second factor. Set one up first."),
        "incorrect_code": gettext_lazy("This code is not right, or was used already. Write the newest one."),
    }

    def encrypt(self, text: str) -> str:
        """The secret as the database keeps it."""
        return sealing.seal(text)

    def decrypt(self, encrypted_text: str) -> str:
        """The secret again. Raises CannotOpen."""
        return sealing.unseal(encrypted_text)

    def generate_authenticator_name(self, user: Person, type: Authenticator.Type) -> str:  # noqa: A002  (allauth's word)
        """The name that a new passkey starts with."""
        count = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return _("Passkey %(number)s") % {"number": count + 1}
