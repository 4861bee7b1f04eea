"""What a key submits: who pays, what is counted, what its limits refuse, and how often a request is answered alike."""

from dataclasses import replace

import pytest
import time_machine
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from revidweb.accounts.actors import Actor
from revidweb.accounts.models import Role
from revidweb.catalog.models import Price
from revidweb.credits import ledger
from revidweb.credits.models import Hold
from revidweb.files.models import StoredFile
from revidweb.jobs import cancel, checking, retry, submit, sweep
from revidweb.jobs.models import Batch, Job, Submission
from revidweb.keys import issuing, leaving
from revidweb.keys.models import ApiKey, KeyKind
from revidweb.lib import clock
from revidweb.lib.refusal import Refusal
from revidweb.providers.base import Input, ProviderRefused, Sighting, Status
from revidweb.trail import trail
from tests import makers
from tests.jobs import steps
from tests.keys.makers import a_key_actor
from tests.library.makers import a_file
from tests.upstreams.scripted import DONE

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _jobs_agree_with_keys():
    """Whatever a test did, keys count what their jobs say."""
    yield
    assert list(checking.faults()) == []


@pytest.fixture
def key(user) -> Actor:
    """The user's budgeted key, with 40 credits."""
    return a_key_actor(user.member, kind=KeyKind.BUDGETED, credits=40)


def row(actor: Actor) -> ApiKey:
    return ApiKey.objects.select_related("wallet").get(pk=actor.key.pk)


def nothing_was_written() -> bool:
    return not (Job.objects.exists() or Hold.objects.exists() or Batch.objects.exists() or Submission.objects.exists())


# -- who pays, and what is counted -----------------------------------------------------------------------------------


def test_a_budgeted_key_pays_from_its_own_wallet_and_counts(user, key, order):
    batch = submit.submit(key, order, count=2)
    now = row(key)
    assert {job.hold.wallet for job in batch.jobs.all()} == {now.wallet}
    assert (now.wallet.held, now.moving, now.day_credits, now.lifetime_credits) == (8, 2, 8, 8)
    assert {(job.member, job.key_id, job.held_on) for job in batch.in_order} == {(user.member, now.pk, now.counted_on)}


@pytest.mark.parametrize("role", [Role.OWNER, Role.USER])
def test_a_shared_key_pays_with_what_its_member_pays_with(role, owner, user, order):
    member = {Role.OWNER: owner, Role.USER: user}[role].member
    job = submit.submit(a_key_actor(member), order, count=1).jobs.get()
    assert job.hold.wallet == ledger.payer_of(member)


def test_a_standalone_key_is_nobodys(owner, order):
    key = a_key_actor(owner.member, kind=KeyKind.STANDALONE, credits=40)
    job = submit.submit(key, order, count=1).jobs.get()
    assert (job.member, job.batch.member, job.hold.wallet) == (None, None, row(key).wallet)


def test_the_trail_names_the_key(key, order):
    job = submit.submit(key, order, count=1).jobs.get()
    assert [(row.what, row.actor) for row in trail.of(job.reference)] == [("job.submitted", key.name)]


def test_a_done_job_stays_counted_and_is_spent(key, order, upstream):
    submit.submit(key, order, count=1)
    steps.run()
    now = row(key)
    assert (now.moving, now.spent, now.day_credits, now.lifetime_credits) == (0, 4, 4, 4)
    assert (now.wallet.balance, now.wallet.held) == (36, 0)


def test_what_a_key_made_is_its_own(user, key, order, upstream):
    job = submit.submit(key, order, count=1).jobs.get()
    steps.run()
    output = job.outputs.get()
    assert (output.key_id, output.file.key, output.member) == (key.key.pk, key.key.public_id, user.member)


