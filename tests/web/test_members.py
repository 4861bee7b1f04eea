import re

import pytest
from django.urls import reverse

from revidweb.accounts.models import Role
from revidweb.credits import ledger
from revidweb.credits.models import Transfer, Wallet
from tests.makers import a_client, a_member, a_person, a_tenant

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
TOKEN = "a" * 24


def url(member, name="members"):
    args = [member.tenant.slug] if name == "members" else [member.tenant.slug, member.public_id]
    return reverse(name, args=args)


def text(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def an_admin_and_a_user(role=Role.ADMIN):
    admin = a_member(role=role)
    return admin, a_member(admin.tenant)


def free(member):
    return ledger.wallet_of(member).free


def grant(by, to, *, htmx=False, **changes):
    answers = {"credits": "500", "note": "for the launch", "token": TOKEN} | changes
    return a_client(by).post(url(to, "member_grant"), answers, headers=HTMX if htmx else {})


def set_role(by, of, role, *, htmx=False):
    return a_client(by).post(url(of, "member_role"), {"role": role}, headers=HTMX if htmx else {})


# -- the list


def test_the_page_lists_the_tenants_members_owners_first():
    user = a_member(person=a_person(name="Ada"))
    owner = a_member(user.tenant, role=Role.OWNER, person=a_person(name="Zoe"))
    a_member(person=a_person(name="Stranger"))
    page = a_client(owner).get(url(owner))
    assert [row.member for row in page.context["rows"]] == [owner, user]
    assert user.person.email in text(page)
    assert "Stranger" not in text(page)


def test_the_page_says_what_each_member_may_spend():
    admin, user = an_admin_and_a_user()
    ledger.grant(user, credits=12_480, reference="grant:test", actor="system")
    ledger.hold(ledger.wallet_of(user), credits=480, reference="job:test")
    shown = text(a_client(admin).get(url(admin)))
    assert "12,000" in shown
    assert "480" in shown
    assert "paid by the house" in shown


@pytest.mark.parametrize("others", [0, 30])
def test_the_page_asks_few_questions_however_many_members(django_assert_max_num_queries, others):
    admin = a_member(role=Role.ADMIN)
    for _other in range(others):
        ledger.wallet_of(a_member(admin.tenant))
    client = a_client(admin)
    with django_assert_max_num_queries(12):
        client.get(url(admin))


def test_many_members_stand_on_pages():
    admin = a_member(role=Role.ADMIN)
    for _other in range(50):
        a_member(admin.tenant)
    first = a_client(admin).get(url(admin))
    second = a_client(admin).get(url(admin), {"page": "2"})
    assert (len(first.context["rows"]), len(second.context["rows"])) == (50, 1)
    assert "1–50 of 51" in text(first)
    assert 'href="?page=2"' in first.content.decode()


def test_a_page_that_does_not_exist_is_the_last_one():
    admin = a_member(role=Role.ADMIN)
    assert a_client(admin).get(url(admin), {"page": "99"}).status_code == 200
    assert a_client(admin).get(url(admin), {"page": "x"}).status_code == 200


def test_a_name_of_markup_is_shown_as_text():
    admin = a_member(role=Role.ADMIN, person=a_person(name="<b>Ada</b>"))
    assert "<b>Ada</b>" not in a_client(admin).get(url(admin)).content.decode()


# -- who may


@pytest.mark.parametrize("name", ["members", "member_role", "member_grant"])
@pytest.mark.parametrize(("who", "code"), [("stranger", 404), ("user", 403), ("nobody", 302)])
def test_members_are_only_for_those_who_manage_them(name, who, code):
    admin, user = an_admin_and_a_user()
    client = a_client({"stranger": a_member(role=Role.OWNER), "user": user, "nobody": None}[who])
    ask = client.get if name == "members" else client.post
    answer = ask(url(admin, name), {"role": "user", "credits": "1", "token": TOKEN})
    assert answer.status_code == code
    if who == "nobody":
        assert answer.url.startswith("/accounts/login/?next=/")
    admin.refresh_from_db()
    assert admin.role == Role.ADMIN
    assert not Transfer.objects.exists()


@pytest.mark.parametrize("name", ["member_role", "member_grant"])
def test_another_tenants_member_is_not_there(name):
    admin, stranger = a_member(role=Role.OWNER), a_member()
    where = reverse(name, args=[admin.tenant.slug, stranger.public_id])
    answer = a_client(admin).post(where, {"role": "admin", "credits": "5", "token": TOKEN})
    assert answer.status_code == 404
    stranger.refresh_from_db()
    assert stranger.role == Role.USER
    assert not Transfer.objects.exists()


@pytest.mark.parametrize(("name", "method"), [("members", "post"), ("member_role", "get"), ("member_grant", "delete")])
def test_a_wrong_method_is_refused(name, method):
    admin = a_member(role=Role.ADMIN)
    assert getattr(a_client(admin), method)(url(admin, name)).status_code == 405


# -- roles


def test_an_admin_makes_a_user_an_admin():
    admin, user = an_admin_and_a_user()
    answer = set_role(admin, user, "admin")
    assert (answer.status_code, answer.url) == (302, url(admin))
    user.refresh_from_db()
    assert user.role == Role.ADMIN


def test_a_changed_role_answers_the_row_alone_when_a_part_is_asked_for():
    admin, user = an_admin_and_a_user()
    answer = set_role(admin, user, "admin", htmx=True)
    assert answer["HX-Retarget"] == f"#{user.public_id}"
    assert answer.content.decode().strip().startswith("<tr")
    assert "is now Admin" in answer["HX-Trigger"]


def test_an_admin_is_offered_no_owners():
    admin, user = an_admin_and_a_user()
    owner = a_member(admin.tenant, role=Role.OWNER)
    rows = {row.member: row for row in a_client(admin).get(url(admin)).context["rows"]}
    assert rows[owner].choices == []
    assert [choice.role for choice in rows[user].choices] == [Role.ADMIN]


def test_an_admin_who_asks_for_an_owner_reads_why_not():
    admin, user = an_admin_and_a_user()
    for htmx in (True, False):
        answer = set_role(admin, user, "owner", htmx=htmx)
        assert answer.status_code == 422
        assert "Only an owner can make, change or remove owners." in text(answer)
    user.refresh_from_db()
    assert user.role == Role.USER


def test_the_last_owner_is_offered_nothing_and_stays():
    owner = a_member(role=Role.OWNER)
    assert a_client(owner).get(url(owner)).context["rows"][0].choices == []
    answer = set_role(owner, owner, "user")
    assert answer.status_code == 422
    assert "This is the last owner." in text(answer)
    owner.refresh_from_db()
    assert owner.role == Role.OWNER


def test_an_unknown_role_is_refused():
    admin, user = an_admin_and_a_user()
    answer = set_role(admin, user, "king", htmx=True)
    assert answer.status_code == 422
    assert "Choose one of the roles" in text(answer)


@pytest.mark.parametrize("htmx", [True, False])
def test_who_steps_down_starts_anew_at_home(htmx):
    owner = a_member(role=Role.OWNER)
    a_member(owner.tenant, role=Role.OWNER)
    answer = set_role(owner, owner, "user", htmx=htmx)
    assert answer.headers["HX-Redirect" if htmx else "Location"] == "/"


# -- credits


def test_the_form_opens_over_the_list_and_alone():
    admin, user = an_admin_and_a_user()
    page = a_client(admin).get(url(user, "member_grant"))
    part = a_client(admin).get(url(user, "member_grant"), headers=HTMX)
    assert "<html" in page.content.decode()
    assert "<html" not in part.content.decode()
    for answer in (page, part):
        assert f"Grant credits to {user.person}" in text(answer)
        assert 'name="token"' in answer.content.decode()


def test_granted_credits_are_in_the_wallet_and_on_the_books():
    admin, user = an_admin_and_a_user()
    answer = grant(admin, user)
    assert (answer.status_code, answer.url) == (302, url(admin))
    assert free(user) == 500
    transfer = Transfer.objects.get()
    assert (transfer.reference, transfer.note) == (f"grant:{TOKEN}", "for the launch")
    assert transfer.actor == admin.reference


def test_a_grant_answers_the_row_alone_when_a_part_is_asked_for():
    admin, user = an_admin_and_a_user()
    answer = grant(admin, user, htmx=True, credits="12480")
    assert answer["HX-Retarget"] == f"#{user.public_id}"
    assert "12,480" in text(answer)
    assert "12,480 credits granted to" in answer["HX-Trigger"]
    assert "dialog-close" in answer["HX-Trigger"]


def test_the_same_form_twice_grants_once():
    admin, user = an_admin_and_a_user()
    assert grant(admin, user).status_code == grant(admin, user).status_code == 302
    assert free(user) == 500


@pytest.mark.parametrize("other", ["amount", "member"])
def test_a_used_form_grants_nothing_else(other):
    admin, user = an_admin_and_a_user()
    grant(admin, user)
    answer = grant(admin, user, credits="900") if other == "amount" else grant(admin, a_member(admin.tenant))
    assert answer.status_code == 422
    assert "This form has already granted credits." in text(answer)
    form = answer.context["granting"]["form"]
    assert form["token"].value() != TOKEN
    assert form["note"].value() == "for the launch"
    assert Transfer.objects.count() == 1


def test_an_owner_may_get_credits_and_reads_that_the_house_pays():
    owner = a_member(role=Role.OWNER)
    assert "The house pays" in text(a_client(owner).get(url(owner, "member_grant")))
    grant(owner, owner)
    assert free(owner) == 500


@pytest.mark.parametrize("htmx", [True, False])
@pytest.mark.parametrize(
    ("credits", "sentence"),
    [
        ("", "Write how many credits to grant."),
        ("many", "Write a whole number of credits, such as 500."),
        ("1.5", "Write a whole number of credits, such as 500."),
        ("0", "Write a whole number of credits from 1 to 1,000,000,000,000."),
        ("-5", "Write a whole number of credits from 1 to 1,000,000,000,000."),
        ("1000000000001", "Write a whole number of credits from 1 to 1,000,000,000,000."),
        ("9" * 400, "Write a whole number of credits from 1 to 1,000,000,000,000."),
        ("9" * 5000, "Write a whole number of credits, such as 500."),
    ],
)
def test_a_bad_amount_is_refused_at_its_field_and_grants_nothing(credits, sentence, htmx):
    admin, user = an_admin_and_a_user()
    answer = grant(admin, user, credits=credits, htmx=htmx)
    assert answer.status_code == 422
    assert sentence in text(answer)
    assert sentence in answer.context["granting"]["form"].errors["credits"]
    assert not Transfer.objects.exists()


@pytest.mark.parametrize("change", [{"note": "a" * 201}, {"note": "nul\0"}, {"token": ""}, {"token": "x" * 24 + "\n"}])
def test_a_bad_note_or_token_grants_nothing(change):
    admin, user = an_admin_and_a_user()
    assert grant(admin, user, **change).status_code == 422
    assert not Transfer.objects.exists()


def test_looking_makes_no_wallet():
    admin, user = an_admin_and_a_user()
    a_client(admin).get(url(user, "member_grant"))
    assert not Wallet.objects.filter(member=user).exists()


def test_a_tenant_of_another_is_not_there():
    admin = a_member(role=Role.OWNER)
    assert a_client(admin).get(reverse("members", args=[a_tenant().slug])).status_code == 404
