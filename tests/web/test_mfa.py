"""The second factors: an app's codes, recovery codes, passkeys, and what is asked before any of them changes."""

import base64
import io
import json
import re
import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.contrib import admin
from django.contrib.sessions.models import Session
from django.core import mail, signing
from django.core.management import CommandError, call_command

from revidweb.trail import trail
from tests.makers import PASSWORD, a_client, a_member, a_person

from .test_sign_in import is_in, sign_in

pytestmark = pytest.mark.django_db

WRONG = "This code is not right, or was used already. Write the newest one."
APP, OFF, CODES = "/accounts/two-factor/app/", "/accounts/two-factor/app/off/", "/accounts/two-factor/codes/"
STEP, AGAIN = "/accounts/login/second-step/", "/accounts/again/"
NOT_CONFIRMED = "This passkey could not be confirmed. Try again, or take another way."


def code_of(secret, *, steps=0):
    """What the app shows now, or some half minutes later."""
    return totp.format_hotp_value(totp.hotp_value(secret, int(time.time()) // 30 + steps))


def again(client, way="", **shown):
    return client.post(f"{AGAIN}{way}", shown or {"password": PASSWORD})


def secret_on(page):
    return re.search(r'id="totp-secret">([A-Z2-7]{32})<', page.content.decode())[1]


def an_app_of(client):
    """Turn an app on; its secret, and the recovery codes that were shown."""
    again(client)
    secret = secret_on(client.get(APP))
    answer = client.post(APP, {"code": code_of(secret)})
    assert (answer.status_code, answer.url) == (302, CODES)
    return secret, codes_on(client.get(CODES))


def codes_on(page):
    return re.findall(r"\b\d{8}\b", page.content.decode())


@pytest.fixture
def person():
    return a_person(email="ada@example.test")


@pytest.fixture
def app(person):
    """The secret of the person's app, and their recovery codes; the limits are fresh again."""
    secret, codes = an_app_of(a_client(person))
    mail.outbox.clear()
    return secret, codes


@pytest.fixture
def at_the_door(person, app):
    """A browser in which the password was right."""
    client = a_client()
    answer = sign_in(person.email, client=client)
    assert (answer.status_code, answer.url) == (302, STEP)
    return client


@pytest.mark.django_db(transaction=True)  # the mail goes out when the change stands
def test_an_app_is_set_up_with_its_first_code(person):
    client = a_client(person)
    again(client)
    page = client.get(APP)
    secret = secret_on(page)
    picture = re.search(r'src="data:image/svg\+xml;base64,([^"]+)"', page.content.decode())[1]
    assert b"<svg" in base64.b64decode(picture)
    refused = client.post(APP, {"code": "000000"})
    assert refused.context["form"].errors["code"] == [WRONG]
    assert secret_on(refused) == secret
    assert client.post(APP, {"code": code_of(secret)}).url == CODES
    assert [message.subject for message in mail.outbox] == ["An authenticator app is set up"]


def test_a_code_typed_with_a_space_and_half_a_minute_late_is_right(person):
    client = a_client(person)
    again(client)
    code = code_of(secret_on(client.get(APP)), steps=-1)
    assert client.post(APP, {"code": f"{code[:3]} {code[3:]}"}).status_code == 302


def test_recovery_codes_are_shown_once(person):
    client = a_client(person)
    _secret, codes = an_app_of(client)
    assert len(set(codes)) == 10
    page = client.get(CODES)
    assert codes_on(page) == []
    assert "The codes were shown once" in page.content.decode()


def test_signing_in_asks_for_a_code(app, at_the_door):
    assert not is_in(at_the_door)
    assert at_the_door.get("/").url.startswith("/accounts/login/")
    answer = at_the_door.post(STEP, {"code": code_of(app[0])})
    assert (answer.status_code, answer.url) == (302, "/")
    assert is_in(at_the_door)


def test_the_second_step_leads_to_the_page_that_was_asked_for(person, app):
    client = a_client()
    sign_in(person.email, client=client, next="/t/aurora/jobs/")
    assert client.post(STEP, {"code": code_of(app[0])}).url == "/t/aurora/jobs/"


def test_the_second_step_starts_a_new_session(app, at_the_door):
    before = at_the_door.session.session_key
    at_the_door.post(STEP, {"code": code_of(app[0])})
    assert at_the_door.session.session_key != before


def test_a_wrong_code_lets_nobody_in(at_the_door):
    answer = at_the_door.post(STEP, {"code": "000000"})
    assert answer.context["form"].errors["code"] == [WRONG]
    assert not is_in(at_the_door)


def test_a_code_opens_once_for_as_long_as_it_is_good(person, app, at_the_door):
    code = code_of(app[0])
    at_the_door.post(STEP, {"code": code})
    assert is_in(at_the_door)
    thief = a_client()
    sign_in(person.email, client=thief)
    for same in (code, f"{code[:3]} {code[3:]}"):
        assert thief.post(STEP, {"code": same}).context["form"].errors["code"] == [WRONG]
    assert not is_in(thief)


def test_a_recovery_code_opens_once(person, app, at_the_door):
    at_the_door.post(STEP, {"code": app[1][0]})
    assert is_in(at_the_door)
    other = a_client()
    sign_in(person.email, client=other)
    other.post(STEP, {"code": app[1][0]})
    assert not is_in(other)
    other.post(STEP, {"code": app[1][1]})
    assert is_in(other)


def test_guesses_of_codes_end_for_the_account_not_for_the_place(person, app):
    secret, _codes = app
    for number in range(5):
        client = a_client()
        sign_in(person.email, client=client, REMOTE_ADDR=f"198.51.100.{number}")
        client.post(STEP, {"code": "000000"})
    client = a_client()
    sign_in(person.email, client=client)
    client.post(STEP, {"code": code_of(secret)}, REMOTE_ADDR="203.0.113.9")
    assert not is_in(client)


def test_without_the_password_there_is_no_second_step():
    assert a_client().get(STEP).url == "/accounts/login/"
    assert a_client().post(STEP, {"code": "000000"}).url == "/accounts/login/"


def test_somebody_else_may_sign_in_instead(at_the_door):
    at_the_door.post("/accounts/logout/")
    assert at_the_door.get("/accounts/login/").status_code == 200


def test_a_new_password_by_mail_does_not_pass_the_second_step_by(person, app):
    client = a_client()
    client.post("/accounts/password/reset/", {"email": person.email})
    link = re.search(r"https?://[^/]+(/accounts/password/reset/key/\S+)", mail.outbox[0].body)[1]
    here = client.get(link, follow=True).redirect_chain[-1][0]
    client.post(here, {"password1": "another long password", "password2": "another long password"})
    assert not is_in(client)
    assert sign_in(person.email, "another long password", client=client).url == STEP


@pytest.mark.parametrize("path", [OFF, f"{CODES}new/", "/accounts/passkeys/add/"])
def test_what_changes_the_way_in_asks_for_the_password_again(person, app, path):
    client = a_client(person)
    assert client.get(path).url.startswith(AGAIN)
    assert client.post(path).url.startswith(AGAIN)
    assert Authenticator.objects.filter(user=person).count() == 2


def test_recovery_codes_are_shown_to_whom_shows_the_password_again(person, app):
    assert a_client(person).get(CODES).url.startswith(AGAIN)


def test_a_new_address_asks_for_the_password_again(person):
    client = a_client(person)
    answer = client.post("/accounts/email/", {"email": "more@example.test", "action_add": "yes"})
    assert answer.url == f"{AGAIN}?next=%2Faccounts%2Femail%2F"
    assert not person.emailaddress_set.filter(email="more@example.test").exists()
    answer = client.post(AGAIN, {"password": PASSWORD, "next": "/accounts/email/"})
    assert (answer.status_code, answer.url) == (302, "/accounts/email/")
    assert person.emailaddress_set.filter(email="more@example.test").exists()


def test_the_wrong_password_again_is_none(person):
    client = a_client(person)
    assert again(client, password="wrong").context["form"].errors["password"] == ["This is not your password."]
    assert client.get(APP).url.startswith(AGAIN)


def test_a_code_shows_as_well_that_it_is_you(person, app):
    client = a_client(person)
    answer = client.post(f"{AGAIN}code/", {"code": code_of(app[0]), "next": OFF})
    assert (answer.status_code, answer.url) == (302, OFF)
    assert client.get(OFF).status_code == 200


def test_an_app_is_turned_off_and_its_recovery_codes_with_it(person, app):
    client = a_client(person)
    again(client)
    assert client.post(OFF).url == "/accounts/two-factor/"
    assert not Authenticator.objects.filter(user=person).exists()
    assert [message.subject for message in mail.outbox] == ["The authenticator app is turned off"]
    assert sign_in(person.email).url == "/"


@pytest.mark.django_db(transaction=True)
def test_new_recovery_codes_end_the_old_ones(person, app):
    client = a_client(person)
    again(client)
    assert client.post(f"{CODES}new/").url == CODES
    fresh = codes_on(client.get(CODES))
    assert len(fresh) == 10
    assert set(fresh).isdisjoint(app[1])
    assert [message.subject for message in mail.outbox] == ["New recovery codes are made"]


def test_there_are_no_recovery_codes_without_a_factor(person):
    client = a_client(person)
    again(client)
    assert client.get(CODES).status_code == 404
    assert client.post(f"{CODES}new/").status_code == 200
    assert not Authenticator.objects.exists()


def test_a_copy_of_the_database_holds_no_secret(person, app, capsys):
    secret, codes = app
    call_command("dumpdata")
    dump = capsys.readouterr().out
    assert "totp" in dump
    assert [word for word in (secret, *codes) if word in dump] == []


def test_a_secret_that_waits_for_its_first_code_is_sealed_too(person):
    client = a_client(person)
    again(client)
    secret = secret_on(client.get(APP))
    assert client.session["mfa.totp.secret"] == secret
    kept = Session.objects.get(pk=client.session.session_key).session_data
    assert [word for word in (secret, base64.b64encode(secret.encode()).decode()[:-4]) if word in kept] == []
    with pytest.raises(ValueError):
        signing.loads(kept, salt=client.session.key_salt)


def test_a_first_code_without_its_page_sets_nothing_up(person):
    client = a_client(person)
    again(client)
    assert client.post(APP, {"code": "123456"}).status_code == 200
    assert not Authenticator.objects.exists()


def test_two_factors_do_not_stop_a_further_address(person, app):
    client = a_client(person)
    again(client)
    client.post("/accounts/email/", {"email": "more@example.test", "action_add": "yes"})
    assert person.emailaddress_set.filter(email="more@example.test", verified=False).exists()


def test_the_operators_pages_are_behind_the_same_door(person, app):
    """The admin's own sign-in form would let a password alone in."""
    person.is_staff = person.is_superuser = True
    person.save()
    client = a_client()
    answer = client.post("/operator/login/", {"username": person.email, "password": PASSWORD})
    assert answer.url.startswith("/accounts/login/")
    assert sign_in(person.email, client=client, next="/operator/").url == STEP
    assert client.get("/operator/").url.startswith("/accounts/login/")
    assert client.post(STEP, {"code": code_of(app[0])}).url == "/operator/"
    assert client.get("/operator/").status_code == 200


def test_the_operator_sees_no_table_that_holds_secrets():
    shown = {model._meta.label for model in admin.site._registry}
    assert shown.isdisjoint({"mfa.Authenticator", "usersessions.UserSession", "sessions.Session"})
    assert not any("credential" in label.lower() for label in shown)


def test_the_operator_lets_in_who_lost_every_factor(person, app, at_the_door):
    at_the_door.post(STEP, {"code": app[1][0]})
    for words in ("2 dropped", "has no second factor"):
        told = io.StringIO()
        call_command("drop_factors", "ADA@example.test", stdout=told)
        assert words in told.getvalue()
    assert not is_in(at_the_door)
    assert sign_in(person.email).url == "/"
    assert [row.what for row in trail.of(person.reference)] == ["person.factors_dropped"]
    with pytest.raises(CommandError, match="Nobody has an account"):
        call_command("drop_factors", "nobody@example.test")


# -- passkeys: the browser's part is played in tests/e2e/test_security.py --------------------------------------------

NONSENSE = [
    *("", "null", "{}", "[]", '"x"', "7", "{", '{"id": 7}', '{"response": 5}'),
    '{"id": "AA", "rawId": "AA", "type": "public-key", "response": {}}',
    '{"id": "AA", "rawId": "AA", "type": "public-key", "response": {"userHandle": null, "clientDataJSON": "AA"}}',
    json.dumps(
        {
            "id": "AA",
            "rawId": "AA",
            "type": "public-key",
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": base64.urlsafe_b64encode(
                    b'{"type": "webauthn.get", "challenge": "AA", "origin": "http://localhost"}'
                ).decode(),
                "authenticatorData": "A" * 60,
                "signature": "AA",
                "userHandle": base64.urlsafe_b64encode(b"9" * 40).decode(),
                "attestationObject": "AA",
            },
        }
    ),
]


