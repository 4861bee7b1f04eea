import re
from urllib.parse import urlencode

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client

from revidweb import logs
from revidweb.accounts import invitations, members
from revidweb.accounts.models import (
    Host,
    HostPurpose,
    HostState,
    Invitation,
    JoinPolicy,
    Member,
    MemberState,
    Person,
    Role,
    Tenant,
)
from revidweb.credits import ledger
from revidweb.files import logos
from revidweb.keys import leaving
from tests.accounts.makers import a_verified_person, an_open_house, an_owner
from tests.files.makers import an_upload, encoded
from tests.makers import a_client, a_member, a_person, a_tenant

pytestmark = pytest.mark.django_db

ADA = {"name": "Ada Lovelace", "email": "ada@example.test", "password1": "correct horse battery"}


def door(tenant):
    return f"/t/{tenant.slug}/join/"


def a_link(owner, **wish):
    """The path of a fresh invitation's link."""
    _invitation, token = invitations.invite(owner, **{"role": Role.USER} | wish)
    return f"{door(owner.tenant)}{token}/"


def text(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def sign_up(client, tenant, **changes):
    return client.post("/accounts/signup/", ADA | {"next": door(tenant)} | changes)


def membership(tenant, email="ada@example.test"):
    return Member.objects.filter(tenant=tenant, person__email=email).first()


# -- the page


def test_a_closed_door_is_not_there():
    owner = an_owner(join_policy=JoinPolicy.CLOSED, accent="#c2410c")
    logos.put(owner.tenant, an_upload(encoded()))
    for client in (a_client(), a_client(a_person()), a_client(owner.member)):
        for path in ("", "logo/", "accent.css", "x" * 43 + "/"):
            assert client.get(door(owner.tenant) + path).status_code == 404
        assert client.post(door(owner.tenant)).status_code == 404


def test_an_unknown_tenant_and_a_closed_one_read_the_same():
    closed = a_tenant(join_policy=JoinPolicy.CLOSED)
    answers = [a_client().get(door(tenant)) for tenant in (closed, Tenant(slug="nobody"))]
    pages = [re.sub(r'"X-CSRFToken": "\w+"', "", answer.content.decode()) for answer in answers]
    assert [answer.status_code for answer in answers] == [404, 404]
    hidden = [re.sub(r'value="[^"]+"', "", page) for page in pages]
    assert hidden[0] == hidden[1]


def test_an_address_is_known_in_its_own_case_alone():
    owner = an_open_house()
    assert a_client().get(f"/t/{owner.tenant.slug.upper()}/join/").status_code == 404


def test_an_open_door_offers_an_account_and_sign_in_in_the_tenants_own_name():
    owner = an_owner(name="Aurora Films", join_policy=JoinPolicy.OPEN, accent="#c2410c")
    logos.put(owner.tenant, an_upload(encoded()))
    answer = a_client().get(door(owner.tenant))
    page = answer.content.decode()
    assert "Join Aurora Films" in text(answer)
    assert "<title>Join · Aurora Films</title>" in page
    assert f'href="/accounts/signup/?next={door(owner.tenant)}"' in page
    assert f'href="/accounts/login/?next={door(owner.tenant)}"' in page
    assert re.search(rf'href="{door(owner.tenant)}accent.css\?v=\w+"', page)
    assert re.search(rf'src="{door(owner.tenant)}logo/\?v=\w+"', page)


def test_logo_and_accent_of_a_door_are_for_everybody():
    owner = an_owner(accent="#c2410c")
    logos.put(owner.tenant, an_upload(encoded()))
    logo, accent = (a_client().get(door(owner.tenant) + path) for path in ("logo/?v=1", "accent.css?v=1"))
    assert (logo.status_code, logo["Content-Type"]) == (200, "image/webp")
    assert b"".join(logo)
    assert "light-dark(" in accent.content.decode()


def test_a_tenant_by_invitation_says_so_and_what_to_do():
    owner = an_owner(name="Aurora Films")
    answer = a_client().get(door(owner.tenant))
    assert "Aurora Films is by invitation only" in text(answer)
    assert "Open the link from the mail" in text(answer)
    assert "/accounts/signup/" not in answer.content.decode()
    assert f"/accounts/login/?next={door(owner.tenant)}" in answer.content.decode()


def test_a_member_is_led_to_the_tenant():
    member = a_member()
    for ask in (a_client(member).get, a_client(member).post):
        assert ask(door(member.tenant)).url == f"/t/{member.tenant.slug}/"


def test_a_suspended_member_is_told_so():
    owner = an_open_house()
    member = a_member(owner.tenant)
    members.suspend(owner, member)
    client = a_client(member)
    for ask in (client.get, client.post):
        answer = ask(door(owner.tenant))
        assert answer.status_code == 403
        assert "suspended" in text(answer)
    member.refresh_from_db()
    assert member.state == MemberState.SUSPENDED


def test_a_tenants_name_of_markup_is_text():
    owner = an_owner(name="<script>alert(1)</script>", join_policy=JoinPolicy.OPEN)
    assert "<script>alert(1)" not in a_client().get(door(owner.tenant)).content.decode()


def test_the_door_takes_get_and_post_alone():
    owner = an_open_house()
    link = a_link(owner)
    client = a_client(a_person())
    assert {client.generic(method, door(owner.tenant)).status_code for method in ("PUT", "PATCH", "DELETE")} == {405}
    for path in (link, door(owner.tenant) + "logo/", door(owner.tenant) + "accent.css"):
        assert client.post(path).status_code == 405


# -- coming in, signed in


def test_a_signed_in_person_joins_with_one_press():
    owner, person = an_open_house(), a_person()
    client = a_client(person)
    assert f"Join {owner.tenant.name}" in text(client.get(door(owner.tenant)))
    assert client.post(door(owner.tenant)).url == f"/t/{owner.tenant.slug}/"
    assert membership(owner.tenant, person.email).role == Role.USER
    assert client.get(f"/t/{owner.tenant.slug}/").status_code == 200


def test_looking_at_a_door_joins_nothing():
    owner, person = an_open_house(), a_person()
    a_client(person).get(door(owner.tenant))
    assert membership(owner.tenant, person.email) is None


def test_joining_needs_a_form_of_ours():
    owner, person = an_open_house(), a_person()
    client = a_client(person)
    client.handler.enforce_csrf_checks = True
    assert client.post(door(owner.tenant)).status_code == 403
    assert membership(owner.tenant, person.email) is None


def test_nobody_is_sent_to_sign_in_and_comes_back():
    owner = an_open_house()
    assert a_client().post(door(owner.tenant)).url == f"/accounts/login/?next={door(owner.tenant)}"


def test_an_uninvited_person_is_refused_in_words():
    owner, person = an_owner(name="Aurora"), a_verified_person()
    answer = a_client(person).post(door(owner.tenant))
    assert answer.status_code == 422
    assert "Aurora is by invitation only." in text(answer)
    assert membership(owner.tenant, person.email) is None


def test_a_form_says_nothing_about_the_role():
    owner, person = an_open_house(), a_person()
    a_client(person).post(door(owner.tenant), {"role": "owner", "token": "x", "invitation": "inv_1"})
    assert membership(owner.tenant, person.email).role == Role.USER


def test_who_was_removed_reads_it_at_an_open_door_and_comes_in_by_a_new_invitation_alone():
    owner = an_owner(name="Aurora", join_policy=JoinPolicy.OPEN)
    member = a_member(owner.tenant)
    leaving.remove(owner, member)
    client = a_client(member)
    for answer, status in ((client.get(door(owner.tenant)), 200), (client.post(door(owner.tenant)), 422)):
        assert answer.status_code == status
        assert "Your membership in Aurora has ended. Ask an owner or admin there" in text(answer)
        assert "Join Aurora" not in text(answer)
    client.get(a_link(owner))
    assert "Join Aurora" in text(client.get(door(owner.tenant)))
    assert client.post(door(owner.tenant)).url == f"/t/{owner.tenant.slug}/"


def test_who_was_removed_comes_back_with_an_open_wallet():
    owner = an_open_house()
    member = a_member(owner.tenant)
    ledger.grant(member, credits=40, reference="grant:1", actor="system")
    leaving.remove(owner, member)
    client = a_client(member)
    client.get(a_link(owner))
    client.post(door(owner.tenant))
    wallet = ledger.wallet_of(member)
    assert (wallet.closed_at, wallet.free) == (None, 0)
    ledger.grant(member, credits=10, reference="grant:2", actor="system")


# -- by a link


def test_a_link_leads_on_at_once_so_that_its_token_is_in_no_page_that_is_read():
    owner = an_owner()
    link = a_link(owner)
    client = a_client()
    answer = client.get(link)
    assert (answer.status_code, answer.url) == (302, door(owner.tenant))
    token = link.rstrip("/").rpartition("/")[2]
    page = client.get(answer.url)
    assert token not in page.content.decode()
    assert page["Referrer-Policy"] == "same-origin"
    assert token not in str(dict(client.session))


def test_a_link_says_who_invites_to_what_as_which_role():
    owner = an_owner(name="Aurora")
    page = text(a_client().get(a_link(owner, role=Role.ADMIN, email="ada@example.test"), follow=True))
    assert "You are invited to Aurora" in page
    assert f"{owner.member.person} invites you" in page
    assert "Admin" in page
    assert "ada@example.test" in page


def test_a_signed_in_person_joins_by_a_link_with_its_role():
    owner, person = an_owner(), a_person()
    client = a_client(person)
    client.get(a_link(owner, role=Role.ADMIN))
    assert client.post(door(owner.tenant)).url == f"/t/{owner.tenant.slug}/"
    assert membership(owner.tenant, person.email).role == Role.ADMIN


def test_opening_a_link_uses_nothing_up():
    owner = an_owner()
    link = a_link(owner)
    for _time in range(3):
        a_client().get(link, follow=True)
        a_client(owner.member).get(link, follow=True)
    assert Invitation.objects.get().uses == 0


def test_a_link_stays_with_whoever_opened_it_through_sign_in():
    owner, person = an_owner(), a_person()
    client = a_client()
    client.get(a_link(owner))
    answer = client.post(
        "/accounts/login/", {"login": person.email, "password": "a long password", "next": door(owner.tenant)}
    )
    assert answer.url == door(owner.tenant)
    assert client.post(door(owner.tenant)).status_code == 302
    assert membership(owner.tenant, person.email)


def test_a_link_stays_when_somebody_else_signs_in():
    owner, person = an_owner(), a_person()
    client = a_client(a_person())
    client.get(a_link(owner))
    answer = client.post(door(owner.tenant), {"another": "yes"})
    assert answer.url == f"/accounts/login/?next={door(owner.tenant)}"
    assert "_auth_user_id" not in client.session
    client.post("/accounts/login/", {"login": person.email, "password": "a long password"})
    client.post(door(owner.tenant))
    assert membership(owner.tenant, person.email)


@pytest.mark.parametrize("guess", ["x" * 43, "0", "a" * 500])
def test_a_guessed_link_opens_nothing(guess):
    owner, person = an_owner(), a_person()
    client = a_client(person)
    page = client.get(f"{door(owner.tenant)}{guess}/", follow=True)
    assert "no longer good" in text(page)
    assert client.post(door(owner.tenant)).status_code == 422
    assert not membership(owner.tenant, person.email)


def test_another_tenants_link_opens_nothing_here():
    ours, theirs, person = an_owner(), an_owner(), a_person()
    token = a_link(theirs).rstrip("/").rpartition("/")[2]
    client = a_client(person)
    assert "no longer good" in text(client.get(f"{door(ours.tenant)}{token}/", follow=True))
    assert client.post(door(ours.tenant)).status_code == 422
    assert not membership(ours.tenant, person.email)


def test_a_link_that_was_used_says_so_and_is_not_good_again():
    owner = an_owner()
    link = a_link(owner)
    for person, code in ((a_person(), 302), (a_person(), 422)):
        client = a_client(person)
        client.get(link)
        assert client.post(door(owner.tenant)).status_code == code
    assert "no longer good" in text(client.get(door(owner.tenant)))


def test_a_dead_link_is_told_once_and_then_forgotten():
    owner = an_open_house()
    client = a_client()
    client.get(f"{door(owner.tenant)}{'x' * 43}/")
    told, later = (text(client.get(door(owner.tenant))) for _ in range(2))
    assert "You can come in without it" in told
    assert "no longer good" not in later
    assert "Everybody may join" in later


@pytest.mark.parametrize("how", ["revoked", "expired", "sent again"])
def test_an_invitation_that_ends_while_its_page_is_open_lets_nobody_in(how, time_machine):
    owner, person = an_owner(), a_person()
    client = a_client(person)
    client.get(a_link(owner, email=person.email), follow=True)
    invitation = Invitation.objects.get()
    if how == "revoked":
        invitations.revoke(owner, invitation)
    elif how == "expired":
        time_machine.move_to(invitation.expires_at)
    else:
        invitations.invite_again(owner, invitation)
    answer = client.post(door(owner.tenant))
    assert answer.status_code == 422
    assert not membership(owner.tenant, person.email)


def test_a_link_that_is_over_does_not_shut_an_open_door():
    owner, person = an_open_house(), a_person()
    client = a_client(person)
    page = text(client.get(f"{door(owner.tenant)}{'x' * 43}/", follow=True))
    assert "You can come in without it" in page
    client.post(door(owner.tenant))
    assert membership(owner.tenant, person.email).role == Role.USER


# -- for an address


def test_an_invitation_for_an_address_is_refused_to_another():
    owner, person = an_owner(), a_verified_person()
    client = a_client(person)
    client.get(a_link(owner, email="ada@example.test"))
    answer = client.post(door(owner.tenant))
    assert answer.status_code == 422
    assert "This invitation is for ada@example.test." in text(answer)


def test_a_verified_address_is_known_without_the_link():
    owner, person = an_owner(), a_verified_person()
    a_link(owner, email=person.email.upper(), role=Role.ADMIN)
    client = a_client(person)
    assert "You are invited" in text(client.get(door(owner.tenant)))
    client.post(door(owner.tenant))
    assert membership(owner.tenant, person.email).role == Role.ADMIN


def test_the_page_of_a_link_in_hand_is_for_that_hand_alone():
    owner = an_owner()
    a_client().get(a_link(owner))
    assert "by invitation only" in text(a_client().get(door(owner.tenant)))


# -- signing up at a door


@pytest.fixture(params=["open", "invite", "closed"])
def any_signup(settings, request):
    settings.SIGNUP = request.param


@pytest.mark.usefixtures("any_signup")
def test_signing_up_by_a_mails_link_makes_a_member_with_a_verified_address_and_no_tenant(settings):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    owner, client = an_owner(), a_client()
    client.get(a_link(owner, email="ada@example.test", role=Role.ADMIN))
    answer = sign_up(client, owner.tenant, email="somebody@else.test")
    assert (answer.status_code, answer.url) == (302, door(owner.tenant))
    member = membership(owner.tenant)
    assert (member.role, member.person.name) == (Role.ADMIN, "Ada Lovelace")
    address = EmailAddress.objects.get(user=member.person)
    assert (address.email, address.verified, address.primary) == ("ada@example.test", True, True)
    assert Tenant.objects.count() == 1
    assert not mail.outbox
    assert client.get(answer.url).url == f"/t/{owner.tenant.slug}/"


@pytest.mark.usefixtures("any_signup")
def test_signing_up_through_an_open_door_makes_a_user_of_the_tenant_alone(settings):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    owner, client = an_open_house(), a_client()
    assert sign_up(client, owner.tenant).url == "/accounts/confirm-email/"
    assert membership(owner.tenant).role == Role.USER
    assert not EmailAddress.objects.get().verified
    assert [message.to for message in mail.outbox] == [["ada@example.test"]]
    assert Tenant.objects.count() == 1


@pytest.mark.usefixtures("any_signup")
def test_signing_up_by_a_link_uses_it():
    owner, client = an_owner(), a_client()
    client.get(a_link(owner, role=Role.ADMIN))
    sign_up(client, owner.tenant)
    assert membership(owner.tenant).role == Role.ADMIN
    assert Invitation.objects.get().uses == 1


@pytest.mark.usefixtures("any_signup")
def test_who_asks_for_a_door_that_is_shut_for_them_neither_joins_nor_founds():
    owner, client = an_owner(), a_client()
    for ask in (client.get, client.post):
        assert ask("/accounts/signup/", ADA | {"next": door(owner.tenant)}).url == door(owner.tenant)
    assert not Person.objects.filter(email="ada@example.test").exists()


def test_the_sign_up_page_of_an_invitation_names_the_tenant_and_fixes_the_address():
    owner, client = an_owner(name="Aurora"), a_client()
    client.get(a_link(owner, email="ada@example.test"))
    page = client.get("/accounts/signup/", {"next": door(owner.tenant)})
    assert "Create an account to join Aurora" in text(page)
    assert page.context["form"]["email"].value() == "ada@example.test"
    assert re.search(r'<input[^>]+name="email"[^>]+disabled', page.content.decode())


@pytest.mark.parametrize("verification", ["optional", "mandatory"])
def test_the_owner_of_the_mailbox_may_know_that_it_has_an_account(settings, verification):
    settings.ACCOUNT_EMAIL_VERIFICATION = verification
    a_verified_person(email="ada@example.test")
    owner, client = an_owner(), a_client()
    client.get(a_link(owner, email="ada@example.test"))
    answer = sign_up(client, owner.tenant)
    assert answer.status_code == 200
    assert "There is an account with this address" in str(answer.context["form"].errors["email"])
    assert not mail.outbox


def test_an_open_door_does_not_tell_which_addresses_have_accounts(settings):
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    a_person(email="ada@example.test")
    owner = an_open_house()
    taken, fresh = (sign_up(a_client(), owner.tenant, email=email) for email in ("ada@example.test", "eve@test.test"))
    assert (taken.status_code, taken.url) == (fresh.status_code, fresh.url) == (302, "/accounts/confirm-email/")
    assert not membership(owner.tenant)


def test_an_invitation_that_ends_while_the_sign_up_form_is_open_makes_no_account():
    owner, client = an_owner(), a_client()
    client.get(a_link(owner))
    client.get("/accounts/signup/", {"next": door(owner.tenant)})
    invitations.revoke(owner, Invitation.objects.get())
    assert sign_up(client, owner.tenant).url == door(owner.tenant)
    assert "no longer good" in text(client.get(door(owner.tenant)))
    assert not Person.objects.filter(email="ada@example.test").exists()


def test_an_invitation_that_is_used_up_in_the_same_moment_makes_no_account(monkeypatch):
    owner, client = an_owner(), a_client()
    client.get(a_link(owner))
    monkeypatch.setattr(invitations, "is_good", lambda invitation: True)
    Invitation.objects.update(uses=1)
    answer = sign_up(client, owner.tenant)
    assert "no longer good" in str(answer.context["form"].non_field_errors())
    assert not Person.objects.filter(email="ada@example.test").exists()
    assert not membership(owner.tenant)


@pytest.mark.parametrize(
    "outside", ["https://evil.example{}", "//evil.example{}", "javascript:{}", "/\\evil.example{}"]
)
def test_a_door_elsewhere_is_none(outside):
    owner = an_open_house()
    client = a_client()
    answer = client.post("/accounts/signup/", ADA | {"next": outside.format(door(owner.tenant))})
    assert answer.url == "/"
    assert not membership(owner.tenant)


def test_sign_in_at_a_door_is_in_its_name():
    owner = an_owner(name="Aurora", join_policy=JoinPolicy.OPEN)
    page = a_client().get("/accounts/login/", {"next": door(owner.tenant)})
    assert "Aurora" in text(page)
    assert f"/accounts/signup/?{urlencode({'next': door(owner.tenant)})}" in page.content.decode()


# -- what is written down


def test_a_links_token_is_in_no_log_line(caplog):
    owner = an_owner(join_policy=JoinPolicy.CLOSED)
    token = "Zm9v" * 10
    with caplog.at_level("DEBUG"):
        a_client().get(f"{door(owner.tenant)}{token}/")
        a_client().post(f"{door(an_owner().tenant)}{token}/")
        a_client().post(f"/accounts/signup/{token}/")
    said = [record.getMessage() for record in caplog.records]
    assert any(token in line for line in said), "Django logs the path of what is not found"
    assert not any(token in logs.without_links(None, "", {"event": line})["event"] for line in said)


# -- on a tenant's own host


def at_home(owner):
    """A browser at the tenant's own host."""
    name = f"{owner.tenant.slug}.example.test"
    Host.objects.create(tenant=owner.tenant, name=name, purpose=HostPurpose.WEB, state=HostState.APPROVED)
    return Client(headers={"host": name})


def test_on_a_tenants_own_host_sign_in_and_sign_up_are_at_its_door():
    owner = an_owner(name="Aurora", join_policy=JoinPolicy.OPEN)
    client = at_home(owner)
    for page in ("login", "signup"):
        assert "<title>" in (shown := client.get(f"/accounts/{page}/").content.decode())
        assert "· Aurora</title>" in shown
    client.post("/accounts/signup/", ADA)
    assert membership(owner.tenant).role == Role.USER
    assert Tenant.objects.count() == 1


@pytest.mark.parametrize("policy", ["closed", "invited"])
def test_nobody_founds_a_tenant_on_another_ones_host(policy):
    owner = an_owner(join_policy=policy)
    client = at_home(owner)
    client.post("/accounts/signup/", ADA)
    assert not Person.objects.filter(email="ada@example.test").exists()
    assert Tenant.objects.count() == 1
