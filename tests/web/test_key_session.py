"""In with nothing but a key: at its door, for as long as it is good, beside a person's own session, and out again."""

import re
from collections.abc import Iterator

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from revidweb.accounts import hosts
from revidweb.accounts.actors import Actor
from revidweb.accounts.models import Host, HostState
from revidweb.jobs.models import Job
from revidweb.keys import budgets, issuing
from revidweb.keys.issuing import Issued
from revidweb.keys.models import ApiKey, KeyKind
from tests import makers
from tests.keys.makers import a_key
from tests.library.makers import a_job, an_output

from .key_sessions import DOOR, a_key_client, has_session, page

pytestmark = pytest.mark.django_db

ORDER = {"prompt": "Paper boats at dusk", "model": "image-4.0", "count": "1", "token": "form-1"}
UNKNOWN = "Nothing here opens with this key."


def said(answer) -> str:
    return re.sub(r"\s+", " ", answer.content.decode())


@pytest.fixture
def shared(user: Actor) -> Issued:
    return a_key(user.member, name="Bot")


@pytest.fixture
def budgeted(user: Actor) -> Issued:
    return a_key(user.member, kind=KeyKind.BUDGETED, credits=50, name="Campaign")


# -- in


def test_a_key_lets_in_to_create(shared):
    client = Client()
    answer = client.post(DOOR, {"key": shared.secret})
    assert (answer.status_code, answer["Location"]) == (302, "/key/create/image/")
    assert client.get(answer["Location"]).status_code == 200
    assert client.get(DOOR)["Location"] == "/key/create/image/"


def test_blanks_around_a_pasted_key_do_no_harm(shared):
    assert has_session(a_key_client(f" {shared.secret}\n"))


def test_the_cookie_is_for_these_pages_alone_and_tells_nothing(shared):
    cookie = a_key_client(shared.secret).cookies["keysession"]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == (DOOR, True, "Lax")
    assert shared.secret not in cookie.value
    kept = Session.objects.get(session_key=cookie.value).get_decoded()
    assert shared.secret not in str(kept)
    assert shared.secret[-8:] not in str(kept)


def test_with_tls_no_page_without_it_can_set_the_cookie(shared, settings):
    settings.SESSION_COOKIE_SECURE = True
    cookie = a_key_client(shared.secret).cookies["__Secure-keysession"]
    assert cookie["secure"]


def test_one_comes_back_to_the_page_that_was_asked_for(shared):
    client = Client()
    door = client.get("/key/jobs/?state=done")["Location"]
    assert door == "/key/?next=/key/jobs/%3Fstate%3Ddone"
    assert 'name="next" value="/key/jobs/?state=done"' in said(client.get(door))
    answer = client.post(DOOR, {"key": shared.secret, "next": "/key/jobs/?state=done"})
    assert answer["Location"] == "/key/jobs/?state=done"
    assert client.get(door)["Location"] == "/key/jobs/?state=done"


@pytest.mark.parametrize("elsewhere", ["https://evil.example.com/key/", "//evil.example.com/key/", "/t/demo/", "/key/"])
def test_nobody_is_led_elsewhere(shared, elsewhere):
    assert Client().post(DOOR, {"key": shared.secret, "next": elsewhere})["Location"] == "/key/create/image/"


@pytest.mark.parametrize("wrong", ["nonsense", "sk_live_" + "0" * 32, "sk_live_\x00", "é" * 40])
def test_what_is_no_key_is_answered_alike(wrong):
    answer = Client().post(DOOR, {"key": wrong})
    assert answer.status_code == 422
    assert "keysession" not in answer.cookies
    assert wrong not in said(answer)


def test_unknown_keys_get_one_answer():
    client = Client()
    assert UNKNOWN in said(client.post(DOOR, {"key": "nonsense"}))
    assert UNKNOWN in said(client.post(DOOR, {"key": "sk_live_" + "0" * 32}))


@pytest.mark.parametrize("deed", [issuing.revoke, issuing.pause])
def test_a_key_that_is_not_good_says_why(shared, user, deed):
    deed(user, shared.key)
    answer = Client().post(DOOR, {"key": shared.secret})
    assert answer.status_code == 422
    assert "Ask whoever gave it to you" in said(answer)


