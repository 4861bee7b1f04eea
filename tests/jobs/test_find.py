"""An order whose answer was lost is looked for upstream: adopted once, by one job, and never sent again."""

import pytest

from revidweb.connections import budget
from revidweb.connections.models import Connection, Credential
from revidweb.jobs import answers, dispatch, find, submit
from revidweb.jobs.models import Attempt, Job
from revidweb.lib import clock
from revidweb.providers.base import AccountRefused, OutcomeUnknown, ProviderBusy, Receipt, Sighting, Status
from tests.upstreams.scripted import DONE

from .steps import due_now, find_all, look_late, poll_all, send_all, states, store_all, sweep_all

pytestmark = pytest.mark.django_db


@pytest.fixture
def lost(real, job, upstream) -> Job:
    upstream.submits = [OutcomeUnknown("timed out")]
    send_all()
    assert states() == ["unknown"]
    return Job.objects.get()


def test_it_is_found_and_delivered(lost, upstream):
    upstream.there = [Receipt("found", cost=6)]
    find_all()
    attempt = lost.attempts.get()
    assert (states(), attempt.state, attempt.ticket) == (["working"], "sent", "found")
    assert (attempt.upstream_cost_micros, attempt.is_cost_uncertain) == (6_000_000, False)
    poll_all()
    store_all()
    assert (states(), len(upstream.sent)) == (["done"], 1)


def test_it_is_found_when_it_is_over_already(lost, upstream):
    upstream.there = [Receipt("found", seen=DONE)]
    find_all()
    assert states() == ["storing"]


def test_it_is_found_failed_and_costs_nothing(lost, wallet, upstream):
    upstream.there = [Receipt("found", seen=Sighting(Status.FAILED, error="no luck"))]
    find_all()
    wallet.refresh_from_db()
    lost.refresh_from_db()
    assert (lost.state, lost.error, wallet.held, lost.settlement.upstream_cost_micros) == ("failed", "no luck", 0, 0)


def test_what_is_not_there_is_looked_for_again_a_little_later_each_time_and_never_sent_again(lost, upstream):
    waits = []
    for _ in range(3):
        find_all()
        lost.refresh_from_db()
        waits.append(round((lost.next_look_at - clock.now()).total_seconds()))
    assert waits == [60, 75, 94]
    Job.objects.update(looks=500)
    find_all()
    lost.refresh_from_db()
    assert round((lost.next_look_at - clock.now()).total_seconds()) == 600
    sweep_all()
    send_all()
    assert (states(), len(upstream.sent)) == (["unknown"], 1)


@pytest.mark.parametrize("error", [ProviderBusy("503"), AccountRefused("401"), OutcomeUnknown("reset")])
def test_an_upstream_that_does_not_say_is_asked_again(lost, upstream, monkeypatch, error):
    def refuse(*_, **__):
        raise error

    monkeypatch.setattr(upstream, "find", refuse)
    find_all()
    lost.refresh_from_db()
    assert (lost.state, lost.lease_until, lost.looks) == ("unknown", None, 1)


def test_a_key_without_requests_looks_a_moment_later(lost, upstream):
    Credential.objects.update(tokens=0, refilled_at=clock.after(60))
    find_all()
    lost.refresh_from_db()
    assert (upstream.keys["find"], lost.looks, lost.lease_until) == ([], 0, None)


def test_a_bug_at_one_leaves_the_others_their_turn(real, user, order, upstream, monkeypatch):
    submit.submit(user, order, count=2, token="two")
    upstream.submits = [OutcomeUnknown("timed out")]
    send_all()
    adopt, broken = find.adopt, Job.objects.earliest("pk").pk

    def badly(job, *rest):
        if job.pk == broken:
            raise KeyError("a bug")
        return adopt(job, *rest)

    monkeypatch.setattr(find, "adopt", badly)
    upstream.there = [Receipt("found")]
    find_all()
    assert states() == ["unknown", "working"]


def test_a_found_order_is_given_to_one_job_only(lost, user, order, upstream):
    submit.submit(user, order, count=1, token="t2")
    send_all()
    upstream.there = [Receipt("found")]
    find_all()
    assert sorted(states()) == ["unknown", "working"]
    find_all()
    assert sorted(states()) == ["unknown", "working"]
    upstream.there = [Receipt("found"), Receipt("another")]
    find_all()
    assert states() == ["working", "working"]


def test_what_another_connection_of_the_tenant_made_is_not_taken(lost, real, upstream):
    """The same account, added once more after it had been removed."""
    before = Connection.objects.create(tenant=real.tenant, provider="scripted", name="Before")
    Attempt.objects.create(job=lost, number=9, connection=before, state="busy", ticket="its own")
    upstream.there = [Receipt("its own")]
    find_all()
    assert states() == ["unknown"]


