"""The keys of a tenant: the list, a new one, and its secret, shown once."""

from datetime import timedelta

import pytest
from django.urls import reverse

from revidweb.accounts import members
from revidweb.accounts.actors import Actor, of
from revidweb.accounts.models import Role
from revidweb.credits import ledger
from revidweb.keys import issuing
from revidweb.keys.models import ApiKey, KeySecret
from revidweb.lib import clock
from tests import makers
from tests.keys.makers import a_key
from tests.web.jobs_pages import HTMX, a_user, an_owner, text

pytestmark = pytest.mark.django_db

FORM = {"kind": "shared", "name": "Storefront", "token": "form-1"}


def keys(actor: Actor, query: str = "", **headers: str):
    return makers.a_client(actor.member).get(reverse("keys", args=[actor.tenant.slug]) + query, headers=headers)


def make(actor: Actor, *, headers: dict[str, str] | None = None, **fields: object):
    return makers.a_client(actor.member).post(
        reverse("key_new", args=[actor.tenant.slug]), FORM | fields, headers=headers or {}
    )


@pytest.fixture
def owner() -> Actor:
    return an_owner()


# -- the list


def test_an_empty_list_invites_to_make_the_first_key(owner):
    page = text(keys(owner))
    assert "No keys yet" in page
    assert "New key" in page


def test_a_row_says_name_secret_payer_and_what_is_left(owner):
    issued = a_key(owner.member, kind="budgeted", credits=5000, name="Storefront")
    page = text(keys(owner))
    hint = f"{issued.secret[:12]}…{issued.secret[-4:]}"
    assert f"Storefront {hint} Budgeted own wallet, from the house" in page
    assert "5,000 left of 5,000" in page
    assert issued.secret not in page


def test_the_meter_shows_the_limit_that_is_most_used_up(owner):
    key = a_key(owner.member, day=400, month=1000).key
    today = clock.now().astimezone(owner.tenant.zone).date()
    ApiKey.objects.filter(pk=key.pk).update(day_credits=362, month_credits=400, counted_on=today)
    page = keys(owner)
    assert "38 left today of 400" in text(page)
    assert 'max="400" value="362"' in page.content.decode()
    assert "near its limit" in text(page)


def test_a_meter_beyond_a_thousand_is_one_that_browsers_can_read(owner):
    a_key(owner.member, kind="budgeted", credits=5000)
    assert 'max="5000"' in keys(owner).content.decode()


def test_a_key_without_limits_says_what_it_spent(owner):
    key = a_key(owner.member).key
    ApiKey.objects.filter(pk=key.pk).update(spent=1904)
    assert "1,904 spent no limit" in text(keys(owner))


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({}, "active"),
        ({"paused_at": "now"}, "paused"),
        ({"expires_at": "now"}, "expired"),
    ],
)
def test_the_state_is_said_in_a_word(owner, fields, word):
    key = a_key(owner.member).key
    ApiKey.objects.filter(pk=key.pk).update(**dict.fromkeys(fields, clock.now()))
    assert f" {word} " in text(keys(owner))


def test_an_empty_pool_is_exhausted(owner):
    key = a_key(owner.member, kind="standalone", credits=20).key
    ledger.hold(key.wallet, credits=20, reference="job:job_x")
    page = text(keys(owner))
    assert "0 left of 20" in page
    assert " exhausted " in page


def test_a_key_of_a_suspended_member_says_so(owner):
    user = a_user(owner)
    a_key(user.member)
    members.suspend(owner, user.member)
    assert "member suspended" in text(keys(owner))


def test_a_rotated_key_says_until_when_the_old_secret_works(owner):
    key = a_key(owner.member).key
    issuing.rotate(owner, key, grace_s=3600)
    page = text(keys(owner))
    assert "rotated, old secret until" in page
    assert "rotating" in page


def test_it_is_found_by_a_part_of_its_name_and_by_its_last_four(owner):
    wanted, other = (a_key(owner.member, name=name) for name in ("Storefront", "Laptop"))
    for search in ("storef", wanted.secret[-4:], f"{wanted.secret[:12]}…{wanted.secret[-4:]}"):
        page = text(keys(owner, f"?search={search}"))
        assert wanted.key.name in page, search
        assert other.key.name not in page, search


