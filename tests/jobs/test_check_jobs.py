"""`check_jobs` proves the jobs: a sound house passes, and each kind of planted fault is found and named."""

import json
import re
from io import StringIO
from pathlib import Path

import pytest
import time_machine
from django.core.management import call_command
from django.db.models import F

from revidweb.connections.models import Connection, Credential
from revidweb.credits import ledger
from revidweb.credits.models import Hold
from revidweb.jobs import cancel, checking, submit
from revidweb.jobs.models import Attempt, Job, Output, Settlement
from revidweb.keys.models import ApiKey
from revidweb.lib import clock
from revidweb.providers.base import Cancellation, ProviderRefused, Receipt
from tests.credits.test_check_ledger import plant
from tests.keys.makers import a_key_actor

from .steps import poll_all, send_all, store_all

pytestmark = pytest.mark.django_db


@pytest.fixture
def jobs(user, order, upstream) -> dict[str, Job]:
    """One in each end, one at work and one that waits, all of them as they came to be."""
    named = {}
    for name in ("done", "failed", "paid", "cancelled", "working", "queued"):
        named[name] = submit.submit(user, order, count=1, token=name).jobs.get()
        upstream.submits = [ProviderRefused("no")] if name == "failed" else [Receipt(name)]
        upstream.cancellation = Cancellation(is_cancelled=True, refunded=False)
        if name in ("done", "failed", "paid", "working"):
            send_all()
        if name in ("paid", "cancelled"):
            cancel.cancel(user, Job.objects.get(pk=named[name].pk))
        if name in ("done", "paid"):
            poll_all()
            store_all()
    states = [Job.objects.get(pk=job.pk).state for job in named.values()]
    assert states == ["done", "failed", "cancelled", "cancelled", "working", "queued"]
    return named


def run(*options: str) -> tuple[int, str]:
    """The command's exit code and all that it said."""
    said = StringIO()
    try:
        call_command("check_jobs", *options, stdout=said, stderr=said)
    except SystemExit as ended:
        return int(str(ended.code)), said.getvalue()
    return 0, said.getvalue()


def _move(job: Job, state: str) -> None:
    Job.objects.filter(pk=job.pk).update(state=state, ended_at=clock.now() if state in ("done", "failed") else None)


def _reopen(job: Job) -> None:
    ended = "state = 'open', captured = 0, transfer_id = NULL, ended_at = NULL"
    plant(f"UPDATE credits_hold SET {ended} WHERE id = {job.hold_id}")


def _forget_outputs(job: Job) -> None:
    Output.objects.filter(job=job).delete()


def _hold_for_nobody(job: Job) -> None:
    ledger.hold(job.hold.wallet, credits=1, reference="job:job_nobody")


def _sign(job: Job, *, attempts: int = 1) -> None:
    """As if the job's orders had gone to an account."""
    key = Credential.objects.create(connection=job.connection, base_url="https://scripted.example", hint="…")
    for number in range(job.attempts.count() + 1, attempts + 1):
        Attempt.objects.create(job=job, number=number, connection=job.connection, state="lost")
    Attempt.objects.filter(job=job).update(credential=key)


def _sign_with_anothers_key(job: Job) -> None:
    other = Connection.objects.create(tenant=job.tenant, provider="scripted", name="Other")
    key = Credential.objects.create(connection=other, base_url="https://scripted.example", hint="…")
    Attempt.objects.filter(job=job).update(credential=key)


def _update(**fields):
    return lambda job: Job.objects.filter(pk=job.pk).update(**fields)


def _update_attempts(**fields):
    return lambda job: Attempt.objects.filter(job=job).update(**fields)


def _adopt(job: Job, **attempt: object) -> None:
    """As if it had been found upstream."""
    Job.objects.filter(pk=job.pk).update(adopted_at=clock.now(), credits=0, hold=None)
    Settlement.objects.filter(job=job).update(credits=0)
    Attempt.objects.filter(job=job).update(**attempt)