def test_the_key_is_asked_for_as_a_password_and_never_shown_again(shared):
    assert 'type="password" name="key"' in said(Client().get(DOOR))
    assert shared.secret not in said(Client().post(DOOR, {"key": shared.secret + "x"}))


def test_guesses_are_limited_per_address():
    client = Client()
    answers = [client.post(DOOR, {"key": f"guess {number}"}).status_code for number in range(21)]
    assert answers == [422] * 20 + [429]
    assert client.post(DOOR, {"key": "guess"}, REMOTE_ADDR="203.0.113.9").status_code == 422


def test_a_form_from_elsewhere_is_refused(shared):
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(DOOR, {"key": shared.secret}).status_code == 403


@pytest.mark.parametrize("path", ["/key-dashboard", "/key-dashboard/"])
def test_the_other_address_leads_here(path):
    assert Client().get(path)["Location"] == DOOR


# -- as long as it lasts


def test_a_new_sign_in_ends_the_session_before(shared):
    client = a_key_client(shared.secret)
    copied = client.cookies["keysession"].value
    a_key_client(shared.secret, client)
    thief = Client()
    thief.cookies["keysession"] = copied
    assert thief.get("/key/jobs/").status_code == 302
    assert client.get("/key/jobs/").status_code == 200


def test_signing_out_ends_the_session_everywhere(shared):
    client = a_key_client(shared.secret)
    copied = client.cookies["keysession"].value
    assert client.post("/key/leave/")["Location"] == DOOR
    assert not has_session(client)
    client.cookies["keysession"] = copied
    assert client.get("/key/jobs/").status_code == 302
    assert client.get("/key/leave/").status_code == 405


def test_twelve_hours_without_use_end_it(shared, time_machine):
    time_machine.move_to("2026-11-20 08:00", tick=False)
    client = a_key_client(shared.secret)
    time_machine.move_to("2026-11-20 19:59", tick=False)
    assert client.get("/key/jobs/").status_code == 200
    time_machine.move_to("2026-11-21 07:58", tick=False)
    assert client.get("/key/jobs/").status_code == 200
    time_machine.move_to("2026-11-21 19:59", tick=False)
    assert client.get("/key/jobs/").status_code == 302
    assert "Your session has ended." in said(client.get(DOOR))


def test_seven_days_end_it_however_much_it_is_used(shared, time_machine):
    time_machine.move_to("2026-11-02 00:00", tick=False)
    client = a_key_client(shared.secret)
    for hour in range(0, 7 * 24, 8):
        time_machine.move_to(f"2026-11-{2 + hour // 24:02d} {hour % 24:02d}:00", tick=False)
        assert client.get("/key/jobs/").status_code == 200
    time_machine.move_to("2026-11-09 00:01", tick=False)
    assert client.get("/key/jobs/").status_code == 302


def test_a_session_ends_with_the_secret_that_opened_it(shared, user, time_machine):
    time_machine.move_to("2026-11-20 08:00", tick=False)
    client = a_key_client(shared.secret)
    fresh = issuing.rotate(user, shared.key, grace_s=3600)
    assert client.get("/key/jobs/").status_code == 200
    other = a_key_client(fresh.secret)
    time_machine.move_to("2026-11-20 09:01", tick=False)
    assert client.get("/key/jobs/").status_code == 302
    assert other.get("/key/jobs/").status_code == 200


def test_a_key_that_was_revoked_meanwhile_leads_to_the_door_which_says_so(shared, user):
    client = a_key_client(shared.secret)
    issuing.revoke(user, shared.key)
    answer = client.get("/key/live/", headers={"HX-Request": "true"})
    assert answer["HX-Redirect"].startswith(DOOR)
    assert "This key was revoked." in said(client.get(DOOR))


def test_a_paused_key_goes_on_where_it_was_once_it_is_resumed(shared, user):
    client = a_key_client(shared.secret)
    issuing.pause(user, shared.key)
    assert "This key is paused." in said(client.get(DOOR))
    issuing.resume(user, shared.key)
    assert client.get("/key/jobs/").status_code == 200


def test_it_stands_beside_a_persons_session(shared, owner):
    client = a_key_client(shared.secret, makers.a_client(owner.member))
    assert client.get(f"/t/{owner.tenant.slug}/").status_code == 200
    shown = said(client.get("/key/jobs/"))
    assert str(owner.member.person) not in shown
    client.post("/key/leave/")
    assert client.get(f"/t/{owner.tenant.slug}/").status_code == 200


