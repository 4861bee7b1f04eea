"""The page of one key: what is left, what it did, and what is done with it."""

from datetime import timedelta

import pytest
from django.urls import reverse

from revidweb.accounts import members
from revidweb.accounts.actors import Actor, of
from revidweb.accounts.models import Role, Tenant
from revidweb.credits import ledger
from revidweb.jobs import submit
from revidweb.jobs.models import Job, Settlement, Verdict
from revidweb.keys import checking, issuing
from revidweb.keys.models import ApiKey, KeySecret
from revidweb.lib import clock
from revidweb.providers.base import Kind, Mode, Order
from revidweb.stats import counting, pace
from tests import makers
from tests.keys.makers import a_key
from tests.web.jobs_pages import HTMX, a_user, an_owner, text

pytestmark = pytest.mark.django_db

DEEDS = ("limits", "rotate", "pause", "resume", "revoke", "top_up")


def get(actor: Actor, key: ApiKey, name: str = "key", **headers: str):
    return makers.a_client(actor.member).get(reverse(name, args=[actor.tenant.slug, key.public_id]), headers=headers)


def do(actor: Actor, key: ApiKey, deed: str, *, follow: bool = False, headers: dict | None = None, **fields: object):
    path = reverse(f"key_{deed}", args=[actor.tenant.slug, key.public_id])
    return makers.a_client(actor.member).post(path, fields, follow=follow, headers=headers or {})


def seen(key: ApiKey) -> str:
    """The secret that a rotation's form is about."""
    return str(KeySecret.objects.filter(key=key).latest("pk").pk)


def a_job_of(key: ApiKey, prompt: str = "Paper boats") -> Job:
    order = Order(kind=Kind.IMAGE, mode=Mode.T2I, model="image-4.0", prompt=prompt)
    return submit.submit(checking.actor_of(ApiKey.objects.get(pk=key.pk)), order, count=1).jobs.get()


def settled(key: ApiKey, credits: int, *, days_ago: float = 1) -> None:
    """A job of the key that ended then and cost so much."""
    job, at = a_job_of(key), clock.now() - timedelta(days=days_ago)
    Job.objects.filter(pk=job.pk).update(state="done", ended_at=at)
    Settlement.objects.create(job=job, tenant=job.tenant, verdict=Verdict.DONE, credits=credits, at=at)


@pytest.fixture
def owner() -> Actor:
    return an_owner()


@pytest.fixture
def key(owner) -> ApiKey:
    return a_key(owner.member, kind="budgeted", credits=100, name="Storefront").key


# -- what it shows


def test_it_shows_the_budget_who_made_it_and_what_was_done(owner, key):
    page = text(get(owner, key))
    assert "100 left of 100" in page
    assert "Made with 100 credits" in page
    assert f"by {owner.member.person}" in page


def test_windows_say_when_they_reset_where_the_tenant_is(owner):
    owner.tenant.time_zone = "Asia/Tokyo"
    owner.tenant.save()
    page = text(get(owner, a_key(owner.member, day=50, month=500).key))
    assert "50 left today of 50" in page
    assert "Resets at 00:00 Asia/Tokyo, in " in page
    assert "500 left this month of 500" in page


def test_it_says_how_long_the_budget_lasts_at_this_pace(owner, key):
    ApiKey.objects.filter(pk=key.pk).update(created_at=clock.now() - timedelta(days=30))
    settled(key, 35)
    settled(key, 1000, days_ago=8)
    page = text(get(owner, key))
    left = ApiKey.objects.get(pk=key.pk).wallet.free
    assert f"It lasts {left * 7 // 35} days at this pace. 35 credits in the last 7 days." in page


def test_the_pace_of_a_young_key_counts_the_days_that_it_has(owner, key):
    settled(key, 20, days_ago=0)
    found = pace.of(ApiKey.objects.get(pk=key.pk), key.tenant.zone)
    assert (found.credits, found.days, found.lasts_days(80)) == (20, 1, 4)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/St_Johns"])
def test_the_pace_is_the_same_before_and_after_it_is_counted(owner, key, zone):
    Tenant.objects.filter(pk=key.tenant_id).update(time_zone=zone)
    for credits, days_ago in ((1, 0), (20, 3), (30, 6.9), (1000, 7.1), (1000, 8)):
        settled(key, credits, days_ago=days_ago)
    row = ApiKey.objects.get(pk=key.pk)
    assert pace.of(row, row.tenant.zone).credits == 51
    counting.tick()
    assert pace.of(row, row.tenant.zone).credits == 51
    Settlement.objects.filter(credits=20).update(credits=15, is_due=True)
    assert pace.of(row, row.tenant.zone).credits == 46