def _refund(job: Job) -> None:
    ledger.refund(job.hold, actor="system")


FAULTS = {
    "an adopted job was paid for": (
        "done",
        lambda job: (_adopt(job), Settlement.objects.filter(job=job).update(credits=1)),
        {"charge"},
    ),
    "an adopted job names no order": ("done", lambda job: _adopt(job, ticket=""), {"adopted"}),
    "a refund is in the book alone": ("done", _refund, {"refund"}),
    "a refund is on the job alone": (
        "done",
        lambda job: (_update(refunded=4)(job), Settlement.objects.filter(job=job).update(credits=0)),
        {"refund"},
    ),
    "a refunded job is still charged": ("done", lambda job: (_refund(job), _update(refunded=4)(job)), {"charge"}),
    "an end has no settlement": ("done", lambda job: Settlement.objects.get(job=job).delete(), {"settlement"}),
    "a verdict is another's": ("cancelled", lambda job: _move(job, "failed"), {"settlement"}),
    "a job ended past its settlement": ("working", lambda job: _move(job, "failed"), {"settlement", "hold_state"}),
    "an ended job moves again": ("failed", lambda job: _move(job, "queued"), {"settlement", "hold_state"}),
    "an ended job holds credits": ("failed", _reopen, {"hold_state"}),
    "a moving job holds none": ("working", lambda job: ledger.release(job.hold), {"hold_state"}),
    "another price is held": (
        "queued",
        lambda job: Job.objects.filter(pk=job.pk).update(credits=F("credits") + 1),
        {"hold_price"},
    ),
    "a hold is another's": (
        "queued",
        lambda job: Hold.objects.filter(pk=job.hold_id).update(reference="job:job_other"),
        {"hold_price"},
    ),
    "a settlement says another charge": (
        "paid",
        lambda job: Settlement.objects.filter(job=job).update(credits=F("credits") - 1),
        {"charge"},
    ),
    "a done job was not charged": (
        "done",
        lambda job: Settlement.objects.filter(job=job).update(credits=0),
        {"charge"},
    ),
    "a done job has no result": ("done", _forget_outputs, {"results"}),
    "a done job shows none": ("done", lambda job: Job.objects.filter(pk=job.pk).update(cover=None), {"results"}),
    "a failed job has a result": (
        "failed",
        lambda job: Output.objects.update(job=job),
        {"results"},
    ),
    "a job at work has no ticket": ("working", lambda job: Attempt.objects.filter(job=job).delete(), {"ticket"}),
    "credits are held for no job": ("queued", _hold_for_nobody, {"hold_without_job"}),
    "an order was sent twice": ("working", lambda job: _sign(job, attempts=2), {"sent_again"}),
    "what is upstream may be sent again": ("queued", lambda job: _sign(job, attempts=1), {"sent_again"}),
    "a job is being sent by nobody": ("working", _update(state="sending"), {"sending"}),
    "a job at work is being sent": ("working", _update_attempts(state="sending"), {"sending", "ticket"}),
    "an unknown outcome of no order": ("queued", _update(state="unknown"), {"unknown"}),
    "an order was sent with no key": (
        "working",
        lambda job: Connection.objects.filter(pk=job.connection_id).update(provider="scripted"),
        {"credential"},
    ),
    "an order was sent with another's key": ("working", _sign_with_anothers_key, {"credential"}),
    "a done job succeeds late": ("done", _update(late_at=clock.now(), late_results=["there"]), {"late"}),
    "a cancelled job is looked at late": ("cancelled", _update(late_look_at=clock.now()), {"late"}),
    "a late success is nowhere": ("failed", _update(late_at=clock.now()), {"late"}),
    "a late success is looked for on": (
        "failed",
        _update(late_at=clock.now(), late_results=["there"], late_look_at=clock.now()),
        {"late"},
    ),
    "a settlement says another cost": ("done", _update_attempts(upstream_cost_micros=7), {"upstream_cost"}),
    "a settlement is surer than its attempts": ("done", _update_attempts(is_cost_uncertain=True), {"upstream_cost"}),
    "a settlement doubts what is sure": (
        "done",
        lambda job: Settlement.objects.filter(job=job).update(is_cost_uncertain=True),
        {"upstream_cost"},
    ),
}


