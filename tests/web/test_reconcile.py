"""Reconcile: the page of a comparison, what may be done there, and how it says what it cannot."""

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from revidweb.connections.models import Connection
from revidweb.jobs import adopt
from revidweb.jobs.models import Attempt, Job
from revidweb.lib import clock
from revidweb.reports.models import Difference, Reconciliation
from tests.jobs.steps import store_all
from tests.library.makers import a_job
from tests.makers import a_client
from tests.reports.conftest import (  # noqa: F401
    account,
    connection,
    made,
    nothing_is_fresh,
    reconciled,
    stand_in,
)
from tests.reports.makers import a_difference, a_run

from . import exports
from .connections_pages import HTMX, a_connection
from .jobs_pages import text

pytestmark = pytest.mark.django_db


def path(owner, row: Connection, difference: Difference | None = None) -> str:
    where = reverse("reconcile", args=[owner.tenant.slug, row.public_id])
    return f"{where}{difference.pk}/" if difference else where


def get(owner, row, query: str = "", **options):
    return a_client(owner.member).get(path(owner, row) + query, **options)


def download(owner, row, query: str = ""):
    return a_client(owner.member).get(reverse("reconcile_export", args=[owner.tenant.slug, row.public_id]) + query)


def post(owner, row, difference=None, /, *, htmx=False, **sent):
    return a_client(owner.member).post(path(owner, row, difference), sent, headers=HTMX if htmx else {})


@pytest.fixture
def quiet(owner) -> Connection:
    """One that nobody asks."""
    return a_connection(owner, last_contact_at=clock.now())


# -- the page


def test_before_the_first_run_it_says_what_it_is_for(owner, quiet):
    page = text(get(owner, quiet))
    assert "Does the account agree with our book?" in page
    assert "Reconcile now" in page


def test_the_connection_leads_there(owner, quiet):
    page = a_client(owner.member).get(reverse("connection", args=[owner.tenant.slug, quiet.public_id]))
    assert path(owner, quiet) in page.content.decode()


def test_the_figures_add_up_on_the_page(owner, connection, made, account, stand_in):  # noqa: F811
    _job, theirs = made("a fox")
    stand_in.book.change_charge(theirs, 9)
    made("a hare")
    stand_in.book.plant_job(account, model="image-4.0", credits=7, prompt="a foreign fox")
    reconciled(owner, connection)
    page = text(get(owner, connection))
    for words in (
        "Our book 8 credits 3 orders compared",
        "Their book 20 credits",
        "Difference +12 credits 2 to decide",
        "Missing here 1 charged there for jobs that we do not know +7",
        "Different amount 1 charged there, at another amount +5",
        "a foreign fox",
        "Adopt",
        "Take their figure",
    ):
        assert words in page
    only = text(get(owner, connection, "?sort=different"))
    assert "a fox" in only
    assert "a foreign fox" not in only


def test_books_that_agree_say_so(owner, connection, made):  # noqa: F811
    made("a fox")
    reconciled(owner, connection)
    assert "The two books agree The one order of these days costs the same in both, to the credit." in text(
        get(owner, connection)
    )


def test_the_orders_that_agree_are_listed_each_with_its_job(owner, connection, made):  # noqa: F811
    job, theirs = made("a fox")
    reconciled(owner, connection)
    page = get(owner, connection)
    assert reverse("job", args=[owner.tenant.slug, job.public_id]) in page.content.decode()
    assert f"a fox {job.media_model.title} · {job.member.person} · {theirs.id}" in text(page)


def test_what_agrees_stands_beside_what_differs(owner, connection, made, stand_in):  # noqa: F811
    _job, dearer = made("a hare")
    stand_in.book.change_charge(dearer, 9)
    made("a fox")
    reconciled(owner, connection)
    assert ("a hare" in text(get(owner, connection)), "a fox" in text(get(owner, connection))) == (True, False)
    agreed = text(get(owner, connection, "?sort=matched"))
    assert ("a hare" in agreed, "a fox" in agreed) == (False, True)


def test_what_agreed_in_a_run_of_long_ago_is_a_sum_alone(owner, quiet):
    a_run(quiet, matched=3, matched_micros=12_000_000)
    for query in ("", "?sort=matched"):
        page = text(get(owner, quiet, query))
        assert "All 3 orders of these days cost the same in both" in page
        assert "Export CSV" not in page


