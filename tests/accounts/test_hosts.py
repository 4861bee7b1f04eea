"""A tenant's own hosts: which names may be asked for, who decides, and what is served meanwhile."""

import time

import pytest

from revidweb.accounts import hosts
from revidweb.accounts.models import Host, HostState, Role
from revidweb.lib.refusal import Refusal
from revidweb.trail import trail
from tests.crowd import at_once
from tests.makers import a_person, a_tenant, an_actor

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _know_nothing():
    yield
    hosts._known.clear()


@pytest.fixture
def owner(db):
    return an_actor(role=Role.OWNER)


def ask(actor, name="studio.aurora.com", purpose="web"):
    return hosts.ask(actor, name=name, purpose=purpose)


def an_approved(actor, name="studio.aurora.com", purpose="web"):
    host = ask(actor, name, purpose)
    hosts.decide(host, approved=True, operator=a_person())
    return host


def facts(actor):
    return [(row.what, row.actor, row.facts["name"]) for row in trail.of(actor.tenant.reference)]


# -- names


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("studio.aurora.com", "studio.aurora.com"),
        ("  Studio.Aurora.COM ", "studio.aurora.com"),
        ("studio.aurora.com.", "studio.aurora.com"),
        ("bücher.example.com", "xn--bcher-kva.example.com"),
        ("faß.de", "xn--fa-hia.de"),
        ("xn--bcher-kva.de", "xn--bcher-kva.de"),
        ("極光.台灣", "xn--54q120d.xn--kpry57d"),
        ("Ｓtudio.ａurora.com", "studio.aurora.com"),
        ("a-b.c-d.co", "a-b.c-d.co"),
        (f"{'a' * 63}.com", f"{'a' * 63}.com"),
    ],
)
def test_a_public_name_is_kept_as_dns_knows_it(written, kept):
    assert hosts.checked(written) == kept


@pytest.mark.parametrize(
    "name",
    [
        *("", "   ", ".", "..", "com", "studio", "a..com", ".aurora.com", "-a.com", "a-.com", "a_b.com", "a b.com"),
        *("https://studio.aurora.com", "studio.aurora.com:8443", "studio.aurora.com/", "me@aurora.com", "*.aurora.com"),
        *("127.0.0.1", "10.0.0.1", "8.8.8.8", "0x7f.1", "127.0x1", "2130706433", "0177.0.0.1", "1.2.3", "①.②.③.④"),
        *("[::1]", "::1", "[2001:db8::1]", "1.2.3.4.5", "aurora.123", "a\n.com", "a\0.com", "aurora.com\n.evil.com"),
        *(f"{'a' * 64}.com", ".".join(["a" * 60] * 5) + ".com", "xn--a.com", "\u202eaurora.com", "a" * 100_000),
    ],
)
def test_what_is_no_public_name_is_refused(name):
    with pytest.raises(Refusal) as refused:
        hosts.checked(name)
    assert refused.value.code == "bad_host"


@pytest.mark.parametrize(
    "name",
    [
        *("localhost", "studio.localhost", "LOCALHOST.", "printer.local", "db.internal", "nas.lan", "router.home"),
        *("x.home.arpa", "1.0.0.127.in-addr.arpa", "a.test", "a.example", "a.invalid", "hidden.onion", "a.localdomain"),
        *("wiki.intranet", "mail.corp", "a.private", "a.alt", "ｌocalhost", "a.lan."),
    ],
)
def test_a_name_that_only_some_can_reach_is_refused(name):
    with pytest.raises(Refusal) as refused:
        hosts.checked(name)
    assert refused.value.code == "private_host"


@pytest.mark.parametrize("name", ["revid.example.com", "Revid.Example.com.", "deep.own.com", "own.com"])
def test_the_installations_own_hosts_are_nobodys(name, settings):
    settings.MAIN_HOSTS = ["revid.example.com", ".own.com"]
    with pytest.raises(Refusal) as refused:
        hosts.checked(name)
    assert refused.value.code == "host_is_ours"


# -- asking


def test_a_host_waits_for_the_operator(owner):
    host = ask(owner, "Studio.Aurora.com")
    assert (host.name, host.purpose, host.state, host.tenant) == ("studio.aurora.com", "web", "asked", owner.tenant)
    assert facts(owner) == [("host.asked", owner.name, "studio.aurora.com")]
    assert hosts.served("studio.aurora.com") is None


def test_asking_again_changes_nothing(owner):
    assert ask(owner) == ask(owner)
    assert len(facts(owner)) == 1


def test_another_name_takes_the_place_of_one_that_waits(owner):
    ask(owner)
    ask(owner, "other.aurora.com")
    assert [host.name for host in Host.objects.all()] == ["other.aurora.com"]


def test_an_approved_host_must_be_withdrawn_first(owner):
    an_approved(owner)
    with pytest.raises(Refusal) as refused:
        ask(owner, "other.aurora.com")
    assert (refused.value.code, refused.value.field, refused.value.facts) == (
        "host_in_use",
        "host",
        {"name": "studio.aurora.com"},
    )
    assert ask(owner).state == HostState.APPROVED


