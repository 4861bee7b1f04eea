"""Our book against an account's, over real HTTP: each planted difference is named, and the totals add up."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from revidweb.catalog import connecting
from revidweb.connections import credentials, trying
from revidweb.connections.models import Connection
from revidweb.jobs.models import Attempt, Job
from revidweb.lib import clock
from revidweb.lib.refusal import Refusal
from revidweb.providers.account_pages import Endpoint
from revidweb.providers.revidapi.dashboard import Dashboard
from revidweb.reports import listing, reconcile, remedies
from revidweb.reports.models import Difference, Reconciliation

from .conftest import found, reconciled

pytestmark = pytest.mark.django_db


def planted(made, account, stand_in) -> dict[str, tuple[str, int, int]]:
    """Twelve differences among orders on which the books agree; what is to be found, by ticket."""
    book = stand_in.book
    expected = {}
    for number in range(3):
        foreign = book.plant_job(account, model="nano-banana", credits=7 + number, prompt=f"foreign {number}")
        expected[foreign.id] = ("missing_here", 0, 7 + number)
        _job, theirs = made(f"free there {number}")
        book.lose_charge(theirs)
        expected[theirs.id] = ("missing_there", 4, 0)
        _job, theirs = made(f"dearer there {number}")
        book.change_charge(theirs, 5 + number)
        expected[theirs.id] = ("different", 4, 5 + number)
        _job, theirs = made(f"given back there {number}")
        book.refund_late(theirs)
        expected[theirs.id] = ("refunded", 4, 0)
    for number in range(4):
        made(f"agreed {number}")
    return expected


def test_twelve_planted_differences_are_named_and_the_totals_add_up(owner, connection, made, account, stand_in):
    expected = planted(made, account, stand_in)
    assert len(expected) == 12
    run = reconciled(owner, connection)
    assert run.stage == "done", (run.failure, run.reason)
    assert found(run) == expected
    assert (run.matched, run.matched_micros) == (4, 16_000_000)
    assert run.theirs_micros == stand_in.book.net * 1_000_000
    assert run.ours_micros == sum(attempt.upstream_cost_micros or 0 for attempt in Attempt.objects.all())
    assert run.difference_micros == sum(row.difference_micros for row in run.differences.all())
    assert (run.others_count, run.others_change, run.unread, run.read_from) == (1, 10_000, 0, None)


def test_books_that_agree_have_no_difference(owner, connection, made):
    made("a fox")
    run = reconciled(owner, connection)
    assert (run.stage, run.matched, run.differences.count(), run.difference_micros) == ("done", 1, 0, 0)


def test_what_agreed_is_kept_order_by_order_for_the_runs_that_are_listed(owner, connection, made, monkeypatch):
    monkeypatch.setattr(reconcile, "RUNS_LISTED", 2)
    job, _theirs = made("a fox")
    runs = [reconciled(owner, connection) for _ in range(3)]
    assert [run.matched for run in runs] == [1, 1, 1]
    assert [listing.keeps_matches(run) for run in runs] == [False, True, True]
    (row,) = listing.matched(listing.matches(runs[-1]))
    assert (row.job, row.prompt, row.micros, row.charged, row.refunded) == (job.public_id, "a fox", 4_000_000, 4, 0)


def test_a_failure_that_was_given_back_on_both_sides_agrees(owner, connection, made, stand_in):
    stand_in.play("fails", prompt="a wolf")
    job, _theirs = made("a wolf")
    assert job.state == "failed"
    run = reconciled(owner, connection)
    assert (run.matched, run.ours_micros, run.theirs_micros, found(run)) == (1, 0, 0, {})


def test_a_failure_that_was_not_given_back_there_costs_another_amount(owner, connection, made, stand_in):
    stand_in.play("fails", prompt="a wolf")
    _job, theirs = made("a wolf")
    stand_in.book.lose_refund(theirs)
    assert found(reconciled(owner, connection)) == {theirs.id: ("different", 0, 4)}


def test_a_job_that_is_not_ours_says_what_it_is(owner, connection, account, stand_in):
    stand_in.book.plant_job(account, model="nano-banana", credits=7, prompt="a stranger's fox")
    row = reconciled(owner, connection).differences.get()
    assert (row.told["prompt"], row.told["model"]) == ("a stranger's fox", "nano-banana")


def test_what_still_runs_is_not_judged(owner, connection, made, stand_in):
    job, theirs = made("a fox")
    stand_in.book.change_charge(theirs, 9)
    Job.objects.filter(pk=job.pk).update(state="working", ended_at=None)
    run = reconciled(owner, connection)
    assert (run.waiting, found(run), run.ours_micros) == (1, {}, 0)


def test_what_ended_a_moment_ago_is_not_judged(owner, connection, made, stand_in, account, monkeypatch):
    monkeypatch.setattr(reconcile, "FRESH_S", 120)
    _job, theirs = made("a fox")
    stand_in.book.lose_charge(theirs)
    stand_in.book.plant_job(account, model="nano-banana", credits=7)
    run = reconciled(owner, connection)
    assert (run.waiting, found(run)) == (2, {})


def test_an_order_of_another_connection_to_the_same_account_is_ours(owner, connection, made, account, stand_in):
    _job, _theirs = made("a fox")
    other = credentials_of_another(owner, stand_in, account)
    run = reconciled(owner, other)
    assert (run.matched, found(run)) == (1, {})


def credentials_of_another(owner, stand_in, account):
    key = account.add_key()
    return connecting.connect(owner, name="The same", provider="revidapi", base_url=stand_in.url, key=key)


def test_orders_of_a_replaced_key_of_the_same_account_are_compared(owner, connection, made, account, stand_in):
    _job, lost = made("a fox")
    made("a hare")
    stand_in.book.lose_charge(lost)
    credentials.keep(connection, base_url=stand_in.url, key=account.add_key())
    run = reconciled(owner, connection)
    assert (run.matched, found(run)) == (1, {lost.id: ("missing_there", 4, 0)})


def test_orders_of_a_replaced_key_of_another_account_are_not(owner, connection, made, stand_in):
    made("a fox")
    credentials.keep(connection, base_url=stand_in.url, key=stand_in.open_account().key)
    run = reconciled(owner, connection)
    assert (run.matched, found(run), run.ours_micros) == (0, {}, 0)


def test_a_second_run_finds_the_same_and_nothing_new(owner, connection, made, account, stand_in):
    expected = planted(made, account, stand_in)
    first, second = reconciled(owner, connection), reconciled(owner, connection)
    assert found(first) == found(second) == expected
    assert set(first.differences.values_list("is_new", flat=True)) == {True}
    assert set(second.differences.values_list("is_new", flat=True)) == {False}


def test_an_account_that_does_not_answer_is_said_so(owner, connection, stand_in):
    stand_in.stop()
    run = reconciled(owner, connection)
    assert (run.stage, run.failure) == ("failed", "unreachable")
    connection.refresh_from_db()
    assert connection.failing_since is not None


def test_a_run_waits_where_too_many_of_the_tenant_are_asked(owner, connection, made):
    made("a fox")
    with trying.asking(connection), trying.asking(connection):
        run = reconciled(owner, connection)
    assert (run.stage, run.lease_until) == ("asking", None)
    assert Connection.objects.get(pk=connection.pk).failing_since is None
    reconcile.ask(run.pk)
    run.refresh_from_db()
    assert (run.stage, run.matched) == ("done", 1)


def test_a_run_that_waits_is_not_given_up_with_the_dead(owner, connection):
    day = clock.now().date()
    run = reconcile.begin(owner, connection, first_day=day, last_day=day)
    for age_s, stage in ((reconcile.LEASE_S + 1, "asking"), (reconcile.WAIT_S + 1, "failed")):
        Reconciliation.objects.update(created_at=clock.ago(age_s))
        reconcile.give_up_dead(connection)
        run.refresh_from_db()
        assert run.stage == stage


def test_a_slow_account_holds_a_worker_for_minutes_at_most(owner, connection, account, stand_in, settings, monkeypatch):
    timeouts: list[float | None] = []
    ask = Dashboard.ask

    def noted(self, account, question, *, timeout_s=None):
        timeouts.append(timeout_s)
        return ask(self, account, question, timeout_s=timeout_s)

    monkeypatch.setattr(Dashboard, "ask", noted)
    for _ in range(150):
        stand_in.book.plant_job(account, model="nano-banana", credits=1)
    assert reconciled(owner, connection).differences.count() == 150
    assert timeouts == [settings.REVIDAPI_LOOK_TIMEOUT_S] * len(timeouts)
    assert len(timeouts) > 3
    timeouts.clear()
    monkeypatch.setattr(reconcile, "ASK_S", 0)
    run = reconciled(owner, connection)
    assert (run.stage, len(timeouts), run.read_from is None) == ("done", 1, False)
    assert reconcile.ASK_S < reconcile.LEASE_S


def test_an_order_whose_charge_cannot_be_read_is_not_called_missing(owner, connection, made, monkeypatch):
    made("a fox")
    says(monkeypatch, Endpoint.CREDITS, lambda told: [one | {"amount": "2.5"} for one in told["transactions"]])
    run = reconciled(owner, connection)
    assert (run.waiting, found(run)) == (1, {})
    assert run.unread > 0


def test_a_log_from_old_to_new_that_is_cut_short_is_not_compared(
    owner, connection, made, account, stand_in, monkeypatch
):
    for ago_s in range(150):
        stand_in.book.plant_job(account, model="nano-banana", credits=1, ago_s=3600 + ago_s)
    made("a fox")
    says(monkeypatch, Endpoint.CREDITS, lambda told: told | {"transactions": told["transactions"][::-1]})
    monkeypatch.setattr(reconcile, "ASK_S", 0)
    run = reconciled(owner, connection)
    assert (run.stage, run.failure, found(run)) == ("failed", "no_end", {})


def test_texts_that_no_database_holds_are_kept_all_the_same(owner, connection, account, stand_in, monkeypatch):
    for name in ("a", "b"):
        stand_in.book.plant_job(account, model="image-4.0", credits=7, prompt=name)
    odd = {"no\x00te": ["\x00", "\ud800", float("nan"), {"\udfff": float("inf")}], "prompt": "f\x00x"}
    says(monkeypatch, Endpoint.JOBS, lambda told: told | {"jobs": [one | odd for one in told["jobs"]]})
    lines = [{"type": "bonus \x00\ud800", "amount": 5, "created_at": clock.now().isoformat()}]
    says(monkeypatch, Endpoint.CREDITS, lambda told: told | {"transactions": told["transactions"] + lines})
    run = reconciled(owner, connection)
    assert (run.stage, run.differences.count(), run.others_count) == ("done", 2, 2)
    assert run.others[0]["what"] == "bonus \ufffd?"
    row = run.differences.first()
    assert row.told["no\ufffdte"] == ["\ufffd", "?", None, {"?": None}]
    job = remedies.remedy(owner, row, "adopt").job
    assert (job.prompt, job.state) == ("f\ufffdx", "storing")


def says(monkeypatch, endpoint: Endpoint, change) -> None:
    """Let the account's answers to this be changed on their way."""
    ask = Dashboard.ask

    def changed(self, account, question, *, timeout_s=None):
        copy = ask(self, account, question, timeout_s=timeout_s)
        if question.endpoint is not endpoint:
            return copy
        return replace(copy, text=json.dumps(change(json.loads(copy.text))))

    monkeypatch.setattr(Dashboard, "ask", changed)