@pytest.mark.parametrize("credential", NONSENSE)
def test_a_passkey_that_is_none_lets_nobody_in(credential):
    client = a_client()
    asked = client.get("/accounts/login/passkey/", headers={"Accept": "application/json"}).json()
    assert asked["request_options"]["publicKey"]["userVerification"] == "required"
    answer = client.post("/accounts/login/passkey/", {"credential": credential})
    assert (answer.status_code, answer.url) == (302, "/accounts/login/")
    assert not is_in(client)
    assert "alert" in client.get("/accounts/login/").content.decode()


@pytest.mark.parametrize("credential", NONSENSE)
def test_a_passkey_that_is_none_is_not_added(person, credential):
    client = a_client(person)
    again(client)
    client.get("/accounts/passkeys/add/")
    answer = client.post("/accounts/passkeys/add/", {"name": "Mine", "credential": credential})
    assert answer.status_code == 200
    assert answer.context["form"].errors
    assert not Authenticator.objects.exists()


@pytest.mark.parametrize("credential", NONSENSE)
def test_a_passkey_that_is_none_is_no_second_step(app, at_the_door, credential):
    at_the_door.get(STEP)
    answer = at_the_door.post(STEP, {"credential": credential})
    assert answer.status_code == 200
    assert answer.context["webauthn_form"].errors
    assert not is_in(at_the_door)


