"""limits, balance and the dashboard: the key's own figures, in RevidAPI's words."""

from datetime import datetime

import pytest

from revidweb.connections.models import Connection
from revidweb.jobs.models import Job
from revidweb.providers.revidapi.provider import _limits
from tests.jobs import steps

from .makers import CLIP, PICTURE, Program, a_program, a_user

pytestmark = pytest.mark.django_db


def generate(program: Program, count: int = 1, **fields) -> list[str]:
    answers = [program.post("/image/generate", PICTURE | fields) for _ in range(count)]
    return [answer.json()["job_id"] for answer in answers]


def limits(program: Program) -> dict:
    return program.get("/limits").json()


# -- limits ----------------------------------------------------------------------------------------------------------


def test_a_key_without_limits_reports_the_tenants_slots(program):
    Connection.objects.update(total_slots=5, image_slots=3, video_slots=4)
    told = limits(program)
    assert told["limits"] == {
        "total_concurrent": 5,
        "image_concurrent": 3,
        "video_concurrent": 4,
        "queue": 1_000_000,
    }
    assert told["available"] == {"image_slots": 3, "video_slots": 4, "queue_slots": 1_000_000}


def test_what_others_have_at_work_takes_from_the_tenants_slots(program, owner):
    Connection.objects.update(total_slots=5, image_slots=3, video_slots=4)
    generate(a_program(a_user(owner)), 3)
    Job.objects.update(state="working")
    told = limits(program)
    assert told["active"] == {"total": 3, "image": 3, "video": 0, "queued": 0}
    assert told["available"].items() >= {"image_slots": 0, "video_slots": 2}.items()


def test_a_key_with_limits_reports_its_own(user, owner):
    program = a_program(user, running=2, queue=3)
    generate(program, 3)
    generate(a_program(owner), 2)
    Job.objects.filter(pk=Job.objects.first().pk).update(state="working")
    assert limits(program) == {
        "limits": {"total_concurrent": 2, "image_concurrent": 2, "video_concurrent": 2, "queue": 3},
        "active": {"total": 1, "image": 1, "video": 0, "queued": 2},
        "available": {"image_slots": 1, "video_slots": 1, "queue_slots": 2},
    }


def test_figures_are_whole_numbers_that_our_own_provider_reads(program):
    told = limits(program)
    assert all(type(value) is int for group in told.values() for value in group.values())
    assert _limits(told).total == told["limits"]["total_concurrent"]


def test_no_more_are_promised_than_are_accepted(user):
    program = a_program(user, running=2, queue=1)
    generate(program, 2)
    assert limits(program)["available"] == {"image_slots": 1, "video_slots": 1, "queue_slots": 1}
    generate(program)
    assert set(limits(program)["available"].values()) == {0}


def test_a_tenant_without_a_connection_has_no_slots(program):
    Connection.objects.update(is_enabled=False)
    assert limits(program)["limits"].items() >= {"total_concurrent": 0, "image_concurrent": 0}.items()


# -- balance and me --------------------------------------------------------------------------------------------------


def test_the_balance_is_what_is_free(program):
    generate(program)
    told = program.get("/balance").json()
    prefix = program.secret[:12]
    assert told == {"balance": 96, "held": 4, "currency": "credits", "key_prefix": prefix, "organization": "Studio"}


def test_a_budgeted_keys_balance_is_its_own(user):
    assert a_program(user, kind="budgeted", credits=30).get("/balance").json()["balance"] == 30


def test_a_key_says_what_it_is_and_what_is_left_of_it(user):
    program = a_program(user, kind="budgeted", credits=30, day=20, running=5, queue=3, per_minute=60)
    generate(program)
    told = program.get("/dashboard/me").json()
    assert (
        told.items()
        >= {
            "key_id": program.key.public_id,
            "name": "Batch",
            "type": "budgeted",
            "balance": 26,
            "held": 4,
            "is_active": True,
            "requests_per_minute": 60,
            "running_limit": 5,
            "queue_limit": 3,
        }.items()
    )
    meters = {meter["limit"]: meter for meter in told["limits"]}
    assert meters["budget"].items() >= {"used": 4, "most": 30, "left": 26, "resets_at": None}.items()
    assert meters["day"].items() >= {"used": 4, "most": 20, "left": 16}.items()
    assert datetime.fromisoformat(meters["day"]["resets_at"])
    assert program.secret not in str(told)


# -- jobs ------------------------------------------------------------------------------------------------------------


