"""The second factors of people, where somebody has lost them."""

from allauth.mfa.models import Authenticator
from allauth.usersessions.adapter import get_adapter
from allauth.usersessions.models import UserSession
from django.db import transaction

from revidweb.trail import trail

from .models import Person


def drop(person: Person) -> int:
    """Take a person's second factors away and end their sessions; how many factors went. The trail keeps that.

    For somebody who lost them all: from then on the password alone lets in. A repeat changes nothing.
    """
    with transaction.atomic():
        dropped: int = Authenticator.objects.filter(user=person).delete()[0]
        if dropped:
            get_adapter().end_sessions(UserSession.objects.filter(user=person))
            trail.record("person.factors_dropped", about=person.reference, tenant="")
    return dropped
