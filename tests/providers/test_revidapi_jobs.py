"""RevidAPI: looking at a job, and asking it to stop."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from revidweb.providers.base import AccountRefused, Cancellation, ProviderBusy, Status
from revidweb.providers.revidapi import client

from .orders import error_of, recorded
from .upstream import Reply

LOOK, STOP = "GET /v1/jobs/job_1", "POST /v1/jobs/job_1/cancel"


def reply_of(case):
    body = case["text"].encode() if "text" in case else case["body"]
    return Reply(case.get("http", 200), body, case.get("headers", {}))


@pytest.mark.parametrize("case", recorded("jobs"))
def test_every_form_of_a_job_is_understood(case, revidapi, account, upstream):
    upstream.answers[LOOK] = reply_of(case)
    seen = revidapi.poll(account, "job_1")
    assert (seen.status, seen.progress) == (case["status"], case.get("progress"))
    assert seen.results == tuple(case.get("results", ()))
    assert (seen.error, seen.error_code) == (case.get("error", ""), case.get("error_code", ""))
    assert seen.refunded == case.get("refunded")


@pytest.mark.parametrize("case", recorded("no_looks"))
def test_what_says_nothing_about_the_job_only_means_to_ask_later(case, revidapi, account, upstream):
    upstream.answers[LOOK] = reply_of(case)
    error = error_of(revidapi.poll, account, "job_1")
    assert (type(error).__name__, error.code) == (case["error"], case["code"])


def test_a_lost_answer_about_a_job_only_means_to_ask_later(revidapi, account, upstream):
    upstream.answers[LOOK] = Reply(lost=True)
    error = error_of(revidapi.poll, account, "job_1")
    assert (type(error), error.code) == (ProviderBusy, "busy")


@pytest.mark.parametrize("ticket", ["../balance", "a/b?c#d", "%2e%2e", "a b"])
def test_a_ticket_is_one_step_of_the_path(ticket, revidapi, account, upstream):
    revidapi.poll(account, ticket)
    path = upstream.asked[0].path
    assert path.startswith("/v1/jobs/")
    assert path.count("/") == 3
    assert "?" not in path


def test_a_long_reason_is_cut(revidapi, account, upstream):
    upstream.says(LOOK, {"status": "failed", "error": "word " * 100_000})
    seen = revidapi.poll(account, "job_1")
    assert len(seen.error) == 300
    assert seen.error.endswith("…")


def test_looks_share_a_connection(revidapi, account, upstream):
    upstream.answers[LOOK] = [
        Reply(200, {"status": "pending"}),
        Reply(503, {"detail": "x"}),
        Reply(404, {"detail": "x"}),
    ]
    revidapi.poll(account, "job_1")
    error_of(revidapi.poll, account, "job_1")
    revidapi.poll(account, "job_1")
    assert len({asked.connection for asked in upstream.asked}) == 1


@pytest.mark.parametrize(
    ("status", "body", "answer"),
    [
        (200, {"job_id": "job_1", "status": "cancelled", "message": "Job cancelled"}, Cancellation(True)),
        (200, {"job_id": "job_1", "status": "CANCELED", "refunded": True}, Cancellation(True, refunded=True)),
        (200, {"status": "cancelled", "refunded": False}, Cancellation(True, refunded=False)),
        (200, {"status": "cancelling"}, Cancellation(False)),
        (200, {"message": "noted"}, Cancellation(False)),
        (400, {"detail": "Cannot cancel job with status: completed"}, Cancellation(False)),
        (404, {"detail": "Job not found"}, Cancellation(False)),
        (405, {"detail": "Method Not Allowed"}, Cancellation(False)),
        (501, {"detail": "Not Implemented"}, Cancellation(False)),
        (404, b"<html></html>", Cancellation(False)),
    ],
)
def test_a_job_is_cancelled_only_when_upstream_says_so(status, body, answer, revidapi, account, upstream):
    upstream.says(STOP, body, status)
    assert revidapi.cancel(account, "job_1") == answer


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [(401, {"detail": "x"}, AccountRefused), (524, b"<html>", ProviderBusy), (204, b"", ProviderBusy)],
)
def test_trouble_on_the_way_to_a_cancel_is_said(status, body, error, revidapi, account, upstream):
    upstream.says(STOP, body, status)
    assert isinstance(error_of(revidapi.cancel, account, "job_1"), error)


def test_many_threads_may_look_at_once(revidapi, account, upstream):
    for number in range(40):
        upstream.says(f"GET /v1/jobs/job_{number}", {"status": "processing", "progress": number})
    with ThreadPoolExecutor(max_workers=16) as pool:
        seen = list(pool.map(lambda number: revidapi.poll(account, f"job_{number}").progress, range(40)))
    assert seen == list(range(40))


def test_a_missing_job_is_no_error(revidapi, account):
    assert revidapi.poll(account, "job_9").status is Status.MISSING


def test_a_look_waits_for_an_answer_less_long_than_other_questions(revidapi, account, monkeypatch, settings):
    waits = []
    settings.REVIDAPI_LOOK_TIMEOUT_S = 4
    good = client.Answer(200, '{"status": "processing"}')
    monkeypatch.setattr(client, "ask", lambda *_, timeout_s=None, **__: waits.append(timeout_s) or good)
    revidapi.poll(account, "job_1")
    revidapi.cancel(account, "job_1")
    assert waits == [4, 4]
