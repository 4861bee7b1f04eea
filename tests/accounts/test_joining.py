import pytest
from allauth.account.models import EmailAddress

from revidweb.accounts import actors, invitations, joining, members
from revidweb.accounts.models import Invitation, JoinPolicy, Member, MemberState, Role
from revidweb.lib import clock
from revidweb.lib.refusal import Refusal
from revidweb.trail import trail
from tests.makers import a_member, a_person, an_actor

from .makers import a_verified_person, an_open_house, an_owner, invited

pytestmark = pytest.mark.django_db


def refused(code, person, tenant, invitation=None):
    before = list(Member.objects.order_by("pk").values()), list(Invitation.objects.order_by("pk").values())
    addresses = list(EmailAddress.objects.order_by("pk").values())
    with pytest.raises(Refusal) as refusal:
        joining.join(person, tenant, invitation=invitation)
    assert refusal.value.code == code
    assert before == (list(Member.objects.order_by("pk").values()), list(Invitation.objects.order_by("pk").values()))
    assert addresses == list(EmailAddress.objects.order_by("pk").values())
    return refusal.value


def uses(invitation):
    invitation.refresh_from_db()
    return invitation.uses


# -- by policy


def test_everybody_comes_in_through_an_open_door_as_a_user():
    house, person = an_open_house(), a_person()
    member = joining.join(person, house.tenant)
    assert (member.person, member.tenant, member.role) == (person, house.tenant, Role.USER)
    row = trail.of(member.reference).get()
    assert (row.what, row.actor, row.facts) == (
        "member.joined",
        person.reference,
        {"role": "user", "through": "open door"},
    )


def test_nobody_comes_in_uninvited():
    refused("by_invitation_only", a_verified_person(), an_owner().tenant)


def test_a_closed_door_is_closed_to_the_invited_too():
    owner = an_owner()
    person = a_verified_person()
    invitation = invited(owner, email=person.email)
    owner.tenant.join_policy = JoinPolicy.CLOSED
    owner.tenant.save()
    refused("nobody_may_join", person, owner.tenant, invitation)
    assert joining.waiting_for(person) == []


def test_the_policy_counts_as_it_is_now_and_not_as_it_was_read():
    house = an_open_house()
    type(house.tenant).objects.update(join_policy=JoinPolicy.CLOSED)
    refused("nobody_may_join", a_person(), house.tenant)


# -- by invitation


def test_whoever_has_the_link_comes_in_with_its_role():
    owner, person = an_owner(), a_person()
    invitation = invited(owner, role=Role.ADMIN)
    member = joining.join(person, owner.tenant, invitation=invitation)
    assert member.role == Role.ADMIN
    assert uses(invitation) == 1
    assert trail.of(member.reference).get().facts["through"] == f"invitation:{invitation.public_id}"


def test_a_link_that_is_used_up_lets_nobody_in():
    owner = an_owner()
    invitation = invited(owner)
    joining.join(a_person(), owner.tenant, invitation=invitation)
    refused("invitation_over", a_person(), owner.tenant, invitation)


def test_another_tenants_link_opens_nothing():
    refused("invitation_over", a_person(), an_owner().tenant, invited(an_owner()))


def test_a_founders_link_opens_no_tenant():
    person = a_person()
    invitation, _token = invitations.invite_founder(person.email)
    refused("invitation_over", person, an_owner().tenant, invitation)


@pytest.mark.parametrize("how", ["revoked", "expired"])
def test_a_link_that_is_over_lets_nobody_in(how):
    owner = an_owner()
    invitation = invited(owner)
    change = {"revoked": {"revoked_at": clock.now()}, "expired": {"expires_at": clock.ago(1)}}[how]
    Invitation.objects.update(**change)
    refused("invitation_over", a_person(), owner.tenant, invitation)


def test_who_invites_is_gone_and_so_is_the_way_back_in():
    """A link that an admin made and kept does not bring them back after they were removed."""
    owner = an_owner()
    admin = a_member(owner.tenant, role=Role.ADMIN)
    link = invited(actors.of(admin), role=Role.ADMIN, most_uses=1000)
    members.remove(owner, admin)
    refused("invited_before_removal", admin.person, owner.tenant, link)
    refused("invitation_over", a_person(), owner.tenant, link)


def test_an_invited_address_comes_in_without_the_link_when_it_is_verified():
    owner, person = an_owner(), a_verified_person()
    invitation = invited(owner, email=person.email.title(), role=Role.ADMIN)
    assert joining.waiting_for(person) == [invitation]
    assert joining.join(person, owner.tenant).role == Role.ADMIN
    assert uses(invitation) == 1
    assert joining.waiting_for(person) == []


