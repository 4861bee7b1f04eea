"""The operator's pages: for staff alone, read-only where money and work are, quick, and without a secret."""

import re

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.core import mail
from django.db import models
from django.test import Client
from django.urls import URLPattern, reverse

from revidweb.accounts import hosts, invitations, persons
from revidweb.accounts.models import Host, Invitation, Member, Person, Role, Tenant
from revidweb.connections.models import Connection, Credential
from revidweb.credits import ledger
from revidweb.credits.models import Entry, Hold, Transfer, Wallet
from revidweb.files import usage
from revidweb.files.models import StoredFile
from revidweb.jobs.models import Attempt, Job, Settlement
from revidweb.lib import readonly_admin, sealing
from revidweb.trail import trail
from revidweb.trail.models import TrailRow
from tests.library.makers import a_job, an_output
from tests.makers import PASSWORD, a_client, a_member, a_person, a_tenant, an_actor

from .world import changed, everything

pytestmark = pytest.mark.django_db

SHOWN = [TrailRow, Person, Member, Host, Connection, Wallet, Transfer, Entry, Hold, Job, Attempt, Settlement, Tenant]
LISTS = [*SHOWN, Invitation]
KEY = "sk_live_3v1l5ecr3t000000000000ab12"


@pytest.fixture(autouse=True)
def _know_no_host():
    yield
    hosts._known.clear()


@pytest.fixture
def operator():
    return a_person(is_staff=True, is_superuser=True)


@pytest.fixture
def client(operator):
    return a_client(operator)


