import threading

import pytest
from django.db import connection, connections

from revidweb.accounts import actors, members
from revidweb.accounts.models import Member, MemberState, Role
from revidweb.lib.refusal import Refusal
from revidweb.trail import trail
from tests.crowd import at_once
from tests.makers import a_member, a_person, a_tenant, an_actor

pytestmark = pytest.mark.django_db


def test_a_person_is_a_member_once():
    tenant, person = a_tenant(), a_person()
    first = members.add(tenant, person, role=Role.USER)
    second = members.add(tenant, person, role=Role.OWNER)
    assert first == second
    assert second.role == Role.USER
    assert [row.what for row in trail.of(first.reference)] == ["member.added"]


def test_a_role_that_does_not_exist_is_a_bug():
    with pytest.raises(ValueError, match="king"):
        members.add(a_tenant(), a_person(), role="king")


def test_an_owner_makes_another_owner():
    actor = an_actor(role=Role.OWNER)
    member = members.set_role(actor, a_member(actor.tenant), role=Role.OWNER)
    member.refresh_from_db()
    assert member.role == Role.OWNER


def test_a_change_of_role_is_on_the_trail_once():
    actor = an_actor(role=Role.ADMIN)
    member = a_member(actor.tenant)
    members.set_role(actor, member, role=Role.ADMIN)
    members.set_role(actor, member, role=Role.ADMIN)
    (row,) = trail.of(member.reference)
    assert (row.what, row.actor, row.facts) == ("member.role_changed", actor.name, {"was": "user", "role": "admin"})


@pytest.mark.parametrize(("was", "role"), [(Role.OWNER, Role.USER), (Role.USER, Role.OWNER), (Role.ADMIN, Role.OWNER)])
def test_an_admin_neither_makes_nor_changes_owners(was, role):
    actor = an_actor(role=Role.ADMIN)
    a_member(actor.tenant, role=Role.OWNER)
    refuse(actor, a_member(actor.tenant, role=was), role, "owners_only")


def test_an_admin_does_not_make_themselves_owner():
    actor = an_actor(role=Role.ADMIN)
    refuse(actor, actor.member, Role.OWNER, "owners_only")


def test_the_last_owner_stays():
    actor = an_actor(role=Role.OWNER)
    refuse(actor, actor.member, Role.ADMIN, "last_owner")


def test_an_owner_steps_down_when_there_is_another():
    actor = an_actor(role=Role.OWNER)
    a_member(actor.tenant, role=Role.OWNER)
    assert members.set_role(actor, actor.member, role=Role.USER).role == Role.USER


def test_an_unknown_role_is_refused():
    actor = an_actor(role=Role.OWNER)
    refuse(actor, a_member(actor.tenant), "king", "unknown_role")


def test_a_user_changes_no_role():
    actor = an_actor(role=Role.USER)
    refuse(actor, actor.member, Role.ADMIN, "not_allowed")


def test_another_tenants_member_is_out_of_reach():
    stranger = a_member()
    with pytest.raises(Member.DoesNotExist):
        members.set_role(an_actor(role=Role.OWNER), stranger, role=Role.ADMIN)


def test_managers_see_all_members_and_a_user_sees_themselves():
    admin = an_actor(role=Role.ADMIN)
    user = actors.of(a_member(admin.tenant))
    a_member()
    assert set(Member.objects.visible_to(admin)) == {admin.member, user.member}
    assert list(Member.objects.visible_to(user)) == [user.member]


@pytest.mark.django_db(transaction=True)
def test_two_owners_do_not_unmake_each_other():
    first = an_actor(role=Role.OWNER)
    second = actors.of(a_member(first.tenant, role=Role.OWNER))
    start, refusals = threading.Barrier(2), []

    def unmake(actor, other):
        start.wait()
        try:
            members.set_role(actor, other.member, role=Role.USER)
        except Refusal as refusal:
            refusals.append(refusal.code)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=unmake, args=pair) for pair in ((first, second), (second, first))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refusals == ["last_owner"], connection.vendor
    assert Member.objects.filter(role=Role.OWNER).count() == 1


