import re

import pytest

from revidweb.accounts import actors, tenants
from revidweb.accounts.models import Member, Role, Tenant
from revidweb.lib.refusal import Refusal
from revidweb.trail import trail
from tests.makers import a_person, an_actor

pytestmark = pytest.mark.django_db

SAME = {"name": "Aurora", "time_zone": "Europe/Berlin", "accent": "#a1b2c3"}


def test_a_founder_owns_the_tenant():
    person = a_person()
    member = tenants.found(person, name="  Aurora Studio ")
    assert (member.person, member.role) == (person, Role.OWNER)
    assert (member.tenant.name, member.tenant.slug) == ("Aurora Studio", "aurora-studio")


def test_a_founding_is_on_the_trail():
    person = a_person()
    member = tenants.found(person, name="Aurora")
    facts = [*trail.of(member.tenant.reference), *trail.of(member.reference)]
    assert [(row.what, row.actor) for row in facts] == [
        ("tenant.founded", person.reference),
        ("member.added", person.reference),
    ]


def test_two_tenants_of_one_name_have_two_addresses():
    first, second = (tenants.found(a_person(), name="Aurora").tenant for _ in range(2))
    assert first.slug == "aurora"
    assert re.fullmatch(r"aurora-[0-9a-f]{6}", second.slug)


def test_a_name_without_latin_letters_gets_an_address():
    assert re.fullmatch(r"tenant-[0-9a-f]{6}", tenants.found(a_person(), name="極光").tenant.slug)


def test_a_long_name_gets_an_address_that_fits():
    assert len(tenants.found(a_person(), name="a" * 80).tenant.slug) <= 50


@pytest.mark.parametrize(("name", "code"), [("  ", "name_needed"), ("a" * 81, "name_too_long")])
def test_a_founding_without_a_proper_name_writes_nothing(name, code):
    with pytest.raises(Refusal) as refused:
        tenants.found(a_person(), name=name)
    assert (refused.value.code, refused.value.field) == (code, "name")
    assert not Tenant.objects.exists()
    assert not Member.objects.exists()


def test_an_admin_changes_the_tenant():
    actor = an_actor(role=Role.ADMIN)
    before = actor.tenant.changed_at
    tenants.change(actor, name=" Aurora ", time_zone="Europe/Berlin", accent="#A1B2C3")
    tenant = Tenant.objects.get()
    assert {field: getattr(tenant, field) for field in SAME} == SAME
    assert tenant.changed_at > before


def test_a_change_is_on_the_trail_once():
    actor = an_actor(role=Role.OWNER)
    tenants.change(actor, **SAME)
    tenants.change(actor, **SAME)
    (row,) = trail.of(actor.tenant.reference)
    assert (row.what, row.actor) == ("tenant.changed", actor.name)
    assert row.facts["changes"]["time_zone"] == ["UTC", "Europe/Berlin"]


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("name", " ", "name_needed"),
        ("name", "a" * 81, "name_too_long"),
        ("time_zone", "Mars/Olympus", "unknown_time_zone"),
        ("time_zone", "../etc/passwd", "unknown_time_zone"),
        ("accent", "red", "bad_accent"),
        ("accent", "#fff;} body{display:none", "bad_accent"),
        ("accent", "#a1b2c3\n", "bad_accent"),
    ],
)
def test_nonsense_is_refused_at_its_field_and_changes_nothing(field, value, code):
    actor = an_actor(role=Role.OWNER)
    with pytest.raises(Refusal) as refused:
        tenants.change(actor, **SAME | {field: value})
    assert (refused.value.code, refused.value.field) == (code, field)
    assert Tenant.objects.get().changed_at == actor.tenant.changed_at
    assert not trail.of(actor.tenant.reference)


def test_a_user_changes_nothing():
    actor = an_actor(role=Role.USER)
    with pytest.raises(Refusal, match="not_allowed"):
        tenants.change(actor, **SAME)
    assert Tenant.objects.get().name == actor.tenant.name


def test_who_may_join_is_changed_and_stands_on_the_trail_once():
    actor = an_actor(role=Role.ADMIN)
    for _ in range(2):
        assert tenants.set_join_policy(actor, "open").join_policy == Tenant.objects.get().join_policy == "open"
    (row,) = trail.of(actor.tenant.reference)
    assert (row.what, row.facts) == ("tenant.changed", {"changes": {"join_policy": ["invited", "open"]}})


@pytest.mark.parametrize(
    ("role", "policy", "code"), [("user", "open", "not_allowed"), ("admin", "all", "unknown_policy")]
)
def test_who_may_join_is_not_everybodys_to_say_nor_anything(role, policy, code):
    actor = an_actor(role=role)
    with pytest.raises(Refusal, match=code):
        tenants.set_join_policy(actor, policy)
    assert Tenant.objects.get().join_policy == "invited"


def test_only_owners_manage_owners():
    may = {role: actors.RIGHTS[role] for role in Role.values}
    assert may["owner"] - may["admin"] == {actors.Right.MANAGE_OWNERS}
    assert may["user"] == {actors.Right.GENERATE}
