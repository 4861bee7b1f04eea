"""Where a person is signed in, and how that ends."""

import pytest
from allauth.usersessions.models import UserSession

from revidweb.web import sessions
from tests.makers import PASSWORD, a_client, a_member, a_person

from .test_sign_in import is_in, sign_in

pytestmark = pytest.mark.django_db

PAGE = "/accounts/sessions/"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.5 Mobile/15E148 Safari/604.1"
)


@pytest.fixture
def person():
    return a_member().person


def a_browser(person, *, agent=CHROME, address="192.0.2.7"):
    """Somebody who signs in with their password."""
    client = a_client()
    client.defaults |= {"HTTP_USER_AGENT": agent, "REMOTE_ADDR": address}
    sign_in(person.email, client=client)
    assert is_in(client)
    return client


def is_refused(client):
    return client.get(PAGE).status_code == 302


def rows(person):
    return UserSession.objects.filter(user=person)


def test_sessions_are_listed_with_browser_and_address(person):
    here = a_browser(person)
    a_browser(person, agent=IPHONE, address="2001:db8::7")
    page = here.get(PAGE).content.decode()
    for word in ("Chrome on Linux", "192.0.2.7", "Safari on iPhone", "2001:db8::7", "This one"):
        assert word in page
    assert page.index("Chrome on Linux") < page.index("Safari on iPhone")


def test_sessions_of_others_are_not_listed(person):
    a_browser(a_person(), agent=IPHONE)
    assert "iPhone" not in a_browser(person).get(PAGE).content.decode()


def test_one_session_is_ended_and_refused_at_its_next_request(person):
    here, there, third = a_browser(person), a_browser(person, agent=IPHONE), a_browser(person)
    row = rows(person).get(user_agent=IPHONE)
    assert here.post(f"{PAGE}{row.pk}/end/").url == PAGE
    assert is_refused(there)
    assert not is_refused(third)
    assert not is_refused(here)


def test_signing_out_everywhere_else_ends_all_others_at_once(person):
    here, *others = [a_browser(person) for _time in range(4)]
    stranger = a_browser(a_person())
    assert here.post(PAGE).url == PAGE
    assert [is_refused(other) for other in others] == [True] * 3
    assert not is_refused(here)
    assert not is_refused(stranger)
    assert rows(person).count() == 1


def test_the_same_twice_changes_nothing_more(person):
    here = a_browser(person)
    row = rows(person).get()
    a_browser(person)
    for _time in range(2):
        assert here.post(PAGE).status_code == 302
    assert list(rows(person)) == [row]


def test_ending_ones_own_session_is_signing_out(person):
    here = a_browser(person)
    assert here.post(f"{PAGE}{rows(person).get().pk}/end/").url == "/accounts/login/"
    assert is_refused(here)


def test_somebody_elses_session_is_not_found(person):
    other = a_person()
    theirs = a_browser(other)
    here = a_browser(person)
    assert here.post(f"{PAGE}{rows(other).get().pk}/end/").status_code == 404
    assert here.post(f"{PAGE}999999999999999999999/end/").status_code == 404
    assert not is_refused(theirs)


def test_ending_is_by_form_alone(person):
    here = a_browser(person)
    assert here.get(f"{PAGE}{rows(person).get().pk}/end/").status_code == 405
    assert here.put(PAGE).status_code == 405


def test_a_changed_password_ends_the_others_and_keeps_this_one(person):
    here, there = a_browser(person), a_browser(person)
    new = {"password1": "another long password", "password2": "another long password"}
    here.post("/accounts/password/change/", {"oldpassword": PASSWORD} | new)
    assert is_refused(there)
    assert not is_refused(here)
    assert here.get(PAGE).context["sessions"] == [rows(person).get()]


def test_a_person_who_is_switched_off_is_out_at_once(person):
    here = a_browser(person)
    person.is_active = False
    person.save()
    assert is_refused(here)


def test_a_session_is_written_down_again_after_five_minutes_not_before(person, monkeypatch):
    here = a_browser(person)
    before = rows(person).get().last_seen_at
    here.get("/")
    here.get("/")
    assert rows(person).get().last_seen_at == before
    monkeypatch.setattr(sessions, "SEEN_EVERY_S", 0)
    here.get("/")
    assert rows(person).get().last_seen_at > before


def test_a_session_that_moves_to_another_place_is_written_down_at_once(person):
    here = a_browser(person)
    here.get("/")
    here.get("/", REMOTE_ADDR="198.51.100.4")
    assert rows(person).get().ip == "198.51.100.4"


def test_a_session_from_before_sessions_were_written_down_is_listed_where_it_is_used(person):
    assert "This one" in a_client(person).get(PAGE).content.decode()


def test_notes_of_sessions_stay_few(monkeypatch):
    monkeypatch.setattr(sessions, "_noted", {})
    monkeypatch.setattr(sessions, "_MOST_NOTED", 10)
    for number in range(100):
        sessions._is_due(f"session-{number}", "somewhere")
    assert len(sessions._noted) <= 10


MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/"
WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)


@pytest.mark.parametrize(
    ("agent", "named"),
    [
        (CHROME, "Chrome on Linux"),
        (IPHONE, "Safari on iPhone"),
        (f"{WINDOWS} Edg/140.0.0.0", "Edge on Windows"),
        (f"{WINDOWS} OPR/120.0.0.0", "Opera on Windows"),
        (f"{MAC}605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15", "Safari on macOS"),
        ("Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0", "Firefox on Android"),
        (CHROME.replace("X11; Linux x86_64", "X11; CrOS x86_64 14541.0.0"), "Chrome on ChromeOS"),
        (CHROME.replace("Chrome/", "HeadlessChrome/"), "Chrome on Linux"),
        ("curl/8.5.0", "curl"),
        ("python-requests/2.32.5", "python-requests"),
        ("Something else", "Unknown browser"),
        ("", "Unknown browser"),
        ("<script>alert(1)</script>", "Unknown browser"),
    ],
)
def test_a_browser_is_named_as_people_name_it(agent, named):
    assert sessions.browser_of(agent) == named


def test_telephones_are_told_from_computers():
    assert sessions.is_handheld(IPHONE)
    assert not sessions.is_handheld(CHROME)