def listed(program: Program, query: str = "") -> dict:
    answer = program.get(f"/dashboard/jobs?{query}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_jobs_are_listed_newest_first(program):
    made = generate(program, 3)
    told = listed(program)
    assert [job["job_id"] for job in told["jobs"]] == made[::-1]
    assert (told["total"], told["page"], told["pages"], told["limit"], told["next_cursor"]) == (3, 1, 1, 20, None)
    assert (
        told["jobs"][0].items()
        >= {
            "type": "t2i",
            "model": "image-4.0",
            "prompt": PICTURE["prompt"],
            "status": "pending",
            "output_url": None,
            "credits_cost": 4,
        }.items()
    )
    assert told["jobs"][0]["input_params"]["server_id"] == "fast"


def test_pages_and_cursors_show_the_same(program):
    made = generate(program, 5)[::-1]
    by_pages = [job["job_id"] for page in (1, 2, 3) for job in listed(program, f"limit=2&page={page}")["jobs"]]
    by_cursor, cursor = [], ""
    while cursor is not None:
        told = listed(program, f"limit=2&cursor={cursor}")
        by_cursor += [job["job_id"] for job in told["jobs"]]
        cursor = told["next_cursor"]
    assert by_pages == by_cursor == made


def test_a_cursor_stays_right_while_jobs_come_in(program):
    made = generate(program, 4)[::-1]
    cursor = listed(program, "limit=2")["next_cursor"]
    generate(program, 2)
    assert [job["job_id"] for job in listed(program, f"limit=2&cursor={cursor}")["jobs"]] == made[2:]


def test_jobs_are_narrowed_by_status_and_type(program):
    generate(program, 2)
    program.post("/video/generate", CLIP)
    program.post(f"/jobs/{generate(program)[0]}/cancel")
    found = {query: len(listed(program, query)["jobs"]) for query in ("status=pending", "status=cancelled")}
    assert found == {"status=pending": 3, "status=cancelled": 1}
    kinds = {query: listed(program, query)["total"] for query in ("type=image", "type=video", "type=t2i", "type=i2v")}
    assert kinds == {"type=image": 3, "type=video": 1, "type=t2i": 3, "type=i2v": 0}


def test_a_listed_result_opens(program, upstream):
    generate(program)
    steps.run()
    (job,) = listed(program, "status=completed")["jobs"]
    opened = program.client.get("/v1/" + job["output_url"].partition("/v1/")[2])
    assert (opened.status_code, bool(b"".join(opened.streaming_content))) == (200, True)


@pytest.mark.parametrize(
    "query",
    [
        *("page=0", "page=x", "page=1e9", "limit=0", "limit=101", "limit=", "status=lost", "type=song"),
        *("cursor=job_nope", "cursor=%00", f"cursor={'x' * 200}", "page=99999999999999999999999"),
    ],
)
def test_a_query_that_makes_no_sense_is_bad_input(program, query):
    answer = program.get(f"/dashboard/jobs?{query}")
    assert (answer.status_code, answer.json()["detail"].partition(":")[0]) == (400, query.partition("=")[0])


# -- credits ---------------------------------------------------------------------------------------------------------


def credits(program: Program, query: str = "") -> dict:
    return program.get(f"/dashboard/credits?{query}").json()


def test_a_budgeted_keys_statement_is_its_wallets(user, upstream):
    program = a_program(user, kind="budgeted", credits=30)
    (job_id,) = generate(program)
    steps.run()
    spent, filled = credits(program)["transactions"]
    assert spent.items() >= {"type": "deduct", "amount": -4, "balance_before": 30, "balance_after": 26}.items()
    assert spent["job_id"] == job_id
    assert filled.items() >= {"type": "transfer", "amount": 30, "balance_after": 30, "job_id": None}.items()


def test_a_shared_keys_statement_is_what_its_own_jobs_cost(program, user, upstream):
    other = a_program(user)
    mine, _theirs, failed = generate(program)[0], generate(other), generate(program)
    program.post(f"/jobs/{failed[0]}/cancel")
    steps.run()
    (line,) = credits(program)["transactions"]
    assert line.items() >= {"type": "deduct", "amount": -4, "job_id": mine, "balance_after": None}.items()


@pytest.mark.parametrize("kind", ["shared", "budgeted"])
def test_a_statement_goes_on_from_a_cursor(user, upstream, kind):
    program = a_program(user, kind=kind, credits=30 if kind == "budgeted" else 0)
    generate(program, 3)
    steps.run()
    found, cursor = [], ""
    while cursor is not None:
        told = credits(program, f"limit=2&cursor={cursor}")
        found += told["transactions"]
        cursor = told["next_cursor"]
    assert len({line["id"] for line in found}) == len(found) == (4 if kind == "budgeted" else 3)
    assert program.get("/dashboard/credits?cursor=x").status_code == 400
