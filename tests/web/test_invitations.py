import re
from email import message_from_bytes
from email.policy import default

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend

from revidweb.accounts import actors, invitations, members
from revidweb.accounts.models import Host, HostPurpose, HostState, Invitation, JoinPolicy, Member, Role
from tests.accounts.makers import an_open_house, an_owner, invited
from tests.makers import a_client, a_member, a_person

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
BY_MAIL = {"by": "mail", "email": "ada@example.test", "role": "user", "days": "7", "most_uses": "1"}
BY_LINK = BY_MAIL | {"by": "link", "email": ""}


def page(actor, path=""):
    return f"/t/{actor.tenant.slug}/members/invitations/{path}"


def invite(actor, *, htmx=False, **changes):
    form = {**BY_MAIL, **changes}
    return a_client(actor.member).post(page(actor, "new/"), form, headers=HTMX if htmx else {})


def do(actor, deed, invitation):
    return a_client(actor.member).post(page(actor, f"{invitation.public_id}/{deed}/"), follow=True)


def text(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def wrong(answer):
    return {field: list(errors) for field, errors in answer.context["asking"]["form"].errors.items()}


def link_in(words):
    return re.search(r"http://[^/\s]+(/t/\S+?/join/[\w-]{43}/)", words)


# -- the list


def test_the_list_says_who_was_invited_by_whom_and_what_became_of_it():
    owner = an_owner()
    invited(owner, email="ada@example.test", role=Role.ADMIN)
    invitations.revoke(owner, invited(owner, most_uses=20))
    shown = text(a_client(owner.member).get(page(owner)))
    assert re.search(rf"Whoever has the link\W+User Revoked 0 of 20 .+? {owner.member.person}", shown)
    assert re.search(r"ada@example.test\W+Admin Open 0 of 1 ", shown)


def test_no_list_shows_a_token_or_its_hash():
    owner = an_owner()
    _one, token = invitations.invite(owner, role=Role.USER)
    shown = a_client(owner.member).get(page(owner)).content.decode()
    assert token not in shown
    assert Invitation.objects.get().token_hash not in shown


def test_an_invitation_says_that_its_maker_may_not_invite_any_more():
    owner = an_owner()
    admin = a_member(owner.tenant, role=Role.ADMIN)
    invited(actors.of(admin), email="ada@example.test")
    members.set_role(owner, admin, role=Role.USER)
    assert "Who made it may not invite any more." in text(a_client(owner.member).get(page(owner)))


@pytest.mark.parametrize("others", [0, 30])
def test_the_list_asks_few_questions_however_many_invitations(django_assert_max_num_queries, others):
    owner = an_owner()
    for _other in range(others):
        invited(owner)
    client = a_client(owner.member)
    with django_assert_max_num_queries(12):
        client.get(page(owner))


def test_many_invitations_stand_on_pages():
    owner = an_owner()
    for _one in range(51):
        invited(owner)
    client = a_client(owner.member)
    assert len(client.get(page(owner)).context["rows"]) == 50
    assert len(client.get(page(owner), {"page": "2"}).context["rows"]) == 1


@pytest.mark.parametrize(
    ("policy", "said"), [("closed", "Nobody may join at the moment"), ("open", "Everybody may join, as a user")]
)
def test_the_list_says_when_the_policy_makes_invitations_useless(policy, said):
    owner = an_owner(join_policy=policy)
    shown = a_client(owner.member).get(page(owner))
    assert said in text(shown)
    assert (page(owner, "new/") in shown.content.decode()) == (policy != "closed")


def test_members_and_invitations_lead_to_each_other():
    owner = an_owner()
    client = a_client(owner.member)
    assert f'href="{page(owner)}"' in client.get(f"/t/{owner.tenant.slug}/members/").content.decode()
    assert f'href="/t/{owner.tenant.slug}/members/"' in client.get(page(owner)).content.decode()


# -- who may


@pytest.mark.parametrize("path", ["", "new/"])
@pytest.mark.parametrize(("who", "code"), [("stranger", 404), ("user", 403), ("nobody", 302)])
def test_invitations_are_for_those_who_manage_members(path, who, code):
    owner = an_owner()
    client = a_client({"stranger": a_person(), "user": a_member(owner.tenant), "nobody": None}[who])
    assert client.get(page(owner, path)).status_code == code
    if path:
        assert client.post(page(owner, path), BY_MAIL).status_code == code
    assert not mail.outbox
    assert not Invitation.objects.exists()


@pytest.mark.parametrize("deed", ["again", "revoke"])
def test_another_tenants_invitation_is_not_there(deed):
    owner, invitation = an_owner(), invited(an_owner(), email="ada@example.test")
    assert do(owner, deed, invitation).status_code == 404
    invitation.refresh_from_db()
    assert invitation.revoked_at is None
    assert not mail.outbox


def test_an_admin_is_not_offered_owners_and_gets_none_by_force():
    admin = actors.of(a_member(role=Role.ADMIN))
    form = a_client(admin.member).get(page(admin, "new/"))
    assert 'value="owner"' not in form.content.decode()
    assert "role" in wrong(invite(admin, role="owner"))
    assert not Invitation.objects.exists()


# -- by mail


def test_an_invitation_by_mail_reaches_the_address_and_lets_it_in():
    owner = an_owner(name="Aurora")
    answer = invite(owner, role="admin")
    assert (answer.status_code, answer.url) == (302, page(owner))
    (message,) = mail.outbox
    assert (message.to, message.subject) == (["ada@example.test"], "Invitation to Aurora")
    link = link_in(message.body)[1]
    person = a_person()
    client = a_client(person)
    assert "You are invited to Aurora" in text(client.get(link, follow=True))
    assert str(owner.member.person) in message.body


def test_the_inviter_never_sees_the_link_of_a_mail():
    owner = an_owner()
    answer = invite(owner, htmx=True)
    assert answer.headers["HX-Redirect"] == page(owner)
    client = a_client(owner.member)
    token = link_in(mail.outbox[0].body)[1].rstrip("/").rpartition("/")[2]
    assert token not in answer.content.decode() + client.get(page(owner)).content.decode()


def test_the_mails_link_is_at_the_public_address(settings):
    settings.PUBLIC_URL = "https://studio.example"
    invite(an_owner())
    assert "https://studio.example/t/" in mail.outbox[0].body


def test_the_mails_link_is_at_the_tenants_own_host_once_it_is_approved(settings):
    settings.PUBLIC_URL = "https://studio.example"
    owner = an_owner()
    host = Host.objects.create(tenant=owner.tenant, name="make.aurora.example", purpose=HostPurpose.WEB)
    Host.objects.create(
        tenant=owner.tenant, name="media.aurora.example", purpose=HostPurpose.MEDIA, state=HostState.APPROVED
    )
    invite(owner)
    host.state = HostState.APPROVED
    host.save()
    invite(owner)
    assert "https://studio.example/t/" in mail.outbox[0].body
    assert "https://make.aurora.example/t/" in mail.outbox[1].body


def test_names_do_not_reach_the_mails_head():
    evil = "Aurora\r\nBcc: eve@evil.test\r\n\r\nBuy"
    owner = an_owner(name=evil)
    owner.member.person.name = evil
    owner.member.person.save()
    assert invite(owner).status_code == 302
    message = message_from_bytes(mail.outbox[0].message().as_bytes(), policy=default)
    assert message["Bcc"] is None
    assert message["Subject"] == "Invitation to Aurora Bcc: eve@evil.test Buy"
    assert message["To"] == "ada@example.test"
    assert "revidweb@localhost" in message["From"]


def test_names_are_text_in_the_mails_html():
    owner = an_owner(name="<img src=x>")
    invite(owner)
    (html, _kind), *_rest = mail.outbox[0].alternatives
    assert "<img" not in html
    assert "&lt;img src=x&gt;" in html


def test_a_mail_that_is_not_taken_invites_nobody(monkeypatch):
    def refuse(*args):
        raise ConnectionRefusedError

    monkeypatch.setattr(EmailBackend, "send_messages", refuse)
    owner = an_owner()
    answer = invite(owner)
    assert answer.status_code == 422
    assert "The mail could not be sent" in wrong(answer)["__all__"][0]
    assert Invitation.objects.get().revoked_at


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"email": ""}, "email"),
        ({"email": "ada"}, "email"),
        ({"email": "ada@example.test\nBcc: eve@evil.test"}, "email"),
        ({"role": ""}, "role"),
        ({"role": "king"}, "role"),
        ({"days": ""}, "days"),
        ({"days": "0"}, "days"),
        ({"days": "a week"}, "days"),
        ({"days": "99999999999999999999"}, "days"),
        ({"by": ""}, "by"),
        ({"by": "pigeon"}, "by"),
        ({"by": "link", "most_uses": "0"}, "most_uses"),
        ({"by": "link", "most_uses": "1001"}, "most_uses"),
        ({"by": "link", "most_uses": "x"}, "most_uses"),
    ],
)
def test_nonsense_is_refused_at_its_field(changes, field):
    answer = invite(an_owner(), **changes)
    assert answer.status_code == 422
    assert field in wrong(answer)
    assert not mail.outbox
    assert not Invitation.objects.exists()


