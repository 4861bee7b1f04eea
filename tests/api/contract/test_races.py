"""200 requests at once over real HTTP, and nobody at work behind: budgets, windows and queues are exact to the credit.

The product's web processes answer, over the database of the tests; no worker runs.
"""

import json
import os
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.parse import urlsplit, urlunsplit

import pytest
import requests
from django.conf import settings
from django.core.management import call_command
from django.db import connection

from revidweb.credits.models import Wallet
from revidweb.jobs.models import Batch, Job
from tests.api.makers import PICTURE, Program, a_program
from tests.processes import Processes, wait_for

pytestmark = pytest.mark.django_db(transaction=True)

REQUESTS, PRICE = 200, 4
ANSWER_S = 120


def database_url() -> str:
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}"))


@pytest.fixture(scope="module")
def web(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    secrets = {"SECRET_KEY": settings.SECRET_KEY, "SEALING_KEYS": ",".join(settings.SEALING_KEYS)}
    web = Processes(tmp_path_factory.mktemp("web"), database_url=database_url(), **secrets)
    web.start("web")
    try:
        wait_for(lambda: _is_up(web), timeout_s=90, what=f"{web.url} answers (logs in {web.folder})")
        yield web
    finally:
        web.stop()


def _is_up(web: Processes) -> bool:
    try:
        return requests.get(f"{web.url}/v1/openapi.json", timeout=5).ok
    except requests.RequestException:
        return False


@pytest.fixture(autouse=True)
def _books_are_right() -> Iterator[None]:
    """Whatever a race did, the ledger, the jobs and the keys prove themselves afterwards."""
    yield
    for name in ("check_ledger", "check_jobs", "check_keys"):
        call_command(name, verbosity=0)


def asked(web: Processes, program: Program, *, name: str = "") -> Counter:
    """How often each status was answered: every request stands at the server before the first answer is read."""
    body = json.dumps(PICTURE).encode()
    head = f"POST /v1/image/generate HTTP/1.1\r\nHost: localhost:{web.port}\r\nConnection: close\r\n"
    head += f"Authorization: Bearer {program.secret}\r\nContent-Type: application/json\r\n"
    head += f"Idempotency-Key: {name}\r\n" if name else ""
    whole = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    with ExitStack() as opened:
        lines = [
            opened.enter_context(socket.create_connection(("127.0.0.1", web.port), ANSWER_S)) for _ in range(REQUESTS)
        ]
        for line in lines:
            line.sendall(whole)
        return Counter(map(_status, lines))


def _status(line: socket.socket) -> int:
    answer = line.makefile("rb").read()
    assert b'"detail":' in answer or b'"job_id":' in answer, answer
    return int(answer.split()[1])


def figures(program: Program) -> tuple[int, int, int]:
    key = program.key
    return key.moving, key.day_credits, key.lifetime_credits


def test_of_200_requests_on_a_budget_for_20_exactly_20_are_accepted(web, user):
    program = a_program(user, kind="budgeted", credits=20 * PRICE, running=100, queue=200)
    assert asked(web, program) == {200: 20, 402: 180}
    wallet = Wallet.objects.get(pk=program.key.wallet_id)
    assert (wallet.free, wallet.held) == (0, 20 * PRICE)
    assert Job.objects.count() == Batch.objects.count() == 20
    assert figures(program) == (20, 20 * PRICE, 20 * PRICE)


@pytest.mark.parametrize("limit", ["day", "lifetime"])
def test_of_200_requests_on_a_limit_for_20_exactly_20_are_accepted(limit, web, owner):
    program = a_program(owner, **{limit: 20 * PRICE + 3})
    assert asked(web, program) == {200: 20, 402: 180}
    assert figures(program) == (20, 20 * PRICE, 20 * PRICE)


@pytest.mark.parametrize(("queue", "accepted"), [(0, 5), (3, 8)])
def test_with_no_worker_five_places_take_five_and_what_may_wait(queue, accepted, web, owner):
    program = a_program(owner, running=5, queue=queue)
    assert asked(web, program) == {200: accepted, 429: REQUESTS - accepted}
    assert Job.objects.count() == figures(program)[0] == accepted


def test_200_requests_a_minute_are_counted_one_by_one(web, owner):
    program = a_program(owner, per_minute=20)
    statuses = asked(web, program)
    assert set(statuses) == {200, 429}
    assert statuses[200] in (20, 40)  # where a minute ends meanwhile, the next one has as many
    assert Job.objects.count() == statuses[200]


def test_200_requests_of_one_name_are_one_job(web, owner):
    assert asked(web, a_program(owner), name="order-1") == {200: REQUESTS}
    assert Job.objects.count() == 1
