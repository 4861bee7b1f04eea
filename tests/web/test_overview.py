"""Overview."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from revidweb.accounts.models import Tenant
from revidweb.jobs import cancel, figures
from revidweb.jobs.models import Job, Settlement
from revidweb.lib import clock
from revidweb.providers.base import Cancellation, ProviderRefused, Receipt
from tests.connections.makers import an_account
from tests.jobs.steps import poll_all, run, send_all
from tests.makers import a_client, a_member
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
    assert "96 credits 100 in the wallet, 4 held" in text(answer)


def test_what_ended_is_counted_and_its_picture_shown(user, upstream):
    upstream.submits = [Receipt("a"), Receipt("b"), ProviderRefused("no", code="failed")]
    many(lambda: a_job(user), 3)
    run()
    answer = get(user, "overview")
    for words in ("Done today 2 jobs", "1 failed, not charged", "Spent today 8 credits", "2 done, 1 failed"):
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
    for words in ("4 credits charged", "nothing charged", "; 2 cancelled", "0 done, 0 failed, 2 cancelled"):
        assert words in page


def test_a_user_is_told_of_their_own_and_an_owner_of_all(owner, user, upstream):
    a_job(a_user(owner))
    a_job(user)
    run()
    assert "Done today 1 job " in text(get(user, "overview"))
    assert "your own" in text(get(user, "overview"))
    assert "Done today 2 jobs" in text(get(owner, "overview"))
    assert "the whole tenant" in text(get(owner, "overview"))
    assert "paid by the house" in text(get(owner, "overview"))


def test_a_job_counts_on_the_tenants_own_day(owner, upstream, monkeypatch):
    Tenant.objects.update(time_zone="Asia/Ho_Chi_Minh")
    owner.tenant.refresh_from_db()
    many(lambda: a_job(owner), 3)
    run()
    zone = ZoneInfo("Asia/Ho_Chi_Minh")
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 11, 20, 12, tzinfo=zone))
    moments = [(2026, 11, 20, 0, 0), (2026, 11, 19, 23, 59), (2026, 10, 31, 23, 59)]
    for settlement, moment in zip(Settlement.objects.all(), moments, strict=True):
        Settlement.objects.filter(pk=settlement.pk).update(at=datetime(*moment, tzinfo=zone))
    found = figures.of(owner)
    assert (found.today.done, found.month.done) == (1, 2)
    assert (found.today.credits, found.month.credits) == (4, 8)


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
def test_the_page_asks_few_questions_however_much_there_is(user, upstream, django_assert_max_num_queries, count):
    many(lambda: a_job(user), count)
    run()
    many(lambda: a_job(user), count)
    client = a_client(user.member)
    with django_assert_max_num_queries(12):
        client.get(url("overview", user))