def test_what_spends_nothing_lasts_no_number_of_days(owner, key):
    assert pace.of(key, key.tenant.zone).lasts_days(100) is None
    assert "at this pace" not in text(get(owner, key))


def test_its_latest_jobs_lead_to_all_of_them(owner, key):
    a_job_of(key, "Paper boats of the key")
    page = get(owner, key)
    assert "Paper boats of the key" in text(page)
    assert f"?key={key.public_id}" in page.content.decode()


def test_jobs_and_gallery_are_narrowed_to_a_key(owner, key):
    other = a_key(owner.member, name="Laptop").key
    a_job_of(key, "Made by the storefront")
    a_job_of(other, "Made by the laptop")
    client = makers.a_client(owner.member)
    page = text(client.get(reverse("jobs", args=[owner.tenant.slug]) + f"?key={key.public_id}"))
    assert "Made by the storefront" in page
    assert "Made by the laptop" not in page
    gallery = client.get(reverse("gallery", args=[owner.tenant.slug]) + f"?key={key.public_id}")
    assert f'<option value="{key.public_id}" selected' in gallery.content.decode()


def test_the_page_takes_few_queries(owner, key, django_assert_max_num_queries):
    a_job_of(key)
    client = makers.a_client(owner.member)
    with django_assert_max_num_queries(12):
        client.get(reverse("key", args=[owner.tenant.slug, key.public_id]))


def test_its_usage_is_drawn_day_by_day_and_leads_to_its_jobs(owner, key, django_assert_max_num_queries):
    a_job_of(key)
    client, today = makers.a_client(owner.member), clock.now().date()
    with django_assert_max_num_queries(12):
        answer = client.get(reverse("key_usage", args=[owner.tenant.slug, key.public_id]))
    assert "Credits per day" in text(answer)
    assert f"?key={key.public_id}&amp;ended_from={today}&amp;ended_to={today}" in answer.content.decode()


# -- limits


def test_its_limits_are_changed_in_a_dialog_that_knows_them(owner, key):
    issuing.change(owner, key, name=key.name, limits=issuing.Limits(day=70, addresses=("203.0.113.0/24",)))
    dialog = get(owner, key, "key_limits", **HTMX).content.decode()
    assert 'value="70"' in dialog
    assert "203.0.113.0/24" in dialog
    answer = do(owner, key, "limits", name="Shop", day="80", addresses="", follow=True)
    assert "The limits of Shop are set." in text(answer)
    key.refresh_from_db()
    assert (key.name, key.day_limit, key.allowed_addresses) == ("Shop", 80, [])


def test_a_limit_that_makes_no_sense_is_refused_at_its_field(owner, key):
    answer = do(owner, key, "limits", name="Shop", day="many", headers=HTMX)
    assert answer.status_code == 422
    assert "Write a whole number" in text(answer)
    assert 'id="limits"' in do(owner, key, "limits", name="").content.decode()


def test_an_expiry_stays_the_moment_that_it_was(owner, key):
    moment = clock.now() - timedelta(days=3)
    ApiKey.objects.filter(pk=key.pk).update(expires_at=moment)
    same = moment.date().isoformat()
    assert do(owner, key, "limits", name="Shop", expires_at=same).status_code == 302
    assert ApiKey.objects.get(pk=key.pk).expires_at == moment
    assert do(owner, key, "limits", name="Shop", expires_at="").status_code == 302
    assert ApiKey.objects.get(pk=key.pk).expires_at is None


# -- rotate


@pytest.mark.parametrize("grace_s", [0, 3600, 86400, 604800])
def test_rotating_shows_a_new_secret_once(owner, key, grace_s):
    old = KeySecret.objects.get()
    answer = do(owner, key, "rotate", grace_s=grace_s, seen=seen(key))
    new = KeySecret.objects.latest("pk")
    assert new != old
    assert f"{new.last4}</code>" in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    page = get(owner, key)
    assert new.hint in page.content.decode()
    assert (old.hint in page.content.decode()) == bool(grace_s)


def test_a_rotation_that_comes_twice_makes_one_secret(owner, key):
    fields = {"grace_s": "0", "seen": seen(key)}
    do(owner, key, "rotate", **fields)
    answer = do(owner, key, "rotate", follow=True, **fields)
    assert "It was rotated already." in text(answer)
    assert KeySecret.objects.count() == 2


def test_a_grace_that_is_not_offered_is_refused(owner, key):
    answer = do(owner, key, "rotate", grace_s="99", seen=seen(key), headers=HTMX)
    assert answer.status_code == 422
    assert "Choose one of the four." in text(answer)
    assert KeySecret.objects.count() == 1


