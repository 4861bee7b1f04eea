import re
from io import StringIO

import pytest
from django.core import mail
from django.core.management import CommandError, call_command

from revidweb.accounts import invitations, members
from revidweb.accounts.models import Invitation, Member, Role, Tenant
from tests.accounts.makers import a_verified_person, an_owner, invited
from tests.makers import a_client, a_member, a_person, a_tenant

pytestmark = pytest.mark.django_db


def text(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def found(client, name="Aurora Films"):
    return client.post("/tenants/new/", {"name": name})


# -- home


def test_home_leads_to_the_tenant_that_was_used_last():
    first = a_member()
    second = a_member(person=first.person)
    client = a_client(first)
    for member in (second, first, second):
        client.get(f"/t/{member.tenant.slug}/")
        assert client.get("/").url == f"/t/{member.tenant.slug}/"


@pytest.mark.parametrize("slug", ["nobody", "../evil", "", "\u00e9"])
def test_a_tenant_that_is_not_ones_own_is_passed_over(slug):
    member = a_member()
    stranger = a_tenant()
    client = a_client(member)
    for forged in (slug, stranger.slug):
        client.cookies["tenant"] = forged
        assert client.get("/").url == f"/t/{member.tenant.slug}/"


def test_a_tenant_that_lets_one_in_no_longer_is_passed_over():
    owner = an_owner()
    gone = a_member(owner.tenant)
    other = a_member(person=gone.person)
    client = a_client(gone)
    client.get(f"/t/{owner.tenant.slug}/")
    members.suspend(owner, gone)
    assert client.get("/").url == f"/t/{other.tenant.slug}/"


def test_the_tenant_used_last_is_remembered_for_the_server_alone():
    member = a_member()
    cookie = a_client(member).get(f"/t/{member.tenant.slug}/").cookies["tenant"]
    assert (cookie.value, cookie["httponly"], cookie["samesite"]) == (member.tenant.slug, True, "Lax")


def test_somebody_without_a_tenant_sees_who_invited_them():
    person = a_verified_person()
    owner = an_owner(name="Aurora")
    invited(owner, email=person.email, role=Role.ADMIN)
    page = a_client(person).get("/")
    assert "You are invited" in text(page)
    assert "Aurora as Admin" in text(page)
    assert f'href="/t/{owner.tenant.slug}/join/"' in page.content.decode()


def test_somebody_without_a_tenant_may_found_one_where_everybody_may(settings):
    client = a_client(a_person())
    assert "/tenants/new/" in client.get("/").content.decode()
    settings.SIGNUP = "invite"
    assert "/tenants/new/" not in client.get("/").content.decode()


def test_the_switcher_offers_another_tenant_only_where_everybody_may(settings):
    first = a_member()
    client = a_client(first)
    for _tenants in (1, 2):
        settings.SIGNUP = "open"
        assert "Found another tenant" in client.get(f"/t/{first.tenant.slug}/").content.decode()
        settings.SIGNUP = "invite"
        assert "Found another tenant" not in client.get(f"/t/{first.tenant.slug}/").content.decode()
        a_member(person=first.person)


def test_the_switcher_lists_only_what_lets_one_in():
    owner = an_owner(name="Aurora Films")
    gone = a_member(owner.tenant)
    here = a_member(person=gone.person)
    a_member(person=gone.person)
    client = a_client(gone)
    assert "Aurora Films" in client.get(f"/t/{here.tenant.slug}/").content.decode()
    members.suspend(owner, gone)
    assert "Aurora Films" not in client.get(f"/t/{here.tenant.slug}/").content.decode()


# -- founding another tenant


def test_a_person_founds_another_tenant_without_signing_in_again():
    member = a_member()
    client = a_client(member)
    assert found(client).url == "/t/aurora-films/"
    assert Member.objects.get(tenant__slug="aurora-films").role == Role.OWNER
    assert client.get("/t/aurora-films/").status_code == 200


def test_founding_is_for_the_signed_in():
    assert a_client().get("/tenants/new/").url == "/accounts/login/?next=/tenants/new/"
    assert found(a_client()).status_code == 302
    assert not Tenant.objects.exists()


@pytest.mark.parametrize("signup", ["invite", "closed"])
def test_founding_is_refused_in_words_where_the_operator_says_so(settings, signup):
    settings.SIGNUP = signup
    client = a_client(a_person())
    for answer in (client.get("/tenants/new/"), found(client)):
        assert answer.status_code == 403
        assert "Ask the operator" in text(answer)
    assert not Tenant.objects.exists()


def test_an_invited_person_founds_one_tenant(settings):
    settings.SIGNUP = "invite"
    person = a_verified_person()
    _invitation, token = invitations.invite_founder(person.email)
    client = a_client(person)
    assert client.get(f"/accounts/signup/{token}/").url == "/tenants/new/"
    assert found(client).status_code == 302
    assert found(client, "Another").status_code == 403
    assert Tenant.objects.count() == 1


def test_the_link_of_somebody_else_founds_nothing(settings):
    settings.SIGNUP = "invite"
    _invitation, token = invitations.invite_founder("ada@example.test")
    client = a_client(a_verified_person())
    client.get(f"/accounts/signup/{token}/")
    answer = found(client)
    assert answer.status_code == 422
    assert "This invitation is for ada@example.test." in text(answer)
    assert not Tenant.objects.exists()


@pytest.mark.parametrize("name", ["", "  ", "a" * 81])
def test_a_tenant_needs_a_name(name):
    assert found(a_client(a_person()), name).status_code == 422
    assert not Tenant.objects.exists()


def test_nobody_founds_tenants_without_end():
    client = a_client(a_person())
    codes = [found(client, f"Tenant {number}").status_code for number in range(6)]
    assert codes == [302] * 5 + [422]


# -- the operator's invitation


def test_the_operator_invites_by_command(settings):
    settings.SIGNUP, settings.PUBLIC_URL = "invite", "https://studio.example"
    said = StringIO()
    call_command("invite", "Ada@Example.Test", stdout=said)
    link = said.getvalue().strip()
    assert link.startswith("https://studio.example/accounts/signup/")
    (message,) = mail.outbox
    assert message.to == ["ada@example.test"]
    assert link in message.body
    call_command("invite", "grace@example.test", "--no-mail", stdout=said)
    assert len(mail.outbox) == 1


def test_the_operators_invitation_is_revoked_where_no_mail_server_takes_it(settings, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError

    settings.SIGNUP, said = "invite", StringIO()
    monkeypatch.setattr("django.core.mail.EmailMultiAlternatives.send", fail)
    with pytest.raises(CommandError, match="mail"):
        call_command("invite", "ada@example.test", stdout=said)
    assert Invitation.objects.get().revoked_at
    assert said.getvalue() == ""


@pytest.mark.parametrize(("signup", "email"), [("open", "ada@example.test"), ("closed", "a@b.test"), ("invite", "ada")])
def test_the_command_says_why_it_invites_nobody(settings, signup, email):
    settings.SIGNUP = signup
    with pytest.raises(CommandError):
        call_command("invite", email, stdout=StringIO())
    assert not mail.outbox
