"""Two hundred orders over an upstream that loses answers, while processes are killed: nothing is paid twice or lost.

The stand-in keeps its own book of what it was asked, made, charged and gave back. Afterwards it is held against ours.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.chaos import secrets
from tests.chaos.test_kills import NO_PAST, audited, kill_one_by_one, wait_with_care
from tests.processes import Processes, a_house, wait_for
from tests.upstreams.revidapi import Job, StandIn, UpstreamAccount
from tests.upstreams.revidapi.http import Answer, Request
from tests.upstreams.scripted import a_picture
from tests.visitor import Visitor

pytestmark = pytest.mark.chaos

JOBS = 200
SLOTS = 40
ALL_S = 240
WINDOW_S = 5  # from the next order on
WINDOWS = {12: "unauthorized", 27: "no_credits", 42: "key_disabled"}  # seconds after the start
WAITS = {
    "LEASE_S": 12,
    "SEND_LEASE_S": 12,
    "JOB_DEADLINE_S": 40,
    "STORE_DEADLINE_S": 60,
    "UNROUTED_S": 60,
    "MISS_WAIT_S": 1,
    "UNKNOWN_LOOK_S": 2,
    "LATE_LOOK_S": 2,
    "GHOST_SLOT_S": 8,
    "ACCOUNT_RETRY_S": 1,
    "ACCOUNT_CHECK_S": 5,
    "REVIDAPI_PER_MINUTE": 6000,
    "REVIDAPI_TIMEOUT_S": 4,
    "REVIDAPI_CREATE_TIMEOUT_S": 6,
    "REVIDAPI_LOOK_S": 1,
}
# Of each hundred orders five answers are lost, ten fail; of each hundred requests two meet each of the others.
LOST = {"lost_before": 0.025, "lost_after": 0.025}
FAILING = {"fails": 0.08, "failed_prefix": 0.02}
PASSING = dict.fromkeys(
    (
        *("slow", "rate_limited", "queue_full", "unavailable", "gateway_html", "server_error", "garbage"),
        *("forbidden", "wrapped_error", "detail_string", "detail_dict", "detail_list", "not_found on poll"),
        *("job_set_not_found", "missing on create", "only_job_id", "null_result", "upper_case"),
        *(
            "truncated on create",
            "complete_at_create",
            "result_list",
            "result_object",
            "no_result",
            "wrong_media",
            "unlisted",
        ),
    ),
    0.02,
)
PICTURES = tuple(a_picture((64 + n, 48)) for n in range(6))
IMAGES = ({"model": "image-4.0"}, {"model": "nano-banana"}, {"model": "image-gpt-2", "quality": "low"})
CLIPS = ({"model": "veo3.1-fast"}, {"model": "kling-2.6", "duration": "5"})
FROM_A_PICTURE = 4  # every fourth order starts from one of them
SINGLE = {150: ("image", {"model": "seedream-4.5"})}  # its price vanishes while it is ordered
ORDERS = tuple(("image", order) for order in IMAGES) + tuple(("video", order) for order in CLIPS)


class Watched(StandIn):
    """Notes each address that it is asked at, in full.

    windows: troubles that last, by when they may begin. Each has its own time: of two at once one hides the other.
    """

    def __init__(self) -> None:
        super().__init__(image_s=5, video_s=8, per_minute=0, seed=3)
        self.urls: list[str] = []
        self.windows: dict[float, str] = {}
        self._shut_at = 0.0  # of the last one that was opened
        self._windows_lock = threading.Lock()

    def _respond(self, request: Request) -> Answer:
        self.urls.append(f"{request.path}?{request.query}")
        if request.path.endswith("/generate"):
            self._open_windows()
        return super()._respond(request)

    def _open_windows(self) -> None:
        now = time.monotonic()
        with self._windows_lock:
            due = sorted(at for at in self.windows if at <= now)
            if due and now > self._shut_at:
                self._shut_at = now + WINDOW_S
                self.window(self.windows.pop(due[0]), WINDOW_S)


@pytest.fixture
def upstream() -> Iterator[Watched]:
    with Watched() as stand_in:
        yield stand_in


@pytest.fixture
def account(upstream: Watched) -> UpstreamAccount:
    return upstream.open_account(balance=50_000, total=SLOTS, image=SLOTS, video=SLOTS)


@pytest.fixture
def house(upstream: Watched, account: UpstreamAccount, tmp_path: Path) -> Iterator[Processes]:
    with a_house(tmp_path, PRIVATE_HOSTS=upstream.host, **WAITS, **NO_PAST) as processes:
        own = processes.env
        processes.env = own | {"CHAOS_URL": upstream.url, "CHAOS_KEY": account.key}
        processes.python("-m", "tests.chaos.connect")
        processes.env = own
        yield processes


def test_nothing_is_paid_twice_or_lost(house, upstream, account, capsys):
    began = time.monotonic()
    make_trouble(upstream)
    visitor = Submitting(house)
    visitor.start()
    kills = kill_one_by_one(house)
    visitor.join(timeout=ALL_S)
    found = finish(house, upstream, began + ALL_S)
    took_s = time.monotonic() - began
    with capsys.disabled():
        print(f"\n{summary(found, upstream, kills, visitor)}; {took_s:.0f} s")  # noqa: T201
    assert visitor.wrong == []
    assert all(upstream.script.struck[trouble] for trouble in WINDOWS.values())
    prove_work(found, upstream, visitor.prompts)
    prove_money(found, upstream)
    house.manage("check_ledger")
    house.manage("check_jobs")
    upstream.prove()
    prove_silence(house, upstream, account)


def a_prompt(number: int) -> str:
    return f"Paper boat number {number:03}"


def make_trouble(upstream: Watched) -> None:
    """By odds, for some orders what needs facts of its own, and to uploads, which are few, one by one."""
    upstream.odds = LOST | FAILING | PASSING
    upstream.windows = {time.monotonic() + at: trouble for at, trouble in WINDOWS.items()}
    for trouble in ("upload_waits", "upload_completed", "upload_fails"):
        upstream.play(trouble)
    for number in SINGLE:
        upstream.play("price_row_gone", prompt=a_prompt(number))
    for number in (35, 85, 135, 185):
        upstream.play("late_made", prompt=a_prompt(number), seconds=8)  # when nobody listens any more
    for number in (20, 50, 80, 110):
        upstream.play("late_done", prompt=a_prompt(number), late_s=25)  # when the job has failed here too


class Submitting(threading.Thread):
    """The demo's member sends all orders through the front, and each again until it was answered."""

    def __init__(self, house: Processes) -> None:
        super().__init__(daemon=True)
        self.visitor = Visitor(house.url, house.demo["tenant"])
        self.who = house.demo["member"]
        self.prompts = [a_prompt(number) for number in range(JOBS)]
        self.again = 0
        self.wrong: list[str] = []

    def run(self) -> None:
        self._insist(lambda: self.visitor.sign_in(self.who))
        for number, prompt in enumerate(self.prompts):
            kind, order = SINGLE.get(number, ORDERS[number % len(ORDERS)])
            self._insist(lambda kind=kind, order=order, prompt=prompt: self._order(kind, order, prompt))

    def _order(self, kind: str, order: dict[str, str], prompt: str) -> None:
        token, number = prompt.replace(" ", "-"), int(prompt[-3:])
        picture = b"" if number % FROM_A_PICTURE else PICTURES[number // FROM_A_PICTURE % len(PICTURES)]
        answer = self.visitor.create(kind, token=token, picture=picture, prompt=prompt, **order)
        if answer.status_code != 302:
            self.wrong.append(f"{prompt}: {answer.status_code} {answer.text[:200]}")

    def _insist(self, deed) -> None:
        """A killed front answers nobody: ask again, with the same form."""
        for _ in range(400):
            try:
                return deed()
            except requests.RequestException:
                self.again += 1
                time.sleep(0.5)
        raise AssertionError("The front never came back.")


def finish(house: Processes, upstream: StandIn, until: float) -> dict:
    """Let the jobs end in peace: all with a verdict but those that upstream never made."""
    found: dict = {}

    def is_over() -> bool:
        wait_with_care(house, 1, Counter())
        found.update(audited(house))
        return len(found["work"]) == JOBS and not any(waits(job, upstream) for job in found["work"])

    try:
        wait_for(is_over, timeout_s=max(until - time.monotonic(), 1), what="verdicts within four minutes")
    except AssertionError as late:
        late.add_note(f"{len(found['work'])} jobs, waiting: {[job for job in found['work'] if waits(job, upstream)]}")
        raise
    return found


def waits(job: dict, upstream: StandIn) -> bool:
    """Whether something still has to happen to it: a verdict, or the mark of a success after its failure."""
    made = upstream.book.jobs_of(job["prompt"])
    if job["state"] == "failed":
        return not job["is_late"] and any(map(is_success, made))
    is_lawful = job["state"] == "unknown" and not made
    return not (job["state"] in ("done", "cancelled") or is_lawful)


def is_success(made: Job) -> bool:
    return made.state == "completed" and made.fate.result != "none"


def prove_work(found: dict, upstream: StandIn, prompts: list[str]) -> None:
    """No order was made twice; what was made is delivered, or marked as late where the job had failed."""
    assert [job["prompt"] for job in found["work"]] == prompts
    assert upstream.book.doubles() == []
    for job in found["work"]:
        made = upstream.book.jobs_of(job["prompt"])
        tickets = [attempt["ticket"] for attempt in job["attempts"] if attempt["ticket"]]
        assert tickets == [each.id for each in made], job
        assert is_right(job, made), (job, made)
    assert found["outputs"] == found["captures"] == found["done"]
    assert "sending" not in found["attempts"]
    for nothing in ("sent twice", "done without one output", "missing files", "orphan files"):
        assert found[nothing] == [], nothing


def is_right(job: dict, made: list[Job]) -> bool:
    """Whether our end is the one that upstream's calls for."""
    if not made:
        return job["state"] in ("failed", "unknown")
    if is_success(made[0]):
        return job["state"] == "done" or (job["state"] == "failed" and job["is_late"])
    return job["state"] == "failed" and not job["is_late"]


def prove_money(found: dict, upstream: StandIn) -> None:
    """Upstream's charges less refunds are the sum of our attempts' costs; those that are uncertain stand apart."""
    attempts = [attempt for job in found["work"] for attempt in job["attempts"]]
    certain = [attempt for attempt in attempts if not attempt["is_uncertain"]]
    apart = {attempt["ticket"] for attempt in attempts if attempt["is_uncertain"]}
    made = {job.id: job for job in upstream.book.jobs}
    net = {ticket: job.charge - job.refund for ticket, job in made.items()}
    ours = {attempt["ticket"]: attempt["cost"] for attempt in certain if attempt["ticket"]}
    assert [(made[ticket], cost) for ticket, cost in ours.items() if cost != net[ticket]] == []
    assert ours.keys() | apart >= made.keys()
    assert sum(attempt["cost"] for attempt in certain) == upstream.book.net - sum(net.get(each, 0) for each in apart)


def prove_silence(house: Processes, upstream: Watched, account: UpstreamAccount) -> None:
    """No secret of the run stands in a log, a row, a mail, a message or an address."""
    assert upstream.leaks == []
    words = secrets.of(house, account.key)
    assert secrets.found_in(house, words) == []
    assert [url for url in upstream.urls if any(word in url for word in words)] == []


def summary(found: dict, upstream: StandIn, kills: Counter[str], visitor: Submitting) -> str:
    verdicts = ", ".join(f"{count} {state}" for state, count in Counter(j["state"] for j in found["work"]).items())
    late = sum(job["is_late"] for job in found["work"])
    refound = sum([a["state"] for a in job["attempts"]].count("sent") for job in found["work"])
    struck = ", ".join(f"{name} {count}" for name, count in sorted(upstream.script.struck.items()))
    killed = ", ".join(f"{name} {count}" for name, count in sorted(kills.items()))
    return (
        f"chaos upstream: {len(found['work'])} jobs ({verdicts}; {late} late), {refound} tickets; killed {killed}; "
        f"troubles {struck}; {visitor.again} requests sent again"
    )
