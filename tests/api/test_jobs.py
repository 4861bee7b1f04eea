"""GET jobs/{id} and its cancel: RevidAPI's words for every state, and results that open without a key."""

import pytest
from django.test import Client

from revidweb.jobs import settle
from revidweb.jobs.models import Job
from revidweb.jobs.states import State
from revidweb.lib import clock
from tests.jobs import steps

from .makers import PICTURE, Program

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(program: Program, upstream) -> Job:
    program.post("/image/generate", PICTURE)
    return Job.objects.get()


def look(program: Program, job: Job) -> dict:
    answer = program.get(f"/jobs/{job.public_id}")
    assert answer.status_code == 200
    return answer.json()


@pytest.mark.parametrize(
    ("state", "word"),
    [
        ("queued", "pending"),
        ("preparing", "pending"),
        ("sending", "pending"),
        ("working", "processing"),
        ("storing", "processing"),
        ("unknown", "processing"),
    ],
)
def test_a_moving_job_in_their_words(program, job, state, word):
    Job.objects.update(state=state, progress=40)
    told = look(program, job)
    assert told.items() >= {"status": word, "progress": 40, "result": None, "results": [], "error": None}.items()
    assert (told["job_id"], told["cost"], told["completed_at"]) == (job.public_id, 4, None)
    assert "refunded" not in told


def test_a_done_job_has_a_result_that_opens(program, job, upstream):
    steps.run()
    told = look(program, job)
    assert told.items() >= {"status": "completed", "progress": 100, "cost": 4, "error": None}.items()
    assert told["results"] == [told["result"]]
    opened = Client().get("/v1/" + told["result"].partition("/v1/")[2])
    assert (opened.status_code, opened["Content-Type"]) == (200, "image/png")
    assert b"".join(opened.streaming_content)


def test_a_failed_job_says_why_and_costs_nothing(program, job):
    Job.objects.update(state=State.WORKING)
    job.refresh_from_db()
    settle.fail(job, code="moderated", error="not allowed here")
    told = look(program, job)
    assert told.items() >= {"status": "failed", "error": "not allowed here", "cost": 0, "refunded": True}.items()
    assert told["completed_at"].endswith("Z")


def test_a_waiting_job_is_stopped_at_no_cost(program, job, user):
    answer = program.post(f"/jobs/{job.public_id}/cancel")
    assert answer.json() == {
        "job_id": job.public_id,
        "status": "cancelled",
        "message": "Job cancelled",
        "refunded": True,
    }
    assert look(program, job).items() >= {"status": "cancelled", "cost": 0, "refunded": True}.items()
    assert program.get("/balance").json()["balance"] == 100


def test_of_a_working_job_the_provider_is_asked(program, job):
    Job.objects.update(state=State.WORKING)
    answer = program.post(f"/jobs/{job.public_id}/cancel")
    assert answer.json().items() >= {"status": "processing", "refunded": False}.items()
    assert Job.objects.get().cancel_asked_at is not None


@pytest.mark.parametrize(("state", "detail"), [("done", "Job has already ended"), ("storing", "Job cannot be")])
def test_what_cannot_be_stopped_is_refused(program, job, state, detail):
    Job.objects.update(state=state, ended_at=clock.now() if state == "done" else None)
    answer = program.post(f"/jobs/{job.public_id}/cancel")
    assert (answer.status_code, answer.json()["detail"].startswith(detail)) == (400, True)


@pytest.mark.parametrize("job_id", ["job_nope", "%00", "é", "x" * 500])
def test_an_unknown_job_is_not_there(program, job_id):
    for answer in (program.get(f"/jobs/{job_id}"), program.post(f"/jobs/{job_id}/cancel")):
        assert (answer.status_code, answer.json()) == (404, {"detail": "Job not found"})


def test_a_look_costs_few_statements(program, job, django_assert_max_num_queries):
    program.get("/balance")
    with django_assert_max_num_queries(2):
        look(program, job)