KEY_FAULTS = {
    "a key counts another's move": {"moving": F("moving") + 1},
    "a key spent what no job took": {"spent": F("spent") + 1},
    "a key's day forgets a hold": {"day_credits": F("day_credits") - 1},
    "a key's week keeps a release": {"week_credits": F("week_credits") + 4},
    "a key's month forgets a hold": {"month_credits": 0},
    "a key's life forgets a hold": {"lifetime_credits": 0},
}


@pytest.fixture
def jobs_of_key(user, order, upstream) -> ApiKey:
    """A key with a job that is done, one that failed and one that waits, counted in three days of one month."""
    key = a_key_actor(user.member)
    for day, answer in ((10, Receipt("first")), (11, ProviderRefused("no")), (13, None)):  # the first is a Tuesday
        with time_machine.travel(f"2026-11-{day}T12:00Z"):
            submit.submit(key, order, count=1)
            if answer:
                upstream.submits = [answer]
                send_all()
                poll_all()
                store_all()
    assert sorted(Job.objects.values_list("state", flat=True)) == ["done", "failed", "queued"]
    return ApiKey.objects.get(pk=key.key.pk)


def test_the_figures_of_a_key_are_those_of_its_jobs(jobs_of_key):
    key = jobs_of_key
    assert (key.moving, key.spent, key.lifetime_credits) == (1, 4, 8)
    assert (key.day_credits, key.week_credits, key.month_credits) == (4, 8, 8)
    assert run()[0] == 0


@pytest.mark.parametrize("name", KEY_FAULTS)
def test_a_keys_figure_that_its_jobs_do_not_say_is_found(jobs_of_key, name):
    ApiKey.objects.update(**KEY_FAULTS[name])
    code, said = run()
    assert (code, said.count("key_figure:")) == (1, 1)
    assert f"key {jobs_of_key.public_id} {next(iter(KEY_FAULTS[name]))}" in said


def test_a_keys_job_without_its_day_is_found(jobs_of_key):
    Job.objects.filter(state="queued").update(held_on=None)
    assert "held_on:" in run()[1]


def test_sound_jobs_pass(jobs):
    assert run() == (0, "The jobs are sound: 6 jobs, 4 settlements, 4 attempts, 1 outputs.\n")


def test_no_jobs_are_sound():
    assert run() == (0, "The jobs are sound: 0 jobs, 0 settlements, 0 attempts, 0 outputs.\n")


@pytest.mark.parametrize("name", FAULTS)
def test_each_kind_of_fault_is_found(jobs, name):
    which, break_it, expected = FAULTS[name]
    break_it(Job.objects.get(pk=jobs[which].pk))
    code, said = run()
    assert code == 1
    assert {line.partition(":")[0] for line in said.splitlines()[:-1]} == expected
    assert "The jobs are WRONG" in said.splitlines()[-1]


def test_every_fault_that_a_check_names_is_planted_here():
    planted = set().union(*(expected for _, _, expected in FAULTS.values()), {"key_figure", "held_on"})
    assert set(re.findall(r'Fault\("(\w+)"', Path(checking.__file__).read_text())) == planted


def test_a_program_reads_json(jobs):
    _reopen(jobs["failed"])
    code, said = run("--json")
    found = json.loads(said)
    assert (code, found["is_sound"]) == (1, False)
    assert found["faults"] == [
        {
            "what": "hold_state",
            "where": f"job {jobs['failed'].public_id}",
            "expected": "an ended hold",
            "found": "open",
        }
    ]
