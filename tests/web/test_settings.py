import io
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image

from revidweb.accounts import hosts
from revidweb.accounts.models import Host, JoinPolicy, Role, Tenant
from revidweb.trail import trail
from tests.makers import a_client, a_member, a_person, a_tenant

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
CHANGE = {"name": "Aurora", "time_zone": "Europe/Berlin", "accent": "#A1B2C3"}


def url(member, name="settings"):
    return reverse(name, args=[member.tenant.slug])


def text(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def an_admin(**tenant):
    return a_member(a_tenant(**tenant), role=Role.ADMIN)


def change(member, *, htmx=False, **changes):
    return a_client(member).post(url(member), CHANGE | changes, headers=HTMX if htmx else {})


def a_picture(width=600, height=300, form="PNG"):
    kept = io.BytesIO()
    Image.new("RGB", (width, height), "#2763d7").save(kept, form)
    return SimpleUploadedFile("logo.png", kept.getvalue(), "image/png")


def put_logo(member, upload, *, htmx=False):
    return a_client(member).post(url(member, "settings_logo"), {"logo": upload}, headers=HTMX if htmx else {})


# -- who may


@pytest.mark.parametrize("name", ["settings", "settings_logo", "settings_logo_remove", "settings_join"])
@pytest.mark.parametrize(("who", "code"), [("stranger", 404), ("user", 403), ("nobody", 302)])
def test_settings_are_only_for_those_who_run_the_tenant(name, who, code):
    admin = an_admin(logo="logos/kept.webp")
    user = a_member(admin.tenant)
    client = a_client({"stranger": a_member(role=Role.OWNER), "user": user, "nobody": None}[who])
    assert client.post(url(admin, name), CHANGE | {"logo": a_picture()}).status_code == code
    tenant = Tenant.objects.get(pk=admin.tenant.pk)
    assert (tenant.name, tenant.logo) == (admin.tenant.name, "logos/kept.webp")


@pytest.mark.parametrize(("who", "code"), [("stranger", 404), ("user", 403), ("nobody", 302)])
def test_settings_are_only_shown_to_those_who_run_the_tenant(who, code):
    admin = an_admin()
    client = a_client({"stranger": a_member(), "user": a_member(admin.tenant), "nobody": None}[who])
    assert client.get(url(admin)).status_code == code


@pytest.mark.parametrize(
    ("name", "method"),
    [("settings", "delete"), ("settings_logo", "get"), ("settings_logo_remove", "get"), ("settings_join", "get")],
)
def test_a_wrong_method_is_refused(name, method):
    admin = an_admin()
    assert getattr(a_client(admin), method)(url(admin, name)).status_code == 405


def test_the_page_asks_few_questions(django_assert_max_num_queries):
    admin = an_admin()
    client = a_client(admin)
    with django_assert_max_num_queries(12):
        client.get(url(admin))


# -- name, time zone, accent


def test_the_page_shows_what_is_set():
    admin = an_admin(name="Aurora", time_zone="Europe/Berlin", accent="#a1b2c3")
    form = a_client(admin).get(url(admin)).context["tenant_form"]
    assert [form[name].value() for name in CHANGE] == ["Aurora", "Europe/Berlin", "#a1b2c3"]


def test_an_old_time_zone_is_still_on_the_list():
    admin = an_admin(time_zone="US/Eastern")
    page = a_client(admin).get(url(admin)).content.decode()
    assert '<option value="US/Eastern" selected>' in page
    assert change(admin, time_zone="US/Eastern").status_code == 302


def test_changed_settings_are_kept_and_on_the_trail():
    admin = an_admin()
    answer = change(admin)
    assert (answer.status_code, answer.url) == (302, url(admin))
    tenant = Tenant.objects.get()
    assert (tenant.name, tenant.time_zone, tenant.accent) == ("Aurora", "Europe/Berlin", "#a1b2c3")
    assert [row.actor for row in trail.of(tenant.reference)] == [admin.reference]


def test_the_whole_page_comes_anew_because_name_and_accent_stand_in_its_frame():
    admin = an_admin()
    assert change(admin, htmx=True)["HX-Redirect"] == url(admin)


def test_the_houses_blue_is_no_accent():
    admin = an_admin(accent="#a1b2c3")
    blue = a_client(admin).get(url(admin)).context["tenant_form"].house_blue
    change(admin, accent=["#a1b2c3", blue])  # the colour control, then the button that was pressed
    assert Tenant.objects.get().accent == ""


@pytest.mark.parametrize("htmx", [True, False])
@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", "  ", "Give the tenant a name."),
        ("name", "a" * 81, "Ensure this value has at most 80 characters (it has 81)."),
        ("name", "nul\0", "Null characters are not allowed."),
        ("time_zone", "Mars/Olympus", "Choose a time zone from the list."),
        ("time_zone", "", "This field is required."),
        ("accent", "red", "Write the colour as # and six hex digits, #3b6fd4."),
        ("accent", "#fff;}", "Write the colour as # and six hex digits, #3b6fd4."),
    ],
)
def test_nonsense_is_refused_at_its_field_and_changes_nothing(field, value, sentence, htmx):
    admin = an_admin()
    answer = change(admin, htmx=htmx, **{field: value})
    assert answer.status_code == 422
    assert ("<html" in answer.content.decode()) is not htmx
    assert answer.context["tenant_form"].errors[field] == [sentence]
    assert sentence in text(answer)
    assert Tenant.objects.get().name == admin.tenant.name


