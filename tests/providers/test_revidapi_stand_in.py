"""RevidAPI against the stand-in that was written from the documents alone: the whole way, and every trouble."""

from datetime import timedelta
from io import BytesIO

import pytest
from PIL import Image

from revidweb.lib import clock
from revidweb.providers.base import Account, AccountRefused, Input, Mode, ProviderError, Status
from revidweb.providers.revidapi import uploads
from tests.upstreams.revidapi import TROUBLES, StandIn
from tests.upstreams.revidapi.script import CALLS

from .orders import error_of, image_order, video_order


@pytest.fixture
def stand_in(settings, monkeypatch):
    monkeypatch.setattr(uploads, "_LOOK_S", 0.02)
    with StandIn(image_s=0, video_s=0, upload_s=0) as stand_in:
        settings.PRIVATE_HOSTS = frozenset({stand_in.host})
        settings.REVIDAPI_TIMEOUT_S = settings.REVIDAPI_CREATE_TIMEOUT_S = 5
        settings.REVIDAPI_LOOK_TIMEOUT_S = 5
        yield stand_in
        assert stand_in.leaks == []
        assert stand_in.uploads.refused == []


@pytest.fixture
def theirs(stand_in):
    return stand_in.open_account(balance=1000)


@pytest.fixture
def account(stand_in, theirs):
    return Account("con_1", stand_in.url, theirs.key)


def picture() -> Input:
    buffer = BytesIO()
    Image.new("RGB", (64, 48), "teal").save(buffer, "PNG")
    content = buffer.getvalue()
    return Input("file_1", content_type="image/png", size_bytes=len(content), open=lambda: BytesIO(content))


def made(revidapi, account, order=None):
    return revidapi.submit(account, order or image_order(), attempt=1)


def found(revidapi, account, order=None):
    now = clock.now()
    receipts = revidapi.job_list(account, most_requests=20).find(
        order or image_order(), since=now - timedelta(seconds=5), until=now
    )
    return [receipt.ticket for receipt in receipts]


def outcome(deed, *args, **options):
    """What a call comes to: "ok", or the error's name and code."""
    try:
        deed(*args, **options)
    except ProviderError as error:
        return f"{type(error).__name__} {error.code}".strip()
    return "ok"


def test_a_picture_goes_the_whole_way(revidapi, account, theirs, stand_in):
    address = revidapi.upload(account, picture())
    order = image_order(mode=Mode.I2I, inputs=[Input(url=address)])
    receipt = made(revidapi, account, order)
    assert (receipt.cost, receipt.balance) == (stand_in.book.net, theirs.balance)
    seen = revidapi.poll(account, receipt.ticket)
    assert seen.status is Status.DONE
    target = BytesIO()
    revidapi.fetch(account, seen.results[0], target, max_bytes=10_000_000)
    assert Image.open(target).format == "PNG"


def test_a_clip_goes_the_whole_way_with_its_picture_in_the_order(revidapi, account, stand_in):
    receipt = made(revidapi, account, video_order(mode=Mode.I2V, inputs=[picture()]))
    (job,) = stand_in.book.jobs
    assert (job.mode, job.row.duration, job.row.audio) == ("i2v", "5s", True)
    target = BytesIO()
    revidapi.fetch(account, revidapi.poll(account, receipt.ticket).results[0], target, max_bytes=10_000_000)
    assert target.getvalue()[4:8] == b"ftyp"


def test_a_large_picture_goes_by_the_store(revidapi, account, stand_in, settings):
    settings.REVIDAPI_PRESIGN_BYTES = 10
    address = revidapi.upload(account, picture())
    assert made(revidapi, account, image_order(mode=Mode.I2I, inputs=[Input(url=address)])).ticket
    assert [upload.way for upload in stand_in.uploads.all] == ["presign"]


def test_upstream_fetches_an_address_itself(revidapi, account, stand_in):
    address = revidapi.upload_from_url(account, "https://example.com/a.png", kind="image")
    assert stand_in.is_usable(address)


