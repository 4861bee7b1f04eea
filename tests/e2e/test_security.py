"""Passkeys and codes in a real browser, with an authenticator that answers as a finger on a sensor would."""

import re
import time

import pytest
from allauth.mfa.totp.internal import auth as totp

from tests.processes import Processes
from tests.visitor import Visitor

pytestmark = pytest.mark.browser

PASSWORD = "a long password"
PERSON = """
from allauth.account.models import EmailAddress
from revidweb.accounts.models import Person
from revidweb.catalog import founding
person = Person.objects.create_user("{email}", "{password}", name="Ada")
EmailAddress.objects.create(user=person, email=person.email, verified=True, primary=True)
founding.found(person, name="Ada")
"""
SENSOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def a_person(house: Processes, name: str) -> str:
    """The address of somebody new."""
    email = f"{name}@example.test"
    house.manage("shell", "-c", PERSON.format(email=email, password=PASSWORD))
    return email


def sign_in(page, email):
    page.goto("/accounts/login/")
    page.fill("[name=login]", email)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")


def show_again(page):
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")


def is_at(page, path):
    page.wait_for_function(f"() => location.pathname.startsWith('{path}')")
    return True


@pytest.fixture
def sensor(window):
    """A window with an authenticator, and the means to take it away."""
    seen = window()
    session = seen.page.context.new_cdp_session(seen.page)
    session.send("WebAuthn.enable")
    number = session.send("WebAuthn.addVirtualAuthenticator", {"options": SENSOR})["authenticatorId"]

    def verified(yes):
        session.send("WebAuthn.setUserVerified", {"authenticatorId": number, "isUserVerified": yes})

    seen.verified = verified
    return seen


def test_a_passkey_is_added_and_signs_in_alone(house, sensor):
    email, page = a_person(house, "passkey"), sensor.page
    sign_in(page, email)
    assert is_at(page, "/t/")
    page.goto("/accounts/passkeys/")
    page.click("text=Add a passkey")
    show_again(page)
    assert is_at(page, "/accounts/passkeys/add/")
    page.fill("[name=name]", "This computer")
    page.click("text=Add the passkey")
    assert is_at(page, "/accounts/two-factor/codes/")
    assert len(re.findall(r"\b\d{8}\b", page.inner_text("#recovery-codes"))) == 10
    page.goto("/accounts/passkeys/")
    assert page.is_visible("text=This computer")

    page.context.clear_cookies()
    page.goto("/accounts/login/?next=/accounts/sessions/")
    page.click("text=Sign in with a passkey")
    assert is_at(page, "/accounts/sessions/")

    page.context.clear_cookies()
    sign_in(page, email)
    assert is_at(page, "/accounts/login/second-step/")
    page.click("text=Use a passkey")
    assert is_at(page, "/t/")

    page.goto("/accounts/again/passkey/?next=/accounts/sessions/")
    page.click("text=Use a passkey")
    assert is_at(page, "/accounts/sessions/")
    assert page.is_visible("text=Chrome on Linux")
    assert sensor.said == []


GUARDED = [
    *("two-factor/", "two-factor/codes/new/", "two-factor/app/", "passkeys/", "passkeys/add/"),
    *("again/passkey/?next=/accounts/", "again/code/?next=/accounts/", "again/?next=/accounts/", "sessions/"),
]


def test_the_pages_of_a_guarded_account_are_sound(house, sensor):
    """Those that only somebody with a second factor meets, at three widths and in both themes."""
    page = sensor.page
    sign_in(page, a_person(house, "sound"))
    assert is_at(page, "/t/")
    page.goto("/accounts/passkeys/add/")
    show_again(page)
    assert is_at(page, "/accounts/passkeys/add/")
    page.click("text=Add the passkey")
    assert is_at(page, "/accounts/two-factor/codes/")
    wrong = faults(sensor, house, "/accounts/two-factor/codes/")  # the codes themselves stood there a moment ago
    for path in GUARDED:
        wrong += faults(sensor, house, f"/accounts/{path}")
    assert wrong == []


