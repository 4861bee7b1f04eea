"""An order becomes queued jobs with held credits: all of a batch, or none."""

from dataclasses import replace

import pytest

from revidweb.catalog.models import Price
from revidweb.credits import ledger
from revidweb.credits.models import Hold
from revidweb.jobs import submit
from revidweb.jobs.models import Batch, Job, Submission
from revidweb.lib.refusal import Refusal
from revidweb.providers.base import Input
from revidweb.trail import trail
from tests.library.makers import a_file

pytestmark = pytest.mark.django_db


def nothing_was_written() -> bool:
    return not (Job.objects.exists() or Hold.objects.exists() or Batch.objects.exists() or Submission.objects.exists())


def test_the_price_is_frozen_and_held(user, wallet, order):
    job = submit.submit(user, order, count=1, token="t").jobs.get()
    wallet.refresh_from_db()
    assert (job.state, job.credits, job.price_key != "") == ("queued", 4, True)
    assert (wallet.balance, wallet.held) == (100, 4)
    assert [row.what for row in trail.of(job.reference)] == ["job.submitted"]


def test_every_parameter_is_explicit(user, order):
    job = submit.submit(user, order, count=1, token="t").jobs.get()
    assert job.params["speed"] == "fast"
    assert job.server == "fast"


def test_a_batch_of_eight_is_eight_jobs_with_a_hold_each(user, wallet, order):
    batch = submit.submit(user, order, count=8, token="t")
    wallet.refresh_from_db()
    assert batch.jobs.count() == Hold.objects.count() == 8
    assert wallet.held == 32


def test_the_same_form_twice_is_one_batch(user, wallet, order):
    first = submit.submit(user, order, count=2, token="t")
    second = submit.submit(user, order, count=2, token="t")
    wallet.refresh_from_db()
    assert first == second
    assert (Job.objects.count(), wallet.held) == (2, 8)


def test_an_order_that_costs_more_than_was_shown_is_refused(user, order):
    with pytest.raises(Refusal) as refused:
        submit.submit(user, order, count=2, token="t", shown=3)
    assert (refused.value.code, refused.value.facts) == ("price_moved", {"was": 3, "now": 4})
    assert nothing_was_written()


@pytest.mark.parametrize("shown", [4, 5, None])
def test_an_order_that_costs_no_more_than_was_shown_is_taken_at_its_price(user, order, shown):
    assert submit.submit(user, order, count=1, token="t", shown=shown).jobs.get().credits == 4


def test_the_same_form_twice_is_one_batch_whatever_it_showed(user, order):
    first = submit.submit(user, order, count=1, token="t", shown=4)
    Price.objects.filter(offer__media_model__name=order.model).update(credits=9)
    assert submit.submit(user, order, count=1, token="t", shown=4) == first
    assert submit.submit(user, order, count=1, token="t", shown=9) == first


def test_a_used_form_with_another_order_is_refused(user, order):
    submit.submit(user, order, count=1, token="t")
    with pytest.raises(Refusal, match="token_reused"):
        submit.submit(user, replace(order, prompt="Another"), count=1, token="t")


def test_two_members_may_use_the_same_token(user, owner, order):
    assert submit.submit(user, order, count=1, token="t") != submit.submit(owner, order, count=1, token="t")


def test_a_batch_that_the_wallet_cannot_pay_is_refused_as_a_whole(user, order):
    ledger.hold(ledger.wallet_of(user.member), credits=90, reference="other")
    with pytest.raises(ledger.NotEnoughCredits) as refused:
        submit.submit(user, order, count=3, token="t")
    assert refused.value.facts == {"needed": 12, "free": 10}
    assert (Job.objects.count(), Batch.objects.count(), Hold.objects.count()) == (0, 0, 1)


def test_the_house_pays_for_its_owner(owner, order):
    job = submit.submit(owner, order, count=1, token="t").jobs.get()
    assert job.hold.wallet == ledger.house(owner.tenant)


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"prompt": "  \n "}, "empty_prompt", "prompt"),
        ({"prompt": "\x00"}, "empty_prompt", "prompt"),
        ({"prompt": "x" * 5001}, "prompt_too_long", "prompt"),
        ({"model": "no-such"}, "unknown_model", "model"),
        ({"inputs": (Input(url="http://127.0.0.1/a.png"),)}, "private_address", "img_url"),
        ({"inputs": (Input(file_id="fil_somebodys"),)}, "unknown_input", "input_image"),
    ],
)
def test_bad_input_is_refused_at_its_field_and_writes_nothing(user, order, change, code, field):
    with pytest.raises(Refusal) as refused:
        submit.submit(user, replace(order, **change), count=1, token="t")
    assert (refused.value.code, refused.value.field) == (code, field)
    assert nothing_was_written()


@pytest.mark.parametrize("count", [0, 9, -1])
def test_a_batch_has_one_to_eight_jobs(user, order, count):
    with pytest.raises(Refusal, match="bad_count"):
        submit.submit(user, order, count=count, token="t")
    assert nothing_was_written()


def test_a_model_that_is_not_yet_offered_is_refused(user, order):
    with pytest.raises(Refusal):
        submit.submit(user, replace(order, kind="video", model="seedance-2.0"), count=1, token="t")
    assert nothing_was_written()


def test_the_same_form_with_its_picture_uploaded_twice_is_one_batch(user, order):
    first, second = (a_file(user.member, stem=f"inputs/{number}") for number in range(2))
    first.save()
    second.save()
    batches = [
        submit.submit(
            user, replace(order, model="nano-banana", inputs=(Input(file_id=file.public_id),)), count=1, token="form"
        )
        for file in (first, second)
    ]
    assert batches[0] == batches[1]
