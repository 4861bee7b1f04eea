"""A job as programs are told of it: the answer to who asks at `/v1`, and the body of the webhook at its end."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from revidweb.files.models import StoredFile

from .models import Job, Output
from .states import State

WORDS: dict[str, str] = {
    State.QUEUED: "pending",
    State.PREPARING: "pending",
    State.SENDING: "pending",
    State.WORKING: "processing",
    State.STORING: "processing",
    State.UNKNOWN: "processing",
    State.DONE: "completed",
    State.FAILED: "failed",
    State.CANCELLED: "cancelled",
}


def status(job: Job) -> str:
    """The job's state in RevidAPI's words: pending, processing, completed, failed or cancelled."""
    return WORDS[job.state]


def as_told(job: Job, sign: Callable[[StoredFile], str]) -> dict[str, Any]:
    """The job as JSON values. sign: makes the address under which a stored file opens, without a header.

    `result` is the first of `results`, or None. `cost`: credits held or taken; 0 once they were given back. Reads the
    job's model and hold, and of one that is done its outputs: select them with it where there are many.
    """
    results = [sign(output.file) for output in _outputs(job)]
    return {
        "job_id": job.public_id,
        "status": status(job),
        "progress": job.progress,
        "result": results[0] if results else None,
        "results": results,
        "error": error(job),
        "type": job.kind,
        "mode": job.mode,
        "model": job.media_model.name,
        "cost": job.cost,
        "warnings": job.warnings,
        "created_at": moment(job.created_at),
        "completed_at": moment(job.ended_at),
    }


def _outputs(job: Job) -> Iterable[Output]:
    there = Output.objects.filter(job=job).present() if job.state == State.DONE else Output.objects.none()
    return there.select_related("file").order_by("position")


def error(job: Job) -> str | None:
    """Why the job failed, in the provider's words or by the house's code; None for one that did not."""
    return (job.error or job.error_code or None) if job.state == State.FAILED else None


def moment(at: datetime | None) -> str | None:
    """A time as programs are told it, "2026-11-20T18:30:47Z"."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z") if at else None
