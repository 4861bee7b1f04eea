"""One remedy for each sort of difference, and each works once: twice and at the same moment changes nothing more."""

import pytest

from revidweb.accounts.actors import Actor
from revidweb.connections.models import Connection
from revidweb.credits import checking as book
from revidweb.credits.models import Transfer
from revidweb.jobs import checking, facts, settle
from revidweb.jobs.models import Attempt, Job
from revidweb.keys import proving
from revidweb.keys.models import ApiKey
from revidweb.lib.refusal import Refusal
from revidweb.reports import remedies
from revidweb.reports.models import Difference
from revidweb.trail.models import TrailRow
from tests.crowd import at_once
from tests.jobs.steps import store_all
from tests.keys.makers import a_key_actor

from .conftest import cost_of, found, reconciled

pytestmark = pytest.mark.django_db


def a_difference(owner: Actor, connection: Connection) -> Difference:
    return reconciled(owner, connection).differences.get()


def sound() -> None:
    faults = [*book.faults(), *checking.faults(), *proving.faults()]
    assert [str(fault) for fault in faults] == []


def agree(owner: Actor, connection: Connection) -> None:
    run = reconciled(owner, connection)
    assert (found(run), run.difference_micros) == ({}, 0)
    sound()


def once(owner: Actor, difference: Difference, word: str) -> None:
    """Do it; a second time it is refused, from this run and from another that found the same."""
    before = reconciled(owner, difference.reconciliation.connection).differences.get(mark=difference.mark)
    difference = remedies.remedy(owner, difference, word)
    assert (difference.standing == "open", difference.remedy, difference.decided_by) == (False, word, owner.name)
    for again in (difference, before, Difference.objects.get(pk=before.pk)):
        with pytest.raises(Refusal, match="decided_already"):
            remedies.remedy(owner, again, word)
    assert TrailRow.objects.filter(what="difference.decided").count() == 1


def test_missing_here_is_adopted_with_its_media(owner, connection, account, stand_in):
    theirs = stand_in.book.plant_job(account, model="image-4.0", credits=7, prompt="a stranger's fox")
    difference = a_difference(owner, connection)
    assert remedies.can_adopt(difference)
    once(owner, difference, "adopt")
    store_all()
    job = Job.objects.get()
    assert (job.state, job.prompt, job.credits, job.outputs.count()) == ("done", "a stranger's fox", 0, 1)
    assert job.attempts.get().ticket == theirs.id
    assert set(Difference.objects.values_list("job", flat=True)) == {job.pk}
    agree(owner, connection)


def test_what_was_adopted_and_did_not_come_is_open_in_the_next_run(owner, connection, account, stand_in):
    theirs = stand_in.book.plant_job(account, model="image-4.0", credits=7)
    job = remedies.remedy(owner, a_difference(owner, connection), "adopt").job
    settle.fail(Job.objects.full().get(pk=job.pk), code="undeliverable", error="gone")
    again = a_difference(owner, connection)
    assert (again.is_open, again.sort, again.ticket) == (True, "missing_here", theirs.id)
    remedies.remedy(owner, again, "adopt")
    store_all()
    agree(owner, connection)


def test_missing_here_may_be_noted_as_somebody_elses(owner, connection, account, stand_in):
    stand_in.book.plant_job(account, model="image-4.0", credits=7)
    once(owner, a_difference(owner, connection), "note")
    again = a_difference(owner, connection)
    assert (again.standing, again.is_new) == ("ignored", False)
    assert not Job.objects.exists()


def test_a_model_that_is_not_ours_is_not_adopted_and_stays_open(owner, connection, account, stand_in):
    stand_in.book.plant_job(account, model="never-heard-of", credits=7)
    difference = a_difference(owner, connection)
    with pytest.raises(Refusal, match="model_unknown_there"):
        remedies.remedy(owner, difference, "adopt")
    difference.refresh_from_db()
    assert difference.is_open


def test_nothing_is_adopted_of_an_account_that_is_silent(owner, connection, account, stand_in):
    stand_in.book.plant_job(account, model="image-4.0", credits=7)
    difference = a_difference(owner, connection)
    stand_in.stop()
    with pytest.raises(Refusal, match="account_silent"):
        remedies.remedy(owner, difference, "adopt")
    assert Difference.objects.get().is_open


def test_missing_there_costs_nothing_then(owner, connection, made, stand_in):
    job, theirs = made("a fox")
    stand_in.book.lose_charge(theirs)
    once(owner, a_difference(owner, connection), "believe")
    assert (cost_of(job), job.settlement.credits) == (0, 4)
    agree(owner, connection)


def test_a_different_amount_is_taken_over(owner, connection, made, stand_in):
    job, theirs = made("a fox")
    stand_in.book.change_charge(theirs, 9)
    once(owner, a_difference(owner, connection), "believe")
    assert cost_of(job) == 9_000_000
    agree(owner, connection)