def faults(seen, house, path):
    found = []
    for width, theme in ((1440, "light"), (1024, "dark"), (390, "light"), (390, "dark")):
        seen.page.context.add_cookies([{"name": "theme", "value": theme, "url": house.url}])
        seen.page.set_viewport_size({"width": width, "height": 900})
        seen.go(path)
        wrong = [*seen.barriers(), *seen.said, *seen.shifts()]
        wrong += ["wider than the window"] * seen.is_wider_than_its_window()
        found += [f"{path} {width} {theme}: {one}" for one in wrong]
    return found


def test_a_refused_finger_is_told_and_may_try_again(house, sensor):
    email, page = a_person(house, "finger"), sensor.page
    sign_in(page, email)
    assert is_at(page, "/t/")
    page.goto("/accounts/passkeys/add/")
    show_again(page)
    assert is_at(page, "/accounts/passkeys/add/")
    sensor.verified(False)
    page.click("text=Add the passkey")
    page.wait_for_selector("[data-passkey-says]:visible")
    assert page.inner_text("[data-passkey-says]") == "No passkey was given. Try again, or take another way."
    sensor.verified(True)
    page.click("text=Add the passkey")
    assert is_at(page, "/accounts/two-factor/codes/")
    assert sensor.said == []


def test_where_passkeys_are_not_possible_the_page_says_why(window, house):
    seen = window(java_script_enabled=True)
    seen.page.goto(house.url.replace("localhost", "127.0.0.1") + "/accounts/login/")
    seen.page.click("text=Sign in with a passkey")
    seen.page.wait_for_selector("[data-passkey-says]:visible")
    assert "https or localhost" in seen.page.inner_text("[data-passkey-says]")
    assert seen.said == []


def test_without_scripts_a_passkey_is_refused_in_words(window):
    page = window(java_script_enabled=False).page
    page.goto("/accounts/login/")
    page.click("text=Sign in with a passkey")
    assert "It needs JavaScript" in page.inner_text("body")


def test_an_app_is_set_up_by_keyboard_and_asked_for(house, window):
    seen = window()
    email, page = a_person(house, "app"), seen.page
    sign_in(page, email)
    assert is_at(page, "/t/")
    page.goto("/accounts/two-factor/app/")
    show_again(page)
    assert is_at(page, "/accounts/two-factor/app/")
    secret = page.inner_text("#totp-secret").strip()
    assert page.evaluate("document.querySelector('.qr img').naturalWidth") > 0
    page.keyboard.type(code_of(secret))  # the field has the focus
    page.keyboard.press("Enter")
    assert is_at(page, "/accounts/two-factor/codes/")
    page.context.clear_cookies()
    sign_in(page, email)
    assert is_at(page, "/accounts/login/second-step/")
    page.keyboard.type(code_of(secret, steps=1))
    page.keyboard.press("Enter")
    assert is_at(page, "/t/")
    assert seen.said == []


def code_of(secret, *, steps=0):
    return totp.format_hotp_value(totp.hotp_value(secret, int(time.time()) // 30 + steps))


def test_guesses_end_whichever_process_hears_them(house):
    email = a_person(house, "guessed")
    answers = [guess(house, email, "wrong") for _time in range(5)]
    assert all("do not fit together" in answer.text for answer in answers)
    assert "tried too often" in guess(house, email, PASSWORD).text


def guess(house, email, password):
    """Somebody new each time: no cookie, and a connection of its own, which any of the web processes may take."""
    visitor = Visitor(house.url, "")
    visitor.get("/accounts/login/")
    visitor.session.close()
    return visitor.post("/accounts/login/", login=email, password=password)


def test_signing_out_everywhere_reaches_the_other_window(house, window):
    email = a_person(house, "everywhere")
    here, there = window().page, window(width=390).page
    for page in (here, there):
        sign_in(page, email)
        assert is_at(page, "/t/")
    here.goto("/accounts/sessions/")
    here.click("text=Sign out everywhere else")
    here.wait_for_selector("text=You are signed in nowhere else.")
    there.reload()
    assert is_at(there, "/accounts/login/")
