"""One job's story, and its two deeds."""

import re

import pytest

from revidweb.catalog.models import Price
from revidweb.credits import ledger
from revidweb.files import erasing
from revidweb.files.models import StoredFile
from revidweb.jobs.models import Attempt, Job, JobInput, Output
from revidweb.library import gallery
from revidweb.providers.base import (
    Cancellation,
    Kind,
    Mode,
    OutcomeUnknown,
    ProviderBusy,
    ProviderRefused,
    Receipt,
    Sighting,
    Status,
)
from revidweb.web import events
from tests.jobs.steps import find_all, poll_all, run, send_all, store_all
from tests.library.makers import a_file
from tests.makers import a_client, a_member
from tests.upstreams.scripted import DONE, WORKING

from .jobs_pages import a_job, a_user, get, text, url

pytestmark = pytest.mark.django_db


def post(actor, name, job, **sent):
    return a_client(actor.member).post(url(name, actor, job), sent)


def said(answer):
    """What the messages of a followed answer say."""
    return [str(message) for message in answer.context["messages"]]


def dialog(answer):
    """What the cancel dialog says."""
    inside = answer.content.decode().partition('id="cancelling"')[2].partition("</form>")[0]
    return " ".join(re.sub(r"<[^>]+>", " ", inside).split())


def a_failed_job(user, upstream, **refusal):
    upstream.submits = [ProviderRefused(**{"reason": "no dice", "code": "failed"} | refusal), Receipt("t")]
    job = a_job(user)
    send_all()
    job.refresh_from_db()
    return job


# -- what it tells


def test_a_queued_job_says_what_was_asked_and_what_is_held(user):
    page = text(get(user, "job", a_job(user)))
    for word in ("Queued", "waiting for a free slot", "Paper boats at dusk", "Imagen 4.0", "image-4.0", "4 credits"):
        assert word in page
    assert "Text to image" in page
    assert "Cancel this job?" in page


def test_parameters_stand_in_words(user):
    video = {"kind": Kind.VIDEO, "mode": Mode.T2V, "model": "kling-2.6", "params": {"duration": "5s"}}
    page = text(get(user, "job", a_job(user, **video)))
    for word in ("Duration 5 s", "Resolution", "Aspect ratio", "Text to video"):
        assert word in page


def test_a_done_job_shows_its_picture_and_what_was_charged(user, upstream):
    job = a_job(user)
    run()
    answer = get(user, "job", job)
    output = Output.objects.get()
    assert url("jobs", user).replace("jobs/", f"media/{output.file.public_id}/original/") in answer.content.decode()
    assert 'alt="Paper boats at dusk"' in answer.content.decode()
    for word in ("Done", "Charged 4 credits", "Stored and charged", "4 credits taken from the hold", "64 × 48"):
        assert word in text(answer)


def test_a_deleted_result_is_said_plainly_and_the_books_stay(user, upstream):
    job = a_job(user)
    run()
    gallery.erase(user, Output.objects.get())
    page = text(get(user, "job", job))
    for word in ("Deleted on", "The file is gone", "A result was deleted", "Charged 4 credits"):
        assert word in page
    assert "/original/" not in get(user, "job", job).content.decode()


def test_a_failed_job_says_what_why_and_what_to_do(user, upstream):
    page = text(get(user, "job", a_failed_job(user, upstream, code="moderated", reason="against policy 7")))
    for word in ("moderation refused", "Say it in other words", "Nothing was charged", "against policy 7"):
        assert word in page
    assert "Given back 4 credits" in page


def test_every_attempt_is_told_with_what_the_provider_answered(user, upstream):
    upstream.submits = [ProviderBusy("come back later", retry_after_s=0), ProviderRefused("a castle again", code="x")]
    job = a_job(user)
    send_all()
    Job.objects.update(next_look_at=job.created_at)
    send_all()
    page = text(get(user, "job", job))
    first, second = page.index("come back later"), page.index("a castle again", page.index("What happened"))
    assert page.index("Attempt 1") < first < page.index("Attempt 2") < second


def test_an_unknown_outcome_is_told_honestly(user, upstream):
    upstream.submits = [OutcomeUnknown("reset by peer")]
    job = a_job(user)
    send_all()
    page = text(get(user, "job", job))
    for word in ("Nobody knows yet", "not sent again on a guess", "4 credits stay held", "reset by peer"):
        assert word in page


def test_an_order_that_was_lost_and_found_tells_both(user, upstream):
    upstream.submits = [OutcomeUnknown("reset by peer")]
    job = a_job(user)
    send_all()
    upstream.there = [Receipt("found")]
    find_all()
    page = text(get(user, "job", job))
    told = page[page.index("What happened") :]
    words = ("Attempt 1 sent", "was lost", "reset by peer", "Found in the list of", "Accepted by")
    places = [told.index(word) for word in words]
    assert places == sorted(places)


