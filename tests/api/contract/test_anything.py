"""Requests that schemathesis makes up from the OpenAPI document, good and bad ones: every answer is as documented.

`schemathesis.toml` says how many, and by which seed. No server error, no status, content type or shape that is not
documented.
"""

from pathlib import Path

import pytest
import schemathesis
from django.db import connection
from hypothesis import HealthCheck, settings

from revidweb.wsgi import application
from tests.api.makers import PICTURE, Program, a_program

pytestmark = pytest.mark.django_db

CONFIG = schemathesis.Config.from_path(Path(__file__).with_name("schemathesis.toml"))
schema = schemathesis.openapi.from_wsgi("/v1/openapi.json", application, config=CONFIG)


@pytest.fixture(autouse=True)
def _one_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's own entry closes what it takes for old: the connection on which the test's transaction stands."""
    monkeypatch.setattr(connection, "close_if_unusable_or_obsolete", lambda: None)


@pytest.fixture
def busy(owner) -> Program:
    """The house pays for it, so that it never runs out of credits."""
    return a_program(owner)


@pytest.fixture
def ids(busy: Program) -> dict[str, str]:
    job_id = busy.post("/image/generate", PICTURE).json()["job_id"]
    upload_id = busy.post("/files/upload/presign", {"filename": "fox.png"}).json()["upload_id"]
    return {"job_id": job_id, "upload_id": upload_id}


@schema.parametrize()
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)  # rows of earlier requests stay
def test_whatever_is_asked_the_answer_is_as_documented(case, busy, ids):
    headers = {"Authorization": f"Bearer {busy.secret}"}
    case.call_and_validate(headers=headers)
    if _goes_further(case, ids):
        case.call_and_validate(headers=headers)


def _goes_further(case: schemathesis.Case, ids: dict[str, str]) -> bool:
    """Whether there was a made-up id, model or name in the way; a good one, or none, stands in its place now."""
    named = set(case.path_parameters or {}) & set(ids)
    for name in named:
        case.path_parameters[name] = ids[name]
    orders = case.path.endswith("/generate") and isinstance(case.body, dict)
    if orders:
        case.headers.pop("Idempotency-Key", None)
        case.body |= {"model": "nano-banana" if "image" in case.path else "kling-2.6"}
    return bool(named) or orders
