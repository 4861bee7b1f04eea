import re

import pytest
from django.urls import reverse

from revidweb.accounts import members
from revidweb.accounts.actors import of
from revidweb.accounts.models import MemberState, Role
from revidweb.credits import ledger
from revidweb.credits.models import Transfer, Wallet
from revidweb.keys import leaving
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
    with django_assert_max_num_queries(9):
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


DEEDS = ["member_role", "member_grant", "member_suspend", "member_restore", "member_remove"]


@pytest.mark.parametrize("name", ["members", *DEEDS])
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
    assert (admin.role, admin.state) == (Role.ADMIN, MemberState.ACTIVE)
    assert not Transfer.objects.exists()


@pytest.mark.parametrize("name", DEEDS)
def test_another_tenants_member_is_not_there(name):
    admin, stranger = a_member(role=Role.OWNER), a_member()
    where = reverse(name, args=[admin.tenant.slug, stranger.public_id])
    answer = a_client(admin).post(where, {"role": "admin", "credits": "5", "token": TOKEN})
    assert answer.status_code == 404
    stranger.refresh_from_db()
    assert (stranger.role, stranger.state) == (Role.USER, MemberState.ACTIVE)
    assert not Transfer.objects.exists()


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("members", "post"),
        ("member_role", "get"),
        ("member_grant", "delete"),
        ("member_suspend", "get"),
        ("member_restore", "get"),
        ("member_remove", "delete"),
    ],
)
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


# -- let in or not


def do(by, to, name, *, htmx=False):
    return a_client(by).post(url(to, name), headers=HTMX if htmx else {})


def row_of(client, member, query=""):
    rows = client.get(url(member) + query).context["rows"]
    return next((row for row in rows if row.member == member), None)


def state(member):
    member.refresh_from_db()
    return member.state


def test_a_suspended_member_keeps_their_row_with_a_badge_and_their_credits():
    admin, user = an_admin_and_a_user()
    ledger.grant(user, credits=500, reference="grant:test", actor="system")
    answer = do(admin, user, "member_suspend")
    assert (answer.status_code, answer.url, state(user)) == (302, url(admin), MemberState.SUSPENDED)
    page = a_client(admin).get(url(admin))
    assert 'data-state="warn">Suspended' in page.content.decode()
    assert free(user) == 500


@pytest.mark.parametrize(
    ("name", "said"), [("member_suspend", "is suspended."), ("member_restore", "is let in again.")]
)
def test_a_changed_state_answers_the_row_alone_when_a_part_is_asked_for(name, said):
    admin, user = an_admin_and_a_user()
    if name == "member_restore":
        members.suspend(of(admin), user)
    answer = do(admin, user, name, htmx=True)
    assert answer["HX-Retarget"] == f"#{user.public_id}"
    assert answer.content.decode().strip().startswith("<tr")
    assert said in answer["HX-Trigger"]


def test_a_suspended_member_reads_what_happened_and_whom_to_ask():
    owner = a_member(role=Role.OWNER, person=a_person(name="Zoe Fisher"))
    user = a_member(owner.tenant)
    client = a_client(user)
    members.suspend(of(owner), user)
    answer = client.get(reverse("overview", args=[owner.tenant.slug]))
    assert answer.status_code == 403
    assert f"You are suspended from {owner.tenant.name}." in text(answer)
    assert "Zoe Fisher" in text(answer)
    assert 'class="rail"' not in answer.content.decode()


def test_who_is_suspended_everywhere_is_led_to_the_page_that_says_so():
    owner = a_member(role=Role.OWNER)
    user = a_member(owner.tenant)
    members.suspend(of(owner), user)
    assert a_client(user).get("/", follow=True).status_code == 403


def test_a_tenant_that_one_is_suspended_from_is_not_in_the_switcher():
    owner = a_member(role=Role.OWNER)
    user = a_member(owner.tenant)
    other = a_member(a_tenant(name="Second home"), person=user.person)
    members.suspend(of(owner), user)
    page = a_client(user).get(reverse("overview", args=[other.tenant.slug]))
    assert owner.tenant.slug not in page.content.decode()


def test_what_the_actor_may_not_do_is_not_offered():
    admin, user = an_admin_and_a_user()
    owner = a_member(admin.tenant, role=Role.OWNER)
    client = a_client(admin)
    assert [row_of(client, member).may_let_go for member in (user, owner)] == [True, False]
    assert (
        reverse("member_remove", args=[owner.tenant.slug, owner.public_id])
        not in client.get(url(admin)).content.decode()
    )
    assert row_of(a_client(owner), owner).is_self


