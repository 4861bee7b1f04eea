"""Which host serves what: the installation's own everything, a tenant's that tenant, any other nothing."""

import re

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.handlers.wsgi import WSGIRequest
from django.test import Client
from django.urls import reverse

from revidweb.accounts import hosts
from revidweb.accounts.models import Host, HostState, Member, MemberState, Person, Role
from revidweb.web import handler
from revidweb.web import hosts as hosts_served
from tests.makers import PASSWORD, a_client, a_member, a_person, a_tenant

pytestmark = pytest.mark.django_db

WEB, MEDIA = "studio.aurora.com", "media.aurora.com"
NOTHING = b"Not found\n"


@pytest.fixture(autouse=True)
def _know_nothing():
    yield
    hosts._known.clear()


@pytest.fixture
def owner():
    owner = a_member(role=Role.OWNER)
    for name, purpose in ((WEB, "web"), (MEDIA, "media")):
        Host.objects.create(tenant=owner.tenant, name=name, purpose=purpose, state=HostState.APPROVED)
    return owner


def get(path, host, *, by=None, **headers):
    return a_client(by).get(path, headers={"Host": host} | headers)


def is_nothing(answer):
    return (answer.status_code, answer.content, "Content-Security-Policy" in answer) == (404, NOTHING, False)


# -- hosts that are nobody's


@pytest.mark.parametrize(
    "host",
    [
        *(
            "evil.example.org",
            "evil.example.org:8000",
            "localhost.evil.org",
            "testserver.evil.org",
            "10.0.0.1",
            "[::2]",
        ),
        *("127.0.0.2", "xn--rhtx9f.com", "a" * 300, "studio.aurora.com.evil.org", "aurora.com"),
    ],
)
@pytest.mark.parametrize("path", ["/", "/accounts/login/", "/healthz", "/static/css/tokens.css", "/operator/", "/no"])
def test_an_unknown_host_finds_nothing_of_the_product(owner, host, path):
    assert is_nothing(get(path, host))


@pytest.mark.parametrize(
    "host",
    [
        *(
            "",
            " ",
            ".",
            "..",
            ":",
            ":80",
            "a b",
            "a/b",
            "a@b",
            "localhost/x",
            "localhost@evil.org",
            "evil.org#localhost",
        ),
        *("localhost:port", "localhost:80:80", "[::1", "::1", "[]", "localhost,evil.org", "\0", "localhost\0", "é.com"),
        *("loc\talhost", "%00", "<script>", "localhost\\evil", "a" * 100_000, "[" * 50, "http://localhost"),
    ],
)
def test_a_malformed_host_is_a_plain_404_and_never_our_fault(owner, host):
    assert is_nothing(get("/", host))


def test_a_post_to_an_unknown_host_is_a_plain_404_too():
    assert is_nothing(Client(enforce_csrf_checks=True).post("/theme/", {"theme": "dark"}, headers={"Host": "evil.org"}))


@pytest.mark.parametrize("state", [HostState.ASKED, HostState.REFUSED])
def test_a_host_that_is_not_approved_is_unknown(owner, state):
    Host.objects.update(state=state)
    assert is_nothing(get("/", WEB))


def test_an_unknown_host_asks_the_database_once(django_assert_num_queries):
    with django_assert_num_queries(1):
        for _ in range(3):
            get("/", "evil.example.org")


@pytest.mark.parametrize("header", ["X-Forwarded-Host", "Forwarded", "X-Host"])
def test_only_the_host_header_names_the_host(owner, header):
    assert get("/accounts/login/", "localhost", **{header: "evil.example.org"}).status_code == 200
    assert is_nothing(get("/accounts/login/", "evil.example.org", **{header: "localhost"}))