def test_a_new_passkey_is_asked_to_sign_in_by_itself(person):
    client = a_client(person)
    again(client)
    asked = client.get("/accounts/passkeys/add/").context["js_data"]["creation_options"]["publicKey"]
    wanted = asked["authenticatorSelection"]
    assert (wanted["residentKey"], wanted["userVerification"]) == ("required", "required")
    assert asked["rp"]["id"] == "testserver"


def test_guesses_with_passkeys_from_one_place_end():
    codes = [a_client().post("/accounts/login/passkey/", {"credential": "{}"}).status_code for _time in range(11)]
    assert codes == [302] * 10 + [429]


def test_somebody_elses_passkey_is_not_found(person):
    theirs = Authenticator.objects.create(user=a_person(), type="webauthn", data={"name": "Theirs", "credential": {}})
    client = a_client(person)
    again(client)
    for deed in ("rename", "remove"):
        assert client.get(f"/accounts/passkeys/{theirs.pk}/{deed}/").status_code == 404
        assert client.post(f"/accounts/passkeys/{theirs.pk}/{deed}/", {"name": "Mine"}).status_code == 404
    assert Authenticator.objects.filter(pk=theirs.pk, data__name="Theirs").exists()


def test_a_passkey_is_renamed_and_removed(person):
    mine = Authenticator.objects.create(user=person, type="webauthn", data={"name": "Passkey 1", "credential": {}})
    client = a_client(person)
    again(client)
    here = f"/accounts/passkeys/{mine.pk}"
    assert client.post(f"{here}/rename/", {"name": ""}).context["form"].errors["name"] == ["Give the passkey a name."]
    assert client.post(f"{here}/rename/", {"name": "x" * 61}).context["form"].errors["name"]
    assert client.post(f"{here}/rename/", {"name": "Telephone"}).url == "/accounts/passkeys/"
    assert "Telephone" in client.get("/accounts/passkeys/").content.decode()
    assert client.post(f"{here}/remove/").url == "/accounts/passkeys/"
    assert not Authenticator.objects.exists()
    assert mail.outbox[-1].subject == "A passkey is removed"