def test_a_member_is_not_invited_again():
    owner = an_owner()
    assert "member already" in wrong(invite(owner, email=owner.member.person.email))["email"][0]


def test_too_many_mails_are_refused(monkeypatch):
    monkeypatch.setattr(invitations, "MAILS_AN_HOUR", 1)
    owner = an_owner()
    invite(owner)
    assert "in the last hour" in wrong(invite(owner, email="eve@example.test"))["__all__"][0]
    assert "in the last hour" in text(do(owner, "again", Invitation.objects.get()))
    assert len(mail.outbox) == 1


# -- by a link


@pytest.mark.parametrize("htmx", [False, True])
def test_a_link_is_shown_this_once_and_lets_people_in(htmx):
    owner = an_owner(name="Aurora")
    answer = invite(owner, htmx=htmx, **BY_LINK | {"most_uses": "3", "role": "admin"})
    assert answer.status_code == 200
    assert not mail.outbox
    link = link_in(answer.content.decode())[1]
    person = a_person()
    client = a_client(person)
    client.get(link)
    client.post(f"/t/{owner.tenant.slug}/join/")
    assert Member.objects.get(person=person).role == Role.ADMIN
    assert Invitation.objects.get().most_uses == 3
    assert link not in a_client(owner.member).get(page(owner)).content.decode()