def test_a_check_brings_every_model_that_is_sold(revidapi, account, stand_in):
    models = revidapi.check(account)
    assert [model["model"] for model in models] == [model.id for model in stand_in.catalog.all()]
    assert revidapi.balance(account) == 1000
    assert revidapi.limits(account).total == 5


def test_what_runs_counts_as_active(revidapi, account, stand_in):
    stand_in.play("stuck")
    made(revidapi, account)
    limits = revidapi.limits(account)
    assert (limits.active_total, limits.active_image, limits.active_video) == (1, 1, 0)


@pytest.mark.parametrize(("trouble", "is_refunded"), [("", None), ("cancel_refunds", True)])
def test_a_cancelled_job_is_cancelled(trouble, is_refunded, revidapi, account, stand_in):
    stand_in.play("stuck")
    ticket = made(revidapi, account).ticket
    if trouble:
        stand_in.play(trouble)
    answer = revidapi.cancel(account, ticket)
    assert (answer.is_cancelled, answer.refunded) == (True, is_refunded)
    assert revidapi.poll(account, ticket).status is Status.CANCELLED
    assert not revidapi.cancel(account, ticket).is_cancelled


# Trouble on a create: what the provider says, how many jobs there are afterwards, and facts for the stand-in.
ON_CREATE = {
    "lost_before": ("OutcomeUnknown", 0, {}),
    "lost_after": ("OutcomeUnknown", 1, {}),
    "slow": ("ok", 1, {"seconds": 0.1}),
    "late_made": ("ok", 1, {"seconds": 0.1}),
    "truncated": ("OutcomeUnknown", 1, {}),
    "unauthorized": ("AccountRefused invalid", 0, {}),
    "key_disabled": ("AccountRefused invalid", 0, {}),
    "key_disabled_midway": ("ok", 1, {"seconds": 0}),
    "no_credits": ("AccountRefused exhausted", 0, {}),
    "forbidden": ("AccountRefused invalid", 0, {}),
    "rate_limited": ("ProviderBusy rate", 0, {}),
    "queue_full": ("ProviderBusy queue_full", 0, {}),
    "unavailable": ("ProviderBusy unavailable", 0, {}),
    "server_error": ("OutcomeUnknown", 0, {}),
    "gateway_html": ("OutcomeUnknown", 0, {}),
    "wrapped_error": ("ProviderRefused input", 0, {}),
    "detail_string": ("ProviderRefused input", 0, {}),
    "detail_dict": ("ProviderRefused moderated", 0, {}),
    "detail_list": ("ProviderRefused input", 0, {}),
    "price_row_gone": ("ProviderRefused input", 0, {}),
    "garbage": ("OutcomeUnknown", 1, {}),
    "not_an_object": ("OutcomeUnknown", 1, {}),
    "html_page": ("OutcomeUnknown", 0, {}),
    "redirect": ("OutcomeUnknown", 0, {}),
    "missing": ("ok", 1, {}),
    "only_job_id": ("ok", 1, {}),
    "null_result": ("ok", 1, {}),
    "upper_case": ("ok", 1, {}),
}
# Trouble on a look at a job that is done.
ON_POLL = {
    "not_found": Status.MISSING,
    "job_set_not_found": Status.MISSING,
    "upper_case": Status.DONE,
    "unauthorized": "AccountRefused invalid",
    "forbidden": "AccountRefused invalid",
    "key_disabled": "AccountRefused invalid",
    "rate_limited": "ProviderBusy rate",
    "unavailable": "ProviderBusy unavailable",
    "server_error": "ProviderBusy unavailable",
    "gateway_html": "ProviderBusy unavailable",
    "garbage": "ProviderBusy busy",
    "not_an_object": "ProviderBusy busy",
    "html_page": "ProviderBusy busy",
    "redirect": "ProviderBusy busy",
    "truncated": "ProviderBusy busy",
    "lost_before": "ProviderBusy busy",
}
# What becomes of a job.
FATES = {
    "fails": (Status.FAILED, "failed", 0),
    "failed_prefix": (Status.FAILED, "failed", 0),
    "failed_with_result": (Status.FAILED, "failed", 1),
    "late_done": (Status.FAILED, "failed", 0),
    "complete_at_create": (Status.DONE, "", 1),
    "takes": (Status.WORKING, "", 0),
    "stuck": (Status.WORKING, "", 0),
    "unlisted": (Status.DONE, "", 1),
    "result_list": (Status.DONE, "", 1),
    "result_object": (Status.DONE, "", 1),
    "no_result": (Status.DONE, "", 0),
    "wrong_media": (Status.DONE, "", 1),
    "page_result": (Status.DONE, "", 1),
    "gone_result": (Status.DONE, "", 1),
}
ELSEWHERE = {
    "under_data",
    "upload_waits",
    "upload_completed",
    "upload_fails",
    "cancel_refunds",
    "zoneless_times",
    "short_prompts",
}


