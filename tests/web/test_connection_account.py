"""The account behind a connection: a page for each thing that its provider tells, alive and when it is down."""

import json
import re
from datetime import timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from revidweb.catalog.models import Offer
from revidweb.connections.models import AccountCopy, Connection, Credential
from revidweb.jobs.models import Job
from revidweb.lib import clock
from revidweb.providers.account_pages import Endpoint
from tests.connections.makers import an_account
from tests.library.makers import a_model
from tests.makers import a_client
from tests.upstreams.customer import Customer
from tests.upstreams.revidapi import StandIn

from .account_pages import path, read, see
from .connections_pages import a_change
from .jobs_pages import text

pytestmark = pytest.mark.django_db

KEY = "sk_live_a_secret_that_no_page_shows_9Kd2"
TABS = [endpoint.value for endpoint in Endpoint]


@pytest.fixture
def upstream(settings):
    with StandIn(image_s=0, video_s=0) as stand_in:
        settings.PRIVATE_HOSTS = frozenset({stand_in.host})
        yield stand_in


@pytest.fixture
def account(upstream):
    return upstream.open_account(key=KEY, balance=1000, is_owner=True)


@pytest.fixture
def connection(owner, upstream, account) -> Connection:
    with Customer(upstream, account) as customer:
        customer.image()
        customer.video()
    return an_account(owner.tenant, name="RevidAPI", key=KEY, base_url=upstream.url)


@pytest.fixture
def silent(owner) -> Connection:
    """One that nobody asks: what it tells is put there by the test."""
    return an_account(owner.tenant, name="RevidAPI")


def put(connection: Connection, endpoint: str, body: object, **fields: object) -> None:
    said = body if isinstance(body, str) else json.dumps(body)
    AccountCopy.objects.update_or_create(
        credential=connection.credential,
        endpoint=endpoint,
        defaults={"text": said, "read_at": clock.now()} | fields,
    )


# -- the pages


@pytest.mark.parametrize("endpoint", TABS)
def test_every_page_is_read_and_then_stands_without_asking(owner, upstream, connection, endpoint):
    assert "Not read yet" in text(see(owner, connection, endpoint))
    before = len(upstream.calls)
    answer = read(owner, connection, endpoint)
    assert answer.status_code == 200
    assert len(upstream.calls) == before + 1
    page = see(owner, connection, endpoint)
    assert "Read just now" in text(page)
    assert 'hx-trigger="load"' not in page.content.decode()
    assert len(upstream.calls) == before + 1


def test_the_account_shows_its_balance_and_name(owner, connection):
    page = text(read(owner, connection))
    for words in ("Balance", "981", "Acme", "Is active Yes"):
        assert words in page
    assert KEY not in page


def test_limits_stand_in_groups(owner, connection):
    page = text(read(owner, connection, "limits"))
    assert "Total concurrent 5" in page
    assert "Queue slots 3" in page


def test_jobs_there_are_listed_and_their_results_lead_nowhere(owner, connection):
    answer = read(owner, connection, "jobs")
    assert "a fox" in text(answer)
    assert "kling-2.6" in text(answer)
    page = answer.content.decode()
    assert "/outputs/" in page
    assert 'href="http' not in page
    assert "<img" not in page
    assert "<video" not in page


def test_jobs_are_filtered_in_the_address(owner, connection):
    assert "nano-banana" in text(read(owner, connection, "jobs", "?type=t2i"))
    assert "nano-banana" not in text(read(owner, connection, "jobs", "?type=t2v"))
    assert "kling-2.6" in text(see(owner, connection, "jobs", type="t2v"))


def test_a_filter_that_nobody_knows_is_left_out(owner, connection):
    assert see(owner, connection, "jobs", status="<script>", type="x", page="-1").status_code == 200
    read(owner, connection, "jobs", "?status=%3Cscript%3E&page=abc")
    assert list(AccountCopy.objects.values_list("status", "page")) == [("", 1)]


def test_users_go_on_over_pages(owner, connection):
    first = read(owner, connection, "users")
    assert "Page 1 of 2, 130 in all" in text(first)
    assert 'href="?page=2"' in first.content.decode()
    second = read(owner, connection, "users", "?page=2")
    assert "Page 2 of 2" in text(second)
    assert "user_8997" not in text(second)


def test_usage_is_drawn_by_model(owner, connection):
    page = text(read(owner, connection, "stats"))
    assert "Credits by model" in page
    assert "Total jobs" in page


def test_revenue_is_drawn_by_month(owner, connection):
    assert "Total by month" in text(read(owner, connection, "revenue"))


def test_models_stand_beside_the_changes_of_prices(owner, connection):
    a_change(connection, old=90, new=1110)
    page = text(read(owner, connection, "models"))
    assert "nano-banana" in page
    assert "90 1,110" in page


def test_the_export_is_the_providers_own_file(owner, connection):
    read(owner, connection, "export")
    answer = see(owner, connection, "export", download="1")
    assert answer["Content-Disposition"].startswith('attachment; filename="upstream-usage-')
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.content.decode() == AccountCopy.objects.get().text
    assert answer.content.decode().startswith("date,model,jobs")