@pytest.mark.parametrize(("refunded", "sentence"), [(True, "nothing was charged"), (False, "4 credits were charged")])
def test_a_cancelled_job_says_whether_it_was_charged(user, upstream, refunded, sentence):
    upstream.sightings = [WORKING]
    upstream.cancellation = Cancellation(is_cancelled=True, refunded=refunded)
    job = a_job(user)
    send_all()
    post(user, "job_cancel", job)
    assert "asked to stop" in text(get(user, "job", job))
    poll_all()
    assert f"Cancelled, {'and ' if not refunded else ''}{sentence}" in text(get(user, "job", job))


@pytest.mark.parametrize("code", ["failed", "input_unreachable", "private_address", "lost", "undeliverable", "odd"])
def test_every_failure_has_its_sentence(user, upstream, code):
    job = a_failed_job(user, upstream, code=code)
    trouble = events.trouble(job)
    assert str(trouble.title) in get(user, "job", job).content.decode().replace("&#x27;", "'")


def test_the_houses_own_words_are_not_shown_as_an_answer(user, upstream):
    job = a_failed_job(user, upstream, code="undeliverable", reason="wrong_media")
    assert events.trouble(job).answer == ""
    assert events.trouble(a_failed_job(user, upstream, reason="HTTP 500")).answer == "HTTP 500"


def test_what_the_provider_charged_is_for_those_who_see_all(owner, user, upstream):
    upstream.submits = [Receipt("t", cost=3)]
    job = a_job(user)
    run()
    assert "Cost at the provider 3 credits" in text(get(owner, "job", job))
    assert "another price" in text(get(owner, "job", job))
    assert "Cost at the provider" not in text(get(user, "job", job))
    assert "another price" not in text(get(user, "job", job))


def test_a_price_that_is_an_estimate_says_so(user):
    job = a_job(user)
    Job.objects.update(is_estimate=True)
    assert "only previews are billed by it" in text(get(user, "job", job))


def test_an_input_is_shown_and_a_deleted_one_said(user, upstream):
    job = a_failed_job(user, upstream)
    Job.objects.update(mode=Mode.I2I)
    JobInput.objects.create(job=job, url="https://example.com/boat.png")
    assert "https://example.com/boat.png" in text(get(user, "job", job))
    done = a_job(user)
    run()
    file = Output.objects.get(job=done).file
    JobInput.objects.filter(job=job).update(file=file)
    assert f"media/{file.public_id}/thumb/" in get(user, "job", job).content.decode()
    erasing.erase(StoredFile.objects.filter(pk=file.pk))
    page = text(get(user, "job", job))
    assert "A picture that was deleted since." in page
    assert "This picture is no longer here." in page


# -- cancel


def test_a_waiting_job_is_cancelled_at_no_cost(user):
    job = a_job(user)
    answer = a_client(user.member).post(url("job_cancel", user, job), follow=True)
    assert said(answer) == ["Cancelled. Nothing was charged."]
    assert "Cancelled, nothing was charged" in text(answer)
    assert ledger.wallet_of(user.member).free == 100


def test_cancelling_twice_changes_nothing_more(user):
    job = a_job(user)
    post(user, "job_cancel", job)
    answer = a_client(user.member).post(url("job_cancel", user, job), follow=True)
    assert said(answer) == ["This job has ended already."]
    assert ledger.wallet_of(user.member).free == 100


def test_an_ended_job_offers_no_cancel(user, upstream):
    job = a_job(user)
    run()
    assert "Cancel this job?" not in text(get(user, "job", job))


def test_the_cancel_dialog_tells_the_case_that_the_job_is_in_and_follows_it(user, upstream):
    upstream.sightings = [WORKING]
    job = a_job(user)
    assert "cancelling costs nothing" in dialog(get(user, "job", job))
    send_all()
    assert "4 credits are then charged" in dialog(get(user, "job", job))
    live = f"{url('live', user)}?at=job&job={job.public_id}"
    client = a_client(user.member)
    assert "4 credits are then charged" in dialog(client.get(live))
    upstream.sightings = [DONE]
    poll_all()
    assert "At this moment it cannot be stopped" in dialog(client.get(live))
    store_all()
    ended = dialog(client.get(live))
    assert "nothing left to cancel" in ended
    assert "Cancel the job" not in ended


# -- retry


def test_retry_says_todays_price_before_it_is_pressed(user, upstream):
    job = a_failed_job(user, upstream)
    Price.objects.filter(offer__media_model__name="image-4.0").update(credits=7)
    page = text(get(user, "job", job))
    for word in ("Retry · 7 credits", "it was 4 credits", "You have 100 credits"):
        assert word in page


def test_retry_is_a_new_job_that_leads_back_to_the_old_one(user, upstream):
    job = a_failed_job(user, upstream)
    answer = a_client(user.member).post(url("job_retry", user, job), {"token": "t1"}, follow=True)
    again = Job.objects.get(retry_of=job)
    assert answer.redirect_chain[-1][0] == url("job", user, again)
    assert job.public_id in text(answer)