def test_the_table_is_a_file(owner, connection, made, account, stand_in):  # noqa: F811
    job, dearer = made("=2+3")
    stand_in.book.change_charge(dearer, 9)
    fox, _theirs = made("a fox")
    foreign = stand_in.book.plant_job(account, model="image-4.0", credits=7, prompt="a foreign fox")
    reconciled(owner, connection)
    told = ("sort", "job", "ticket", "prompt", "our_credits", "charged", "refunded", "standing")

    def lines(query: str) -> set[tuple[str, ...]]:
        return {tuple(row[name] for name in told) for row in exports.rows(download(owner, connection, query))}

    assert lines("") == {
        ("different", job.public_id, dearer.id, "'=2+3", "4", "9", "0", "open"),
        ("missing_here", "", foreign.id, "a foreign fox", "0", "7", "0", "open"),
    }
    assert {row[0] for row in lines("?sort=different")} == {"different"}
    assert {row[:2] for row in lines("?sort=matched")} == {("matched", fox.public_id)}


def test_of_a_run_without_an_end_there_is_no_file(owner, quiet):
    assert download(owner, quiet).status_code == 404
    run = a_run(quiet, stage="failed", failure="gone")
    assert download(owner, quiet, f"?run={run.public_id}").status_code == 404


def test_an_account_that_is_down_says_so_and_the_last_good_run_stays(owner, connection, made, stand_in):  # noqa: F811
    made("a fox")
    good = reconciled(owner, connection)
    stand_in.stop()
    bad = reconciled(owner, connection)
    page = text(get(owner, connection, f"?run={bad.public_id}"))
    assert "The account could not be reached." in page
    assert good.public_id in get(owner, connection, f"?run={bad.public_id}").content.decode()
    assert "The two books agree" in text(get(owner, connection))


@pytest.mark.parametrize(
    "failure", ["own_rate", "interrupted", "account_invalid", "account_locked", "gone", "no_end", "never heard"]
)
def test_every_failure_has_a_sentence(owner, quiet, failure):
    run = a_run(quiet, stage="failed", failure=failure)
    assert "The two books could not be compared" in text(get(owner, quiet, f"?run={run.public_id}"))


def test_what_stands_beside_the_comparison_is_told(owner, quiet):
    others = [
        {"at": clock.now().isoformat(), "change": 500, "what": "admin_add"},
        {"at": None, "change": -3, "what": ""},
    ]
    a_run(quiet, waiting=2, unread=1, others=others, others_count=9, others_change=497, beyond=3, read_from=clock.now())
    page = text(get(owner, quiet))
    for words in (
        "2 orders still run",
        "1 line of the log",
        "admin_add +500 credits",
        "9 moves",
        "3 orders from before",
    ):
        assert words in page


def test_all_runs_ask_the_database_the_same(owner, quiet):
    client = a_client(owner.member)

    def questions() -> int:
        with CaptureQueriesContext(database) as asked:
            assert client.get(path(owner, quiet)).status_code == 200
        return len(asked)

    run = a_run(quiet, actor=owner.name)
    decided = {"standing": "ignored", "remedy": "note", "decided_by": owner.name, "decided_at": clock.now()}
    a_difference(quiet, run, **decided)
    once = questions()
    for _ in range(9):
        a_difference(quiet, run, **decided)
        a_difference(quiet, run)
    assert questions() == once <= 12


# -- a new run


def test_a_run_is_begun_and_its_page_waits_for_it(owner, quiet):
    answer = post(owner, quiet, span="7")
    run = Reconciliation.objects.get()
    assert answer.headers["Location"] == f"{path(owner, quiet)}?run={run.public_id}"
    assert (run.last_day - run.first_day).days == 6
    page = get(owner, quiet, f"?run={run.public_id}")
    assert "log of credits" in text(page)
    assert 'hx-trigger="load delay:2s"' in page.content.decode()
    assert "hx-get" not in get(owner, quiet, "?look=999", headers=HTMX).content.decode().split(">")[0]


@pytest.mark.parametrize("htmx", [True, False])
@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"span": "free"}, "Choose the first and the last day."),
        ({"span": "free", "first_day": "2026-01-02", "last_day": "2026-01-01"}, "Choose days that have been"),
        ({"span": "free", "first_day": "nonsense", "last_day": "2026-01-01"}, "Enter a valid date"),
        ({"span": "nonsense"}, "Reconcile now"),
        ({}, "Reconcile now"),
    ],
)
def test_days_that_make_no_sense_are_refused_in_their_place(owner, quiet, sent, words, htmx):
    answer = post(owner, quiet, htmx=htmx, **sent)
    assert answer.status_code == 422
    assert words in text(answer)
    assert not Reconciliation.objects.exists()


# -- remedies


@pytest.mark.parametrize("htmx", [True, False])
def test_a_remedy_is_one_press(owner, connection, made, stand_in, htmx):  # noqa: F811
    _job, theirs = made("a fox")
    stand_in.book.refund_late(theirs)
    difference = reconciled(owner, connection).differences.get()
    assert "Give back 4 credits" in text(get(owner, connection))
    answer = post(owner, connection, difference, htmx=htmx, remedy="give_back")
    assert answer.status_code == (200 if htmx else 302)
    page = text(answer) if htmx else text(get(owner, connection))
    assert "Given back" in page
    again = post(owner, connection, difference, htmx=True, remedy="give_back")
    assert "dealt with already" in again.headers["HX-Trigger"]