def test_without_an_answer_there_is_nothing_to_download(owner, connection):
    assert "Not read yet" in text(see(owner, connection, "export", download="1"))


def test_who_is_no_owner_there_is_told_so_calmly(owner, upstream):
    upstream.open_account(key="sk_live_of_nobody_in_particular_0001")
    plain = an_account(owner.tenant, key="sk_live_of_nobody_in_particular_0001", base_url=upstream.url)
    answer = read(owner, plain, "revenue")
    assert "This page is for the keys of a tenant&#x27;s owner there" in text(answer)
    assert 'data-state="warn"' not in answer.content.decode()
    assert Connection.objects.get(pk=plain.pk).trouble == ""


def test_without_scripts_a_form_asks_and_leads_back(owner, connection):
    client, here = a_client(owner.member), path(owner, connection, "jobs") + "?type=t2i"
    answer = client.post(here, {"again": "yes"})
    assert (answer.status_code, answer["Location"]) == (302, here)
    assert "nano-banana" in text(client.get(here))


def test_the_connection_leads_to_its_account(owner, connection):
    client = a_client(owner.member)
    for name, args in (("connections", []), ("connection", [connection.public_id])):
        page = client.get(reverse(name, args=[owner.tenant.slug, *args])).content.decode()
        assert f'href="{path(owner, connection)}"' in page


def test_pages_that_are_none_are_not_there(owner, connection):
    for endpoint in ("everything", "ME", "me-too"):
        assert see(owner, connection, endpoint).status_code == 404


# -- the raw answer


def test_the_raw_answer_is_one_click_away_and_no_page(owner, silent):
    put(silent, "me", '{"name": "<script>alert(1)</script>", "balance": 1.10, "deep": [[], {}]}')
    assert 'href="' + path(owner, silent) + '?raw=1"' in see(owner, silent).content.decode()
    raw = see(owner, silent, raw="1")
    assert raw["Content-Type"] == "text/plain; charset=utf-8"
    assert raw["X-Content-Type-Options"] == "nosniff"
    assert raw.content.decode() == (
        '{\n  "name": "<script>alert(1)</script>",\n  "balance": 1.10,\n  "deep": [\n    [],\n    {}\n  ]\n}'
    )


def test_a_raw_answer_that_was_never_there_is_not_found(owner, silent):
    assert see(owner, silent, raw="1").status_code == 404


def test_a_huge_raw_answer_ends_somewhere(owner, silent):
    put(silent, "me", [["x" * 100] * 10] * 2000)
    raw = see(owner, silent, raw="1").content.decode()
    assert len(raw) < 510_000
    assert raw.endswith("…")


# -- whatever it says

HOSTILE = '<img src=x onerror="alert(1)">{{ 7 }}{% url %}\u202e'
SHAPES = [
    None,
    True,
    -1.5,
    "a word",
    [],
    {},
    [1, 2, 3],
    {"data": {"users": [{"name": HOSTILE, HOSTILE: None}]}},
    {"jobs": [{"job_id": HOSTILE, "prompt": HOSTILE, "status": HOSTILE, "output_url": "javascript:alert(1)"}]},
    {"jobs": [{"id": 7}, {"nothing": 1}, "x"], "page": "x", "pages": -3, "total": 10**40},
    {"by_day": {"2026-11-20": -5, "2026-11-21": 7}, "by_model": [{"model": "a", "credits": 1.5}, {"model": "b"}]},
    {"by_day": [{"date": f"2026-11-{day:02}", "credits": day, "cost": day / 7} for day in range(1, 29)]},
    {"deep": [[[[[[[[[[[[1]]]]]]]]]]]]},
    {"a": [{"b": [{"c": [{"d": 1}]}]}]},
    {"at": "2026-11-20T12:00:00Z", "url": "https://evil.example.com/x.png", "empty": "", "none": None},
    "<html><body>Sign in</body></html>",
]


@pytest.mark.parametrize("endpoint", TABS)
@pytest.mark.parametrize("body", SHAPES, ids=range(len(SHAPES)))
def test_any_answer_is_shown_as_what_it_is(owner, silent, endpoint, body):
    put(silent, endpoint, body)
    answer = see(owner, silent, endpoint)
    assert answer.status_code == 200
    page = answer.content.decode()
    assert "<img src=x" not in page
    assert 'href="http' not in page
    assert "javascript:" not in page or 'href="javascript:' not in page


@pytest.mark.parametrize("said", ["", "{", "no JSON at all", "date,model\n=cmd|' /C calc'!A0,x\n"])
@pytest.mark.parametrize("endpoint", TABS)
def test_what_is_no_json_is_shown_as_text(owner, silent, endpoint, said):
    for media_type in ("application/json", "text/csv"):
        put(silent, endpoint, said, media_type=media_type)
        assert see(owner, silent, endpoint).status_code == 200


def test_moments_stand_in_the_tenants_zone(owner, silent):
    owner.tenant.time_zone = "Asia/Kathmandu"
    owner.tenant.save()
    put(silent, "me", {"at": "2026-11-20T12:00:00Z"})
    assert "20 Nov 2026, 17:45" in text(see(owner, silent))