# -- logo


def test_a_logo_is_kept_and_taken_away():
    admin = an_admin()
    assert put_logo(admin, a_picture()).url == url(admin)
    assert Tenant.objects.get().logo.startswith("logos/")
    assert "Remove the logo" in text(a_client(admin).get(url(admin)))
    assert a_client(admin).post(url(admin, "settings_logo_remove")).url == url(admin)
    assert Tenant.objects.get().logo == ""


def test_removing_no_logo_is_no_trouble():
    admin = an_admin()
    assert a_client(admin).post(url(admin, "settings_logo_remove")).status_code == 302


@pytest.mark.parametrize("htmx", [True, False])
@pytest.mark.parametrize(
    "content",
    [b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", b"\x89PNG\r\n\x1a\nbroken", b"text", b""],
)
def test_what_is_no_picture_is_refused_at_its_field_and_keeps_the_old_logo(content, htmx):
    admin = an_admin(logo="logos/kept.webp")
    answer = put_logo(admin, SimpleUploadedFile("logo.png", content, "image/png"), htmx=htmx)
    assert answer.status_code == 422
    assert answer.context["logo_form"].errors["logo"]
    assert answer.context["logo_form"].errors["logo"][0] in text(answer).replace("&#x27;", "'")
    assert Tenant.objects.get().logo == "logos/kept.webp"


def test_no_file_at_all_is_refused():
    admin = an_admin()
    answer = a_client(admin).post(url(admin, "settings_logo"))
    assert answer.status_code == 422
    assert "Choose a picture first." in text(answer)


# -- who may join


def set_policy(member, policy, *, htmx=False):
    form = {} if policy is None else {"join_policy": policy}
    return a_client(member).post(url(member, "settings_join"), form, headers=HTMX if htmx else {})


@pytest.mark.parametrize("policy", JoinPolicy.values)
def test_who_may_join_is_kept_and_shown(policy):
    admin = an_admin()
    answer = set_policy(admin, policy)
    assert (answer.status_code, answer.url, Tenant.objects.get().join_policy) == (302, url(admin), policy)
    page = a_client(admin).get(url(admin))
    assert [row.policy for row in page.context["policies"] if row.is_chosen] == [policy]
    join = f"http://localhost:8000/t/{admin.tenant.slug}/join/"
    assert (join in text(page)) is (policy != "closed")


@pytest.mark.parametrize("htmx", [True, False])
@pytest.mark.parametrize("policy", [None, "", "everybody"])
def test_no_other_policy_is_taken(policy, htmx):
    admin = an_admin()
    answer = set_policy(admin, policy, htmx=htmx)
    assert answer.status_code == 422
    assert "Choose one of the three." in text(answer)
    assert ("<html" in answer.content.decode()) is not htmx
    assert Tenant.objects.get().join_policy == "invited"


# -- hosts


def host_url(member, purpose="web", name="settings_host"):
    return reverse(name, args=[member.tenant.slug, purpose])


def ask_host(member, host, purpose="web", *, htmx=False):
    return a_client(member).post(host_url(member, purpose), {"host": host}, headers=HTMX if htmx else {})


@pytest.mark.parametrize("purpose", ["web", "media"])
def test_a_host_is_asked_for_and_waits(purpose):
    admin = an_admin()
    answer = ask_host(admin, "Studio.Example.com", purpose)
    assert (answer.status_code, answer.url) == (302, url(admin))
    shown = text(a_client(admin).get(url(admin)))
    assert "studio.example.com Waits for approval" in shown
    assert "studio.example.com CNAME localhost" in shown


@pytest.mark.parametrize(("approved", "said"), [(True, "Approved"), (False, "Refused")])
def test_the_operators_decision_is_shown(approved, said):
    admin = an_admin()
    ask_host(admin, "studio.example.com")
    hosts.decide(Host.objects.get(), approved=approved, operator=a_person())
    shown = text(a_client(admin).get(url(admin)))
    assert f"studio.example.com {said}" in shown
    assert ("http" if approved else "The operator refused this name.") in shown


def test_the_join_page_is_named_at_the_tenants_own_host():
    admin = an_admin()
    ask_host(admin, "studio.example.com")
    hosts.decide(Host.objects.get(), approved=True, operator=a_person())
    assert f"http://studio.example.com/t/{admin.tenant.slug}/join/" in text(a_client(admin).get(url(admin)))


@pytest.mark.parametrize("htmx", [True, False])
@pytest.mark.parametrize(
    ("host", "sentence"),
    [
        ("", "Write a host name, such as studio.example.com."),
        ("https://studio.example.com", "Write a public host name alone"),
        ("10.0.0.1", "Write a public host name alone"),
        ("nas.lan", "Names with this ending cannot be reached from the open internet."),
        ("own.example.com", "This name belongs to the installation itself."),
        ("taken.example.com", "This name is in use already."),
        ("a" * 300, "Ensure this value has at most 253 characters"),
        ("nul\0.com", "Null characters are not allowed."),
    ],
)
def test_a_bad_host_is_refused_at_its_field_and_asked_of_nobody(settings, host, sentence, htmx):
    settings.MAIN_HOSTS = [*settings.MAIN_HOSTS, "own.example.com"]
    ask_host(an_admin(), "taken.example.com")
    admin = an_admin()
    answer = ask_host(admin, host, "media", htmx=htmx)
    assert answer.status_code == 422
    assert sentence in text(answer)
    assert ("<html" in answer.content.decode()) is not htmx
    assert 'id="id_media_host"' in answer.content.decode()
    assert not Host.objects.filter(tenant=admin.tenant).exists()


def test_an_approved_host_is_withdrawn_before_another_is_asked_for():
    admin = an_admin()
    ask_host(admin, "studio.example.com")
    hosts.decide(Host.objects.get(), approved=True, operator=a_person())
    assert "studio.example.com is in use. Withdraw it first." in text(ask_host(admin, "other.example.com"))
    for _ in range(2):
        assert a_client(admin).post(host_url(admin, name="settings_host_withdraw")).url == url(admin)
    assert not Host.objects.exists()


def test_another_tenants_host_is_not_withdrawn():
    other, admin = an_admin(), an_admin()
    ask_host(other, "studio.example.com")
    a_client(admin).post(host_url(admin, name="settings_host_withdraw"))
    assert Host.objects.exists()


@pytest.mark.parametrize("name", ["settings_host", "settings_host_withdraw"])
@pytest.mark.parametrize(("who", "code"), [("stranger", 404), ("user", 403), ("nobody", 302)])
def test_hosts_are_only_for_those_who_run_the_tenant(name, who, code):
    admin = an_admin()
    ask_host(admin, "studio.example.com")
    client = a_client({"stranger": a_member(role=Role.OWNER), "user": a_member(admin.tenant), "nobody": None}[who])
    assert client.post(host_url(admin, name=name), {"host": "evil.example.com"}).status_code == code
    assert Host.objects.get().name == "studio.example.com"


@pytest.mark.parametrize("name", ["settings_host", "settings_host_withdraw"])
def test_a_host_is_for_pages_or_for_media_and_only_sent(name):
    admin = an_admin()
    assert a_client(admin).post(host_url(admin, "mail", name), {"host": "a.example.com"}).status_code == 404
    assert a_client(admin).get(host_url(admin, "web", name)).status_code == 405