@pytest.mark.parametrize("ending", ["fails", "is cancelled", "is lost"])
def test_a_job_that_took_nothing_is_free_in_the_limits_again(ending, key, order, upstream):
    submit.submit(key, order, count=1)
    job = submit.submit(key, order, count=1).jobs.get()
    if ending == "is cancelled":
        cancel.cancel(key, Job.objects.get(pk=job.pk))
    elif ending == "fails":
        Job.objects.exclude(pk=job.pk).update(next_look_at=clock.after(60))
        upstream.submits = [ProviderRefused("no")]
        steps.send_all()
    else:
        Job.objects.filter(pk=job.pk).update(state="unknown", deadline_at=clock.ago(1))
        job.attempts.create(number=1, connection=job.connection, state="lost")
        sweep.lose()
    now = row(key)
    assert Job.objects.get(pk=job.pk).state in ("failed", "cancelled")
    assert (now.moving, now.spent, now.day_credits, now.lifetime_credits) == (1, 0, 4, 4)


def test_a_late_success_is_charged_to_nobody(key, order, upstream):
    submit.submit(key, order, count=1)
    steps.send_all()
    upstream.sightings = [Sighting(Status.FAILED, results=("https://scripted.example/late.png",))]
    steps.poll_all()
    now = row(key)
    assert Job.objects.get().late_results
    assert (now.moving, now.spent, now.lifetime_credits) == (0, 0, 0)


def test_a_release_lowers_the_windows_in_which_it_was_held(owner, order):
    key = a_key_actor(owner.member, day=100, week=100)
    with time_machine.travel("2026-11-18T12:00Z"):  # a Wednesday
        old = submit.submit(key, order, count=1).jobs.get()
    with time_machine.travel("2026-11-19T12:00Z"):
        submit.submit(key, order, count=1)
        cancel.cancel(key, Job.objects.get(pk=old.pk))
        assert (row(key).day_credits, row(key).week_credits) == (4, 4)


# -- limits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"day": 7}, "window_limit"),
        ({"week": 7}, "window_limit"),
        ({"month": 7}, "window_limit"),
        ({"lifetime": 7}, "lifetime_limit"),
        ({"running": 1, "queue": 0}, "queue_full"),
        ({"kinds": ("video",)}, "kind_not_allowed"),
        ({"models": ("veo3.1-fast",)}, "model_not_allowed"),
    ],
)
def test_a_batch_over_a_limit_is_refused_as_a_whole(limits, code, owner, order):
    key = a_key_actor(owner.member, **limits)
    with pytest.raises(Refusal, match=code):
        submit.submit(key, order, count=2)
    assert nothing_was_written()
    assert row(key).moving == row(key).lifetime_credits == 0


def test_a_batch_that_the_keys_wallet_cannot_pay_is_refused_as_a_whole(key, order):
    submit.submit(key, order, count=8)
    with pytest.raises(ledger.NotEnoughCredits) as refused:
        submit.submit(key, order, count=3)
    assert refused.value.facts == {"needed": 12, "free": 8}
    assert (Job.objects.count(), row(key).moving, row(key).wallet.held) == (8, 8, 32)


def test_running_and_waiting_jobs_fill_the_queue_together(owner, order):
    key = a_key_actor(owner.member, running=2, queue=1)
    submit.submit(key, order, count=2)
    with pytest.raises(Refusal, match="queue_full"):
        submit.submit(key, order, count=2)
    submit.submit(key, order, count=1)
    with pytest.raises(Refusal, match="queue_full"):
        submit.submit(key, order, count=1)
    assert Job.objects.count() == 3


@pytest.mark.parametrize("deed", ["pause", "revoke"])
@pytest.mark.parametrize("kind", [KeyKind.SHARED, KeyKind.BUDGETED])
def test_a_key_that_ends_after_it_was_let_in_is_refused(deed, kind, user, order):
    key = a_key_actor(user.member, kind=kind, credits=40)
    getattr(issuing, deed)(user, row(key))
    with pytest.raises(Refusal, match=f"key_{deed}d"):
        submit.submit(key, order, count=1)
    assert nothing_was_written()


def test_a_removed_members_key_is_refused_at_once(owner, user, key, order):
    leaving.remove(owner, user.member)
    with pytest.raises(Refusal, match="key_revoked"):
        submit.submit(key, order, count=1)