def test_one_run_at_a_time(owner, connection):
    day = clock.now().date()
    first = reconcile.begin(owner, connection, first_day=day, last_day=day)
    assert reconcile.begin(owner, connection, first_day=day, last_day=day) == first
    Reconciliation.objects.update(lease_until=clock.ago(1))
    assert reconcile.begin(owner, connection, first_day=day, last_day=day) != first
    first.refresh_from_db()
    assert (first.stage, first.failure) == ("failed", "interrupted")


def test_a_run_whose_message_was_lost_is_sent_for_again(
    owner, connection, monkeypatch, django_capture_on_commit_callbacks
):
    sent: list[int] = []
    monkeypatch.setattr(reconcile.ask, "apply_async", lambda args, **_: sent.extend(args))
    day = clock.now().date()
    run = reconcile.begin(owner, connection, first_day=day, last_day=day)
    with django_capture_on_commit_callbacks(execute=True):
        reconcile.tick()
    assert sent == []
    Reconciliation.objects.update(created_at=clock.ago(60))
    with django_capture_on_commit_callbacks(execute=True):
        reconcile.tick()
    assert sent == [run.pk]
    Reconciliation.objects.update(lease_until=clock.ago(1))
    reconcile.tick()
    run.refresh_from_db()
    assert (run.stage, run.failure) == ("failed", "interrupted")


def test_a_run_is_asked_once(owner, connection, account, stand_in):
    stand_in.book.plant_job(account, model="nano-banana", credits=7)
    run = reconciled(owner, connection)
    reconcile.ask(run.pk)
    assert Difference.objects.count() == 1


@pytest.mark.parametrize(("first", "last"), [(0, -1), (-100, 0), (0, 1)])
def test_a_range_that_makes_no_sense_is_refused(owner, connection, first, last):
    today = clock.now().date()
    with pytest.raises(Refusal, match="bad_range"):
        reconcile.begin(
            owner, connection, first_day=today + timedelta(days=first), last_day=today + timedelta(days=last)
        )


def test_a_user_reconciles_nothing(user, connection):
    day = clock.now().date()
    with pytest.raises(Refusal, match="not_allowed"):
        reconcile.begin(user, connection, first_day=day, last_day=day)
