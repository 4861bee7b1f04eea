"""dashboard/stats and its export: a key's own usage, the same figures as its page."""

import csv
import io
from datetime import timedelta

import pytest

from revidweb.jobs.models import Job
from revidweb.keys.models import ApiKey
from revidweb.lib import clock
from revidweb.stats import counting, usage
from revidweb.stats.values import Question, Scope, Span
from tests.jobs import steps

from .makers import PICTURE, Program, a_program

pytestmark = pytest.mark.django_db
TODAY = clock.now().date()


def made(program: Program, count: int = 1, **fields) -> list[Job]:
    for _ in range(count):
        assert program.post("/image/generate", PICTURE | fields).status_code == 200
    steps.run()
    return list(Job.objects.filter(state="done").order_by("-pk")[:count])


def stats(program: Program, query: str = "") -> dict:
    answer = program.get(f"/dashboard/stats{query}")
    assert answer.status_code == 200
    return answer.json()


def lines(program: Program, query: str = "") -> list[dict[str, str]]:
    answer = program.get(f"/dashboard/stats/export{query}")
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/csv; charset=utf-8")
    text = b"".join(answer.streaming_content).decode()
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def test_what_ended_stands_by_model_and_by_day(program, upstream):
    job, _other = made(program, 2)
    told = stats(program)
    figures = {"jobs": 2, "completed": 2, "failed": 0, "cancelled": 0, "credits": 2 * job.credits}
    assert told["by_model"] == [{"model": job.media_model.name} | figures]
    assert told["by_day"] == [{"date": TODAY.isoformat()} | figures]
    assert (told["total_jobs"], told["credits_spent"]) == (2, 2 * job.credits)
    assert (told["to_date"], told["timezone"]) == (TODAY.isoformat(), "UTC")
    assert told["current_balance"] == program.get("/balance").json()["balance"]


def test_another_keys_usage_is_not_there(program, user, upstream):
    made(program)
    assert stats(a_program(user))["total_jobs"] == 0


def test_the_days_are_those_that_are_asked_for(program, upstream):
    (job,) = made(program)
    long_ago = TODAY - timedelta(days=50)
    Job.objects.filter(pk=job.pk).update(ended_at=job.ended_at - timedelta(days=50))
    counting.tick()
    assert stats(program)["by_day"] == []
    assert stats(program, f"?from={long_ago}&to={long_ago}")["by_day"][0]["date"] == long_ago.isoformat()
    assert stats(program, f"?to={long_ago}")["total_jobs"] == 1


def test_the_file_has_a_line_for_each_day_and_model(program, upstream):
    (job,) = made(program)
    assert lines(program) == [
        {
            "date": TODAY.isoformat(),
            "model": job.media_model.name,
            "jobs": "1",
            "completed": "1",
            "failed": "0",
            "cancelled": "0",
            "credits": str(job.credits),
        }
    ]


def test_a_file_of_nothing_is_its_head(program):
    assert lines(program) == []


def test_the_figures_are_those_of_the_page(program, upstream):
    made(program, 2)
    key = ApiKey.objects.latest("pk")
    page = usage.read(
        Question(Scope(key.tenant, key=key.pk), Span(TODAY - timedelta(days=29), TODAY)), usage.zone_of(key.tenant)
    )
    assert (page.total.jobs, page.total.credits) == (stats(program)["total_jobs"], stats(program)["credits_spent"])