def test_kind_and_state_narrow_the_list(owner):
    shared, pool = a_key(owner.member, name="Mine"), a_key(owner.member, kind="standalone", credits=5, name="Pool")
    issuing.revoke(owner, a_key(owner.member, name="Gone").key)
    assert "Pool" not in text(keys(owner, "?kind=shared"))
    assert "Mine" not in text(keys(owner, "?kind=standalone"))
    assert "Gone" not in text(keys(owner))
    revoked = text(keys(owner, "?state=revoked"))
    assert "Gone" in revoked
    assert shared.key.name not in revoked
    assert pool.key.name not in revoked


def test_words_that_nobody_knows_are_left_out(owner):
    a_key(owner.member, name="Mine")
    assert "Mine" in text(keys(owner, "?kind=golden&state=lost&page=x"))


def test_nothing_found_says_so_and_leads_back(owner):
    a_key(owner.member)
    assert "No key matches" in text(keys(owner, "?search=nothing"))


def test_htmx_gets_the_rows_alone(owner):
    a_key(owner.member, name="Mine")
    part = keys(owner, "?kind=shared", **HTMX).content.decode()
    assert "Mine" in part
    assert "<html" not in part


def test_a_user_sees_and_makes_only_their_own(owner):
    user = a_user(owner)
    a_key(owner.member, name="Of the owner")
    a_key(user.member, name="Of the user")
    assert "Of the owner" not in text(keys(user))
    assert "Of the user" in text(keys(user))
    assert "Of the user" in text(keys(owner))


def test_two_hundred_keys_are_paged_in_few_queries(owner, settings, django_assert_max_num_queries):
    settings.KEYS_PER_MEMBER = 200
    for number in range(200):
        a_key(owner.member, kind="budgeted" if number % 2 else "shared", credits=1 if number % 2 else 0)
    client = makers.a_client(owner.member)
    with django_assert_max_num_queries(9):
        page = client.get(reverse("keys", args=[owner.tenant.slug]))
    assert "1–50 of 200" in text(page)
    assert "151–200 of 200" in text(keys(owner, "?page=4"))


# -- a new one


def test_the_dialog_asks_who_pays_in_cards(owner):
    page = text(makers.a_client(owner.member).get(reverse("key_new", args=[owner.tenant.slug])))
    for words in ("Shared", "Budgeted", "Standalone", "The house pays"):
        assert words in page


def test_a_user_is_offered_no_standalone_key_and_makes_none(owner):
    user = a_user(owner)
    page = makers.a_client(user.member).get(reverse("key_new", args=[user.tenant.slug]), headers=HTMX)
    assert "Standalone" not in text(page)
    assert make(user, kind="standalone", credits="5").status_code == 422
    assert not ApiKey.objects.exists()


def test_a_new_key_shows_its_secret_once_and_a_ready_line(owner):
    answer = make(owner)
    secret = KeySecret.objects.get()
    page = answer.content.decode()
    assert answer.status_code == 200
    assert f"{secret.last4}</code>" in page
    assert "curl http://testserver/v1/image/generate" in page
    assert "no-store" in answer["Cache-Control"]
    assert "sk_live_" not in answer.get("Location", "") + answer.get("HX-Push-Url", "")


def test_the_line_names_a_model_that_the_key_may_use(owner):
    page = make(owner, models=["nano-banana"]).content.decode()
    assert "model=nano-banana&quot;" in page
    assert "/v1/video/generate" in make(owner, token="form-2", kinds=["video"]).content.decode()


def test_the_line_lists_the_models_where_the_key_can_make_nothing(owner):
    page = make(owner, kinds=["video"], models=["nano-banana"]).content.decode()
    assert "/v1/models" in page
    assert "generate" not in page.split('id="curl"')[1].split("</code>")[0]


def test_in_place_the_secret_takes_the_page_and_the_address_is_the_keys(owner):
    answer = make(owner, headers=HTMX)
    key = ApiKey.objects.get()
    assert answer["HX-Retarget"] == "#main"
    assert answer["HX-Push-Url"] == reverse("key", args=[owner.tenant.slug, key.public_id])
    assert "sk_live_" in answer.content.decode()
    assert "sk_live_" not in answer["HX-Push-Url"]