def test_a_job_of_a_revoked_key_runs_on_and_what_it_frees_goes_back(user, key, order, upstream):
    submit.submit(key, order, count=2)
    issuing.revoke(user, row(key))
    steps.send_all()
    upstream.sightings = [DONE, Sighting(Status.FAILED)]
    steps.poll_all()
    steps.store_all()
    now = row(key)
    assert sorted(steps.states()) == ["done", "failed"]
    assert (now.moving, now.spent, now.wallet.balance, now.wallet.held) == (0, 4, 0, 0)
    assert ledger.wallet_of(user.member).balance == 100 + 40 - 4


# -- the same request twice ------------------------------------------------------------------------------------------


def test_a_request_without_a_name_is_kept_by_nobody(key, order):
    submit.submit(key, order, count=1)
    submit.submit(key, order, count=1)
    assert (Submission.objects.count(), Job.objects.count()) == (0, 2)


def test_a_named_request_makes_one_batch_and_says_so(key, order):
    first = submit.submit(key, order, count=2, token="one")
    second = submit.submit(key, order, count=2, token="one")
    assert first == second
    assert (first.is_repeat, second.is_repeat) == (False, True)
    assert [job.pk for job in first.in_order] == [job.pk for job in second.in_order]
    assert row(key).moving == 2


@pytest.mark.parametrize("change", [{"prompt": "Another"}, {"params": {"speed": "slow"}}])
def test_a_name_with_another_request_is_refused(change, key, order):
    submit.submit(key, order, count=1, token="one")
    with pytest.raises(Refusal, match="token_reused"):
        submit.submit(key, replace(order, **change), count=1, token="one")


def test_another_callback_is_another_request(key, order):
    submit.submit(key, order, count=1, token="one", callback_url="https://example.com/a")
    with pytest.raises(Refusal, match="token_reused"):
        submit.submit(key, order, count=1, token="one", callback_url="https://example.com/b")


def test_names_are_the_keys_own(user, key, order):
    other = a_key_actor(user.member)
    batches = {submit.submit(actor, order, count=1, token="one").pk for actor in (user, key, other)}
    assert len(batches) == 3


def test_a_repeat_is_answered_though_the_key_may_do_no_more(owner, order):
    key = a_key_actor(owner.member, running=1, queue=0)
    first = submit.submit(key, order, count=1, token="one")
    Price.objects.update(credits=9)
    assert submit.submit(key, order, count=1, token="one") == first


def test_a_name_is_forgotten_after_its_time(key, order):
    first = submit.submit(key, order, count=1, token="one")
    Submission.objects.update(created_at=clock.ago(settings.IDEMPOTENCY_S))
    assert submit.first(key, "one") is None
    second = submit.submit(key, order, count=1, token="one")
    assert second != first
    assert Submission.objects.get().batch == second


def test_old_names_of_keys_are_swept_and_forms_are_not(user, key, order):
    for actor in (user, key):
        submit.submit(actor, order, count=1, token="old")
    Submission.objects.update(created_at=clock.ago(settings.IDEMPOTENCY_S))
    submit.submit(key, order, count=1, token="young")
    sweep.tick()
    assert set(Submission.objects.values_list("key", "token")) == {(None, "old"), (key.key.pk, "young")}
    assert Job.objects.count() == 3


def test_what_a_program_was_told_first_stands(key, order):
    batch = submit.submit(key, order, count=1, token="one")
    assert submit.tell(batch, 36) == 36
    assert submit.tell(batch, 12) == 36
    assert submit.tell(submit.submit(key, order, count=1), 32) == 32


# -- callbacks and warnings ------------------------------------------------------------------------------------------


def test_a_job_calls_back_where_it_was_asked_to_or_where_the_key_says(owner, order):
    key = a_key_actor(owner.member, callback_url="https://example.com/key")
    own = submit.submit(key, order, count=1, callback_url="https://example.com/job", warnings=["audio_dropped"])
    keys = submit.submit(key, order, count=1)
    assert [(job.callback_url, job.warnings) for job in (own.jobs.get(), keys.jobs.get())] == [
        ("https://example.com/job", ["audio_dropped"]),
        ("https://example.com/key", []),
    ]


