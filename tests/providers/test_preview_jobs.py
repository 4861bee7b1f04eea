"""A preview job from submit to verdict, and the trouble that its prompt may ask for."""

from datetime import timedelta

import pytest
import time_machine

from revidweb.lib import clock
from revidweb.providers import registry
from revidweb.providers.base import Kind, Limits, OutcomeUnknown, ProviderRefused, Status
from revidweb.providers.preview import ticket as tickets
from revidweb.providers.preview.provider import Preview

from .makers import ACCOUNT, bytes_input, clip_order, fetched, order, picture_input, submitted

preview = Preview()


@pytest.fixture(autouse=True)
def _times(settings):
    settings.PREVIEW_IMAGE_S, settings.PREVIEW_VIDEO_S, settings.PREVIEW_SLOW_S = 2, 4, 30


def seen_after(ticket, seconds):
    with time_machine.travel(clock.now() + timedelta(seconds=seconds), tick=False):
        return preview.poll(ACCOUNT, ticket)


def test_the_registry_knows_preview_by_name():
    assert registry.provider("preview").title == "Preview"


def test_the_registry_says_which_providers_it_has():
    with pytest.raises(registry.UnknownProvider, match="preview"):
        registry.provider("nobody")


def test_progress_grows_until_the_result_is_there():
    ticket = submitted(clip_order())
    seen = [seen_after(ticket, seconds) for seconds in (0, 1, 2, 3, 4.1)]
    assert [look.status for look in seen] == [Status.WORKING] * 4 + [Status.DONE]
    progress = [look.progress for look in seen]
    assert progress == sorted(set(progress))
    assert progress[-1] == 100
    assert seen[-1].results == (f"preview:{ticket}",)


@pytest.mark.parametrize(("an_order", "seconds"), [(order(), 2), (clip_order(), 4), (order("a SLOW river"), 30)])
def test_a_job_takes_the_seconds_of_its_settings(an_order, seconds):
    ticket = submitted(an_order)
    assert seen_after(ticket, seconds - 0.2).status is Status.WORKING
    assert seen_after(ticket, seconds + 0.2).status is Status.DONE
    assert preview.pace(an_order).expected_s == seconds


def test_zero_seconds_means_done_at_the_first_look(settings):
    settings.PREVIEW_IMAGE_S = 0
    assert preview.poll(ACCOUNT, submitted(order())).status is Status.DONE


def test_a_ticket_survives_its_round_trip():
    ticket = submitted(order("Ein Fluß, 川", resolution="2k", audio=True, duration=5))
    assert tickets.seal(tickets.read(ticket)) == ticket
    assert tickets.read(ticket).params == {"resolution": "2k", "audio": True, "duration": 5}


@pytest.mark.parametrize("garbage", ["", "nonsense", "bm9uc2Vuc2U=", "é", "eJyrrgUAAXUA-Q=="])
def test_a_text_that_is_no_ticket_is_a_missing_job(garbage):
    assert preview.poll(ACCOUNT, garbage).status is Status.MISSING
    with pytest.raises(ProviderRefused):
        fetched(garbage)


def test_two_submits_of_one_order_are_two_pictures():
    assert tickets.read(submitted(order())).seed != tickets.read(submitted(order())).seed


def test_fail_ends_as_failed_after_a_while():
    ticket = submitted(order("This will FAIL."))
    assert seen_after(ticket, 1).status is Status.WORKING
    verdict = seen_after(ticket, 3)
    assert (verdict.status, verdict.error_code, verdict.results) == (Status.FAILED, "failed", ())


def test_moderated_is_refused_at_once():
    with pytest.raises(ProviderRefused) as refusal:
        submitted(order("something Moderated, really"))
    assert refusal.value.code == "moderated"


def test_lost_loses_the_first_answer_only():
    with pytest.raises(OutcomeUnknown):
        preview.submit(ACCOUNT, order("a lost city"), attempt=1)
    assert preview.submit(ACCOUNT, order("a lost city"), attempt=2).ticket


@pytest.mark.parametrize("prompt", ["failure", "slowly", "unmoderated", "lostness"])
def test_trouble_comes_for_whole_words_only(prompt):
    assert seen_after(submitted(order(prompt)), 2.1).status is Status.DONE


def test_a_running_job_can_be_cancelled_and_an_ended_one_not():
    ticket = submitted(order())
    assert preview.cancel(ACCOUNT, ticket).is_cancelled
    assert preview.cancel(ACCOUNT, ticket).refunded
    with time_machine.travel(clock.now() + timedelta(seconds=3)):
        assert not preview.cancel(ACCOUNT, ticket).is_cancelled


def test_the_account_has_the_slots_of_its_setting(settings):
    settings.PREVIEW_SLOTS = 3
    assert preview.limits(ACCOUNT) == Limits(total=3, image=3, video=3)
    assert preview.balance(ACCOUNT) == 1_000_000


def test_nothing_is_kept_so_nothing_is_found():
    assert list(preview.job_list(ACCOUNT, most_requests=1).find(order(), since=clock.now(), until=clock.now())) == []
    assert list(preview.models(ACCOUNT)) == []
    assert preview.upload(ACCOUNT, picture_input()) == "preview:file_1"


@pytest.mark.parametrize("duration", [0, 121, "long"])
def test_a_duration_that_cannot_be_drawn_is_refused_at_submit(duration):
    with pytest.raises(ProviderRefused) as refusal:
        submitted(clip_order(duration=duration))
    assert refusal.value.code == "input"


@pytest.mark.parametrize("content", [b"", b"no picture at all", b"\x89PNG\r\n\x1a\n" + b"0" * 40])
def test_an_input_that_is_no_picture_is_refused_at_submit(content):
    with pytest.raises(ProviderRefused) as refusal:
        submitted(order(inputs=[bytes_input(content)]))
    assert refusal.value.code == "input"


def test_a_mode_that_starts_from_a_picture_wants_one():
    without = order("x", Kind.IMAGE, [picture_input()])
    with pytest.raises(ProviderRefused):
        submitted(type(without)(**{**vars(without), "inputs": ()}))
