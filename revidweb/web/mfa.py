"""How allauth's second factors meet the house: sealed at rest, named and refused in the house's words."""

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.usersessions.adapter import get_adapter
from allauth.usersessions.models import UserSession
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from revidweb.accounts.models import Person
from revidweb.lib import sealing
from revidweb.trail import trail


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


def drop_factors(person: Person) -> int:
    """Take a person's second factors away and end their sessions; how many factors went. The trail keeps that.

    For somebody who lost them all: from then on the password alone lets in. A repeat changes nothing.
    """
    with transaction.atomic():
        dropped: int = Authenticator.objects.filter(user=person).delete()[0]
        if dropped:
            get_adapter().end_sessions(UserSession.objects.filter(user=person))
            trail.record("person.factors_dropped", about=person.reference, tenant="")
    return dropped