def test_a_link_takes_no_address():
    owner = an_owner()
    invite(owner, **BY_LINK | {"email": "ada@example.test"})
    assert Invitation.objects.get().email == ""


def test_the_dialog_comes_alone_or_over_the_list():
    owner = an_owner()
    client = a_client(owner.member)
    part, whole = (client.get(page(owner, "new/"), headers=headers) for headers in (HTMX, {}))
    assert "<html" not in part.content.decode()
    assert 'id="invite"' in part.content.decode()
    assert "data-dialog-auto" in whole.content.decode()


def test_where_no_mail_server_is_set_it_says_where_the_mail_lies(settings, tmp_path):
    settings.EMAIL_BACKEND, settings.EMAIL_FILE_PATH = "django.core.mail.backends.filebased.EmailBackend", tmp_path
    owner = an_owner()
    client = a_client(owner.member)
    said = text(client.post(page(owner, "new/"), BY_MAIL, follow=True))
    assert "the invitation to ada@example.test lies in the data folder, under mail" in said
    assert "on its way" not in said
    assert "/join/" in next(tmp_path.iterdir()).read_text()


# -- again, and no more


def test_again_mails_a_new_link_and_ends_the_old_one():
    owner = an_owner()
    invite(owner)
    first = Invitation.objects.get()
    assert "on its way to ada@example.test" in text(do(owner, "again", first))
    first.refresh_from_db()
    assert first.revoked_at
    old, new = (link_in(message.body)[1] for message in mail.outbox)
    assert old != new
    assert "no longer good" in text(a_client().get(old, follow=True))
    assert "You are invited" in text(a_client().get(new, follow=True))


def test_revoking_is_said_and_done():
    owner = an_owner()
    invitation = invited(owner)
    assert "The invitation was revoked." in text(do(owner, "revoke", invitation))
    invitation.refresh_from_db()
    assert invitation.revoked_at


def test_an_admin_is_told_that_owners_are_invited_by_owners():
    owner = an_owner()
    admin = actors.of(a_member(owner.tenant, role=Role.ADMIN))
    invitation = invited(owner, email="ada@example.test", role=Role.OWNER)
    for deed in ("again", "revoke"):
        assert "Only an owner" in text(do(admin, deed, invitation))
    invitation.refresh_from_db()
    assert invitation.revoked_at is None


def test_inviting_needs_a_form_of_ours():
    owner = an_owner()
    client = a_client(owner.member)
    client.handler.enforce_csrf_checks = True
    assert client.post(page(owner, "new/"), BY_MAIL).status_code == 403
    assert not Invitation.objects.exists()


def test_an_open_house_still_invites_admins():
    owner = an_open_house()
    assert invite(owner, role="admin").status_code == 302
    assert Invitation.objects.get().role == Role.ADMIN
    assert owner.tenant.join_policy == JoinPolicy.OPEN