def test_every_trouble_of_the_stand_in_is_tried_here():
    assert set(ON_CREATE) | set(ON_POLL) | set(FATES) | ELSEWHERE == set(TROUBLES)


@pytest.mark.parametrize("trouble", ON_CREATE)
def test_trouble_on_a_create_is_told_apart_by_whether_a_job_was_made(trouble, revidapi, account, stand_in):
    expected, jobs, facts = ON_CREATE[trouble]
    stand_in.play(trouble, on="create", **facts)
    assert outcome(made, revidapi, account) == expected
    assert len(stand_in.book.jobs) == jobs
    if expected == "OutcomeUnknown":
        assert found(revidapi, account) == [job.id for job in stand_in.book.jobs]


@pytest.mark.parametrize("trouble", ["unauthorized", "unavailable", "server_error", "gateway_html"])
def test_a_job_that_was_made_before_the_trouble_is_found(trouble, revidapi, account, stand_in):
    stand_in.play(trouble, on="create", after=True)
    assert outcome(made, revidapi, account) == ON_CREATE[trouble][0]
    assert found(revidapi, account) == [job.id for job in stand_in.book.jobs]
    assert len(stand_in.book.jobs) == 1


def test_an_answer_that_comes_too_late_is_lost_and_its_job_found(revidapi, account, stand_in, settings):
    settings.REVIDAPI_CREATE_TIMEOUT_S = 0.2
    stand_in.play("slow", seconds=1)
    assert outcome(made, revidapi, account) == "OutcomeUnknown"
    assert len(found(revidapi, account)) == 1


def test_a_key_that_is_switched_off_midway_refuses_the_looks(revidapi, account, stand_in):
    stand_in.play("key_disabled_midway", seconds=60)
    ticket = made(revidapi, account).ticket
    error = error_of(revidapi.poll, account, ticket)
    assert (type(error), error.code) == (AccountRefused, "invalid")


@pytest.mark.parametrize("trouble", ON_POLL)
def test_trouble_on_a_look_leaves_the_job_as_it_was(trouble, revidapi, account, stand_in):
    ticket = made(revidapi, account).ticket
    stand_in.play(trouble, on="poll")
    expected = ON_POLL[trouble]
    if isinstance(expected, Status):
        assert revidapi.poll(account, ticket).status is expected
    else:
        assert outcome(revidapi.poll, account, ticket) == expected
    assert revidapi.poll(account, ticket).status is Status.DONE


@pytest.mark.parametrize("trouble", FATES)
def test_every_fate_of_a_job_is_seen(trouble, revidapi, account, stand_in):
    status, code, results = FATES[trouble]
    stand_in.play(trouble)
    receipt = made(revidapi, account)
    seen = revidapi.poll(account, receipt.ticket)
    assert (seen.status, seen.error_code, len(seen.results)) == (status, code, results)
    assert (receipt.seen is not None) == (trouble == "complete_at_create")