def test_signing_out_in_person_leaves_the_key_signed_in(shared, owner):
    client = makers.a_client(owner.member)
    a_key_client(shared.secret, client)
    client.post("/accounts/logout/")
    client.cookies["keysession"] = client.cookies["keysession"].value
    assert client.get("/key/jobs/").status_code == 200


# -- a tenant's own host


@pytest.fixture
def studio(owner: Actor) -> Iterator[str]:
    owner.tenant.name = "Lumen Studio"
    owner.tenant.accent = "#aa3366"
    owner.tenant.save()
    name = "studio.example.com"
    Host.objects.create(tenant=owner.tenant, name=name, purpose="web", state=HostState.APPROVED)
    yield name
    hosts._known.clear()


def test_on_a_tenants_own_host_the_door_bears_its_name_and_look(studio):
    answer = Client(HTTP_HOST=studio).get(DOOR)
    assert "Sign in to Lumen Studio with a key" in said(answer)
    assert Client(HTTP_HOST=studio).get("/key/door/accent.css").status_code == 200
    assert Client().get("/key/door/accent.css").status_code == 404
    assert Client().get("/key/door/logo/").status_code == 404


def test_there_the_tenants_own_keys_let_in_and_others_are_unknown(studio, shared):
    assert a_key_client(shared.secret, Client(HTTP_HOST=studio)).get("/key/jobs/").status_code == 200
    foreign = Client(HTTP_HOST=studio).post(DOOR, {"key": a_key().secret})
    assert foreign.status_code == 422
    assert UNKNOWN in said(foreign)


def test_a_session_is_good_at_the_host_where_it_began_alone(studio, shared):
    client = a_key_client(shared.secret)
    client.defaults["HTTP_HOST"] = studio
    assert client.get("/key/jobs/").status_code == 302


# -- what a key has


def test_the_frame_tells_of_the_key_and_of_nobody(shared, user):
    shown = said(page(a_key_client(shared.secret), "jobs"))
    assert "Bot" in shown
    assert "Shared key · Bot" in shown
    assert "no limit" in shown
    assert str(user.member.person) not in shown
    for absent in ("Overview", "Models", "Members", "Favourites", "Keys", "Your account"):
        assert absent not in shown


def test_what_is_left_of_the_fullest_limit_stands_where_the_balance_would(user):
    client = a_key_client(a_key(user.member, day=20, month=1000).secret)
    assert client.post("/key/create/image/", ORDER).status_code == 302
    spent = Job.objects.get().credits
    assert f"{20 - spent} left today" in said(page(client, "jobs"))


def test_a_job_of_the_page_is_the_keys_and_is_paid_as_the_key_pays(budgeted):
    client = a_key_client(budgeted.secret)
    assert client.post("/key/create/image/", ORDER, headers={"HX-Request": "true"}).status_code == 200
    job = Job.objects.select_related("hold").get()
    assert (job.key, job.hold.wallet) == (budgeted.key, budgeted.key.wallet)


def test_a_shared_key_sees_nothing_of_its_members_wallet(user):
    limited = a_key_client(a_key(user.member).secret)
    shown = said(page(limited, "credits")) + said(page(limited, "create", "image"))
    assert "100" not in re.sub(r"<[^>]*>", " ", shown).replace("5,000", "")
    answer = limited.post("/key/create/image/", ORDER | {"count": "8", "model": "nano-banana-pro"})
    assert answer.status_code == 422
    assert "more than there is for this key at the moment" in said(answer)


def test_credits_of_an_own_wallet_are_its_statement_without_names(budgeted, user):
    shown = said(page(a_key_client(budgeted.secret), "credits"))
    assert "Filled up" in shown
    assert "+50" in shown
    assert str(user.member.person) not in shown


def test_credits_of_a_shared_key_are_what_its_own_jobs_cost(user):
    shared = a_key(user.member, day=500)
    an_output(user.member, key=shared.key, held_on=budgets.hold(shared.key, credits=4, jobs=1), prompt="By the key")
    an_output(user.member, prompt="In person")
    shown = said(page(a_key_client(shared.secret), "credits"))
    assert "By the key" in shown
    assert "In person" not in shown
    assert "496 left today" in shown


