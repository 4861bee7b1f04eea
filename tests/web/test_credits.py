"""The Credits page: figures and statement, of oneself, of a member, of the house."""

import re
from datetime import UTC, datetime

import pytest
import time_machine
from django.urls import reverse

from revidweb.accounts import members
from revidweb.accounts.actors import Actor, of
from revidweb.accounts.models import Member, Role
from revidweb.catalog import founding
from revidweb.credits import ledger
from revidweb.jobs import submit
from revidweb.jobs.models import Job
from revidweb.providers.base import Kind, Mode, Order
from tests.keys.makers import a_key
from tests.makers import a_client, a_member, a_person, a_tenant

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


def get(member, /, *, headers=None, **asked):
    return a_client(member).get(reverse("credits", args=[member.tenant.slug]), asked, headers=headers)


def said(answer):
    return answer.content.decode()


def text(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", said(answer)))


def statement(answer):
    """Each line as (title, detail, credits, balance after)."""
    rows = answer.context["rows"]
    return [(row.title, row.detail, row.credits, row.balance_after) for row in rows]


def a_user_with(credits: int, tenant=None) -> Member:
    member = a_member(tenant)
    ledger.grant(member, credits=credits, reference=f"grant:{member.public_id}", actor="system", note="welcome")
    return member


@pytest.fixture
def owner() -> Actor:
    return of(founding.found(a_person(name="Zoe"), name="Studio"))


@pytest.fixture
def user(owner) -> Actor:
    """Ada, whom Zoe granted 100 credits."""
    member = members.add(owner.tenant, a_person(name="Ada"), role=Role.USER)
    ledger.grant(member, credits=100, reference="grant:first", actor=owner.name, note="for the launch")
    return of(member)


def a_job(actor: Actor, *, captured: bool = True) -> Job:
    """One picture for 4 credits."""
    order = Order(kind=Kind.IMAGE, mode=Mode.T2I, model="image-4.0", prompt="Paper boats at dusk")
    job = submit.submit(actor, order, count=1, token=f"form-{Job.objects.count()}").jobs.get()
    if captured:
        ledger.capture(job.hold, actor="system")
    return job


# -- one's own


def test_a_user_sees_their_figures_and_statement(user):
    job, _running = a_job(user), a_job(user, captured=False)
    page = get(user.member)
    figures = page.context["figures"]
    assert (figures.balance, figures.held, figures.free, figures.holds) == (96, 4, 92, 1)
    assert statement(page) == [
        (job.media_model.title, "Paper boats at dusk", -4, 96),
        ("Granted by the house", "by Zoe · for the launch", 100, 100),
    ]
    assert "for 1 running job" in text(page)


def test_each_capture_leads_to_its_job(user):
    job = a_job(user)
    page = get(user.member)
    assert f'href="{reverse("job", args=[user.tenant.slug, job.public_id])}"' in said(page)


def test_a_new_user_reads_what_the_page_is_for():
    page = get(a_member())
    assert "No credits have moved yet" in text(page)
    assert "Filter the statement" not in said(page)


def test_a_line_says_between_whom_credits_moved():
    ada, ben = a_user_with(50), None
    ben = a_member(ada.tenant, person=a_person(name="Ben"))
    ledger.transfer(ledger.wallet_of(ada), ledger.wallet_of(ben), credits=5, reference="transfer:1", actor="system")
    ledger.transfer(ledger.wallet_of(ada), ledger.house(ada.tenant), credits=7, reference="transfer:2", actor="system")
    assert [row[0] for row in statement(get(ada))][:2] == ["Transfer to the house", "Transfer to Ben"]
    assert statement(get(ben))[0][0].startswith("Transfer from")


def test_a_job_that_is_not_there_is_named_by_its_id():
    member = a_user_with(50)
    ledger.capture(ledger.hold(ledger.wallet_of(member), credits=5, reference="job:job_1"), actor="system")
    assert statement(get(member))[0] == ("A job", "job_1", -5, 45)


# -- the house and its members


@pytest.mark.parametrize("role", [Role.OWNER, Role.ADMIN])
def test_who_sees_all_sees_the_house(owner, user, role):
    job = a_job(owner)
    a_job(owner, captured=False)
    seer = owner.member if role == Role.OWNER else members.add(owner.tenant, a_person(), role=role)
    page = get(seer, of="house")
    figures = page.context["figures"]
    assert (figures.issued, figures.spent, figures.held, figures.holds) == (100, 4, 4, 1)
    assert statement(page) == [
        (job.media_model.title, "Zoe · Paper boats at dusk", -4, -104),
        ("Granted to Ada", "by Zoe · for the launch", -100, -100),
    ]
    assert "Paid by the house" in text(page)


def test_a_new_house_reads_what_the_page_is_for():
    page = get(a_member(role=Role.OWNER))
    assert "What the house issues" in text(page)


def test_an_owner_chooses_a_members_statement(owner, user):
    page = get(owner.member, of=user.member.public_id)
    assert statement(page) == [("Granted by the house", "by Zoe · for the launch", 100, 100)]
    chosen = [choice.label for group in page.context["groups"] for choice in group.choices if choice.is_chosen]
    assert chosen == ["Ada"]
    assert "Statement of Ada" in text(page)
    assert f'href="{reverse("member_grant", args=[user.tenant.slug, user.member.public_id])}#grant"' in said(page)


def test_an_owner_reads_that_the_house_pays_for_an_admin(owner):
    admin = members.add(owner.tenant, a_person(), role=Role.ADMIN)
    assert "The house pays for what this member makes" in text(get(owner.member, of=admin.public_id))


def test_a_stranger_is_404_everywhere(owner, user):
    stranger = a_member(role=Role.OWNER)
    assert get(owner.member, of=stranger.public_id).status_code == 404
    assert get(owner.member, of="mem_nobody").status_code == 404
    assert get(user.member, of=owner.member.public_id).status_code == 404
    assert get(user.member, of=user.member.public_id).status_code == 200
    assert a_client(stranger).get(reverse("credits", args=[owner.tenant.slug])).status_code == 404


def test_a_user_cannot_choose_a_statement(user):
    page = get(user.member)
    assert page.context["groups"] == []
    assert 'name="of"' not in said(page)
    assert "Grant credits" not in said(page)


def test_who_is_signed_out_goes_to_sign_in():
    answer = a_client().get(reverse("credits", args=[a_tenant().slug]))
    assert (answer.status_code, answer.url.partition("?")[0]) == (302, reverse("account_login"))


def test_the_page_is_only_read():
    member = a_member()
    assert a_client(member).post(reverse("credits", args=[member.tenant.slug])).status_code == 405


# -- filters and pages


def test_the_address_filters_by_kind(user):
    a_job(user)
    assert [row[2] for row in statement(get(user.member, kind="grant"))] == [100]
    assert [row[2] for row in statement(get(user.member, kind="capture"))] == [-4]
    page = get(user.member, kind="transfer")
    assert statement(page) == []
    assert "No credits moved that match these filters" in text(page)


def test_days_are_the_tenants_own_both_included():
    tenant = a_tenant(time_zone="Asia/Tokyo")
    with time_machine.travel(datetime(2026, 3, 1, 16, tzinfo=UTC), tick=False):  # 2 March, 01:00 in Tokyo
        member = a_user_with(10, tenant)
        assert statement(get(member, **{"from": "2026-03-02", "to": "2026-03-02"}))
        assert not statement(get(member, to="2026-03-01"))
        assert not statement(get(member, **{"from": "2026-03-03"}))
        assert "2 Mar 2026, 01:00" in text(get(member))


@pytest.mark.parametrize(
    "asked",
    [
        {"kind": "gift"},
        {"from": "yesterday"},
        {"from": "2026-02-31"},
        {"to": "9999-12-31"},
        {"from": "0001-01-01"},
        {"before": "x"},
        {"before": "9" * 40},
        {"after": "²"},
        {"of": ""},
    ],
)
def test_what_makes_no_sense_in_the_address_is_left_out(asked):
    page = get(a_user_with(10), **asked)
    assert page.status_code == 200
    assert len(statement(page)) == 1


def test_a_long_statement_has_pages_that_keep_the_filters():
    member = a_member()
    for n in range(1, 53):
        ledger.grant(member, credits=n, reference=f"grant:{n}", actor="system")
    first = get(member, kind="grant")
    assert [row[2] for row in statement(first)] == list(range(52, 2, -1))
    assert first.context["newer"] == ""
    client, here = a_client(member), reverse("credits", args=[member.tenant.slug])
    second = client.get(here + first.context["older"])
    assert [row[2] for row in statement(second)] == [2, 1]
    assert second.context["older"] == ""
    assert "kind=grant" in second.context["newer"]
    assert statement(client.get(here + second.context["newer"])) == statement(first)


def test_htmx_gets_the_statement_alone(user):
    part = get(user.member, headers=HTMX)
    assert said(part).lstrip().startswith('<div class="stack credits" id="statement">')
    assert f'hx-get="{reverse("credits", args=[user.tenant.slug])}"' in said(part)
    assert "HX-Request" in part["Vary"]


def test_the_page_asks_at_most_12_times(owner, user, django_assert_max_num_queries):
    for _ in range(3):
        a_job(user)
        a_job(owner)
    days = {"from": "2026-01-01", "to": "2030-01-01"}
    client, here = a_client(owner.member), reverse("credits", args=[owner.tenant.slug])
    for asked, most in (
        ({}, 11),
        ({"of": "house"}, 11),
        (days, 12),
        (days | {"of": "house"}, 12),
        ({"kind": "grant"}, 10),
        ({"of": user.member.public_id}, 10),
    ):
        with django_assert_max_num_queries(most):
            client.get(here, asked)
    own = a_client(user.member)
    with django_assert_max_num_queries(11):
        own.get(here)


# -- what members and keys hold together, and keys


def test_who_sees_all_sees_what_members_and_keys_hold_together(owner, user):
    a_job(user)
    a_key(user.member, kind="budgeted", credits=30, name="Shop")
    page = get(owner.member)
    figures = page.context["figures"]
    assert (figures.balance, figures.free) == (126, 126)
    assert [(row.whose, row.title, row.credits, row.balance_after) for row in page.context["rows"]][:3] == [
        ("Shop", "Filled up by Ada", 30, 126),
        ("Ada", "Filled into key Shop", -30, 96),
        ("Ada", "Granted by the house", 30, 126),
    ]
    assert "Statement of members and keys together" in text(page)


def test_a_member_reads_the_statement_of_their_key(user):
    key = a_key(user.member, kind="budgeted", credits=30, name="Shop").key
    page = get(user.member, of=key.public_id)
    assert statement(page) == [("Filled up by Ada", "by Ada · Shop", 30, 30)]
    assert [[choice.label for choice in group.choices] for group in page.context["groups"]] == [
        ["Your wallet"],
        ["Shop"],
    ]
    here = f"{reverse('credits', args=[user.tenant.slug])}?of={key.public_id}"
    assert here in said(a_client(user.member).get(reverse("key", args=[user.tenant.slug, key.public_id])))


def test_a_key_of_somebody_else_or_without_a_wallet_is_404(owner, user):
    own, shared = a_key(user.member, kind="budgeted", credits=3).key, a_key(user.member).key
    ben = members.add(owner.tenant, a_person(), role=Role.USER)
    assert get(ben, of=own.public_id).status_code == 404
    assert get(owner.member, of=own.public_id).status_code == 200
    assert get(owner.member, of=shared.public_id).status_code == 404
    assert get(a_member(role=Role.OWNER), of=own.public_id).status_code == 404


@pytest.mark.parametrize("of", ["house", "tenant"])
def test_the_tenants_own_statements_are_for_who_sees_all(owner, user, of):
    assert get(owner.member, of=of).status_code == 200
    assert get(user.member, of=of).status_code == 404


def test_a_job_is_found_by_its_id(owner, user):
    job, _other = a_job(user), a_job(user)
    for page in (get(user.member, job=job.public_id), get(owner.member, job=job.public_id)):
        assert [(row.job, row.balance_after) for row in page.context["rows"]] == [(job.public_id, 96)]
    assert statement(get(user.member, job=job.public_id[:-1])) == []