def test_a_tenant_has_one_host_for_pages_and_one_for_media(owner):
    ask(owner)
    ask(owner, "media.aurora.com", "media")
    assert {purpose: host.name for purpose, host in hosts.of(owner.tenant).items()} == {
        "web": "studio.aurora.com",
        "media": "media.aurora.com",
    }


@pytest.mark.parametrize("purpose", ["web", "media"])
def test_a_bad_name_is_refused_at_its_field_and_keeps_what_was_asked(owner, purpose):
    host = ask(owner, purpose=purpose)
    with pytest.raises(Refusal) as refused:
        ask(owner, "10.0.0.1", purpose)
    assert (refused.value.code, refused.value.field) == ("bad_host", "host")
    assert list(Host.objects.all()) == [host]


def test_a_name_belongs_to_one_tenant(owner):
    ask(an_actor(role=Role.OWNER))
    with pytest.raises(Refusal) as refused:
        ask(owner)
    assert (refused.value.code, refused.value.field) == ("host_taken", "host")


def test_pages_and_media_do_not_share_a_name(owner):
    ask(owner)
    with pytest.raises(Refusal) as refused:
        ask(owner, purpose="media")
    assert (refused.value.code, refused.value.field) == ("host_taken", "host")


def test_a_refused_name_is_free_for_whom_it_belongs_to(owner):
    squatter = an_actor(role=Role.OWNER)
    hosts.decide(ask(squatter), approved=False, operator=a_person())
    assert ask(owner).tenant == owner.tenant
    assert hosts.of(squatter.tenant) == {}


def test_who_was_refused_may_ask_again(owner):
    hosts.decide(ask(owner), approved=False, operator=a_person())
    assert ask(owner).state == HostState.ASKED


def test_a_user_asks_for_nothing_and_withdraws_nothing(owner):
    host, user = ask(owner), an_actor(owner.tenant)
    with pytest.raises(Refusal, match="not_allowed"):
        ask(user, "other.aurora.com")
    with pytest.raises(Refusal, match="not_allowed"):
        hosts.withdraw(user, host)
    assert list(Host.objects.all()) == [host]


@pytest.mark.django_db(transaction=True)
def test_of_many_tenants_that_ask_at_once_one_gets_the_name():
    actors = [an_actor(role=Role.OWNER) for _ in range(8)]
    answers = at_once(8, lambda number: ask(actors[number]).name)
    assert sorted(answers) == ["Refusal"] * 7 + ["studio.aurora.com"]


# -- withdrawing and deciding


def test_a_withdrawn_host_is_served_no_longer(owner):
    host = an_approved(owner)
    assert hosts.served(host.name) == host
    for _ in range(2):
        hosts.withdraw(owner, host)
    assert hosts.served(host.name) is None
    assert [fact[0] for fact in facts(owner)] == ["host.asked", "host.approved", "host.withdrawn"]


def test_another_tenants_host_is_not_withdrawn(owner):
    host = an_approved(an_actor(role=Role.OWNER))
    hosts.withdraw(owner, host)
    assert hosts.served(host.name) == host


def test_a_decision_is_kept_and_stands_in_the_trail_once(owner):
    host, operator = ask(owner), a_person()
    for approved in (True, True, False, False):
        hosts.decide(host, approved=approved, operator=operator)
    assert (host.state, host.decided_at is None) == (HostState.REFUSED, False)
    assert facts(owner)[1:] == [
        ("host.approved", operator.reference, host.name),
        ("host.refused", operator.reference, host.name),
    ]
    assert hosts.served(host.name) is None


# -- serving


def test_a_name_is_asked_of_the_database_once_in_a_while(owner, django_assert_num_queries, monkeypatch):
    host = an_approved(owner)
    with django_assert_num_queries(1):
        assert [hosts.served(host.name).tenant.slug for _ in range(3)] == [owner.tenant.slug] * 3
    with django_assert_num_queries(1):
        assert [hosts.served("nobody.example.org") for _ in range(3)] == [None] * 3
    later = time.monotonic() + 6
    monkeypatch.setattr(hosts.time, "monotonic", lambda: later)
    with django_assert_num_queries(1):
        hosts.served(host.name)


def test_what_is_remembered_does_not_grow_without_end(monkeypatch):
    monkeypatch.setattr(hosts, "_MOST_KNOWN", 3)
    for number in range(10):
        hosts.served(f"host{number}.example.org")
    assert len(hosts._known) <= 3


def test_a_name_longer_than_dns_has_is_asked_of_nobody(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert hosts.served("a" * 5000) is None


def test_a_tenant_without_hosts_has_none():
    assert hosts.of(a_tenant()) == {}


def test_people_reach_a_tenant_at_its_own_host_once_that_is_served(owner, settings):
    settings.PUBLIC_URL = "https://revid.example.com:8443"
    ask(owner)
    an_approved(owner, "media.aurora.com", "media")
    assert hosts.origin(owner.tenant) == "https://revid.example.com:8443"
    an_approved(owner)
    assert hosts.origin(owner.tenant) == "https://studio.aurora.com"