def test_a_private_callback_is_refused(key, order):
    with pytest.raises(Refusal, match="private_address") as refused:
        submit.submit(key, order, count=1, callback_url="http://10.0.0.1/hook")
    assert refused.value.field == "callback_url"


# -- what a key starts from, and again -------------------------------------------------------------------------------


def test_a_key_starts_only_from_what_came_by_it(user, key, order):
    picture = a_file(user.member)
    picture.save()
    from_it = replace(order, model="nano-banana", inputs=(Input(file_id=picture.public_id),))
    with pytest.raises(Refusal, match="unknown_input"):
        submit.submit(key, from_it, count=1)
    StoredFile.objects.update(key=key.key.public_id)
    assert submit.submit(key, from_it, count=1).jobs.get().inputs.get().file == picture


def test_a_file_that_was_lent_by_its_address_is_used_like_the_keys_own(user, key, order):
    picture, foreign = a_file(user.member), a_file(makers.a_member())
    for file in (picture, foreign):
        file.save()

    def starting_from(file):
        return replace(order, model="nano-banana", inputs=(Input(file_id=file.public_id, is_lent=True),))

    job = submit.submit(key, starting_from(picture), count=1, token="t").jobs.get()
    assert job.inputs.get().file == picture
    assert submit.submit(key, starting_from(picture), count=1, token="t").is_repeat
    again = retry.retry(key, cancel.cancel(key, job), token="again").jobs.get()
    assert again.inputs.get().file == picture
    with pytest.raises(Refusal, match="unknown_input"):  # nobody lends what is another tenant's
        submit.submit(key, starting_from(foreign), count=1)


def test_a_key_tries_its_failed_job_again_and_pays_itself(key, order, upstream):
    job = submit.submit(key, order, count=1).jobs.get()
    upstream.submits = [ProviderRefused("no")]
    steps.send_all()
    again = retry.retry(key, Job.objects.get(pk=job.pk), token="again").jobs.get()
    assert (again.retry_of, again.key_id, again.hold.wallet) == (job, key.key.pk, row(key).wallet)


def test_a_member_who_tries_a_keys_job_again_pays_in_person(user, key, order):
    job = cancel.cancel(key, submit.submit(key, order, count=1).jobs.get())
    again = retry.retry(user, job, token="again").jobs.get()
    assert (again.key, again.member, again.hold.wallet) == (None, user.member, ledger.wallet_of(user.member))


def test_only_its_own_jobs_are_a_keys_to_cancel(user, key, order):
    mine = submit.submit(user, order, count=1, token="t").jobs.get()
    other = submit.submit(a_key_actor(user.member), order, count=1).jobs.get()
    its = submit.submit(key, order, count=1).jobs.get()
    assert list(Job.objects.visible_to(key)) == [its]
    assert set(Job.objects.visible_to(user)) == {mine, other, its}
    assert cancel.cancel(key, its).state == "cancelled"


def test_a_standalone_keys_jobs_are_seen_by_those_who_see_all(owner, user, order):
    key = a_key_actor(owner.member, kind=KeyKind.STANDALONE, credits=40)
    job = submit.submit(key, order, count=1).jobs.get()
    assert list(Job.objects.visible_to(owner)) == [job]
    assert list(Job.objects.visible_to(user)) == []


# -- how little a submission takes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "statements"), [(KeyKind.BUDGETED, 7), (KeyKind.SHARED, 8), ("house", 6)])
@pytest.mark.django_db(transaction=True)
def test_a_submission_takes_few_statements(kind, statements, owner, user, order):
    """One reads the price, one a member's wallet; then batch, wallet, hold, job, trail and limits."""
    member = owner.member if kind == "house" else user.member
    credits = 40 if kind == KeyKind.BUDGETED else 0
    key = a_key_actor(member, kind=KeyKind.SHARED if kind == "house" else kind, credits=credits)
    submit.submit(key, order, count=1)
    with CaptureQueriesContext(connection) as asked:
        submit.submit(key, order, count=1)
    inside = [one["sql"] for one in asked if not one["sql"].startswith(("BEGIN", "COMMIT"))]
    assert len(inside) == statements, "\n".join(inside)