def test_what_was_refunded_there_is_given_back_here(owner, connection, made, stand_in, wallet):
    job, theirs = made("a fox")
    facts.take(owner.tenant, limit=9)
    stand_in.book.refund_late(theirs)
    once(owner, a_difference(owner, connection), "give_back")
    wallet.refresh_from_db()
    job.refresh_from_db()
    job.settlement.refresh_from_db()
    assert (wallet.balance, job.refunded, job.cost, cost_of(job), job.settlement.credits) == (100, 4, 0, 0, 0)
    (fact,) = facts.take(owner.tenant, limit=9)
    assert (fact.jobs, fact.credits, fact.upstream_cost_micros) == (0, -4, -4_000_000)
    agree(owner, connection)


def test_where_nobody_paid_nothing_is_given_back(owner, connection, made, stand_in, wallet):
    job, theirs = made("a fox")
    stand_in.book.refund_late(theirs)
    paid = a_difference(owner, connection)
    assert remedies.is_worth_it(paid, "give_back")
    settle.refund(job, actor="system")
    again = a_difference(owner, connection)
    assert not remedies.is_worth_it(again, "give_back")
    for one in (paid, again):
        with pytest.raises(Refusal, match="moved_on"):
            remedies.remedy(owner, one, "give_back")
    assert (cost_of(job), Difference.objects.filter(standing="open").count()) == (4_000_000, 2)
    once(owner, again, "believe")
    agree(owner, connection)


def test_the_charge_may_be_kept(owner, connection, made, stand_in, wallet):
    job, theirs = made("a fox")
    stand_in.book.refund_late(theirs)
    once(owner, a_difference(owner, connection), "believe")
    wallet.refresh_from_db()
    assert (wallet.balance, cost_of(job)) == (96, 0)
    agree(owner, connection)


def test_what_a_key_paid_counts_in_none_of_its_limits_any_more(owner, user, connection, made, stand_in):
    acting = a_key_actor(user.member)
    _job, theirs = made("a fox", by=acting)
    made("a hare", by=acting)
    stand_in.book.refund_late(theirs)
    once(owner, a_difference(owner, connection), "give_back")
    key = ApiKey.objects.get(pk=acting.key.pk)
    assert (key.spent, key.lifetime_credits, key.day_credits, key.week_credits, key.month_credits) == (4, 4, 4, 4, 4)
    agree(owner, connection)


def test_an_order_on_which_our_book_has_moved_on_is_left_alone(owner, connection, made, stand_in):
    job, theirs = made("a fox")
    stand_in.book.change_charge(theirs, 9)
    difference = a_difference(owner, connection)
    Attempt.objects.filter(job=job).update(upstream_cost_micros=5_000_000)
    with pytest.raises(Refusal, match="moved_on"):
        remedies.remedy(owner, difference, "believe")
    assert Difference.objects.get().is_open


def test_a_remedy_of_another_sort_is_refused(owner, connection, made, stand_in):
    _job, theirs = made("a fox")
    stand_in.book.change_charge(theirs, 9)
    for word in ("adopt", "give_back", "nonsense"):
        with pytest.raises(Refusal, match="not_remediable"):
            remedies.remedy(owner, a_difference(owner, connection), word)


def test_a_user_remedies_nothing(owner, user, connection, account, stand_in):
    stand_in.book.plant_job(account, model="image-4.0", credits=7)
    with pytest.raises(Refusal, match="not_allowed"):
        remedies.remedy(user, a_difference(owner, connection), "note")


def test_what_differs_otherwise_later_is_open_again(owner, connection, made, stand_in):
    _job, theirs = made("a fox")
    stand_in.book.change_charge(theirs, 9)
    remedies.remedy(owner, a_difference(owner, connection), "note")
    stand_in.book.change_charge(theirs, 8)
    assert a_difference(owner, connection).is_open


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("word", ["adopt", "believe", "give_back", "different"])
def test_of_many_at_once_one_remedies(owner, connection, made, account, stand_in, word):
    if word == "adopt":
        stand_in.book.plant_job(account, model="image-4.0", credits=7)
    else:
        _job, theirs = made("a fox")
        if word == "different":
            stand_in.book.change_charge(theirs, 9)
        else:
            stand_in.book.refund_late(theirs)
    deed = "believe" if word == "different" else word
    pk = a_difference(owner, connection).pk

    def remedy(_number: int) -> object:
        row = Difference.objects.select_related("reconciliation__connection").get(pk=pk)
        return remedies.remedy(owner, row, deed).pk

    answers = at_once(6, remedy)
    assert (answers.count(pk), answers.count("Refusal")) == (1, 5)
    assert Transfer.objects.filter(kind="refund").count() == (word == "give_back")
    assert TrailRow.objects.filter(what="difference.decided").count() == 1
    store_all()
    sound()
