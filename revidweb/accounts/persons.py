"""What a person says of themselves, and whether they may sign in."""

from allauth.usersessions.adapter import get_adapter
from allauth.usersessions.models import UserSession
from django.db import transaction

from revidweb.trail import trail

from .models import Person


def rename(person: Person, *, name: str) -> None:
    """Give the person another name, up to 120 characters; the same again changes nothing."""
    Person.objects.filter(pk=person.pk).exclude(name=name).update(name=name)
    person.name = name


def set_active(person: Person, *, is_active: bool, operator: Person) -> bool:
    """Let the person sign in, or end their sessions and let them sign in no more; whether that changed anything.

    operator: who decides. Nobody shuts out themselves, and only a superuser another superuser.
    """
    if person.pk == operator.pk or (person.is_superuser and not operator.is_superuser):
        return False
    with transaction.atomic():
        changed = Person.objects.filter(pk=person.pk).exclude(is_active=is_active).update(is_active=is_active)
        if changed:
            what = "person.activated" if is_active else "person.deactivated"
            trail.record(what, about=person.reference, tenant="", actor=operator.reference)
        if not is_active:  # else they would be good again after the next activation
            get_adapter().end_sessions(UserSession.objects.filter(user=person))
    person.is_active = is_active
    return bool(changed)