def test_nobody_gets_a_secret_of_another_members_key(owner):
    key = a_key(a_user(owner).member).key
    assert do(owner, key, "rotate", grace_s="0", seen=seen(key)).status_code == 403
    assert "A new secret" not in text(get(owner, key))
    assert KeySecret.objects.count() == 1


# -- pause, top up, revoke


def test_a_key_that_a_manager_paused_says_so_and_waits_for_one(owner):
    user = a_user(owner)
    key = a_key(user.member).key
    do(owner, key, "pause")
    shown = get(user, key)
    assert f"Paused by {owner.member.person}" in text(shown)
    assert "Only who manages keys" in text(shown)
    assert reverse("key_resume", args=[key.tenant.slug, key.public_id]) not in shown.content.decode()
    assert "Somebody who manages keys paused this one" in text(do(user, key, "resume", follow=True))
    assert ApiKey.objects.get(pk=key.pk).paused_at
    do(owner, key, "resume")
    assert ApiKey.objects.get(pk=key.pk).paused_at is None


def test_it_is_paused_and_resumed(owner, key):
    assert "Storefront is paused." in text(do(owner, key, "pause", follow=True))
    assert ApiKey.objects.get(pk=key.pk).paused_at
    assert "Storefront works again." in text(do(owner, key, "resume", follow=True))
    assert ApiKey.objects.get(pk=key.pk).paused_at is None


def test_it_is_filled_once_a_form(owner, key):
    fields = {"credits": "50", "token": "form-top-up"}
    assert "50 credits added to Storefront." in text(do(owner, key, "top_up", follow=True, **fields))
    do(owner, key, "top_up", **fields)
    assert ApiKey.objects.get(pk=key.pk).wallet.free == 150


@pytest.mark.parametrize("credits", ["", "0", "-5", "many", "9" * 30])
def test_nonsense_fills_nothing(owner, key, credits):
    answer = do(owner, key, "top_up", credits=credits, token="form-top-up", headers=HTMX)
    assert answer.status_code == 422
    assert "whole number of credits" in text(answer)
    assert ApiKey.objects.get(pk=key.pk).wallet.free == 100


def test_a_shared_key_is_not_filled(owner):
    key = a_key(owner.member).key
    assert do(owner, key, "top_up", credits="5", token="form").status_code == 422
    assert "Top up" not in text(get(owner, key))


def test_revoking_says_first_what_goes_back_and_to_whom(owner):
    user = a_user(owner, credits=0)
    key = a_key(user.member, kind="budgeted", credits=300).key
    assert f"300 credits go back to the wallet of {user.member.person}." in text(get(user, key))


def test_revoking_gives_the_free_credits_back_and_running_jobs_go_on(owner):
    user = a_user(owner, credits=0)
    key = a_key(user.member, kind="budgeted", credits=300, name="Shop").key
    job = a_job_of(key)
    page = text(get(user, key))
    assert "1 job that runs goes on. 4 credits stay held for what runs" in page
    assert "Shop is revoked." in text(do(user, key, "revoke", follow=True))
    assert ledger.wallet_of(user.member).free == 296
    job.refresh_from_db()
    assert job.is_moving
    assert "Revoked on" in text(get(user, key))
    assert "296 credits went back" in text(get(user, key))


def test_a_revoked_key_takes_no_more_deeds(owner, key):
    issuing.revoke(owner, key)
    for deed, fields in (("pause", {}), ("resume", {}), ("rotate", {"grace_s": "0", "seen": seen(key)})):
        assert "revoked" in text(do(owner, key, deed, follow=True, **fields)), deed
    assert do(owner, key, "limits", name="Shop").status_code == 422
    assert KeySecret.objects.count() == 1


# -- who may


def test_an_admin_manages_a_members_key(owner):
    admin = of(members.add(owner.tenant, makers.a_person(), role=Role.ADMIN))
    key = a_key(a_user(owner).member, name="Theirs").key
    assert "Theirs is paused." in text(do(admin, key, "pause", follow=True))


def test_another_user_finds_nothing_of_it(owner, key):
    other = a_user(owner)
    assert get(other, key).status_code == 404
    assert [do(other, key, deed).status_code for deed in DEEDS] == [404] * len(DEEDS)


def test_a_long_name_and_many_limits_are_shown(owner):
    name = "x" * 80
    key = a_key(owner.member, name=name, models=("nano-banana",) * 3, kinds=("image",), running=5, per_minute=9).key
    page = text(get(owner, key))
    assert name in page
    assert "Jobs at once 5" in page