def test_a_failed_job_may_turn_out_done(revidapi, account, stand_in):
    stand_in.play("late_done", late_s=60)
    ticket = made(revidapi, account).ticket
    assert revidapi.poll(account, ticket).status is Status.FAILED
    stand_in.skip(61)
    assert revidapi.poll(account, ticket).status is Status.DONE


@pytest.mark.parametrize("form", ["error", "error_message", "message", "detail", "prefix"])
def test_a_reason_is_found_wherever_it_stands(form, revidapi, account, stand_in):
    stand_in.play("fails", reason="Server timeout", form=form)
    assert revidapi.poll(account, made(revidapi, account).ticket).error == "Server timeout"


@pytest.mark.parametrize("trouble", ["under_data", "upload_completed", "upload_waits", "upper_case"])
@pytest.mark.parametrize("presign_bytes", [10, 1_000_000])
def test_an_upload_has_many_forms(trouble, presign_bytes, revidapi, account, stand_in, settings):
    settings.REVIDAPI_PRESIGN_BYTES = presign_bytes
    facts = {"seconds": 0.1} if trouble == "upload_waits" else {}
    stand_in.play(trouble, on="upload confirm", **facts)
    assert stand_in.is_usable(revidapi.upload(account, picture()))


def test_an_upload_that_comes_to_nothing_says_so(revidapi, account, stand_in):
    stand_in.play("upload_fails")
    assert outcome(revidapi.upload, account, picture()) == "ProviderRefused input"


@pytest.mark.parametrize(("trouble", "is_found"), [("zoneless_times", True), ("short_prompts", False)])
def test_a_lost_order_is_found_by_what_is_printed_whole(trouble, is_found, revidapi, account, stand_in):
    order = image_order("a very long valley " * 20)
    stand_in.play("lost_after")
    outcome(made, revidapi, account, order)
    stand_in.play(trouble)
    assert bool(found(revidapi, account, order)) == is_found


def test_a_lost_order_is_not_taken_for_another_one(revidapi, account, stand_in):
    stand_in.play("lost_after", times=2)
    one, other = (image_order(mode=Mode.I2I, inputs=[Input(url=revidapi.upload(account, picture()))]) for _ in range(2))
    outcome(made, revidapi, account, one)
    outcome(made, revidapi, account, other)
    assert found(revidapi, account, one) == [stand_in.book.jobs[0].id]
    assert found(revidapi, account, other) == [stand_in.book.jobs[1].id]
    assert found(revidapi, account, image_order()) == []


def test_an_order_that_is_listed_late_is_found_late(revidapi, account, stand_in):
    stand_in.play("lost_after")
    stand_in.play("unlisted", seconds=60)
    outcome(made, revidapi, account)
    assert found(revidapi, account) == []
    stand_in.skip(61)
    assert len(found(revidapi, account)) == 1


EVERYWHERE = sorted(name for name, trouble in TROUBLES.items() if trouble.layer == "answer" and trouble.usual >= CALLS)


@pytest.mark.parametrize("trouble", [*EVERYWHERE, "lost_before", "lost_after"])
@pytest.mark.parametrize("where", [" ".join(CALLS), "put", "result", "confirm upload_status", "pricing me"])
def test_no_trouble_anywhere_raises_anything_but_the_four_errors(trouble, where, revidapi, account, stand_in, settings):
    settings.REVIDAPI_PRESIGN_BYTES, settings.REVIDAPI_CREATE_TIMEOUT_S = 10, 1
    ticket = made(revidapi, account).ticket
    stand_in.play(trouble, on=where, times=99)
    for deed, *args in (
        (revidapi.check,),
        (revidapi.balance,),
        (revidapi.limits,),
        (revidapi.poll, ticket),
        (revidapi.cancel, ticket),
        (revidapi.upload, picture()),
    ):
        assert outcome(deed, account, *args)
    assert outcome(found, revidapi, account)
    assert outcome(revidapi.upload_from_url, account, "https://example.com/a.png", kind="image")