def refuse(actor, member, role, code):
    before = member.role
    with pytest.raises(Refusal) as refused:
        members.set_role(actor, member, role=role)
    member.refresh_from_db()
    assert (refused.value.code, member.role) == (code, before)
    assert not trail.of(member.reference)


def test_only_those_who_see_all_tell_members_apart(django_assert_num_queries):
    owner = an_actor(role=Role.OWNER)
    user = actors.of(a_member(owner.tenant, role=Role.USER))
    assert {member.pk for member in members.told_apart(owner)} == {owner.member.pk, user.member.pk}
    with django_assert_num_queries(0):
        assert members.told_apart(user) == []


@pytest.mark.parametrize(
    ("actor", "was", "owners", "roles"),
    [
        ("owner", "owner", 1, []),
        ("owner", "owner", 2, ["admin", "user"]),
        ("owner", "user", 1, ["owner", "admin"]),
        ("admin", "owner", 2, []),
        ("admin", "user", 1, ["admin"]),
    ],
)
def test_roles_are_offered_as_far_as_the_actor_may_give_them(actor, was, owners, roles):
    giver = an_actor(role=actor)
    member = a_member(giver.tenant, role=was)
    assert members.roles_for(giver, member, owners=owners) == roles


def test_a_person_is_led_to_the_tenant_that_they_joined_first():
    person = a_person()
    first = a_member(a_tenant(name="Zenith"), person=person)
    second = a_member(a_tenant(name="Aurora"), person=person)
    assert members.first_of(person) == first
    assert list(members.of(person)) == [second, first]
    assert members.first_of(a_person()) is None


# -- suspended and removed


def state(member):
    return Member.objects.get(pk=member.pk).state


def refused(deed, actor, member, code):
    before = state(member)
    with pytest.raises(Refusal) as refusal:
        deed(actor, member)
    assert (refusal.value.code, state(member)) == (code, before)
    assert not trail.of(member.reference)


@pytest.mark.parametrize(
    ("deed", "after", "what"),
    [
        (members.suspend, MemberState.SUSPENDED, "member.suspended"),
        (members.remove, MemberState.REMOVED, "member.removed"),
    ],
)
def test_a_member_is_let_in_no_longer_and_then_again_and_each_stands_in_the_trail_once(deed, after, what):
    admin = an_actor(role=Role.ADMIN)
    member = a_member(admin.tenant)
    for _ in range(2):
        assert deed(admin, member).state == state(member) == after
    for _ in range(2):
        assert members.restore(admin, member).state == state(member) == MemberState.ACTIVE
    rows = trail.of(member.reference)
    assert [(row.what, row.actor, row.facts) for row in rows] == [
        (what, admin.name, {"was": "active"}),
        ("member.restored", admin.name, {"was": after}),
    ]


def test_a_state_says_since_when():
    admin = an_actor(role=Role.ADMIN)
    member = a_member(admin.tenant)
    assert members.suspend(admin, member).state_since > member.state_since


@pytest.mark.parametrize("deed", [members.suspend, members.remove, members.restore])
def test_a_user_lets_nobody_in_or_out(deed):
    user = an_actor()
    refused(deed, user, a_member(user.tenant), "not_allowed")


@pytest.mark.parametrize("deed", [members.suspend, members.remove])
def test_an_admin_touches_no_owner(deed):
    admin = an_actor(role=Role.ADMIN)
    owners = [a_member(admin.tenant, role=Role.OWNER) for _ in range(2)]
    refused(deed, admin, owners[0], "owners_only")


def test_an_admin_lets_no_owner_in_again():
    admin = an_actor(role=Role.ADMIN)
    owner = a_member(admin.tenant, role=Role.OWNER)
    Member.objects.filter(pk=owner.pk).update(state=MemberState.REMOVED)
    refused(members.restore, admin, owner, "owners_only")


@pytest.mark.parametrize("deed", [members.suspend, members.remove, members.restore])
def test_another_tenants_member_is_out_of_reach_of_every_deed(deed):
    stranger = a_member()
    with pytest.raises(Member.DoesNotExist):
        deed(an_actor(role=Role.OWNER), stranger)