def test_the_same_form_again_makes_nothing_and_leads_to_the_key(owner):
    make(owner)
    client = makers.a_client(owner.member)
    answer = client.post(reverse("key_new", args=[owner.tenant.slug]), FORM, follow=True)
    key = ApiKey.objects.get()
    assert answer.redirect_chain == [(reverse("key", args=[owner.tenant.slug, key.public_id]), 302)]
    assert "This form has made Storefront already." in text(answer)


def test_a_reload_of_the_keys_page_shows_no_secret(owner):
    make(owner)
    key, secret = ApiKey.objects.get(), KeySecret.objects.get()
    page = makers.a_client(owner.member).get(reverse("key", args=[owner.tenant.slug, key.public_id])).content.decode()
    assert secret.hint in page
    assert page.count("sk_live_") == 1


def test_a_budgeted_key_is_filled_from_the_users_wallet(owner):
    user = a_user(owner, credits=500)
    assert make(user, kind="budgeted", credits="120").status_code == 200
    key = ApiKey.objects.get()
    assert key.wallet.free == 120
    assert ledger.wallet_of(user.member).free == 380


def test_more_than_the_wallet_has_is_refused_at_its_field(owner):
    user = a_user(owner, credits=100)
    answer = make(user, kind="budgeted", credits="500", headers=HTMX)
    assert answer.status_code == 422
    assert "Your wallet has 100 credits free." in text(answer)
    assert answer.context["form"].errors.keys() == {"credits"}
    assert not ApiKey.objects.exists()


def test_every_limit_is_kept(owner):
    last_day = (clock.now() + timedelta(days=30)).date()
    limits = {
        "day": "100",
        "week": "200",
        "month": "300",
        "lifetime": "400",
        "running": "5",
        "queue": "0",
        "per_minute": "60",
        "kinds": ["image"],
        "models": ["nano-banana", "image-4.0"],
        "addresses": "203.0.113.7, 2001:db8::/32\n198.51.100.0/24",
        "expires_at": last_day.isoformat(),
        "callback_url": "https://example.com/hook",
    }
    owner.tenant.time_zone = "Asia/Tokyo"
    owner.tenant.save()
    assert make(owner, **limits).status_code == 200
    key = ApiKey.objects.get()
    assert (key.day_limit, key.week_limit, key.month_limit, key.lifetime_limit) == (100, 200, 300, 400)
    assert (key.running_limit, key.queue_limit, key.per_minute) == (5, 0, 60)
    assert key.allowed_kinds == ["image"]
    assert key.allowed_models == ["nano-banana", "image-4.0"]
    assert key.allowed_addresses == ["203.0.113.7/32", "2001:db8::/32", "198.51.100.0/24"]
    assert key.expires_at.isoformat() == f"{last_day.isoformat()}T15:00:00+00:00"
    assert key.callback_url == "https://example.com/hook"


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", " ", "Give the key a name"),
        ("name", "x" * 81, "81"),
        ("kind", "golden", "Choose one of the kinds."),
        ("day", "many", "Write a whole number"),
        ("day", "-1", "Write a whole number from 0"),
        ("month", "9" * 30, "Write a whole number from 0"),
        ("queue", "3", "A queue limit needs this one too."),
        ("addresses", "home", "home is no address or network."),
        ("expires_at", "2001-01-01", "Choose a day to come."),
        ("expires_at", "0001-01-01", "Choose a day to come."),
        ("expires_at", "9999-12-31", "Choose a day to come."),
        ("expires_at", "soon", "Choose a day."),
        ("callback_url", "http://127.0.0.1/hook", "127.0.0.1"),
        ("models", "no-such-model", "no-such-model"),
        ("token", "", "required"),
    ],
)
def test_bad_input_is_refused_at_its_field(owner, field, value, words):
    answer = make(owner, headers=HTMX, **{field: value})
    assert answer.status_code == 422
    assert words in text(answer)
    assert not ApiKey.objects.exists()


def test_a_refused_limit_stands_open(owner):
    assert '<details class="fold" open>' in make(owner, day="many").content.decode()
    assert '<details class="fold">' in make(owner, name=" ").content.decode()


def test_who_is_no_member_finds_no_keys(owner):
    stranger = of(makers.a_member(role=Role.OWNER))
    answer = makers.a_client(stranger.member).get(reverse("keys", args=[owner.tenant.slug]))
    assert answer.status_code == 404
