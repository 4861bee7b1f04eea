"""Bring results home, then settle."""

from collections.abc import Sequence

import structlog
from celery import shared_task
from django.conf import settings
from django.db import transaction

from revidweb.files import intake, storage
from revidweb.files.models import MediaKind, Purpose, StoredFile
from revidweb.lib import clock, wake
from revidweb.lib.refusal import Refusal
from revidweb.providers import registry
from revidweb.providers.base import Account, Kind, ProviderError, ProviderRefused

from . import settle
from .models import Attempt, AttemptState, Job
from .states import State

log = structlog.get_logger(__name__)

MESSAGE_LIFE_S = 30  # a message that waited longer is dropped; the tick sends the next one
MOST_AT_ONCE = 100


@shared_task
def tick() -> None:
    """Wake the storing of every job that waits for it and has no message under way."""
    with transaction.atomic():
        due = list(
            Job.objects.due(State.STORING)
            .select_for_update(skip_locked=True)
            .order_by("next_look_at")
            .values_list("pk", flat=True)[:MOST_AT_ONCE]
        )
        Job.objects.filter(pk__in=due).update(next_look_at=clock.after(MESSAGE_LIFE_S))
    for pk in due:
        wake.up(store, pk, expires=MESSAGE_LIFE_S)


@shared_task
def store(job_id: int) -> None:
    """Bring a job's results home, then settle it. Of two runs only one claims the row."""
    job = Job.claim(job_id, State.STORING, lease_s=settings.LEASE_S)
    if job is None:
        return
    with structlog.contextvars.bound_contextvars(job=job.public_id):
        try:
            with job.keeping(settings.LEASE_S):
                files = _bring_all_home(job)
        except ProviderRefused as refused:
            give_up(job, refused.reason)
        except Refusal as refusal:
            give_up(job, refusal.code)
        except ProviderError as error:
            _later(job, error)
        else:
            if not settle.finish(job, files):
                _let_go(files)


def give_up(job: Job, reason: str) -> None:
    """End a job whose results do not come, and keep nothing of those that came."""
    positions = range(len(job.results))
    settle.fail(job, code="undeliverable", error=reason)
    job.refresh_from_db(fields=["state"])
    if job.state == State.FAILED:
        for position in positions:
            intake.forget(_stem(job, position))


def _let_go(files: Sequence[StoredFile]) -> None:
    """Another run was faster. What this one placed once more goes if the job failed, or somebody deleted the result."""
    for file in files:
        if not StoredFile.objects.present().filter(path=file.path).exists():
            storage.delete(*file.names)


def _stem(job: Job, position: int) -> str:
    return f"outputs/{job.tenant.public_id}/{job.public_id}/{position}"


def _bring_all_home(job: Job) -> list[StoredFile]:
    """All results in the storage, their rows unsaved. Raises Refusal or the errors of a provider's `fetch`."""
    attempt = Attempt.latest([job], AttemptState.SENT)[job.pk]
    account = attempt.account
    return [_bring_home(job, account, position) for position in range(len(job.results))]


def _bring_home(job: Job, account: Account, position: int) -> StoredFile:
    """One result. The names are the job's, so a second run overwrites the first."""
    provider = registry.provider(job.connection.provider)
    with storage.scratch() as folder:
        path = folder / "result"
        with path.open("wb") as target:
            provider.fetch(account, job.results[position], target, max_bytes=settings.RESULT_MAX_BYTES)
        file = intake.take_in(
            path,
            tenant=job.tenant,
            member=job.member,
            key=job.key.public_id if job.key else "",
            purpose=Purpose.OUTPUT,
            stem=_stem(job, position),
        )
    expected = MediaKind.IMAGE if job.kind == Kind.IMAGE else MediaKind.VIDEO
    if file.kind != expected:
        raise Refusal("wrong_media", expected=expected, found=file.kind)
    return file


def _later(job: Job, error: ProviderError) -> None:
    """Upstream keeps results for days: come back, a little later each time, until the deadline."""
    if job.deadline_at and job.deadline_at < clock.now():
        give_up(job, error.reason)
    else:
        log.warning("store.later", reason=error.reason)
        job.look_again(after_s=min(5 * 2**job.looks, 600))