def test_the_same_retry_twice_is_one_new_job(user, upstream):
    job = a_failed_job(user, upstream)
    token = get(user, "job", job).context["retry_token"]
    assert post(user, "job_retry", job, token=token).url == post(user, "job_retry", job, token=token).url
    assert job.retries.count() == 1


def test_a_retry_without_a_token_is_still_one(user, upstream):
    job = a_failed_job(user, upstream)
    post(user, "job_retry", job)
    post(user, "job_retry", job)
    assert job.retries.count() == 1


def test_a_retry_that_got_dearer_since_the_page_was_read_is_asked_for_again(user, upstream):
    job = a_failed_job(user, upstream)
    assert 'name="shown" value="4"' in get(user, "job", job).content.decode()
    Price.objects.filter(offer__media_model__name="image-4.0").update(credits=7)
    answer = a_client(user.member).post(url("job_retry", user, job), {"token": "t1", "shown": "4"}, follow=True)
    assert said(answer) == ["One job costs 7 credits, and 4 were shown. Nothing was ordered: press again to agree."]
    assert 'name="shown" value="7"' in answer.content.decode()
    assert not job.retries.exists()
    post(user, "job_retry", job, token="t1", shown="7")
    assert job.retries.get().credits == 7


@pytest.mark.parametrize("shown", ["", "x", "-4", "\u0664", "9" * 200])
def test_a_retry_takes_no_nonsense_for_a_price(user, upstream, shown):
    job = a_failed_job(user, upstream)
    post(user, "job_retry", job, token="t1", shown=shown)
    assert job.retries.get().credits == 4


def test_a_running_job_is_not_tried_again(user):
    job = a_job(user)
    answer = a_client(user.member).post(url("job_retry", user, job), follow=True)
    assert said(answer) == ["This job is still running."]
    assert Job.objects.count() == 1


def test_a_retry_that_cannot_be_says_why(user, upstream):
    job = a_failed_job(user, upstream)
    Price.objects.update(is_available=False)
    page = get(user, "job", job)
    assert "It cannot be tried again as it was: No connection offers Imagen 4.0 now." in text(page)
    assert "Retry ·" not in text(page)


def test_a_retry_that_is_too_dear_says_so(owner, upstream):
    poor = a_user(owner, credits=4)
    job = a_failed_job(poor, upstream)
    Price.objects.update(credits=50)
    answer = a_client(poor.member).post(url("job_retry", poor, job), follow=True)
    assert "This costs 50 credits, and 4 are free." in said(answer)[0]
    assert Job.objects.count() == 1


# -- who, how, and how fast


@pytest.mark.parametrize("name", ["job", "job_cancel", "job_retry"])
def test_a_job_is_there_only_for_those_who_may_see_it(owner, user, name):
    job = a_job(user)
    where = url(name, user, job)
    for other, code in ((a_member(), 404), (a_user(owner).member, 404), (None, 302)):
        client = a_client(other)
        assert (client.get if name == "job" else client.post)(where).status_code == code
    job.refresh_from_db()
    assert (job.state, job.cancel_asked_at, Job.objects.count()) == ("queued", None, 1)


@pytest.mark.parametrize(("name", "method"), [("job", "post"), ("job_cancel", "get"), ("job_retry", "get")])
def test_a_wrong_method_is_refused(user, name, method):
    assert getattr(a_client(user.member), method)(url(name, user, a_job(user))).status_code == 405


@pytest.mark.parametrize("state", ["queued", "done", "failed"])
@pytest.mark.parametrize("mode", [Mode.T2I, Mode.I2I])
def test_the_page_asks_few_questions_in_every_state(owner, user, upstream, django_assert_max_num_queries, state, mode):
    upstream.submits = [Receipt("t")] if state == "done" else [ProviderRefused("no", code="failed")]
    job = a_job(user)
    if state != "queued":
        run()
    Job.objects.update(mode=mode)
    JobInput.objects.create(job=job, url="https://example.com/boat.png")
    attempt = Attempt.objects.filter(job=job).first()
    for number in range(2, 20) if attempt else ():
        Attempt.objects.create(job=job, number=number, connection=job.connection)
    client = a_client(owner.member)
    with django_assert_max_num_queries(12):
        assert client.get(url("job", owner, job)).status_code == 200


def test_a_picture_that_was_lent_to_a_program_is_told_and_not_shown(owner, user):
    mine, lent = a_file(user.member), a_file(owner.member)
    job = a_job(user)
    Job.objects.update(mode=Mode.I2I)
    for file in (mine, lent):
        file.save()
        JobInput.objects.create(job=job, position=file.pk, file=file)
    page = get(user, "job", job).content.decode()
    assert page.count("96 × 64") == 2
    assert (f"/media/{mine.public_id}/" in page, f"/media/{lent.public_id}/" in page) == (True, False)


def test_a_sighting_of_failure_keeps_the_providers_words(user, upstream):
    upstream.sightings = [Sighting(Status.FAILED, error="out of paint", error_code="failed")]
    job = a_job(user)
    run()
    assert "out of paint" in text(get(user, "job", job))
