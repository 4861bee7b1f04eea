"""What became of a job, and stopping one."""

from functools import partial

from django.http import HttpResponse
from ninja import Router

from revidweb.api import errors, openapi, shapes
from revidweb.api.auth import KeyRequest
from revidweb.files import links
from revidweb.files.models import StoredFile
from revidweb.jobs import cancel as cancelling
from revidweb.jobs import programs, told
from revidweb.jobs.models import Job
from revidweb.jobs.states import State

router = Router()

_CANCELLED, _ASKED = "Job cancelled", "The provider was asked to stop"


@router.get("/jobs/{job_id}", response=openapi.answers(shapes.Job, 404), summary="Look at a job", operation_id="job")
def job(request: KeyRequest, job_id: str) -> HttpResponse:
    """Ask every few seconds until `status` is completed, failed or cancelled. The addresses of results open for a day
    without a header, and each look renews them.
    """
    found = _found(request, job_id)
    answer = told.as_told(found, partial(_signed, request))
    if found.state in (State.FAILED, State.CANCELLED):
        answer["refunded"] = not answer["cost"]
    return errors.say(answer)


@router.post(
    "/jobs/{job_id}/cancel",
    response=openapi.answers(shapes.Cancelled, 400, 404),
    summary="Stop a job",
    operation_id="cancel_job",
)
def cancel(request: KeyRequest, job_id: str) -> HttpResponse:
    """What was not sent yet ends at once and costs nothing. Of what was, the provider is asked to stop, and may keep
    its charge. One that has ended stays as it is (400).
    """
    stopped = cancelling.cancel(request.actor, _found(request, job_id))
    is_over = stopped.state == State.CANCELLED
    answer = {
        "job_id": stopped.public_id,
        "status": told.status(stopped),
        "message": _CANCELLED if is_over else _ASKED,
        "refunded": is_over,
    }
    return errors.say(answer)


def _found(request: KeyRequest, job_id: str) -> Job:
    """The key's own job; anybody else's is not there."""
    found = programs.find(request.actor, job_id)
    if found is None:
        raise errors.not_found("Job not found")
    return found


def _signed(request: KeyRequest, file: StoredFile) -> str:
    return links.sign(file)