def test_nobody_suspends_themselves():
    owner = an_actor(role=Role.OWNER)
    a_member(owner.tenant, role=Role.OWNER)
    refused(members.suspend, owner, owner.member, "not_yourself")


@pytest.mark.parametrize("role", Role.values)
def test_everybody_may_leave(role):
    actor = an_actor(role=role)
    a_member(actor.tenant, role=Role.OWNER)
    assert members.remove(actor, actor.member).state == MemberState.REMOVED


def test_the_last_owner_does_not_leave():
    owner = an_actor(role=Role.OWNER)
    refused(members.remove, owner, owner.member, "last_owner")


def test_only_owners_who_are_let_in_count():
    owner = an_actor(role=Role.OWNER)
    other = a_member(owner.tenant, role=Role.OWNER)
    members.suspend(owner, other)
    assert members.owner_count(owner.tenant) == 1
    refuse(owner, owner.member, Role.USER, "last_owner")
    refused(members.remove, owner, owner.member, "last_owner")


def test_a_suspended_owner_may_be_removed_and_be_given_another_role():
    owner = an_actor(role=Role.OWNER)
    first, second = (a_member(owner.tenant, role=Role.OWNER) for _ in range(2))
    members.suspend(owner, first)
    members.suspend(owner, second)
    assert members.set_role(owner, first, role=Role.USER).role == Role.USER
    assert members.remove(owner, second).state == MemberState.REMOVED


def test_a_removed_member_has_no_role_to_change_and_is_not_suspended():
    admin = an_actor(role=Role.ADMIN)
    gone = members.remove(admin, a_member(admin.tenant))
    for deed in (members.suspend, lambda actor, member: members.set_role(actor, member, role=Role.ADMIN)):
        with pytest.raises(Refusal, match="member_removed"):
            deed(admin, gone)
    assert members.roles_for(admin, gone, owners=1) == []
    assert not members.may_let_go(admin, gone, owners=1)


def test_adding_a_removed_member_by_hand_changes_nothing():
    admin = an_actor(role=Role.ADMIN)
    gone = members.remove(admin, a_member(admin.tenant))
    assert members.add(admin.tenant, gone.person, role=Role.USER).state == MemberState.REMOVED


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("deed", [members.suspend, members.remove])
def test_two_owners_do_not_shut_each_other_out(deed):
    tenant = a_tenant()
    owners = [an_actor(tenant, role=Role.OWNER) for _ in range(2)]
    answers = at_once(2, lambda number: deed(owners[number], owners[1 - number].member).state)
    assert sorted(answers) == sorted(["Refusal", deed(owners[0], a_member(tenant)).state])
    assert members.owner_count(tenant) == 1


def test_lists_know_who_is_let_in():
    admin = an_actor(role=Role.ADMIN)
    here, suspended, gone = (a_member(admin.tenant, person=a_person(name=name)) for name in ("Cleo", "Ben", "Ann"))
    members.suspend(admin, suspended)
    members.remove(admin, gone)
    assert list(members.listed(admin)) == [admin.member, suspended, here]
    assert list(members.removed(admin)) == [gone]
    told_apart = [member.pk for member in members.told_apart(admin)]
    assert told_apart[-1] == gone.pk
    assert set(told_apart) == {member.pk for member in (admin.member, here, suspended, gone)}
    assert [member.pk for member in members.told_apart(admin, most=2)] == told_apart[:2]


def test_a_person_is_led_where_they_are_let_in():
    person = a_person()
    removed, suspended, active = (a_member(person=person) for _ in range(3))
    Member.objects.filter(pk=removed.pk).update(state=MemberState.REMOVED)
    Member.objects.filter(pk=suspended.pk).update(state=MemberState.SUSPENDED)
    assert members.first_of(person) == active
    assert list(members.of(person)) == [active]
    Member.objects.filter(pk=active.pk).update(state=MemberState.REMOVED)
    assert members.first_of(person) == suspended
    Member.objects.filter(pk=suspended.pk).update(state=MemberState.REMOVED)
    assert members.first_of(person) is None
