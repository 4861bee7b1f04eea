"""One installation is upstream of another: what our provider asks, our own `/v1` answers, over real HTTP."""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import requests

from revidweb.accounts.actors import Actor
from revidweb.catalog import connecting
from revidweb.connections.models import Connection
from revidweb.files import storage, uploading
from revidweb.jobs import cancel, submit
from revidweb.jobs.models import Attempt, Job
from revidweb.providers import registry
from revidweb.providers.base import (
    Account,
    AccountRefused,
    Input,
    Kind,
    Limits,
    Mode,
    Order,
    OutcomeUnknown,
    Sighting,
    Status,
)
from tests.files.makers import an_upload, encoded
from tests.jobs import steps
from tests.processes import Processes, wait_for

pytestmark = pytest.mark.django_db

PROMPT = "Paper boats at dusk"


class Program:
    """The other installation, as its key's holder sees it."""

    def __init__(self, house: Processes) -> None:
        self.base_url, self.secret = f"{house.url}/v1", house.demo["budgeted_key"]

    def get(self, path: str) -> Any:
        answer = requests.get(f"{self.base_url}{path}", headers={"Authorization": f"Bearer {self.secret}"}, timeout=20)
        assert answer.status_code == 200, answer.text
        return answer.json()

    @property
    def balance(self) -> int:
        return self.get("/balance")["balance"]

    def at_rest(self) -> dict[str, int]:
        """Its figures once all that was asked before is over."""
        until(lambda: self.get("/balance")["held"] == 0, "nothing is held there")
        return self.figures

    @property
    def figures(self) -> dict[str, int]:
        """What its book says: free, held, and taken until now."""
        told = self.get("/balance")
        charges = self.get("/dashboard/credits?limit=100")["transactions"]
        taken = -sum(line["amount"] for line in charges if line["type"] == "deduct")
        return {"free": told["balance"], "held": told["held"], "taken": taken}


@pytest.fixture
def there(house: Processes, settings) -> Program:
    settings.PRIVATE_HOSTS = frozenset({house.url.removeprefix("http://")})
    return Program(house)


@pytest.fixture
def account(there: Program) -> Account:
    return Account("con_1", there.base_url, there.secret)


@pytest.fixture
def revidapi():
    return registry.provider("revidapi")


def an_order(
    *inputs: Input, model: str = "nano-banana", prompt: str = PROMPT, server: str = "fast", **params: Any
) -> Order:
    """A picture; a clip where it has a duration."""
    kind = Kind.VIDEO if "duration" in params else Kind.IMAGE
    mode = {Kind.IMAGE: (Mode.T2I, Mode.I2I), Kind.VIDEO: (Mode.T2V, Mode.I2V)}[kind][bool(inputs)]
    return Order(kind, mode, model, prompt, params, server, inputs)


def a_picture(content: bytes) -> Input:
    return Input(content_type="image/png", size_bytes=len(content), open=lambda: io.BytesIO(content))


def until(is_so: Callable[[], bool], what: str) -> None:
    wait_for(is_so, timeout_s=60, what=what, every_s=0.3)


# -- the provider, call by call --------------------------------------------------------------------------------------


def test_the_account_is_read(revidapi, account, there):
    names = {model["model"] for model in revidapi.check(account)}
    assert {"nano-banana", "kling-2.6"} <= names == {model["model"] for model in revidapi.models(account)}
    assert revidapi.balance(account) == there.balance
    limits = revidapi.limits(account)
    assert isinstance(limits, Limits)
    assert limits.total >= max(limits.image, limits.video) > 0


@pytest.mark.parametrize("presign_bytes", [0, 10**9], ids=["in steps", "at once"])
def test_a_picture_is_brought_and_its_address_is_an_input_there(presign_bytes, revidapi, account, settings):
    settings.REVIDAPI_PRESIGN_BYTES = presign_bytes
    address = revidapi.upload(account, a_picture(encoded()))
    assert revidapi.upload_from_url(account, address, kind="image").startswith(account.base_url)
    receipt = revidapi.submit(account, an_order(Input(url=address)), attempt=1)
    assert receipt.cost > 0
    assert revidapi.poll(account, receipt.ticket).status in (Status.PENDING, Status.WORKING, Status.DONE)