@pytest.mark.parametrize("htmx", [True, False])
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("member_suspend", "Only an owner can make, change or remove owners."),
        ("member_remove", "Only an owner can make, change or remove owners."),
    ],
)
def test_an_admin_who_acts_on_an_owner_reads_why_not(name, sentence, htmx):
    admin = a_member(role=Role.ADMIN)
    owner = a_member(admin.tenant, role=Role.OWNER)
    answer = do(admin, owner, name, htmx=htmx)
    assert answer.status_code == 422
    assert sentence in text(answer)
    assert ("<html" in answer.content.decode()) is not htmx
    assert state(owner) == MemberState.ACTIVE


def test_nobody_suspends_themselves_on_the_page():
    admin = a_member(role=Role.ADMIN)
    answer = do(admin, admin, "member_suspend")
    assert answer.status_code == 422
    assert "You cannot suspend yourself." in text(answer)


# -- removal


def test_the_dialog_says_what_becomes_of_the_credits():
    admin, user = an_admin_and_a_user()
    ledger.grant(user, credits=1500, reference="grant:test", actor="system")
    ledger.hold(ledger.wallet_of(user), credits=300, reference="job:test")
    page = a_client(admin).get(url(user, "member_remove"))
    part = a_client(admin).get(url(user, "member_remove"), headers=HTMX)
    for answer in (page, part):
        assert "1,200 credits that are free go back to the house." in text(answer)
        assert "300 credits are held for running jobs" in text(answer)
    assert "<html" not in part.content.decode()
    assert state(user) == MemberState.ACTIVE


def test_looking_at_a_removal_makes_no_wallet():
    admin, user = an_admin_and_a_user()
    answer = a_client(admin).get(url(user, "member_remove"))
    assert "back to the house" not in text(answer)
    assert not Wallet.objects.filter(member=user).exists()


@pytest.mark.parametrize("htmx", [True, False])
def test_a_removed_member_is_gone_from_the_list_and_their_credits_are_the_houses(htmx):
    admin, user = an_admin_and_a_user()
    ledger.grant(user, credits=500, reference="grant:test", actor="system")
    answer = do(admin, user, "member_remove", htmx=htmx)
    assert answer.headers["HX-Redirect" if htmx else "Location"] == url(admin)
    assert (state(user), free(user)) == (MemberState.REMOVED, 0)
    client = a_client(admin)
    assert row_of(client, user) is None
    assert row_of(client, user, "?state=removed").may_restore


def test_an_address_of_the_removed_without_any_is_an_empty_list():
    admin = a_member(role=Role.ADMIN)
    assert "Nobody was removed." in text(a_client(admin).get(url(admin) + "?state=removed"))


def test_a_restored_member_is_let_in_again_and_takes_credits():
    admin, user = an_admin_and_a_user()
    leaving.remove(of(admin), user)
    assert a_client(user).get(reverse("overview", args=[user.tenant.slug])).status_code == 404
    assert do(admin, user, "member_restore").url == url(admin)
    assert a_client(user).get(reverse("overview", args=[user.tenant.slug])).status_code == 200
    grant(admin, user)
    assert free(user) == 500


def test_a_removed_member_gets_no_credits_and_no_role():
    admin, user = an_admin_and_a_user()
    leaving.remove(of(admin), user)
    assert "This wallet is closed" in text(grant(admin, user))
    assert "They are no longer a member." in text(set_role(admin, user, "admin"))
    assert "They are no longer a member." in text(do(admin, user, "member_suspend"))


# -- leaving


@pytest.mark.parametrize("role", [Role.USER, Role.ADMIN])
def test_everybody_may_leave_and_reads_what_it_costs(role):
    owner = a_member(role=Role.OWNER)
    member = a_member(owner.tenant, role=role)
    ledger.grant(member, credits=70, reference="grant:test", actor="system")
    client, where = a_client(member), reverse("leave", args=[owner.tenant.slug])
    assert "70 credits that are free go back to the house." in text(client.get(where))
    answer = client.post(where, follow=True)
    assert answer.status_code == 200
    assert f"You have left {owner.tenant.name}." in text(answer)
    assert (state(member), free(member)) == (MemberState.REMOVED, 0)


def test_the_last_owner_reads_why_they_stay():
    owner = a_member(role=Role.OWNER)
    a_member(owner.tenant)
    answer = a_client(owner).post(reverse("leave", args=[owner.tenant.slug]))
    assert answer.status_code == 422
    assert "This is the last owner." in text(answer)
    assert state(owner) == MemberState.ACTIVE


@pytest.mark.parametrize(("who", "code"), [("stranger", 404), ("nobody", 302)])
def test_only_members_leave(who, code):
    owner = a_member(role=Role.OWNER)
    client = a_client(a_member() if who == "stranger" else None)
    assert client.post(reverse("leave", args=[owner.tenant.slug])).status_code == code
