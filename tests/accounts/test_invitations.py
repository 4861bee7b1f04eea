import hashlib
from datetime import timedelta

import pytest

from revidweb.accounts import actors, invitations, members
from revidweb.accounts.invitations import State
from revidweb.accounts.models import Invitation, JoinPolicy, Member, MemberState, Role
from revidweb.lib import clock
from revidweb.lib.refusal import Refusal
from revidweb.trail.models import TrailRow
from tests.makers import a_member, a_person, an_actor

from .makers import an_owner, invited, verified

pytestmark = pytest.mark.django_db


def refused(code, field="", **wish):
    """The refusal of an invitation that an owner asks for."""
    return refused_to(an_owner(), code, field, **wish)


def refused_to(actor, code, field="", **wish):
    before = Invitation.objects.count()
    with pytest.raises(Refusal) as refusal:
        invitations.invite(actor, **{"role": Role.USER} | wish)
    assert (refusal.value.code, refusal.value.field) == (code, field)
    assert Invitation.objects.count() == before


def state(invitation):
    invitation.refresh_from_db()
    return invitations.state_of(invitation, invitations.maker_of(invitation))


# -- making one


def test_only_the_hash_of_the_token_is_kept():
    invitation, token = invitations.invite(an_owner(), role=Role.USER)
    assert len(token) >= 43
    assert invitation.token_hash == hashlib.sha256(token.encode()).hexdigest()
    kept = [str(value) for row in (*Invitation.objects.values(), *TrailRow.objects.values()) for value in row.values()]
    assert not any(token in value for value in kept)


def test_two_tokens_are_never_alike():
    owner = an_owner()
    assert len({invitations.invite(owner, role=Role.USER)[1] for _time in range(20)}) == 20


def test_an_invitation_is_found_by_its_token_alone():
    invitation, token = invitations.invite(an_owner(), role=Role.USER)
    assert invitations.by_hash(invitations.hash_of(token)) == invitation
    for wrong in (token[:-1], token.swapcase(), invitation.token_hash, ""):
        assert invitations.by_hash(invitations.hash_of(wrong)) is None


def test_an_address_is_kept_in_small_letters_and_invited_once_at_a_time():
    owner = an_owner()
    first = invited(owner, email=" Ada@Example.Test ")
    second = invited(owner, email="ada@example.test")
    assert second.email == first.email == "ada@example.test"
    assert (state(first), state(second)) == (State.REVOKED, State.OPEN)


def test_an_invitation_of_an_address_is_good_once():
    assert invited(an_owner(), email="ada@example.test", most_uses=50).most_uses == 1


def test_it_is_good_as_long_as_the_settings_say(settings):
    settings.INVITATION_DAYS = 3
    invitation = invited(an_owner())
    assert invitation.expires_at - invitation.created_at == timedelta(days=3)


def test_the_trail_says_who_invited_whom_as_what():
    owner = an_owner()
    invitation = invited(owner, email="ada@example.test", role=Role.ADMIN)
    row = TrailRow.objects.get(about=f"invitation:{invitation.public_id}")
    assert (row.what, row.actor, row.tenant) == ("invitation.made", owner.name, owner.tenant.public_id)
    assert (row.facts["email"], row.facts["role"]) == ("ada@example.test", "admin")


@pytest.mark.parametrize(
    "email",
    [
        "ada",
        "ada@",
        "@example.test",
        "ada@example.test\nBcc: eve@evil.test",
        "ada@example.test\r\n\r\nBuy",
        "ada@example.test,eve@evil.test",
        "Ada <ada@example.test>",
        "ada\x00@example.test",
        "a" * 250 + "@example.test",
    ],
)
def test_what_is_no_single_address_is_refused(email):
    refused("bad_email", "email", email=email)


@pytest.mark.parametrize("role", ["", "king", "OWNER", "operator"])
def test_an_unknown_role_is_refused(role):
    refused("unknown_role", "role", role=role)


@pytest.mark.parametrize("days", [0, -1, 366, 10**12])
def test_days_have_bounds(days):
    refused("bad_days", "days", days=days)


@pytest.mark.parametrize("uses", [0, -1, 1001, 10**12])
def test_uses_have_bounds(uses):
    refused("bad_uses", "most_uses", most_uses=uses)


def test_a_user_invites_nobody():
    refused_to(an_actor(role=Role.USER), "not_allowed")


def test_only_an_owner_invites_owners():
    refused_to(an_actor(role=Role.ADMIN), "owners_only", "role", role=Role.OWNER)
    assert invited(an_owner(), role=Role.OWNER).role == Role.OWNER


def test_nobody_is_invited_where_nobody_may_join():
    refused_to(an_owner(join_policy=JoinPolicy.CLOSED), "nobody_may_join")


def test_a_member_is_not_invited_again():
    owner = an_owner()
    member = a_member(owner.tenant)
    refused_to(owner, "already_member", "email", email=member.person.email.upper())


def test_a_member_is_known_by_each_verified_address():
    owner = an_owner()
    person = verified(a_member(owner.tenant).person)
    second = person.emailaddress_set.create(email="second@example.test", verified=False)
    invited(owner, email=second.email)
    second.set_verified()
    refused_to(owner, "already_member", "email", email=second.email)


def test_a_suspended_member_is_not_invited_and_a_removed_one_is():
    owner = an_owner()
    member = a_member(owner.tenant)
    members.suspend(owner, member)
    refused_to(owner, "member_suspended", "email", email=member.person.email)
    members.remove(owner, member)
    assert invited(owner, email=member.person.email)