def test_what_is_stopped_is_cancelled_or_over(revidapi, account):
    receipt = revidapi.submit(account, an_order(prompt="A slow river"), attempt=1)
    revidapi.cancel(account, receipt.ticket)
    seen: list[Sighting] = []

    def is_over() -> bool:
        seen.append(revidapi.poll(account, receipt.ticket))
        return seen[-1].status not in (Status.PENDING, Status.WORKING)

    until(is_over, "the stopped job is over")
    assert seen[-1].status is Status.CANCELLED


def test_an_unknown_job_is_missing(revidapi, account):
    assert revidapi.poll(account, "job_unknown").status is Status.MISSING
    assert not revidapi.cancel(account, "job_unknown").is_cancelled


def test_too_few_credits_there_are_the_accounts_own_no(revidapi, account, there):
    before = there.at_rest()
    credits, dearest = max(_sold(revidapi.models(account)), key=lambda sold: sold[0])
    assert credits > before["free"]
    with pytest.raises(AccountRefused) as refused:
        revidapi.submit(account, dearest, attempt=1)
    assert refused.value.code == "exhausted"
    assert there.figures == before


def _sold(models: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, Order]]:
    """What each combination of a model that makes clips from text costs, and its order."""
    for model in models:
        if model["type"] == "video" and "t2v" in model["modes"]:
            for row in model["pricing"]:
                asked = {name: row[name] for name in ("resolution", "audio", "speed") if name in row}
                duration = int(row["duration"].removesuffix("s"))
                yield row["credits"], an_order(model=model["model"], server=row["server"], duration=duration, **asked)


# -- two installations -----------------------------------------------------------------------------------------------


@pytest.fixture
def connection(owner: Actor, there: Program) -> Connection:
    return connecting.connect(
        owner, provider="revidapi", name="The other house", base_url=there.base_url, key=there.secret
    )


def finish() -> None:
    """Send what is queued, and look until everything is stored."""
    steps.send_all()

    def is_over() -> bool:
        steps.poll_all()
        steps.store_all()
        return not Job.objects.moving().exists()

    until(is_over, f"all is over, not {steps.states()}")


def cost_there() -> int:
    return sum(attempt.upstream_cost_micros or 0 for attempt in Attempt.objects.all()) // 1_000_000


def test_pictures_and_clips_are_made_there_and_kept_here_and_both_books_agree(owner, connection, there, tmp_path: Path):
    before = there.at_rest()
    file = uploading.keep(owner, an_upload(encoded()))
    submit.submit(owner, an_order(Input(file_id=file.public_id)), count=1)
    submit.submit(owner, an_order(model="kling-2.6", duration=5), count=1)
    finish()
    jobs = Job.objects.full().order_by("pk")
    assert [(job.kind, job.state, job.error) for job in jobs] == [("image", "done", ""), ("video", "done", "")]
    for job in jobs:
        output = job.outputs.select_related("file").get()
        assert output.file.kind == job.kind
        assert storage.exists(output.file.path)
    after = there.figures
    assert cost_there() == sum(job.upstream_credits for job in jobs) == after["taken"] - before["taken"]
    assert (after["free"], after["held"]) == (before["free"] - cost_there(), before["held"])


def test_an_order_whose_answer_was_lost_is_found_in_the_list_there(owner, connection, there, monkeypatch, revidapi):
    before = there.at_rest()

    def lost(account: Account, order: Order, *, attempt: int):
        type(revidapi).submit(revidapi, account, order, attempt=attempt)
        raise OutcomeUnknown("The answer was lost.")

    monkeypatch.setattr(revidapi, "submit", lost)
    submit.submit(owner, an_order(prompt="A lighthouse that nobody answers for"), count=1)
    steps.send_all()
    assert steps.states() == ["unknown"]
    steps.find_all()
    finish()
    assert steps.states() == ["done"]
    assert Attempt.objects.get().ticket.startswith("job_")
    assert there.figures["taken"] - before["taken"] == cost_there()


def test_a_stop_here_stops_there_and_costs_nothing(owner, connection, there):
    before = there.at_rest()
    submit.submit(owner, an_order(prompt="A slow tide", model="image-4.0"), count=1)
    steps.send_all()
    job = Job.objects.full().get()
    assert there.figures["held"] == before["held"] + job.upstream_credits
    cancel.cancel(owner, job)
    until(lambda: (steps.poll_all(), steps.states() == ["cancelled"])[1], "the stop there")
    assert there.figures == before