def test_nothing_is_adopted_while_an_equal_order_is_being_sent(lost, user, order, upstream):
    """What is there may be the order whose answer is still under way."""
    submit.submit(user, order, count=1, token="twin")
    dispatch.tick()
    twin = Job.objects.full().get(state="preparing")
    attempt = dispatch._begin(twin)
    upstream.there = [Receipt("the twin's")]
    Job.objects.filter(pk=lost.pk).update(next_look_at=clock.ago(1))
    find.tick()
    assert lost.attempts.get().ticket == ""
    answers.created(twin, attempt, Receipt("the twin's"))
    find_all()
    assert (lost.attempts.get().ticket, attempt.job.attempts.get().ticket) == ("", "the twin's")


def test_another_order_that_is_being_sent_keeps_nobody_waiting(lost, user, order, upstream):
    other = type(order)(order.kind, order.mode, order.model, "Paper kites at dawn")
    submit.submit(user, other, count=1, token="other")
    dispatch.tick()
    dispatch._begin(Job.objects.full().get(state="preparing"))
    upstream.there = [Receipt("found")]
    Job.objects.filter(pk=lost.pk).update(next_look_at=clock.ago(1))
    find.tick()
    assert lost.attempts.get().ticket == "found"


def test_an_answer_with_a_ticket_that_a_twin_was_given_stays_lost_and_finds_the_other(lost, user, order, upstream):
    """The call outlived its lease, and what it had made was taken for the twin's."""
    slow = lost.attempts.get()
    submit.submit(user, order, count=1, token="twin")
    send_all()
    twin = Job.objects.latest("pk")
    Job.objects.filter(pk=twin.pk).update(next_look_at=clock.ago(1))
    Job.objects.filter(pk=lost.pk).update(next_look_at=clock.after(60))
    upstream.there = [Receipt("slow")]
    find.tick()
    assert twin.attempts.get().ticket == "slow"
    answers.created(Job.objects.full().get(pk=lost.pk), slow, Receipt("slow"))
    assert (lost.attempts.get().state, lost.attempts.get().ticket, states()) == ("lost", "", ["unknown", "working"])
    upstream.there = [Receipt("slow"), Receipt("the twin's own")]
    find_all()
    assert (lost.attempts.get().ticket, states()) == ("the twin's own", ["working", "working"])


def test_a_ticket_that_is_another_orders_leaves_the_outcome_unknown(real, user, order, upstream):
    """An upstream that gives two orders one ticket has made one of them, perhaps."""
    upstream.submits = [Receipt("the same")]
    submit.submit(user, order, count=2, token="two")
    send_all()
    assert sorted(states()) == ["unknown", "working"]
    assert sorted(Attempt.objects.values_list("state", "is_cost_uncertain")) == [("lost", True), ("sent", False)]


def test_the_window_lasts_beyond_the_loss(lost, upstream, monkeypatch, settings):
    """It may have been made while nobody listened any more."""
    windows = []
    monkeypatch.setattr(upstream, "find", lambda *_, since, until: windows.append((since, until)) or [])
    find_all()
    attempt = lost.attempts.get()
    assert windows[0][0] == attempt.sent_at
    assert (windows[0][1] - attempt.answered_at).total_seconds() == settings.SEND_LEASE_S


def test_it_is_looked_for_until_it_is_given_up(lost, wallet, upstream):
    due_now(deadline_at=clock.ago(1))
    sweep_all()
    lost.refresh_from_db()
    wallet.refresh_from_db()
    assert (lost.state, lost.error_code, wallet.free) == ("failed", "lost", 100)
    assert (lost.settlement.verdict, lost.settlement.is_cost_uncertain) == ("lost", True)


def tokens() -> float:
    return budget.ready(Credential.objects.get())


def test_a_list_is_read_once_a_round_for_all_that_were_lost_with_a_key(real, user, order, upstream):
    submit.submit(user, order, count=4, token="four")
    upstream.submits = [OutcomeUnknown("timed out")]
    send_all()
    upstream.there = [Receipt(f"ticket-{number}") for number in range(4)]
    find_all()
    assert states() == ["working"] * 4
    assert upstream.listed == [("sk_live_first", upstream.requests.job_list)]


@pytest.mark.parametrize("pages", [1, 4])
@pytest.mark.parametrize("look", [find_all, look_late])
def test_a_search_takes_the_requests_that_it_made(lost, upstream, pages, look):
    if look is look_late:
        due_now(deadline_at=clock.ago(1))
        sweep_all()
        assert states() == ["failed"]
    Credential.objects.update(tokens=60, refilled_at=clock.after(60))
    upstream.pages = pages
    look()
    assert (tokens(), upstream.listed) == (60 - pages, [("sk_live_first", 5)])


def test_a_search_keeps_to_the_requests_that_are_left(lost, upstream):
    Credential.objects.update(tokens=23, refilled_at=clock.after(60))  # looks leave a fifth, of a hundred
    find_all()
    assert upstream.listed == [("sk_live_first", 3)]
