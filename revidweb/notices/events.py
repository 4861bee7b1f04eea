"""What there is to tell: of each job that names a receiver and has ended, one delivery, whose body is fixed now."""

import json
from collections.abc import Iterator
from typing import Any

import structlog
from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL

from revidweb.files import links
from revidweb.jobs import told
from revidweb.jobs.models import Job
from revidweb.keys.models import ApiKey
from revidweb.lib import clock, http
from revidweb.lib.refusal import Refusal

from .models import Delivery

log = structlog.get_logger(__name__)

TEST = "test"
MOST_AT_ONCE = 200
# As the index says it: SQLite takes a partial index only for the same words, without a bound parameter.
_CALLS_BACK = RawSQL('NOT ("jobs_job"."callback_url" = \'\')', [], BooleanField())


def write(*, since_s: float) -> int:
    """Write the deliveries of jobs that ended in the last so many seconds and have none yet; how many it wrote.

    At most 200 a call, the oldest first. Of two calls at once only one writes a job's delivery, and a repeat finds
    nothing: a job has one at most.
    """
    deliveries = list(_written(list(_untold(since_s)[:MOST_AT_ONCE])))
    Delivery.objects.bulk_create(deliveries, ignore_conflicts=True)
    return len(deliveries)


def a_test(key: ApiKey, url: str) -> Delivery:
    """A delivery that says no more than that deliveries arrive, not yet kept."""
    return _delivery(key, url, TEST, {"message": "It works."})


def host_of(url: str) -> str:
    """Host and port of an address, as deliveries keep it; "" for one that is never dialled."""
    try:
        host, port = http.target(url)
    except Refusal:
        return ""
    return f"{host}:{port}"


def _untold(since_s: float) -> "QuerySet[Job]":
    ended = Job.objects.full().filter(_CALLS_BACK, ended_at__gte=clock.ago(since_s))
    return ended.filter(key__isnull=False, delivery__isnull=True).order_by("ended_at")


def _written(jobs: list[Job]) -> Iterator[Delivery]:
    for job in jobs:
        try:
            yield _of(job)
        except Exception:  # one that cannot be told must not keep the others from being
            log.exception("webhook.bug", job=job.public_id)


def _of(job: Job) -> Delivery:
    assert job.key is not None
    event = f"job.{told.status(job)}"
    delivery = _delivery(job.key, job.callback_url, event, told.as_told(job, links.sign))
    delivery.job = job
    return delivery


def _delivery(key: ApiKey, url: str, event: str, data: dict[str, Any]) -> Delivery:
    delivery = Delivery(tenant_id=key.tenant_id, key=key, event=event, url=url, host=host_of(url))
    at = delivery.created_at.isoformat(timespec="seconds").replace("+00:00", "Z")
    body = {"id": delivery.public_id, "type": event, "created_at": at, "data": data}
    delivery.body = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return delivery