def test_figures_stand_right_and_ids_are_no_figures(owner, silent):
    put(silent, "credits", {"rows": [{"id": 12345, "amount": -15000, "note": "x"}]})
    page = see(owner, silent, "credits").content.decode()
    assert '<td>12345</td><td class="number">-15,000</td><td>x</td>' in page


def test_a_long_table_says_how_much_is_left_out(owner, silent):
    put(silent, "models", {"models": [{"model": f"m{number}"} for number in range(450)]})
    assert "350 more rows stand in the raw answer." in text(see(owner, silent, "models"))


# -- when it is down


@pytest.mark.parametrize("endpoint", TABS)
def test_with_the_upstream_stopped_every_page_answers_from_its_last_good_copy(owner, upstream, connection, endpoint):
    good = read(owner, connection, endpoint)
    read_at = clock.now() - timedelta(minutes=9)
    AccountCopy.objects.update(read_at=read_at)
    upstream.stop()
    page = see(owner, connection, endpoint)
    assert "9 min ago" in text(page)
    assert 'hx-trigger="load"' in page.content.decode()
    down = text(read(owner, connection, endpoint))
    assert "The provider could not be reached." in down
    assert "Below is the last good answer, read 9 min ago" in down
    assert _content(good) == _content(read(owner, connection, endpoint))
    assert AccountCopy.objects.get().read_at == read_at
    again = see(owner, connection, endpoint)
    assert "The provider could not be reached." in text(again)
    assert 'hx-trigger="load"' not in again.content.decode()


def _content(answer) -> str:
    """The last table or list of facts of an answer: what it told."""
    page = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", answer.content.decode())
    return page[max(page.rfind("<dl"), page.rfind("<tbody")) :]


def test_what_was_never_read_says_that_it_cannot_be_now(owner, upstream, connection):
    upstream.stop()
    page = text(read(owner, connection))
    assert "The provider could not be reached." in page
    assert "There is no earlier answer to show." in page


def test_an_empty_budget_says_to_wait_and_asks_nobody(owner, upstream, connection):
    Credential.objects.update(tokens=0, refilled_at=clock.now())
    before = len(upstream.calls)
    assert "The key&#x27;s requests are used up for the moment" in text(read(owner, connection))
    assert len(upstream.calls) == before


def test_a_refused_key_is_told_beside_what_was_known(owner, upstream, account, connection):
    read(owner, connection)
    AccountCopy.objects.update(read_at=clock.now() - timedelta(hours=2))
    account.disable(KEY, until=upstream.now() + 3600)
    page = text(read(owner, connection))
    assert "The provider refuses the key." in page
    assert "Acme" in page
    assert KEY not in page


# -- how much it asks


@pytest.mark.parametrize("endpoint", TABS)
def test_a_page_asks_few_questions_of_the_database(owner, connection, endpoint):
    read(owner, connection, endpoint)
    client, here = a_client(owner.member), path(owner, connection, endpoint)
    with CaptureQueriesContext(database) as asked:
        assert client.get(here).status_code == 200
    assert len(asked) <= 12


# -- jobs that are, or are not, ours


def offer_all(page, connection: Connection) -> str:
    """The models of the listed jobs are among the connection's; the ticket of the newest."""
    jobs = page.context["shown"].jobs
    for job in jobs:
        Offer.objects.create(media_model=a_model(job.entry.model, kind=job.entry.kind), connection=connection)
    return jobs[0].entry.ticket


def adopt(owner, connection: Connection, ticket: str):
    address = reverse("connection_adopt", args=[owner.tenant.slug, connection.public_id])
    return a_client(owner.member).post(address, {"ticket": ticket})


def test_a_job_that_is_not_known_here_is_adopted_with_one_button(owner, connection):
    read(owner, connection, "jobs")
    page = see(owner, connection, "jobs")
    assert page.content.decode().count("Adopt<") == 2
    ticket = offer_all(page, connection)
    assert adopt(owner, connection, ticket).status_code == 302
    job = Job.objects.get()
    assert (job.state, job.credits, job.member, job.attempts.get().ticket) == ("storing", 0, owner.member, ticket)
    again = see(owner, connection, "jobs").content.decode()
    assert again.count("Adopt<") == 1
    assert reverse("job", args=[owner.tenant.slug, job.public_id]) in again


def test_what_was_adopted_is_not_adopted_again(owner, connection):
    read(owner, connection, "jobs")
    ticket = offer_all(see(owner, connection, "jobs"), connection)
    adopt(owner, connection, ticket)
    assert adopt(owner, connection, ticket).url.startswith(
        reverse("connection_account", args=[owner.tenant.slug, connection.public_id, "jobs"])
    )
    assert Job.objects.count() == 1


def test_a_job_that_was_not_read_is_not_adopted(owner, connection):
    assert adopt(owner, connection, "job_of_somebody").status_code == 404
    read(owner, connection, "jobs")
    assert adopt(owner, connection, "").status_code == 404
    assert not Job.objects.exists()