def test_an_unverified_address_proves_nothing_by_itself():
    owner, person = an_owner(), a_person()
    EmailAddress.objects.create(user=person, email=person.email, verified=False, primary=True)
    invited(owner, email=person.email)
    assert joining.waiting_for(person) == []
    refused("by_invitation_only", person, owner.tenant)


def test_the_link_proves_the_address_that_it_was_sent_to():
    owner, person = an_owner(), a_person()
    address = EmailAddress.objects.create(user=person, email=person.email, verified=False, primary=True)
    joining.join(person, owner.tenant, invitation=invited(owner, email=person.email))
    address.refresh_from_db()
    assert address.verified


def test_an_invitation_for_an_address_is_not_for_another_person():
    owner, person = an_owner(), a_verified_person()
    invitation = invited(owner, email="ada@example.test")
    refusal = refused("other_address", person, owner.tenant, invitation)
    assert refusal.facts == {"email": "ada@example.test"}


def test_an_address_that_somebody_else_has_verified_is_not_claimed():
    owner, person = an_owner(), a_person(email="ada@example.test")
    EmailAddress.objects.create(user=person, email="ada@example.test", verified=False, primary=True)
    EmailAddress.objects.create(user=a_person(), email="ada@example.test", verified=True, primary=True)
    refused("other_address", person, owner.tenant, invited(owner, email="ada@example.test"))


# -- who was or is a member


def test_a_member_uses_nothing_up():
    owner = an_owner()
    member = a_member(owner.tenant, role=Role.USER)
    link = invited(owner, role=Role.ADMIN)
    assert joining.join(member.person, owner.tenant, invitation=link) == member
    assert uses(link) == 0
    member.refresh_from_db()
    assert member.role == Role.USER
    assert not trail.of(member.reference)


def test_a_suspended_member_stays_outside_whatever_the_door():
    owner = an_open_house()
    member = a_member(owner.tenant)
    members.suspend(owner, member)
    refused("suspended", member.person, owner.tenant)
    refused("suspended", member.person, owner.tenant, invited(owner))


def test_a_removed_member_does_not_come_back_through_an_open_door():
    owner = an_open_house()
    member = a_member(owner.tenant)
    members.remove(owner, member)
    refused("membership_ended", member.person, owner.tenant)


def test_a_removed_member_comes_back_as_the_new_invitation_says():
    owner = an_open_house()
    admin = a_member(owner.tenant, role=Role.ADMIN)
    members.remove(owner, admin)
    back = joining.join(admin.person, owner.tenant, invitation=invited(owner))
    assert (back.pk, back.role, back.state) == (admin.pk, Role.USER, MemberState.ACTIVE)


def test_a_removed_member_comes_back_by_a_new_invitation_and_not_by_an_old_one():
    owner = an_owner()
    person = a_verified_person()
    old = invited(owner, most_uses=10)
    member = joining.join(person, owner.tenant, invitation=old)
    members.remove(owner, member)
    refused("invited_before_removal", person, owner.tenant, old)
    invited(owner, email=person.email)
    assert joining.join(person, owner.tenant).state == MemberState.ACTIVE


def test_an_old_invitation_brings_nobody_back_through_an_open_door():
    owner = an_open_house()
    old = invited(owner, role=Role.ADMIN, most_uses=10)
    member = joining.join(a_person(), owner.tenant, invitation=old)
    members.remove(owner, member)
    refused("invited_before_removal", member.person, owner.tenant, old)


def test_however_many_invitations_wait_three_questions_find_them(django_assert_num_queries):
    person = a_verified_person()
    sent = [invited(an_owner(), email=person.email) for _ in range(5)]
    gone = an_owner()
    invited(gone, email=person.email)
    members.suspend(an_actor(gone.tenant, role=Role.OWNER), gone.member)
    with django_assert_num_queries(3):
        assert joining.waiting_for(person) == sent[::-1]


# -- founding


def test_a_founders_invitation_is_used_once_by_its_address():
    person = a_verified_person()
    invitation, _token = invitations.invite_founder(person.email)
    assert joining.founding_invitation_to(person) == invitation
    with pytest.raises(Refusal, match="other_address"):
        joining.use_founding(a_verified_person(), invitation)
    joining.use_founding(person, invitation)
    assert joining.founding_invitation_to(person) is None
    with pytest.raises(Refusal, match="invitation_over"):
        joining.use_founding(person, invitation)


def test_a_tenants_invitation_founds_nothing():
    with pytest.raises(Refusal, match="invitation_over"):
        joining.use_founding(a_person(), invited(an_owner()))