# -- the area --------------------------------------------------------------------------------------------------------

PAGES = ["", "email/", "password/change/", "two-factor/", "passkeys/", "sessions/"]


@pytest.mark.parametrize("page", PAGES)
def test_the_area_is_for_the_signed_in(page):
    assert a_client().get(f"/accounts/{page}").url == f"/accounts/login/?next=/accounts/{page}"


@pytest.mark.parametrize("page", PAGES)
def test_each_page_leads_to_the_others_and_back_to_the_tenants(page):
    member = a_member()
    text = a_client(member).get(f"/accounts/{page}").content.decode()
    for other in PAGES:
        assert f'href="/accounts/{other}"' in text
    assert re.findall(r'href="([^"]+)" aria-current="page"', text) == [f"/accounts/{page}"]
    assert f'href="/t/{member.tenant.slug}/"' in text


@pytest.mark.parametrize("page", [*PAGES, "login/", "two-factor/app/"])
def test_nobody_keeps_an_account_page(page):
    client = a_client() if page == "login/" else a_client(a_person())
    if page == "two-factor/app/":
        again(client)
    answer = client.get(f"/accounts/{page}")
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]


def test_a_person_is_renamed(person):
    client = a_client(person)
    assert client.post("/accounts/", {"name": "Ada Lovelace"}).url == "/accounts/"
    person.refresh_from_db()
    assert person.name == "Ada Lovelace"


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "a\0b"])
def test_a_name_that_is_none_is_refused(person, name):
    answer = a_client(person).post("/accounts/", {"name": name})
    assert answer.status_code == 422
    assert answer.context["form"].errors["name"]