def test_where_nobody_paid_nothing_is_offered_back(owner, connection, made, stand_in):  # noqa: F811
    stand_in.play("fails", prompt="a wolf")
    job, _theirs = made("a wolf")
    Attempt.objects.filter(job=job).update(upstream_cost_micros=4_000_000)
    reconciled(owner, connection)
    page = text(get(owner, connection))
    assert "Refunded there 1" in page
    assert "Give back" not in page
    assert "Correct the cost alone" in page


def test_what_was_adopted_leads_to_its_job(owner, connection, account, stand_in):  # noqa: F811
    stand_in.book.plant_job(account, model="image-4.0", credits=7, prompt="a foreign fox")
    difference = reconciled(owner, connection).differences.get()
    post(owner, connection, difference, remedy="adopt")
    store_all()
    difference.refresh_from_db()
    job = a_client(owner.member).get(reverse("job", args=[owner.tenant.slug, difference.job.public_id]))
    assert "Adopted from RevidAPI" in text(job)
    assert difference.job.public_id in get(owner, connection).content.decode()


@pytest.mark.parametrize("word", ["", "nonsense", "give_back"])
def test_a_remedy_that_is_none_is_refused(owner, quiet, word):
    answer = post(owner, quiet, a_difference(quiet), htmx=True, remedy=word)
    assert "cannot be done" in answer.headers["HX-Trigger"]


def test_a_difference_of_another_connection_is_not_there(owner, quiet):
    other = a_connection(owner, name="Other", key="sk_live_other_other_other_00")
    assert post(owner, other, a_difference(quiet), remedy="note").status_code == 404
    run = a_run(quiet)
    assert get(owner, other, f"?run={run.public_id}").status_code == 404


def test_a_user_is_let_in_nowhere(user, quiet):
    assert get(user, quiet).status_code == 403
    assert post(user, quiet, a_difference(quiet), remedy="note").status_code == 403


def test_a_refund_stands_in_the_payers_statement_and_leads_to_its_job(owner, user, connection, made, stand_in):  # noqa: F811
    job, theirs = made("a fox")
    stand_in.book.refund_late(theirs)
    post(owner, connection, reconciled(owner, connection).differences.get(), remedy="give_back")
    page = a_client(user.member).get(reverse("credits", args=[user.tenant.slug]) + "?kind=refund")
    assert "Given back: Imagen 4.0 a fox" in text(page)
    assert job.public_id in page.content.decode()
    own = text(a_client(user.member).get(reverse("job", args=[user.tenant.slug, job.public_id])))
    assert "4 credits were given back" in own
    assert "Charged 4 credits Given back 4 credits" in own


# -- late results


@pytest.fixture
def late(owner, user):
    """A failed job whose success came afterwards."""
    job = a_job(user.member, state="failed", ended_at=clock.now())
    there = Connection.objects.get(pk=job.connection_id)
    Attempt.objects.create(job=job, number=1, connection=there, state="sent", ticket="there-1")
    Job.objects.filter(pk=job.pk).update(late_at=clock.now(), late_results=["preview:0"])
    return Job.objects.get(pk=job.pk)


def test_a_late_result_is_adopted_from_its_jobs_page(user, late):
    client, where = a_client(user.member), reverse("job", args=[user.tenant.slug, late.public_id])
    assert "Adopt its result, free of charge" in text(client.get(where))
    first, again = (client.post(f"{where}adopt/").headers["Location"] for _ in range(2))
    assert first == again
    adopted = Job.objects.get(retry_of=late)
    assert first == reverse("job", args=[user.tenant.slug, adopted.public_id])
    page = text(client.get(first))
    assert "Adopted: it came after its job had failed" in page
    assert "Paid by nobody" in page
    assert "Its result was adopted as a job of its own" in text(client.get(where))


def test_a_job_without_a_late_result_has_nothing_to_adopt(user):
    job = a_job(user.member, state="failed", ended_at=clock.now())
    where = reverse("job", args=[user.tenant.slug, job.public_id])
    answer = a_client(user.member).post(f"{where}adopt/", follow=True)
    assert "There is no late result to adopt." in text(answer)
    assert a_client(user.member).get(f"{where}adopt/").status_code == 405


@pytest.mark.parametrize("name", ["overview", "jobs", "gallery", "create"])
def test_every_list_shows_a_job_that_nobody_paid_for(user, late, name):
    adopt.adopt_late(user, late)
    args = [user.tenant.slug, *(["image"] if name == "create" else [])]
    assert a_client(user.member).get(reverse(name, args=args)).status_code == 200