def url(model, page="changelist", *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def text(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def act(client, model, action, *rows):
    return client.post(url(model), {"action": action, "_selected_action": [row.pk for row in rows]}, follow=True)


def addresses():
    """Every address below /operator/, with a 1 for each word of its path."""
    return [f"/operator/{re.sub(r'<[^>]+>', '1', route)}" for route in _routes(admin.site.get_urls())]


def _routes(patterns, before=""):
    for pattern in patterns:
        route = before + str(getattr(pattern.pattern, "_route", "x/"))
        if isinstance(pattern, URLPattern):
            yield route
        else:
            yield from _routes(pattern.url_patterns, route)


@pytest.fixture
def world(db):
    """A tenant with one of everything that the lists show."""
    member = a_member(role=Role.USER)
    ledger.grant(member, credits=500, reference="grant:1", actor="system")
    an_output(member)
    job = a_job(member, state="queued")
    connection = Connection.objects.create(
        tenant=member.tenant, provider="revidapi", name="Main", trouble="invalid", trouble_reason="Invalid API key"
    )
    credential = Credential.objects.create(
        connection=connection, base_url="https://api.example.com/v1", sealed=sealing.seal(KEY), hint="sk_live_…ab12"
    )
    Connection.objects.filter(pk=connection.pk).update(credential=credential)
    Attempt.objects.create(job=job, number=9, connection=connection, credential=credential, ticket="job-9")
    hosts.ask(an_actor(member.tenant, role=Role.OWNER), name="studio.aurora.com", purpose="web")
    invitations.invite_founder("founder@example.com")
    return member


# -- who is let in


def test_nothing_is_there_but_for_staff(world):
    """Not even for the owner of the tenant."""
    for person in (a_person(), a_member(world.tenant, role=Role.OWNER).person, world.person):
        browser, before = a_client(person), everything()
        for address in addresses():
            for ask in (browser.get, browser.post):
                answer = ask(address)
                expected = "/operator/" if address.endswith("/login/") else None
                assert (answer.status_code, getattr(answer, "url", None)) in [(404, None), (302, expected)], address
        assert changed(before) == []
    assert len(addresses()) > 70


def test_nobody_goes_to_the_houses_sign_in(world):
    for address in addresses():
        answer = a_client().get(address)
        assert answer.status_code == 302, address
        assert answer.url.startswith(("/accounts/login/?next=", "/accounts/")), address


def test_staff_with_a_wrong_password_are_signed_in_nowhere(operator):
    """There is no second sign-in: the admin's own would ask for no second factor."""
    browser = Client()
    form = {"username": operator.email, "password": PASSWORD, "next": "/operator/"}
    assert browser.post("/operator/login/", form).url.startswith("/accounts/login/")
    assert browser.get("/operator/").status_code == 302


def test_a_staff_member_without_rights_sees_no_list(world):
    browser = a_client(a_person(is_staff=True))
    assert browser.get("/operator/").status_code == 200
    assert {browser.get(url(model)).status_code for model in LISTS} == {403}


def test_who_is_deactivated_is_out_at_once(operator, client):
    assert client.get("/operator/").status_code == 200
    Person.objects.filter(pk=operator.pk).update(is_active=False)
    assert client.get("/operator/").status_code == 302


# -- what is shown


def test_only_the_houses_tables_are_listed():
    assert set(admin.site._registry) == set(LISTS)


@pytest.mark.parametrize("model", LISTS)
def test_every_list_and_every_row_opens(client, world, model):
    page = client.get(url(model))
    assert page.status_code == 200
    row = model._default_manager.order_by("-pk").first()
    assert row is not None
    assert client.get(url(model, "change", row.pk)).status_code == 200


@pytest.mark.parametrize("model", LISTS)
def test_no_page_shows_a_secret(client, world, model):
    secrets = [KEY, KEY[-4:], Credential.objects.get().sealed, world.person.password, PASSWORD]
    secrets += list(Invitation.objects.values_list("token_hash", flat=True))
    pages = [url(model), *(url(model, "change", row.pk) for row in model._default_manager.all())]
    for page in pages:
        shown = client.get(page).content.decode()
        assert [secret for secret in secrets if secret in shown] == [], page


@pytest.mark.parametrize("model", LISTS)
def test_no_list_takes_a_change(client, world, model):
    """Neither added, changed nor deleted, not by one and not by many, nor said to be able to be."""
    row, before = model._default_manager.order_by("-pk").first(), everything()
    pages = [url(model, "change", row.pk), url(model, "delete", row.pk)]
    if model is not Invitation:
        pages.append(url(model, "add"))
        assert client.get(url(model, "add")).status_code == 403
    assert {client.post(page, {"post": "yes", "state": "done", "balance": "9"}).status_code for page in pages} == {403}
    assert client.post(url(model), {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"})
    assert "delete_selected" not in client.get(url(model)).content.decode()
    assert changed(before) == []


MONEY_AND_WORK = [Wallet, Transfer, Entry, Hold, Job, Attempt, Settlement, TrailRow]


@pytest.mark.parametrize("model", MONEY_AND_WORK)
def test_money_work_and_trail_have_no_action_at_all(client, world, model):
    assert 'name="action"' not in client.get(url(model)).content.decode()


@pytest.mark.parametrize("model", LISTS)
def test_a_list_asks_the_same_few_questions_however_long_it_is(client, world, model, django_assert_max_num_queries):
    for _more in range(4):
        member = a_member()
        ledger.grant(member, credits=5, reference=f"grant:{member.pk}", actor="system")
        an_output(member)
        Attempt.objects.create(job=a_job(member, state="queued"), number=1, connection=Connection.objects.first())
    with django_assert_max_num_queries(9):
        assert client.get(url(model)).status_code == 200


@pytest.mark.parametrize("model", LISTS)
def test_searching_uses_an_index_and_finds_whole_values(client, world, model):
    its = admin.site._registry[model]
    assert all(field.endswith("__exact") for field in its.search_fields)
    assert its.search_fields
    assert not its.show_full_result_count
    assert not its.sortable_by
    foreign = [field for field in its.list_display if _is_foreign(model, field)]
    related = {name.partition("__")[0] for name in its.list_select_related or ()}
    assert set(foreign) <= related
    assert client.get(url(model), {"q": "nothing-like-this"}).status_code == 200
    assert client.get(url(model), {"q": "nul\0"}).status_code == 200


def test_a_search_finds_by_whichever_value_it_is(client, world):
    other = a_member()
    for value in (world.public_id, f" {world.person.email} ", world.tenant.slug):
        found = client.get(url(Member), {"q": value}).context["cl"].result_list
        assert world in found
        assert other not in found
    for value in (world.public_id[:-1], world.person.email[1:], "%", "_"):
        assert list(client.get(url(Member), {"q": value}).context["cl"].result_list) == []


def _is_foreign(model, name):
    return name in {field.name for field in model._meta.fields if isinstance(field, models.ForeignKey)}


def test_a_list_counts_no_further_than_it_goes(monkeypatch, client):
    monkeypatch.setattr(readonly_admin, "_MOST_COUNTED", 3)
    for _row in range(5):
        a_tenant()
    assert client.get(url(Tenant)).context["cl"].result_count == 3


def test_what_happened_to_a_thing_is_one_link_away(client, world):
    page = client.get(url(Member, "change", world.pk)).content.decode()
    (href,) = re.findall(r'href="(/operator/trail/trailrow/\?q=[^"]+)"', page)
    trail.record("member.tested", about=world.reference, tenant="")
    assert "member.tested" in text(client.get(href))


# -- the start, tenants and connections


def test_the_start_says_what_needs_a_look(client, world):
    standing = client.get("/operator/").context["standing"]
    assert (standing.hosts_waiting, standing.connections_failing) == (1, 1)
    assert standing.files == sum(StoredFile.objects.values_list("size_bytes", flat=True)) > 0
    assert 0 < standing.disk.free < standing.disk.total


def test_a_tenant_says_what_it_takes(client, world):
    an_output(a_member())
    tenant = next(row for row in client.get(url(Tenant)).context["cl"].result_list if row.pk == world.tenant.pk)
    used = sum(StoredFile.objects.filter(tenant=world.tenant).values_list("size_bytes", flat=True))
    assert (tenant.members_here, tenant.connections_failing, tenant.bytes_used) == (2, 1, used)
    assert "bytes" in text(client.get(url(Tenant, "change", world.tenant.pk))) or used > 1024


def test_failing_connections_are_one_filter_away(client, world):
    Connection.objects.create(tenant=world.tenant, provider="revidapi", name="Sound")
    shown = client.get(url(Connection), {"fares": "failing"}).context["cl"].result_list
    assert [row.name for row in shown] == ["Main"]
    assert "https://api.example.com/v1" in text(client.get(url(Connection, "change", shown[0].pk)))


def test_a_no_is_a_quiet_dash_and_no_alarm(client, world):
    page = client.get(url(Person)).content.decode()
    assert "icon-no" not in page
    assert "– No" in text(client.get(url(Person)))


def test_what_the_provider_charged_is_told_in_its_unit(client, world):
    costs = {15_000_000: "15 credits", 1_000_000: "1 credit", 1_250_000: "1.25 credits", 0: "0 credits"}
    for micros, told in costs.items():
        Attempt.objects.update(upstream_cost_micros=micros)
        assert f" {told} " in text(client.get(url(Attempt)))
    Attempt.objects.update(upstream_cost_micros=1_234_500_000, upstream_unit="usd")
    assert " 1,234.5 usd " in text(client.get(url(Attempt)))


def test_an_empty_list_says_so_and_offers_no_action(client):
    page = client.get(url(Host))
    assert "Nothing is here yet Owners and admins ask for a host of their tenant under Settings." in text(page)
    assert 'name="action"' not in page.content.decode()
    assert "Nothing fits" in text(client.get(url(Host), {"q": "nobody.example.com"}))


def test_how_much_all_files_take_is_read_once_a_minute(client, world, django_assert_num_queries):
    before = usage.all_bytes()
    an_output(a_member())
    with django_assert_num_queries(0):
        assert usage.all_bytes() == before


# -- hosts


@pytest.mark.parametrize(("action", "state"), [("approve", "approved"), ("refuse", "refused")])
def test_the_operator_decides_on_hosts_and_it_stands_on_the_trail(client, operator, world, action, state):
    host = Host.objects.get()
    for _ in range(2):
        answer = act(client, Host, action, host)
    assert "studio.aurora.com" in text(answer)
    host.refresh_from_db()
    assert host.state == state
    rows = [row for row in trail.of(world.tenant.reference) if row.what == f"host.{state}"]
    assert [row.actor for row in rows] == [operator.reference]
    assert a_client().get("/accounts/login/", headers={"Host": host.name}).status_code == (
        200 if state == "approved" else 404
    )


# -- persons


def test_a_deactivated_person_is_signed_out_and_stays_out(client, operator, world):
    browser, form = Client(), {"login": world.person.email, "password": PASSWORD}
    assert browser.post("/accounts/login/", form).url == "/"
    assert browser.get(f"/t/{world.tenant.slug}/").status_code == 200
    for _ in range(2):
        act(client, Person, "deactivate", world.person)
    assert browser.get(f"/t/{world.tenant.slug}/").status_code == 302
    assert "/inactive/" in Client().post("/accounts/login/", form).url
    act(client, Person, "activate", world.person)
    assert browser.get(f"/t/{world.tenant.slug}/").status_code == 302
    assert Client().post("/accounts/login/", form).url == "/"
    assert [(row.what, row.actor) for row in trail.of(world.person.reference)] == [
        ("person.deactivated", operator.reference),
        ("person.activated", operator.reference),
    ]


def test_nobody_deactivates_themselves(client, operator):
    act(client, Person, "deactivate", operator)
    operator.refresh_from_db()
    assert operator.is_active


def a_reader():
    """Staff who may see every list and have no right to change anything."""
    reader = a_person(is_staff=True)
    reader.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    return reader


DEEDS = [(Person, "deactivate"), (Person, "activate"), (Host, "approve"), (Host, "refuse"), (Invitation, "revoke")]


@pytest.mark.parametrize(("model", "action"), DEEDS)
def test_who_may_only_read_does_nothing(world, model, action):
    browser, row = a_client(a_reader()), model._default_manager.order_by("pk").first()
    assert browser.get(url(model)).status_code == 200
    before = everything()
    act(browser, model, action, row)
    assert changed(before) == []
    assert 'name="action"' not in browser.get(url(model)).content.decode()


def test_who_may_only_read_invites_nobody(world):
    answer = a_client(a_reader()).post(url(Invitation, "add"), {"email": "new@example.com"})
    assert answer.status_code == 403
    assert Invitation.objects.count() == 1


def test_only_a_superuser_deactivates_a_superuser(operator):
    other, staff = a_person(is_staff=True, is_superuser=True), a_person(is_staff=True)
    assert not persons.set_active(other, is_active=False, operator=staff)
    assert persons.set_active(other, is_active=False, operator=operator)


# -- founding invitations


def test_where_nobody_founds_tenants_nobody_is_invited_to(client, operator, settings):
    settings.SIGNUP = "closed"
    assert "/operator/accounts/invitation/add/" not in client.get("/operator/").content.decode()
    assert client.post(url(Invitation, "add"), {"email": "new@example.com"}).status_code == 403
    assert not Invitation.objects.exists()


def test_an_invitation_to_found_is_mailed_and_its_link_shown_once(client, operator):
    answer = client.post(url(Invitation, "add"), {"email": "New@Example.com"})
    invitation = Invitation.objects.get()
    assert (invitation.email, invitation.tenant, invitation.invited_by) == ("new@example.com", None, operator.reference)
    (link,) = set(re.findall(r"http://localhost:8000/accounts/signup/[\w-]+/", mail.outbox[0].body))
    assert mail.outbox[0].to == ["new@example.com"]
    assert link in answer.content.decode()
    assert link.rstrip("/").rpartition("/")[2] not in client.get(url(Invitation)).content.decode()


@pytest.mark.parametrize("email", ["", "nobody", "a@b", "a@b.com\nBcc: c@d.com", "a" * 300 + "@b.com"])
def test_a_bad_address_is_invited_nowhere(client, email):
    answer = client.post(url(Invitation, "add"), {"email": email})
    assert answer.status_code == 422
    assert answer.context["form"].errors["email"]
    assert not Invitation.objects.exists()
    assert mail.outbox == []


def test_an_invitation_that_no_mail_server_takes_lets_nobody_in(client, monkeypatch):
    def fail(*args, **kwargs):
        raise OSError

    monkeypatch.setattr("django.core.mail.EmailMultiAlternatives.send", fail)
    assert client.post(url(Invitation, "add"), {"email": "new@example.com"}).status_code == 422
    assert Invitation.objects.get().revoked_at


def test_a_revoked_invitation_lets_nobody_in(client, world):
    founding = Invitation.objects.get()
    for _ in range(2):
        act(client, Invitation, "revoke", founding)
    founding.refresh_from_db()
    assert founding.revoked_at


def test_invitations_into_tenants_are_the_tenants(client, world):
    theirs, _token = invitations.invite(an_actor(world.tenant, role=Role.OWNER), email="a@example.com", role=Role.USER)
    assert "a@example.com" not in text(client.get(url(Invitation)))
    assert client.get(url(Invitation, "change", theirs.pk)).status_code == 302
    act(client, Invitation, "revoke", theirs)
    theirs.refresh_from_db()
    assert theirs.revoked_at is None


# -- in the house


def test_staff_have_a_way_there_and_others_have_none(operator, world):
    a_member(world.tenant, person=operator)
    page = f"/t/{world.tenant.slug}/"
    assert 'href="/operator/"' in a_client(operator).get(page).content.decode()
    assert 'href="/operator/"' not in a_client(world).get(page).content.decode()


@pytest.mark.parametrize("page", ["index", "password_change", "jsi18n", "logout", "login", "password_change_done"])
def test_the_admins_own_pages_lead_into_the_house(client, page):
    answer = client.get(reverse(f"admin:{page}"))
    assert answer.status_code == (200 if page in ("index", "jsi18n") else 302)
    if answer.status_code == 302:
        assert answer.url.startswith(("/accounts/", "/operator/"))
