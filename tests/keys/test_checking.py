"""A key lets its program in, or says why not; and what it may ask for."""

from datetime import timedelta

import pytest
import time_machine

from revidweb.accounts import members
from revidweb.accounts.actors import Right, of
from revidweb.accounts.models import Role
from revidweb.keys import budgets, checking, issuing, leaving
from revidweb.keys.models import ApiKey, KeySecret
from revidweb.lib import clock
from revidweb.lib.refusal import Refusal
from tests import makers
from tests.keys.makers import a_key

pytestmark = pytest.mark.django_db
HERE = "203.0.113.7"


def refused(secret: str, address: str = HERE) -> str:
    with pytest.raises(Refusal) as said:
        checking.by_secret(secret, address=address)
    return said.value.code


def test_a_secret_opens_its_key_in_one_query(django_assert_num_queries):
    issued = a_key(kind="budgeted", credits=5)
    checking.by_secret(issued.secret, address=HERE)
    with django_assert_num_queries(1):
        key = checking.by_secret(issued.secret, address=HERE)
        actor = checking.actor_of(key)
        read = (
            key.tenant.slug,
            key.member.person.email,
            key.member.tenant.slug,
            key.wallet.free,
            budgets.key_of(actor),
        )
    assert read[4] is key


def test_a_secret_has_its_form_and_is_kept_nowhere():
    issued = a_key()
    kept = KeySecret.objects.get()
    assert issued.secret.startswith("sk_live_")
    assert len(issued.secret) == 40
    assert kept.hint == f"{issued.secret[:12]}…{issued.secret[-4:]}"
    assert issued.secret not in str([row for model in (ApiKey, KeySecret) for row in model.objects.values()])


@pytest.mark.parametrize(
    ("secret", "code"),
    [
        ("", "key_missing"),
        ("sk_live_short", "key_unknown"),
        ("sk_live_" + "a" * 32, "key_unknown"),
        ("sk_live_" + "a" * 31 + "\x00", "key_unknown"),
        ("sk_live_" + "é" * 32, "key_unknown"),
        ("x" * 100_000, "key_unknown"),
    ],
)
def test_what_is_no_key_opens_nothing(secret, code):
    a_key()
    assert refused(secret) == code


def test_a_revoked_key_opens_nothing_whatever_else_is_so():
    issued = a_key()
    issuing.pause(of(issued.key.member), issued.key)
    issuing.revoke(of(issued.key.member), issued.key)
    assert refused(issued.secret) == "key_revoked"


def test_a_key_opens_until_the_moment_it_expires():
    now = clock.now()
    issued = a_key(expires_at=now + timedelta(seconds=60))
    with time_machine.travel(now + timedelta(seconds=59), tick=False):
        assert checking.by_secret(issued.secret, address=HERE)
    with time_machine.travel(now + timedelta(seconds=60), tick=False):
        assert refused(issued.secret) == "key_expired"


def test_a_paused_key_opens_when_it_is_resumed():
    issued = a_key()
    issuing.pause(of(issued.key.member), issued.key)
    assert refused(issued.secret) == "key_paused"
    issuing.resume(of(issued.key.member), issued.key)
    assert checking.by_secret(issued.secret, address=HERE)


def test_suspending_a_member_stops_their_keys_and_restoring_lets_them_go_on():
    owner = makers.an_actor(role=Role.OWNER)
    issued = a_key(tenant=owner.tenant)
    members.suspend(owner, issued.key.member)
    assert refused(issued.secret) == "key_suspended"
    leaving.restore(owner, issued.key.member)
    assert checking.by_secret(issued.secret, address=HERE)


def test_a_person_whom_the_operator_shut_out_has_no_key():
    issued = a_key()
    issued.key.member.person.is_active = False
    issued.key.member.person.save()
    assert refused(issued.secret) == "key_suspended"


@pytest.mark.parametrize("address", ["203.0.113.200", "::ffff:203.0.113.9", "2001:db8:1::5", "198.51.100.4"])
def test_a_key_works_from_its_networks(address):
    issued = a_key(addresses=("203.0.113.0/24", "198.51.100.4", "2001:db8:1::/48"))
    assert checking.by_secret(issued.secret, address=address) == issued.key


@pytest.mark.parametrize("address", ["203.0.114.1", "198.51.100.5", "2001:db8:2::5", "::1", "", "unknown"])
def test_a_key_works_from_nowhere_else(address):
    issued = a_key(addresses=("203.0.113.0/24", "198.51.100.4", "2001:db8:1::/48"))
    assert refused(issued.secret, address) == "address_not_allowed"


def test_a_session_is_let_in_by_the_same_rules():
    key = a_key(addresses=("203.0.113.0/24",)).key
    assert checking.by_id(key.pk, address=HERE) == key
    with pytest.raises(Refusal, match="address_not_allowed"):
        checking.by_id(key.pk, address="1.1.1.1")
    issuing.revoke(of(key.member), key)
    with pytest.raises(Refusal, match="key_revoked"):
        checking.by_id(key.pk, address=HERE)
    with pytest.raises(Refusal, match="key_unknown"):
        checking.by_id(0, address=HERE)


def test_that_a_key_is_used_is_noted_once_a_minute(django_assert_num_queries):
    issued = a_key()
    with time_machine.travel("2026-03-01 12:00:00+00:00", tick=False) as traveller:
        checking.by_secret(issued.secret, address=HERE)
        first = ApiKey.objects.get().last_used_at
        traveller.shift(59)
        with django_assert_num_queries(1):
            checking.by_secret(issued.secret, address=HERE)
        traveller.shift(1)
        checking.by_secret(issued.secret, address=HERE)
    assert ApiKey.objects.get().last_used_at == first + timedelta(seconds=60)


def test_a_key_makes_the_kinds_and_models_that_it_may():
    free, bound = a_key().key, a_key(models=("veo3.1",), kinds=("video",)).key
    checking.allow(free, kind="image", model="nano-banana")
    checking.allow(bound, kind="video", model="veo3.1")
    with pytest.raises(Refusal, match="kind_not_allowed"):
        checking.allow(bound, kind="image", model="veo3.1")
    with pytest.raises(Refusal, match="model_not_allowed"):
        checking.allow(bound, kind="video", model="sora-2")


def test_a_key_acts_with_no_rights_but_to_generate_even_an_owners():
    owner = makers.a_member(role=Role.OWNER)
    actor = checking.actor_of(a_key(owner).key)
    assert (actor.rights, actor.member, actor.tenant) == ({Right.GENERATE}, owner, owner.tenant)
    assert actor.name.startswith("key:key_")
