"""Many at one door at the same moment."""

import pytest

from revidweb.accounts import invitations, joining
from revidweb.accounts.models import Invitation, Member, Role
from tests.crowd import at_once
from tests.makers import a_person

from .makers import an_owner, invited

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_link_for_three_lets_three_of_twelve_in():
    owner, people = an_owner(), [a_person() for _one in range(12)]
    link = invited(owner, most_uses=3)
    answers = at_once(12, lambda number: joining.join(people[number], owner.tenant, invitation=link))
    assert answers.count("Refusal") == 9
    assert Member.objects.filter(tenant=owner.tenant).count() == 1 + 3
    assert Invitation.objects.get().uses == 3


def test_one_person_twelve_times_is_one_member_and_uses_one():
    owner, person = an_owner(), a_person()
    link = invited(owner, most_uses=10)
    answers = at_once(12, lambda _number: joining.join(person, owner.tenant, invitation=link).pk)
    assert set(answers) == {Member.objects.get(person=person).pk}
    assert Invitation.objects.get().uses == 1


def test_one_address_invited_by_twelve_has_one_open_invitation():
    owner = an_owner()
    at_once(12, lambda _number: invitations.invite(owner, email="ada@example.test", role=Role.USER))
    assert Invitation.objects.count() == 12
    assert Invitation.objects.good().count() == 1


def test_one_founders_invitation_founds_one_tenant():
    person = a_person()
    invitation, _token = invitations.invite_founder(person.email)
    answers = at_once(8, lambda _number: joining.use_founding(person, invitation))
    assert answers.count("Refusal") == 7
