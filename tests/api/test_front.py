"""What is true of every answer under `/v1`: JSON, never kept, with an id, whatever is asked for and however."""

import logging

import pytest
from django.core.signals import got_request_exception
from django.test import Client

from revidweb.api.endpoints import balance as endpoint
from revidweb.lib.refusal import Refusal
from tests import makers

from .makers import PICTURE, a_program

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "path", ["", "/", "/nothing", "/models/", "/image", "/jobs/", "/jobs/a/b", "/%00", "/é", "/../admin/", "/docs/x"]
)
def test_what_is_not_there_is_json(program, path):
    for method in ("GET", "POST", "PUT", "DELETE"):
        answer = program.ask(method, path)
        assert (answer.status_code, answer["Content-Type"]) == (404, "application/json"), method
        assert answer.json() == {"detail": "Not found"}


@pytest.mark.parametrize(("method", "path", "allow"), [("GET", "/image/generate", "POST"), ("POST", "/models", "GET")])
def test_another_method_is_json(program, method, path, allow):
    for wrong in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - {allow}:
        answer = program.ask(wrong, path)
        assert (answer.status_code, answer["Content-Type"], answer["Allow"]) == (405, "application/json", allow)
        assert answer.json() == {"detail": "Method not allowed"}


def test_no_answer_is_kept_by_anybody(program):
    for path in ("/balance", "/nothing", "/openapi.json"):
        answer = program.get(path)
        assert (answer["Cache-Control"], answer["X-Content-Type-Options"]) == ("no-store", "nosniff")


def test_a_program_gets_no_cookie_and_no_page_steps(program):
    answer = program.get("/balance")
    assert not answer.cookies
    assert not {"Content-Security-Policy", "Vary", "X-Frame-Options"} & set(answer.headers)


def test_a_session_is_no_key(user):
    answer = makers.a_client(user.member).get("/v1/balance")
    assert (answer.status_code, answer.json()) == (401, {"detail": "Missing Authorization header"})


def test_a_key_opens_no_page(program, user):
    answer = program.client.get(f"/t/{user.tenant.slug}/jobs/", headers={"Authorization": f"Bearer {program.secret}"})
    assert answer.status_code == 302


def test_a_callers_own_id_comes_back(program):
    assert program.get("/balance", headers={"X-Request-Id": "build-7f3c9a21"})["X-Request-Id"] == "build-7f3c9a21"
    assert program.get("/balance")["X-Request-Id"].startswith("req_")


def test_a_bug_is_told_in_json_and_in_the_log(program, monkeypatch, caplog):
    def broken(actor):
        raise RuntimeError(program.secret)

    seen: list[object] = []
    got_request_exception.connect(lambda **words: seen.append(words), weak=False, dispatch_uid="seen")
    monkeypatch.setattr(endpoint.balance, "of", broken)
    program.client.raise_request_exception = False
    with caplog.at_level(logging.ERROR):
        answer = program.get("/balance")
    got_request_exception.disconnect(dispatch_uid="seen")
    assert (answer.status_code, answer.json()) == (500, {"detail": "Internal server error"})
    assert (len(seen), len(caplog.records)) == (1, 1)


def test_without_tls_no_key_is_heard_where_there_is_tls(program, settings):
    settings.SECURE_SSL_REDIRECT = True
    assert program.get("/balance").status_code == 403
    assert Client().get("/v1/balance", secure=True).status_code == 401


def test_over_tls_browsers_are_told_to_stay_there(program, settings):
    assert "Strict-Transport-Security" not in program.get("/balance", secure=True)
    settings.SECURE_HSTS_SECONDS = 31_536_000
    assert program.get("/balance", secure=True)["Strict-Transport-Security"] == "max-age=31536000"
    assert "Strict-Transport-Security" not in program.get("/balance")


def test_a_refusal_that_nobody_foresaw_is_bad_input(program, monkeypatch):
    def refuse(actor):
        raise Refusal("never_heard_of", field="prompt", most=3)

    monkeypatch.setattr(endpoint.balance, "of", refuse)
    assert program.get("/balance").json() == {"detail": "prompt: never heard of"}


def test_the_key_is_read_in_any_case_of_its_scheme(program):
    answer = program.client.get("/v1/balance", headers={"Authorization": f"bearer  {program.secret} "})
    assert answer.status_code == 200


def test_the_secret_stands_in_no_log(user, caplog):
    program = a_program(user)
    with caplog.at_level(logging.DEBUG):
        program.post("/image/generate", PICTURE)
        program.post("/image/generate", {})
    assert program.secret not in caplog.text