def test_the_statement_of_a_shared_key_asks_the_same_however_long_it_is(user, django_assert_num_queries):
    shared = a_key(user.member, day=500)
    client = a_key_client(shared.secret)
    for _ in range(3):
        an_output(user.member, key=shared.key, held_on=budgets.hold(shared.key, credits=4, jobs=1))
        with django_assert_num_queries(7):
            page(client, "credits")


@pytest.mark.parametrize("query", [{"from": "2026-11-20"}, {"from": "nonsense", "to": "9999-99-99"}, {"before": "-1"}])
def test_any_filter_of_the_statement_is_answered(budgeted, query):
    assert page(a_key_client(budgeted.secret), "credits", **query).status_code == 200


@pytest.mark.parametrize("name", ["before", "after"])
def test_a_job_that_has_not_ended_is_no_place_in_the_statement(user, name):
    shared = a_key(user.member)
    job = a_job(user.member, key=shared.key, held_on=budgets.hold(shared.key, credits=4, jobs=1))
    assert page(a_key_client(shared.secret), "credits", **{name: job.public_id}).status_code == 200


# -- what it may make


def test_only_the_kinds_that_a_key_may_make_are_offered(user):
    client = a_key_client(a_key(user.member, kinds=("video",)).secret)
    assert client.get("/key/create/image/")["Location"] == "/key/create/video/"
    shown = said(page(client, "create", "video"))
    assert "/key/create/image/" not in shown
    assert client.post("/key/create/image/", ORDER).status_code == 302
    assert not Job.objects.exists()
    assert page(client, "create_options", "image").status_code == 404


def test_only_the_models_that_a_key_may_use_are_offered_and_taken(user):
    client = a_key_client(a_key(user.member, models=("image-4.0",)).secret)
    shown = said(page(client, "create", "image"))
    assert 'value="image-4.0"' in shown
    assert 'value="nano-banana"' not in shown
    refused = client.post("/key/create/image/", ORDER | {"model": "nano-banana"})
    assert refused.status_code == 422
    assert not Job.objects.exists()


def test_a_limit_that_does_not_reach_is_said_before_and_refused_after(user):
    client = a_key_client(a_key(user.member, day=1).secret)
    words = "left to this key today. It may spend more in"
    assert words in said(page(client, "create", "image"))
    refused = client.post("/key/create/image/", ORDER)
    assert refused.status_code == 422
    assert words in said(refused)


def test_a_lifetime_limit_and_a_full_queue_are_refused_in_words(user):
    client = a_key_client(a_key(user.member, lifetime=1).secret)
    assert "that this key has are used" in said(client.post("/key/create/image/", ORDER))
    client = a_key_client(a_key(user.member, running=1, queue=0).secret)
    assert client.post("/key/create/image/", ORDER).status_code == 302
    full = client.post("/key/create/image/", ORDER | {"token": "form-2"})
    assert full.status_code == 422
    assert "under way already" in said(full)


def test_a_budget_that_does_not_reach_names_what_is_left(user):
    client = a_key_client(a_key(user.member, kind=KeyKind.BUDGETED, credits=3).secret)
    assert "and 3 are left in this key" in said(client.post("/key/create/image/", ORDER)).replace("&#x27;", "'")


def test_a_retry_is_refused_in_the_same_words(user):
    shared = a_key(user.member, day=1000)
    client = a_key_client(shared.secret)
    client.post("/key/create/image/", ORDER)
    job = Job.objects.get()
    client.post(f"/key/jobs/{job.public_id}/cancel/")
    ApiKey.objects.filter(pk=shared.key.pk).update(day_limit=1)
    answer = client.post(f"/key/jobs/{job.public_id}/retry/", {"token": "again"}, follow=True)
    assert "left to this key today" in said(answer)
    assert Job.objects.count() == 1


def test_a_page_asks_few_questions(shared, django_assert_max_num_queries):
    client = a_key_client(shared.secret)
    for name, words in {"create": ["image"], "gallery": [], "jobs": [], "credits": []}.items():
        page(client, name, *words)
        with django_assert_max_num_queries(12):
            assert page(client, name, *words).status_code == 200


def test_members_see_by_which_key_a_job_came(shared, user, owner):
    client = a_key_client(shared.secret)
    client.post("/key/create/image/", ORDER)
    shown = said(makers.a_client(owner.member).get(f"/t/{owner.tenant.slug}/jobs/"))
    assert str(user.member.person) in shown
    assert "Bot" in shown
