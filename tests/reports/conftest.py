"""A tenant that works with an account at the stand-in, over real HTTP, and its two books."""

from collections.abc import Callable, Iterator
from datetime import date

import pytest

from revidweb.accounts.actors import Actor
from revidweb.catalog import connecting
from revidweb.connections.models import Connection
from revidweb.jobs import submit
from revidweb.jobs.models import Attempt, Job
from revidweb.lib import clock
from revidweb.providers.base import Kind, Mode, Order
from revidweb.reports import reconcile
from revidweb.reports.models import Reconciliation
from tests.jobs.conftest import owner, user, wallet  # noqa: F401
from tests.jobs.steps import poll_all, send_all, store_all
from tests.upstreams.revidapi import Job as Theirs
from tests.upstreams.revidapi import StandIn, UpstreamAccount

KEY = "sk_live_the_studios_own_key_0001"
Made = Callable[..., tuple[Job, Theirs]]


@pytest.fixture(autouse=True)
def nothing_is_fresh(monkeypatch):
    """What these tests make is a moment old, and is to be compared all the same."""
    monkeypatch.setattr(reconcile, "FRESH_S", 0)


@pytest.fixture
def stand_in(settings) -> Iterator[StandIn]:
    with StandIn(image_s=0, video_s=0, upload_s=0) as stand_in:
        settings.PRIVATE_HOSTS = frozenset({stand_in.host})
        yield stand_in


@pytest.fixture
def account(stand_in) -> UpstreamAccount:
    return stand_in.open_account(balance=10_000, key=KEY, total=50, image=50, video=50, queue=50)


@pytest.fixture
def connection(owner, account, stand_in) -> Connection:  # noqa: F811
    return connecting.connect(owner, name="RevidAPI", provider="revidapi", base_url=stand_in.url, key=KEY)


@pytest.fixture
def made(user, connection, stand_in) -> Made:  # noqa: F811
    """Makes one picture for 4 credits, to its end; gives the job, and the same one upstream."""

    def make(prompt: str, *, by: Actor = user) -> tuple[Job, Theirs]:
        order = Order(kind=Kind.IMAGE, mode=Mode.T2I, model="image-4.0", prompt=prompt)
        job = submit.submit(by, order, count=1).jobs.get()
        send_all()
        for _ in range(20):
            poll_all()
            job.refresh_from_db()
            if job.state != "working":
                break
        store_all()
        return Job.objects.get(pk=job.pk), stand_in.book.jobs_of(prompt)[0]

    return make


def reconciled(by: Actor, connection: Connection, *, day: date | None = None) -> Reconciliation:
    """One run over today, as a worker would make it."""
    day = day or clock.now().date()
    run = reconcile.begin(by, connection, first_day=day, last_day=day)
    reconcile.ask(run.pk)
    run.refresh_from_db()
    return run


def found(run: Reconciliation) -> dict[str, tuple[str, int, int]]:
    """What differs, by ticket: sort, our figure and theirs, in whole credits."""
    return {
        row.ticket: (row.sort, row.ours_micros // 1_000_000, row.theirs_micros // 1_000_000)
        for row in run.differences.all()
    }


def cost_of(job: Job) -> int | None:
    return Attempt.objects.get(job=job).upstream_cost_micros
