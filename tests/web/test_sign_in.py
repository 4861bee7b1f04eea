import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.urls import reverse

from revidweb.web.account import AccountAdapter
from tests.makers import PASSWORD, a_client, a_member, a_person

pytestmark = pytest.mark.django_db

MISMATCH = "Address and password do not fit together."
TOO_MANY = "That was tried too often. Wait five minutes, or choose a new password."


def sign_in(email, password=PASSWORD, *, client=None, **more):
    return (client or a_client()).post("/accounts/login/", {"login": email, "password": password} | more)


def refusals(answer):
    return answer.context["form"].non_field_errors()


def is_in(client):
    return "_auth_user_id" in client.session


def test_a_person_signs_in_with_email_and_password():
    client = a_client()
    answer = sign_in(a_person(email="ada@example.test").email, client=client)
    assert (answer.status_code, answer.url) == (302, "/")
    assert is_in(client)


def test_the_address_is_the_same_in_any_case():
    a_person(email="ada@example.test")
    assert sign_in("ADA@Example.Test").status_code == 302


def test_signing_in_leads_back_to_the_page_that_was_asked_for():
    assert sign_in(a_person().email, next="/t/aurora/jobs/").url == "/t/aurora/jobs/"


@pytest.mark.parametrize("outside", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_signing_in_never_leads_outside(outside):
    assert sign_in(a_person().email, next=outside).url == "/"


def test_the_session_cookie_is_for_the_server_alone():
    cookie = sign_in(a_person().email).cookies["sessionid"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


def test_signing_in_starts_a_new_session():
    client = a_client()
    client.get("/accounts/login/")
    session = client.session
    session["planted"] = "yes"
    session.save()
    client.cookies["sessionid"] = planted = session.session_key
    sign_in(a_person().email, client=client)
    assert client.session.session_key != planted


def test_a_wrong_password_and_an_unknown_address_read_the_same():
    known, unknown = sign_in(a_person().email, "wrong"), sign_in("nobody@example.test", "wrong")
    assert refusals(known) == refusals(unknown) == [MISMATCH]


def test_someone_who_is_shut_out_does_not_come_in():
    client = a_client()
    person = a_person(is_active=False)
    sign_in(person.email, client=client)
    assert not is_in(client)


def test_the_sixth_guess_at_one_address_is_not_heard_even_when_right():
    person = a_person()
    for _guess in range(5):
        assert refusals(sign_in(person.email, "wrong")) == [MISMATCH]
    assert refusals(sign_in(person.email)) == [TOO_MANY]
    assert sign_in(a_person().email).status_code == 302


def test_another_host_or_port_in_the_head_widens_no_limit():
    person = a_person()
    for number in range(5):
        host = {"HTTP_HOST": f"testserver:{8000 + number}", "REMOTE_ADDR": f"198.51.100.{number}"}
        assert refusals(a_client().post("/accounts/login/", {"login": person.email, "password": "x"}, **host)) == [
            MISMATCH
        ]
    assert refusals(sign_in(person.email)) == [TOO_MANY]


def test_guesses_at_many_addresses_from_one_place_end():
    answers = [refusals(sign_in(f"person{number}@example.test", "wrong")) for number in range(11)]
    assert answers == [[MISMATCH]] * 10 + [[TOO_MANY]]


def test_signing_in_over_and_over_from_one_place_ends():
    person = a_person()
    assert {sign_in(person.email).status_code for _time in range(30)} == {302}
    assert sign_in(person.email).status_code == 429


def test_signing_out_needs_a_form():
    client = a_client(a_member())
    assert client.get("/accounts/logout/").status_code == 200
    assert is_in(client)
    answer = client.post("/accounts/logout/")
    assert (answer.status_code, answer.url) == (302, "/accounts/login/")
    assert not is_in(client)


def test_signing_out_needs_a_form_of_ours():
    client = a_client(a_member())
    client.handler.enforce_csrf_checks = True
    assert client.post("/accounts/logout/").status_code == 403
    assert is_in(client)


def test_a_forgotten_password_is_replaced_through_the_mailbox():
    person, client = a_person(), a_client()
    answer = client.post("/accounts/password/reset/", {"email": person.email})
    assert answer.url == "/accounts/password/reset/done/"
    form = client.get(reset_link(mail.outbox[0]), follow=True)
    here = form.redirect_chain[-1][0]
    answer = client.post(here, {"password1": "another long password", "password2": "another long password"})
    assert answer.url == "/accounts/password/reset/key/done/"
    assert sign_in(person.email, "another long password").status_code == 302
    assert refusals(sign_in(person.email)) == [MISMATCH]


def test_a_reset_link_works_once():
    person, client = a_person(), a_client()
    client.post("/accounts/password/reset/", {"email": person.email})
    link = reset_link(mail.outbox[0])
    here = client.get(link, follow=True).redirect_chain[-1][0]
    client.post(here, {"password1": "another long password", "password2": "another long password"})
    assert a_client().get(link).context["token_fail"]


def test_a_reset_link_is_good_for_two_hours(time_machine):
    person = a_person()
    time_machine.move_to(datetime.now(UTC))
    a_client().post("/accounts/password/reset/", {"email": person.email})
    link = reset_link(mail.outbox[0])
    time_machine.shift(timedelta(hours=1, minutes=59))
    assert a_client().get(link).status_code == 302
    time_machine.shift(timedelta(minutes=2))
    assert a_client().get(link).context["token_fail"]


def test_a_new_password_through_a_link_ends_every_session():
    member, client = a_member(), a_client()
    signed_in = a_client(member)
    client.post("/accounts/password/reset/", {"email": member.person.email})
    here = client.get(reset_link(mail.outbox[0]), follow=True).redirect_chain[-1][0]
    client.post(here, {"password1": "another long password", "password2": "another long password"})
    assert signed_in.get("/accounts/").url.startswith("/accounts/login/")


def test_two_new_passwords_that_differ_are_refused_at_the_second():
    client = a_client(a_member())
    change = {"oldpassword": PASSWORD, "password1": "another long password", "password2": "yet another password"}
    form = client.post("/accounts/password/change/", change).context["form"]
    assert form.errors == {"password2": ["This is not the same as above."]}


@pytest.mark.parametrize(
    ("page", "fields"),
    [
        ("login/", {"login": "Write your e-mail address.", "password": "Write your password."}),
        ("password/reset/", {"email": "Write your e-mail address."}),
    ],
)
def test_a_form_that_is_sent_empty_says_what_is_missing(page, fields):
    form = a_client().post(f"/accounts/{page}", {}).context["form"]
    assert form.errors == {name: [words] for name, words in fields.items()}


def test_a_reset_of_an_unknown_address_reads_the_same():
    answer = a_client().post("/accounts/password/reset/", {"email": "nobody@example.test"})
    assert answer.url == "/accounts/password/reset/done/"
    assert "/password/reset/key/" not in mail.outbox[0].body


def test_resets_for_one_address_end():
    person = a_person()
    codes = [a_client().post("/accounts/password/reset/", {"email": person.email}).status_code for _time in range(6)]
    assert codes == [302] * 5 + [429]
    assert len(mail.outbox) == 5


def test_a_password_is_changed_by_who_knows_it():
    member = a_member()
    client = a_client(member)
    change = {"password1": "another long password", "password2": "another long password"}
    refused = client.post("/accounts/password/change/", {"oldpassword": "wrong"} | change)
    assert refused.context["form"].errors["oldpassword"] == ["This is not your password."]
    done = client.post("/accounts/password/change/", {"oldpassword": PASSWORD} | change)
    assert (done.status_code, done.url) == (302, "/accounts/password/change/")
    assert is_in(client)
    member.person.refresh_from_db()
    assert member.person.check_password("another long password")


def test_a_changed_password_ends_other_sessions():
    member = a_member()
    here, elsewhere = a_client(member), a_client(member)
    change = {"password1": "another long password", "password2": "another long password"}
    here.post("/accounts/password/change/", {"oldpassword": PASSWORD} | change)
    assert elsewhere.get("/accounts/password/change/").url.startswith("/accounts/login/")


def test_changing_a_password_is_for_the_signed_in():
    answer = a_client().get("/accounts/password/change/")
    assert answer.url == "/accounts/login/?next=/accounts/password/change/"


def test_somebody_signed_in_passes_the_sign_in_page_by():
    assert a_client(a_member()).get("/accounts/login/").url == "/"


def test_nobody_is_led_from_home_to_sign_in():
    assert a_client().get("/").url == "/accounts/login/?next=/"


def test_home_leads_to_the_tenant_that_the_person_joined_first():
    first = a_member()
    a_member(person=first.person)
    assert a_client(first).get("/").url == reverse("overview", args=[first.tenant.slug])


def test_home_tells_someone_without_a_tenant_so():
    answer = a_client(a_person()).get("/")
    assert answer.status_code == 200
    assert "not a member of any tenant" in answer.content.decode()


def test_home_is_only_for_reading():
    assert a_client().post("/").status_code == 405


@pytest.mark.parametrize(
    "page",
    ["password/set/", "reauthenticate/", "login/code/confirm/", "3rdparty/", "2fa/", "two-factor/codes/download/"],
)
def test_account_pages_that_the_house_does_not_offer_are_not_there(page):
    assert a_client(a_member()).get(f"/accounts/{page}").status_code == 404


def reset_link(message):
    return re.search(r"https?://[^/]+(/accounts/password/reset/key/\S+)", message.body)[1]


# -- whose limits


@pytest.mark.parametrize(
    ("proxies", "count", "counted"),
    [
        (["10.0.0.0/8"], 1, "203.0.113.7"),  # through both of ours
        ([], 1, "10.0.0.2"),  # one is taken for granted
        ([], 0, "10.0.0.1"),
    ],
)
def test_limits_count_who_asks_through_the_proxies_that_are_named(rf, settings, proxies, count, counted):
    settings.TRUSTED_PROXIES, settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies, count
    request = rf.get("/", REMOTE_ADDR="10.0.0.1", headers={"X-Forwarded-For": "198.51.100.1, 203.0.113.7, 10.0.0.2"})
    assert AccountAdapter(request).get_client_ip(request) == counted