def test_a_tenant_mails_fifty_an_hour(time_machine):
    time_machine.move_to(clock.now(), tick=False)
    owner = an_owner()
    for number in range(50):
        invited(owner, email=f"guest{number}@example.test")
    refused_to(owner, "too_many_mails", email="one-more@example.test")
    with pytest.raises(Refusal, match="too_many_mails"):
        invitations.invite_again(owner, Invitation.objects.latest("pk"))
    invited(owner)  # a link is no mail
    invited(an_owner(), email="one-more@example.test")
    time_machine.shift(3601)
    invited(owner, email="one-more@example.test")


# -- again, and no more


def test_again_means_another_token_and_as_many_days():
    owner = an_owner()
    first = invited(owner, email="ada@example.test", role=Role.ADMIN, days=30)
    second, token = invitations.invite_again(owner, first)
    assert (second.email, second.role) == (first.email, first.role)
    assert second.expires_at - second.created_at == timedelta(days=30)
    assert invitations.by_hash(invitations.hash_of(token)) == second
    assert state(first) == State.REVOKED


def test_a_link_is_not_sent_again():
    owner = an_owner()
    with pytest.raises(Refusal, match="bad_email"):
        invitations.invite_again(owner, invited(owner))


def test_an_admin_neither_replaces_nor_revokes_what_invites_an_owner():
    owner = an_owner()
    admin = an_actor(owner.tenant, role=Role.ADMIN)
    invitation = invited(owner, email="ada@example.test", role=Role.OWNER)
    refused_to(admin, "owners_only", "role", email="ada@example.test")
    with pytest.raises(Refusal, match="owners_only"):
        invitations.revoke(admin, invitation)
    with pytest.raises(Refusal, match="owners_only"):
        invitations.invite_again(admin, invitation)
    assert state(invitation) == State.OPEN


def test_revoking_ends_it_once():
    owner = an_owner()
    invitation = invited(owner)
    invitations.revoke(owner, invitation)
    at = invitation.revoked_at
    invitations.revoke(owner, Invitation.objects.get())
    assert state(invitation) == State.REVOKED
    assert invitation.revoked_at == at
    assert TrailRow.objects.filter(what="invitation.revoked").count() == 1


def test_another_tenants_invitation_is_not_ours_to_revoke():
    invitation = invited(an_owner())
    with pytest.raises(Refusal, match="not_allowed"):
        invitations.revoke(an_owner(), invitation)
    assert state(invitation) == State.OPEN


def test_it_ends_by_itself(time_machine):
    invitation = invited(an_owner(), days=1)
    time_machine.move_to(invitation.expires_at - timedelta(seconds=1), tick=False)
    assert state(invitation) == State.OPEN
    time_machine.move_to(invitation.expires_at, tick=False)
    assert state(invitation) == State.EXPIRED
    assert not invitations.is_good(invitation)
    with pytest.raises(Refusal, match="invitation_over"):
        invitations.use(invitation)


@pytest.mark.parametrize(("role", "state_of_maker"), [("user", "active"), ("admin", "suspended"), ("admin", "removed")])
def test_it_stands_on_the_right_of_its_maker(role, state_of_maker):
    admin = an_actor(role=Role.ADMIN)
    invitation = invited(admin, most_uses=1000)
    Member.objects.filter(pk=admin.member.pk).update(role=role, state=state_of_maker)
    assert state(invitation) == State.VOID
    with pytest.raises(Refusal, match="invitation_over"):
        invitations.use(invitation)
    Member.objects.filter(pk=admin.member.pk).update(role=Role.ADMIN, state=MemberState.ACTIVE)
    assert state(invitation) == State.OPEN


def test_an_owner_who_is_none_any_more_lets_no_owner_in():
    owner = an_owner()
    invitation = invited(owner, role=Role.OWNER)
    Member.objects.filter(pk=owner.member.pk).update(role=Role.ADMIN)
    assert state(invitation) == State.VOID


def test_it_is_used_as_often_as_it_may():
    invitation = invited(an_owner(), most_uses=2)
    invitations.use(invitation)
    stale = Invitation.objects.get()
    invitations.use(invitation)
    assert state(invitation) == State.USED
    with pytest.raises(Refusal, match="invitation_over"):
        invitations.use(stale)
    assert Invitation.objects.get().uses == 2


# -- lists


def test_those_who_manage_see_their_tenants_invitations_newest_first():
    owner = an_owner()
    first, second = invited(owner), invited(owner, email="ada@example.test")
    invited(an_owner())
    assert list(invitations.listed(owner)) == [second, first]
    assert list(invitations.listed(actors.of(a_member(owner.tenant)))) == []


# -- the operator's


def test_the_operator_invites_a_founder():
    invitation, token = invitations.invite_founder("Ada@Example.Test")
    assert (invitation.tenant, invitation.email, invitation.role) == (None, "ada@example.test", Role.OWNER)
    assert invitations.by_hash(invitations.hash_of(token)) == invitation
    assert state(invitation) == State.OPEN


def test_a_founder_is_invited_once_at_a_time():
    first, second = (invitations.invite_founder("ada@example.test")[0] for _time in range(2))
    assert (state(first), state(second)) == (State.REVOKED, State.OPEN)


@pytest.mark.parametrize("email", ["", "ada"])
def test_a_founder_is_invited_by_address(email):
    with pytest.raises(Refusal, match="bad_email"):
        invitations.invite_founder(email)


def test_an_invited_stranger_is_nobody_yet():
    invited(an_owner(), email=a_person().email)
    assert Member.objects.count() == 1
