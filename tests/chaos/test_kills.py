"""Kill one process after the other while thirty jobs run: every job gets its verdict, every result is stored once."""

import itertools
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.processes import NAMES, Processes, a_house, wait_for
from tests.visitor import Visitor

pytestmark = pytest.mark.chaos

JOBS = 30
KILLING_S, KILL_EVERY_S = 60, 4
FINISHING_S = 240
SUBMITTING_S = 45
SPEED = {"PREVIEW_IMAGE_S": 1, "PREVIEW_VIDEO_S": 2, "PREVIEW_SLOW_S": 8, "LEASE_S": 15, "SEND_LEASE_S": 15}
NO_PAST = {"DEMO_HISTORY": "no"}  # every job is one of the run
IMAGE = ("image", {"model": "image-4.0"})
CLIP = ("video", {"model": "kling-2.6", "duration": "5"})
KINDS = (IMAGE, IMAGE, CLIP, IMAGE, IMAGE)
TROUBLE = ("", "", "slow", "", "lost", "", "fail", "")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Processes]:
    with a_house(tmp_path, **SPEED, **NO_PAST) as processes:
        yield processes


def test_every_job_ends_once_whatever_is_killed(house, capsys):
    submitting = Submitting(house)
    submitting.start()
    kills = kill_one_by_one(house)
    submitting.join(timeout=FINISHING_S)
    took_s = finish(house)
    found = audited(house)
    with capsys.disabled():
        print(f"\n{summary(found, kills, submitting)}; all over {took_s:.0f} s after the last")  # noqa: T201
    assert submitting.wrong == []
    prove(found, submitting.prompts)
    house.manage("check_ledger")
    house.manage("check_jobs")


class Submitting(threading.Thread):
    """The demo's member sends thirty orders through the front, and each again until it was answered."""

    def __init__(self, house: Processes) -> None:
        super().__init__(daemon=True)
        self.visitor = Visitor(house.url, house.demo["tenant"])
        self.who = house.demo["member"]
        self.prompts = [f"Paper boat {n} {word}".strip() for n, word in zip(range(JOBS), itertools.cycle(TROUBLE))]
        self.again = 0
        self.wrong: list[str] = []
        house.manage("shell", "-c", GRANT)  # so many orders cost more than the demo gives

    def run(self) -> None:
        self._insist(lambda: self.visitor.sign_in(self.who))
        for (kind, order), prompt in zip(itertools.cycle(KINDS), self.prompts, strict=False):
            self._insist(lambda kind=kind, order=order, prompt=prompt: self._order(kind, order, prompt))
            time.sleep(SUBMITTING_S / JOBS)

    def _order(self, kind: str, order: dict[str, str], prompt: str) -> None:
        answer = self.visitor.create(kind, token=prompt.replace(" ", "-"), prompt=prompt, **order)
        if answer.status_code != 302:
            self.wrong.append(f"{prompt}: {answer.status_code} {answer.text[:200]}")

    def _insist(self, deed) -> None:
        """A killed front answers nobody: ask again, with the same form."""
        for _ in range(200):
            try:
                return deed()
            except requests.RequestException:
                self.again += 1
                time.sleep(0.3)
        raise AssertionError("The front never came back.")


GRANT = """
from revidweb.accounts.models import Member
from revidweb.credits import ledger
member = Member.objects.get(person__email="member@demo.example")
ledger.grant(member, credits=10_000, reference="grant:chaos", actor="system")
"""


def kill_one_by_one(house: Processes) -> Counter[str]:
    """Every four seconds kill one, in turn the process alone or all that it started, and start it again at once."""
    kills: Counter[str] = Counter()
    until = time.monotonic() + KILLING_S
    for number, name in enumerate(victims()):
        wait_with_care(house, KILL_EVERY_S, kills)
        if time.monotonic() > until:
            return kills
        house.kill(name, whole_group=number % 2 == 1)
        house.start(name)
        kills[name] += 1
    raise AssertionError("There is always another victim.")


def victims() -> Iterator[str]:
    """Rounds of all of them, each in another order, the same in every run."""
    dice = random.Random(4)
    while True:
        yield from dice.sample(NAMES, len(NAMES))


def wait_with_care(house: Processes, seconds: float, kills: Counter[str]) -> None:
    """Wait; start again what could not stay (its port is held a moment longer by what the killed one left)."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for name in house.died():
            house.start(name)
            kills[f"{name} by itself"] += 1
        time.sleep(0.2)


def finish(house: Processes) -> float:
    """Let the jobs end in peace; how long that took, in seconds."""
    found: dict = {}

    def is_over() -> bool:
        wait_with_care(house, 1, Counter())
        found.update(audited(house))
        return len(found["jobs"]) == JOBS and not found["moving"]

    try:
        return wait_for(is_over, timeout_s=FINISHING_S, what="all jobs with a verdict")
    except AssertionError as late:
        late.add_note(f"{len(found['jobs'])} jobs came, still moving: {found['moving']}")
        raise


def audited(house: Processes) -> dict:
    return json.loads(house.python("-m", "tests.chaos.audit"))


def prove(found: dict, prompts: list[str]) -> None:
    assert found["jobs"] == {prompt: "failed" if "fail" in prompt else "done" for prompt in prompts}
    assert found["settlements"] == JOBS
    assert found["outputs"] == found["captures"] == found["done"] == found["files"]
    assert found["open holds"] == 0
    assert "sending" not in found["attempts"]
    for nothing in ("moving", "sent twice", "done without one output", "missing files", "orphan files"):
        assert found[nothing] == [], nothing


def summary(found: dict, kills: Counter[str], submitting: Submitting) -> str:
    verdicts = ", ".join(f"{count} {state}" for state, count in Counter(found["jobs"].values()).items())
    killed = ", ".join(f"{name} {count}" for name, count in sorted(kills.items()))
    return f"chaos: {len(found['jobs'])} jobs ({verdicts}); killed {killed}; {submitting.again} requests sent again"
