"""Logs carry ids and no secrets, whoever writes them."""

import json
import logging

import pytest
import structlog
from celery import signals

from revidweb import celery, logs


@pytest.fixture
def written(capsys, settings):
    """What is logged by a call, as it reaches standard error."""

    def of(call, *, as_json=True):
        logs.configure(level="INFO", as_json=as_json)
        call()
        text = capsys.readouterr().err
        with capsys.disabled():  # the handler must not stay tied to this test's standard error
            logs.configure(level=settings.LOG_LEVEL, as_json=False)
        return [json.loads(line) for line in text.splitlines()] if as_json else text

    return of


def test_a_line_carries_what_is_bound(written):
    def work():
        with structlog.contextvars.bound_contextvars(request_id="req_1", job="job_1"):
            structlog.get_logger("revidweb.test").info("stored", size_bytes=3)
            logging.getLogger("a.library").warning("hm")

    ours, theirs = written(work)
    assert (ours["event"], ours["size_bytes"], ours["request_id"], ours["job"]) == ("stored", 3, "req_1", "job_1")
    assert (theirs["event"], theirs["level"], theirs["job"]) == ("hm", "warning", "job_1")


def test_what_is_named_a_secret_is_blanked(written):
    log = structlog.get_logger("revidweb.test")
    (line,) = written(lambda: log.info("signed_in", password="hunter2", api_key="sk", email="a@example.test"))
    assert (line["password"], line["api_key"], line["email"]) == ("***", "***", "a@example.test")


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize(
    "path",
    [
        "/t/aurora/join/{}/",
        "/accounts/signup/{}/",
        "/accounts/confirm-email/{}/",
        "/accounts/password/reset/key/1-{}/",
    ],
)
def test_what_lets_in_whoever_has_it_is_blanked_in_every_path(written, path, as_json):
    token = "dXgt-9Jq_" * 4
    log = logging.getLogger("django.request")
    said = str(written(lambda: log.warning("Not Found: %s", path.format(token)), as_json=as_json))
    assert token not in said
    assert path.partition("{")[0].removesuffix("1-") + "***" in said


def test_a_tenants_own_pages_stay_readable(written):
    log = logging.getLogger("django.request")
    (line,) = written(lambda: log.warning("Not Found: %s", "/t/aurora/join/accent.css?v=1a1f99b7ee3"))
    assert line["event"] == "Not Found: /t/aurora/join/accent.css?v=1a1f99b7ee3"


@pytest.mark.parametrize("as_json", [True, False])
def test_a_traceback_shows_no_local_variables(written, as_json):
    def fail(sealed):
        raise ValueError("no")

    def work():
        try:
            fail("hunter" + "2")
        except ValueError:
            structlog.get_logger("revidweb.test").exception("failed")

    text = str(written(work, as_json=as_json))
    assert "ValueError: no" in text
    assert "hunter2" not in text


def test_celery_leaves_the_logs_alone():
    heard = [receiver for receiver in signals.setup_logging.receivers if receiver[1]() is celery.keep_the_logs]
    assert heard
