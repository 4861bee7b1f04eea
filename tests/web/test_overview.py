"""Overview."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from revidweb.accounts.actors import of
from revidweb.accounts.models import Tenant
from revidweb.connections.models import Connection
from revidweb.jobs import cancel
from revidweb.jobs.models import Job
from revidweb.keys.models import ApiKey
from revidweb.lib import clock
from revidweb.notices.models import Notice
from revidweb.providers.base import Cancellation, ProviderRefused, Receipt
from revidweb.stats import counting
from revidweb.trail import trail
from tests.connections.makers import an_account
from tests.jobs.steps import poll_all, run, send_all
from tests.keys.makers import a_key
from tests.makers import a_client, a_member
from tests.stats.makers import End, a_studio, at, ended
from tests.upstreams.scripted import WORKING

from .jobs_pages import a_job, a_user, get, many, text, url

pytestmark = pytest.mark.django_db


def test_before_the_first_job_it_shows_the_way_to_a_picture(user):
    answer = get(user, "overview")
    for word in ("Make your first picture", "Choose a model", "Say what you want to see", "Press Generate"):
        assert word in text(answer)
    assert "You have 100 credits" in text(answer)
    assert f"{url('overview', user)}create/image/?prompt=" in answer.content.decode()


def test_an_owner_without_an_account_is_led_to_connect_one_and_a_user_is_not(owner, user):
    assert "these are previews, drawn here by no AI. Connect RevidAPI" in text(get(owner, "overview"))
    assert "Connect RevidAPI" not in text(get(user, "overview"))
    an_account(owner.tenant)
    assert "Connect RevidAPI" not in text(get(owner, "overview"))


def test_who_has_nothing_to_spend_is_told_whom_to_ask(owner, upstream):
    assert "Your wallet is empty" in text(get(a_user(owner, credits=0), "overview"))
    spent = a_user(owner, credits=4)
    a_job(spent)
    run()
    assert "Your wallet is empty" in text(get(spent, "overview"))


def test_a_running_job_is_a_card_and_the_first_steps_are_gone(user):
    job = a_job(user)
    answer = get(user, "overview")
    assert f'id="card-{job.public_id}"' in answer.content.decode()
    assert "Make your first picture" not in text(answer)
    assert "96 credits 4 of 100 held" in text(answer)


def test_what_ended_is_counted_and_its_picture_shown(user, upstream):
    upstream.submits = [Receipt("a"), Receipt("b"), ProviderRefused("no", code="failed")]
    many(lambda: a_job(user), 3)
    run()
    answer = get(user, "overview")
    for words in ("Today 8 credits", "2 done, 1 failed", "7 days 8 credits", "30 days 8 credits", "Succeeded 66.7 %"):
        assert words in text(answer)
    assert answer.content.decode().count('class="tile"') == 2


def test_what_was_cancelled_is_counted_and_its_card_says_what_it_cost(user, upstream):
    upstream.sightings = [WORKING]
    upstream.cancellation = Cancellation(is_cancelled=True, refunded=False)
    sent = a_job(user)
    send_all()
    cancel.cancel(user, sent)
    poll_all()
    cancel.cancel(user, a_job(user))
    page = text(get(user, "overview"))
    for words in ("4 credits charged", "nothing charged", "Today 4 credits", "2 cancelled", "Succeeded – "):
        assert words in page


def test_a_user_is_told_of_their_own_and_an_owner_of_all(owner, user, upstream):
    a_job(a_user(owner))
    a_job(user)
    run()
    theirs, everybodys = text(get(user, "overview")), text(get(owner, "overview"))
    assert "Today 4 credits" in theirs
    assert "your own · UTC" in theirs
    assert "Today 8 credits" in everybodys
    assert "the whole tenant · UTC" in everybodys
    assert "paid by the house" in everybodys


# -- periods


def page_of(studio, member=0):
    return text(get(of(studio.members[member]), "overview"))


def test_each_period_is_told_against_the_one_before():
    studio, today = a_studio(), clock.now().date()
    spent = {0: 30, 1: 20, 6: 10, 7: 40, 13: 40, 29: 60, 30: 50, 59: 50, 60: 999}
    ended(studio, [End(at(today - timedelta(days=ago)), credits=credits) for ago, credits in spent.items()])
    counting.tick()
    page = page_of(studio)
    for words in (
        "Today 30 credits +50 % on yesterday",
        "7 days 60 credits −25 % from 80",
        "30 days 200 credits +100 % from 100",
    ):
        assert words in page


def test_success_and_time_are_told_against_the_thirty_days_before():
    studio, today = a_studio(), clock.now().date()
    earlier = today - timedelta(days=30)
    verdicts = [(today, "done", 10), (today, "failed", 10), (today, "lost", 10), (today, "cancelled", 10)]
    ended(studio, [End(at(day), verdict=verdict, took_s=took) for day, verdict, took in verdicts])
    ended(studio, [End(at(earlier), took_s=40)])
    page = page_of(studio)
    assert "Succeeded 33.3 % −67 2 failed" in page
    assert "Time to result 12 s −75 % median" in page


def test_nothing_before_makes_no_percentage_and_nothing_at_all_no_change():
    studio = a_studio()
    ended(studio, [End(at(clock.now().date() - timedelta(days=3)))])
    page = page_of(studio)
    assert "Today 0 credits nothing spent" in page
    assert "7 days 4 credits new from 0" in page


def test_what_is_not_counted_yet_is_there_and_its_model_too():
    studio, today = a_studio(), clock.now().date()
    ended(studio, [End(at(today), credits=7)])
    counting.tick()
    ended(studio, [End(at(today), credits=9, model=1), End(at(today - timedelta(days=40)), credits=5)])
    page = page_of(studio)
    assert "Today 16 credits" in page
    assert "30 days 16 credits +220 % from 5" in page
    first, second = (page.index(f"{studio.models[number].name} ") for number in (1, 0))
    assert first < second


def test_a_job_counts_on_the_tenants_own_day(monkeypatch):
    zone = ZoneInfo("Asia/Ho_Chi_Minh")
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 11, 20, 0, 30, tzinfo=zone).astimezone(UTC))
    studio = a_studio("Asia/Ho_Chi_Minh")
    moments = [(20, 0, 0), (19, 23, 59), (13, 23, 59)]
    ended(studio, [End(datetime(2026, 11, *moment, tzinfo=zone).astimezone(UTC)) for moment in moments])
    for _count in range(2):  # before they are counted, and after
        page = page_of(studio)
        assert "Today 4 credits ±0 % on yesterday" in page
        assert "7 days 8 credits +100 % from 4" in page
        assert "your own" not in page
        assert "Asia/Ho_Chi_Minh" in page
        counting.tick()


def test_a_tenant_that_moved_is_told_in_the_zone_in_which_it_is_counted():
    studio = a_studio()
    ended(studio, [End(at(clock.now().date()))])
    counting.tick()
    Tenant.objects.update(time_zone="Asia/Kathmandu")
    assert "the whole tenant · UTC" in page_of(studio)
    counting.rebuild_moved()
    assert "the whole tenant · Asia/Kathmandu" in page_of(studio)


def test_the_models_used_most_come_first_and_lead_to_their_jobs():
    studio, today = a_studio(), clock.now().date()
    ended(studio, [End(at(today), credits=3), End(at(today), credits=9, model=1, member=1)])
    counting.tick()
    answer = get(of(studio.owner), "overview").content.decode()
    names = [model.name for model in studio.models]
    assert answer.index(f"?model={names[1]}") < answer.index(f"?model={names[0]}")
    assert names[0] not in get(of(studio.members[1]), "overview").content.decode()


def test_every_day_of_thirty_stands_in_the_table_of_the_chart():
    studio, today = a_studio(), clock.now().date()
    ended(studio, [End(at(today - timedelta(days=29)), credits=1234), End(at(today - timedelta(days=30)), credits=77)])
    answer = get(of(studio.owner), "overview").content.decode()
    table = answer[answer.index("<tbody>") : answer.index("</tbody>")]
    assert table.count("<tr>") == 30
    assert '<td class="number">1,234</td>' in table
    assert ">77<" not in table


def test_a_balance_that_will_soon_be_used_up_says_so(owner, upstream):
    spender = a_user(owner, credits=10)
    a_job(spender)
    run()
    assert "Free 6 credits nothing held lasts about 10 days" in text(get(spender, "overview"))
    many(lambda: a_job(spender, prompt="Again"), 1)
    run()
    answer = get(spender, "overview")
    assert "lasts about 1 day" in text(answer)
    assert 'data-tone="warn">lasts' in answer.content.decode()


# -- what wants a look


def near(member, name, used, most=100):
    key = a_key(member, name=name, day=most).key
    ApiKey.objects.filter(pk=key.pk).update(day_credits=used, counted_on=clock.now().date())
    return key


def test_keys_near_their_limit_come_with_the_fullest_first_and_only_to_who_may_see_them(owner, user):
    a_job(owner)
    a_job(user)
    near(user.member, "Storefront", 85)
    near(user.member, "Far away", 79)
    near(owner.member, "Night batch", 100)
    page = text(get(owner, "overview"))
    assert page.index("Night batch 0 left today") < page.index("Storefront 15 left today")
    assert "Far away" not in page
    assert "Night batch" not in text(get(user, "overview"))


def test_at_most_five_keys_are_named_and_none_makes_no_section(owner):
    a_job(owner)
    assert "Keys near their limit" not in text(get(owner, "overview"))
    for number in range(7):
        near(owner.member, f"Shop {number}", 80 + number)
    page = text(get(owner, "overview"))
    assert [f"Shop {number} " in page for number in range(7)] == [False, False, True, True, True, True, True]


def a_notice(member, name, *, is_read=False):
    key = a_key(member, name=name).key
    facts = {"limit": "day", "used": 80, "most": 100}
    row = trail.record("key.limit_near", about=key.reference, tenant=member.tenant.public_id, **facts)
    return Notice.objects.create(tenant=member.tenant, member=member, row=row, read_at=clock.now() if is_read else None)


def test_the_newest_unread_notices_are_told_each_member_their_own(owner, user):
    a_job(owner)
    a_job(user)
    a_notice(user.member, "Read before", is_read=True)
    for number in range(5):
        a_notice(user.member, f"Shop {number}")
    page = text(get(user, "overview"))
    assert [f"“Shop {number}” has used 80 %" in page for number in range(5)] == [False, False, True, True, True]
    assert "All 5 unread" in page
    assert "Read before" not in page
    assert "All 5 unread" not in text(get(owner, "overview"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"trouble": "exhausted"}, "Out of credits"), ({"failing_since": clock.now()}, "Not reached")],
)
def test_a_connection_in_trouble_is_told_to_who_manages_it(owner, user, changes, words):
    a_job(owner)
    account = an_account(owner.tenant, name="Studio account")
    Connection.objects.filter(pk=account.pk).update(**changes)
    answer = get(owner, "overview")
    assert f"Studio account {words}" in text(answer)
    assert f"/connections/{account.public_id}/" in answer.content.decode()
    a_job(user)
    assert "Studio account" not in text(get(user, "overview"))
    Connection.objects.filter(pk=account.pk).update(is_enabled=False)
    assert "Studio account" not in text(get(owner, "overview"))


def test_while_only_previews_are_drawn_an_owner_is_led_to_connect(owner, user):
    a_job(owner)
    a_job(user)
    assert "Until then jobs only draw previews." in text(get(owner, "overview"))
    assert "draw previews" not in text(get(user, "overview"))
    Connection.objects.update(is_enabled=False)
    assert "Connect RevidAPI Nothing can be made yet." in text(get(owner, "overview"))
    an_account(owner.tenant)
    assert "Connect RevidAPI" not in text(get(owner, "overview"))


# -- what runs


def test_three_cards_stand_for_all_that_run(user):
    jobs = many(lambda: a_job(user), 5)
    answer = get(user, "overview").content.decode()
    assert [f'id="card-{job.public_id}"' in answer for job in jobs] == [False, False, True, True, True]
    assert "All 5 that run or just ended" in answer
    assert '5<span class="pill-word"> running' in answer


# -- the page


def test_results_that_were_all_deleted_leave_a_sentence(user, upstream):
    a_job(user)
    run()
    Job.objects.update(ended_at=clock.ago(9999))
    user_outputs = Job.objects.get().outputs
    user_outputs.update(deleted_at=clock.now())
    page = text(get(user, "overview"))
    assert "No results stand in the gallery." in page
    assert "Nothing is running." in page
    assert "Make your first picture" not in page


def test_strangers_find_nothing_and_only_reading_is_possible(user):
    where = url("overview", user)
    assert a_client(a_member()).get(where).status_code == 404
    assert a_client().get(where).status_code == 302
    assert a_client(user.member).post(where).status_code == 405


@pytest.mark.parametrize("count", [0, 1, 12])
@pytest.mark.parametrize("role", ["owner", "user"])
def test_the_page_asks_few_questions_however_much_there_is(owner, upstream, django_assert_max_num_queries, role, count):
    actor = owner if role == "owner" else a_user(owner, credits=2000)
    many(lambda: a_job(actor), count)
    run()
    counting.tick()
    many(lambda: a_job(actor, model="image-gpt"), count)
    run()
    many(lambda: a_job(actor), count)
    for number in range(count):
        near(actor.member, f"Key {number}", 90)
        a_notice(actor.member, f"Told {number}")
    client = a_client(actor.member)
    with django_assert_max_num_queries(12):
        assert client.get(url("overview", actor)).status_code == 200
