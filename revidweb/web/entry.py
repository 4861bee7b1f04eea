"""Where somebody who signs up ends: in the tenant whose door they stood at, or in one of their own."""

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest

from revidweb.accounts import joining
from revidweb.accounts.models import Invitation, Member, Person, Role
from revidweb.catalog import founding
from revidweb.keys import leaving
from revidweb.lib import clock
from revidweb.lib.refusal import Refusal

from . import doors

_DAY_S = 86_400
_MOST_A_DAY = 5


@transaction.atomic
def enter(request: HttpRequest, person: Person) -> Member:
    """Let a person who has just signed up in: through the door that they asked for, else as a tenant's founder.

    An invitation by mail has proven their address, so that no second mail is sent.
    Raises Refusal: what `joining.join` and `found` raise.
    """
    door = doors.asked_for(request)
    if door is None:
        return found(request, person, name=person.name)
    member = leaving.join(person, door.tenant, invitation=door.invitation)
    _remember_proof(request, door.invitation)
    return member


@transaction.atomic
def found(request: HttpRequest, person: Person, *, name: str) -> Member:
    """A tenant of this name with the person as its owner, where REVIDWEB_SIGNUP or the operator's invitation lets them.

    Raises Refusal: "founding_closed", "founded_enough", "name_needed", "name_too_long", and what
    `joining.use_founding` raises.
    """
    if not doors.may_found(request):
        raise Refusal("founding_closed")
    _refuse_many(person)
    invitation = doors.founding_invitation(request) if settings.SIGNUP == "invite" else None
    if invitation:
        joining.use_founding(person, invitation)
    member = founding.found(person, name=name)
    _remember_proof(request, invitation)
    return member


def _refuse_many(person: Person) -> None:
    """Each tenant comes with a catalog of its own, so nobody founds them without end."""
    today = Member.objects.filter(person=person, role=Role.OWNER, joined_at__gt=clock.ago(_DAY_S))
    if today.count() >= _MOST_A_DAY:
        raise Refusal("founded_enough", most=_MOST_A_DAY)


def _remember_proof(request: HttpRequest, invitation: Invitation | None) -> None:
    """Tell allauth to keep the new person's address as verified; one who was signed in has shown theirs before."""
    if invitation and invitation.email and not request.user.is_authenticated:
        get_adapter().stash_verified_email(request, invitation.email)