# -- the installation's own


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8000", "LOCALHOST", "localhost.", "127.0.0.1:8000", "[::1]:80"]
)
def test_the_own_hosts_serve_everything_and_ask_nothing(host, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert get("/accounts/login/", host).status_code == 200
        assert get("/healthz", host).status_code == 200


def test_what_is_not_there_on_an_own_host_is_in_the_house_style():
    assert "<h1>Not found</h1>" in get("/no", "localhost").content.decode()


# -- a tenant's web host


def test_its_start_leads_to_the_tenant(owner):
    answer = get("/", WEB, by=owner)
    assert (answer.status_code, answer.url) == (302, f"/t/{owner.tenant.slug}/")
    assert get(answer.url, WEB, by=owner).status_code == 200


def test_its_start_leads_a_stranger_to_its_door_and_a_suspended_member_to_the_page_that_says_so(owner):
    stranger, suspended = a_person(), a_member(owner.tenant)
    Member.objects.filter(pk=suspended.pk).update(state=MemberState.SUSPENDED)
    assert get("/", WEB, by=stranger).url == f"/t/{owner.tenant.slug}/join/"
    assert get(f"/t/{owner.tenant.slug}/join/", WEB, by=stranger).status_code == 200
    assert get("/", WEB, by=suspended).url == f"/t/{owner.tenant.slug}/"


def test_whoever_is_signed_out_goes_to_sign_in_there_and_back(owner):
    answer = a_client().get("/", headers={"Host": WEB}, follow=True)
    where = f"/t/{owner.tenant.slug}/"
    assert answer.redirect_chain == [(where, 302), (f"/accounts/login/?next={where}", 302)]
    client = Client()
    signed_in = client.post(
        f"/accounts/login/?next={where}",
        {"login": owner.person.email, "password": PASSWORD, "next": where},
        headers={"Host": WEB},
    )
    assert (signed_in.status_code, signed_in.url) == (302, where)


def test_another_tenants_pages_are_not_there_not_even_for_their_owner(owner):
    elsewhere = a_member(role=Role.OWNER, person=owner.person)
    for path in ("", "gallery/", "settings/", "accent.css", "leave/", "live/"):
        answer = get(f"/t/{elsewhere.tenant.slug}/{path}", WEB, by=owner)
        assert answer.status_code == 404
        assert "Content-Security-Policy" in answer
        assert get(f"/t/{elsewhere.tenant.slug}/{path}", "localhost", by=owner).status_code != 404


@pytest.mark.parametrize("path", ["/operator/", "/operator/login/", "/styleguide/"])
def test_the_installations_pages_are_not_there(owner, path):
    operator = a_member(owner.tenant, person=a_person(is_staff=True, is_superuser=True))
    assert get(path, WEB, by=operator).status_code == 404


def test_accounts_and_styles_are_there(owner):
    assert get("/accounts/login/", WEB).status_code == 200
    assert b"".join(get("/static/css/tokens.css", WEB)).startswith(b"/*")
    assert get("/healthz", WEB).status_code == 200


def test_a_form_of_the_tenants_host_is_taken_and_one_from_elsewhere_is_not(owner):
    client = Client(enforce_csrf_checks=True)
    page = client.get("/accounts/login/", headers={"Host": WEB}).content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[1]
    form = {"theme": "dark", "csrfmiddlewaretoken": token}
    same = {"Host": WEB, "Origin": f"http://{WEB}"}
    for origin in ("http://evil.example.org", f"http://{MEDIA}", f"https://{WEB}", "null"):
        answer = client.post("/theme/", form, headers=same | {"Origin": origin})
        assert (answer.status_code, client.cookies.get("theme")) == (403, None)
    assert client.post("/theme/", form, headers=same).status_code == 302


def test_a_session_belongs_to_its_host(owner):
    """The cookie names no domain, so no browser takes it to another host."""
    client = Client()
    answer = client.post("/accounts/login/", {"login": owner.person.email, "password": PASSWORD}, headers={"Host": WEB})
    assert answer.cookies["sessionid"]["domain"] == ""


@pytest.mark.parametrize(("began", "replayed"), [(WEB, "localhost"), ("localhost", WEB)])
def test_a_session_that_is_carried_to_another_host_ends(owner, began, replayed):
    """Whoever serves the tenant's host can read its cookies, and may not go further with them."""
    client = Client()
    form = {"login": owner.person.email, "password": PASSWORD}
    assert client.post("/accounts/login/", form, headers={"Host": began}).status_code == 302
    page = f"/t/{owner.tenant.slug}/gallery/"
    assert client.get(page, headers={"Host": began}).status_code == 200
    stolen = client.cookies["sessionid"].value
    thief = Client()
    thief.cookies["sessionid"] = stolen
    assert thief.get(page, headers={"Host": replayed}).url.startswith("/accounts/login/")
    assert client.get(page, headers={"Host": began}).status_code == 302


def test_a_link_that_was_opened_at_one_host_is_not_known_at_another(owner):
    client = Client()
    client.get(f"/t/{owner.tenant.slug}/join/no-such-token/", headers={"Host": WEB})
    assert client.session["doors"]
    client.get("/accounts/login/", headers={"Host": "localhost"})
    assert "doors" not in client.session


def test_no_other_tenant_is_named_there(owner):
    a_member(a_tenant(slug="second-home", name="Second home"), person=owner.person)
    for path in (f"/t/{owner.tenant.slug}/", "/accounts/"):
        assert "second-home" not in get(path, WEB, by=owner).content.decode()
        assert "second-home" in get(path, "localhost", by=owner).content.decode()


@pytest.mark.parametrize("name", hosts_served._MAIN_ONLY)
def test_what_is_kept_to_the_installation_exists_and_is_not_there(owner, name):
    operator = a_person(is_staff=True, is_superuser=True)
    assert get(reverse(name), WEB, by=operator).status_code == 404
    assert get(reverse(name), "localhost", by=operator).status_code == 200


# -- mails


@pytest.mark.parametrize("host", ["localhost", WEB])
def test_a_link_in_a_mail_leads_to_the_host_that_was_asked(owner, host):
    answer = Client().post("/accounts/password/reset/", {"email": owner.person.email}, headers={"Host": host})
    assert answer.status_code == 302
    assert set(re.findall(r"https?://([^/\s]+)", mail.outbox[0].body)) == {host}


def of_another_tenant(owner):
    a_member(person=owner.person)


def the_operator(owner):
    Person.objects.filter(pk=owner.person.pk).update(is_staff=True)


def under_another_address(owner):
    of_another_tenant(owner)
    EmailAddress.objects.create(user=owner.person, email="other@example.test", verified=True)


@pytest.mark.parametrize("who", [of_another_tenant, the_operator, under_another_address])
def test_no_tenants_host_learns_the_link_to_an_account_that_reaches_further(owner, settings, who):
    """The tenant says where its host leads: whoever follows the link shows it to the tenant."""
    settings.PUBLIC_URL = "https://main.example.test"
    who(owner)
    asked = "other@example.test" if who is under_another_address else owner.person.email
    Client().post("/accounts/password/reset/", {"email": asked}, headers={"Host": WEB})
    assert set(re.findall(r"https?://([^/\s]+)", mail.outbox[0].body)) == {"main.example.test"}


@pytest.mark.parametrize(("who", "host"), [(None, WEB), (of_another_tenant, "main.example.test")])
def test_a_notice_about_the_account_leads_where_its_owner_is_safe(owner, settings, who, host):
    settings.PUBLIC_URL = "http://main.example.test"
    if who:
        who(owner)
    form = {"oldpassword": PASSWORD, "password1": "another good phrase", "password2": "another good phrase"}
    assert a_client(owner).post("/accounts/password/change/", form, headers={"Host": WEB}).status_code == 302
    assert set(re.findall(r"https?://([^/\s]+)", mail.outbox[0].body)) == {host}


@pytest.mark.parametrize("host", ["evil.example.org", f"{WEB}.evil.org", f"evil.org/{WEB}", f"{WEB}@evil.org"])
def test_no_link_leads_to_a_host_that_somebody_made_up(owner, host):
    Client().post(
        "/accounts/password/reset/",
        {"email": owner.person.email},
        headers={"Host": host, "X-Forwarded-Host": host, "Origin": f"http://{host}"},
    )
    assert mail.outbox == []


@pytest.mark.parametrize("next_page", ["https://evil.example.org/", "//evil.example.org", f"https://{MEDIA}/"])
def test_sign_in_leads_to_no_other_host(owner, next_page):
    form = {"login": owner.person.email, "password": PASSWORD, "next": next_page}
    answer = Client().post("/accounts/login/", form, headers={"Host": WEB})
    assert (answer.status_code, answer.url) == (302, "/")


# -- a tenant's media host


@pytest.mark.parametrize("who", ["nobody", "owner"])
@pytest.mark.parametrize("method", ["get", "post", "head", "options"])
def test_a_media_host_has_no_page_at_all(owner, who, method):
    client = a_client(owner if who == "owner" else None)
    paths = [
        "/",
        "/accounts/login/",
        f"/t/{owner.tenant.slug}/",
        "/theme/",
        "/healthz",
        "/operator/",
        "/static/css/tokens.css",
    ]
    for path in [*paths, f"/t/{owner.tenant.slug}/gallery/", "/no", "/%00", "/t/../"]:
        answer = getattr(client, method)(path, headers={"Host": MEDIA})
        assert answer.status_code == 404, path
        assert answer.content in (NOTHING, b""), path
        assert not answer.cookies


# -- over the real way in


def test_the_web_servers_own_requests_are_judged_alike():
    assert issubclass(handler.Utf8Request, WSGIRequest)
    assert handler.Utf8Request.get_host is WSGIRequest.get_host


def test_https_is_asked_of_known_hosts_alone(owner, settings):
    settings.SECURE_SSL_REDIRECT = True
    assert is_nothing(get("/", "evil.example.org"))
    answer = get(f"/t/{owner.tenant.slug}/", WEB)
    assert (answer.status_code, answer.url) == (301, f"https://{WEB}/t/{owner.tenant.slug}/")
