"""Try again: the same order as a new job, at today's price."""

from collections.abc import Sequence
from dataclasses import replace

from revidweb.accounts.actors import Actor
from revidweb.catalog import quoting
from revidweb.catalog.quoting import Quote
from revidweb.lib.refusal import Refusal
from revidweb.providers.base import Input, Order

from . import orders, submit
from .models import Batch, Job, JobInput


def retry(actor: Actor, job: Job, *, token: str, shown: int | None = None) -> Batch:
    """Submit an ended job's order anew; the old job and its books stay as they are.

    token, shown: as in submit. Raises Refusal "still_running", or what submit refuses.
    """
    if job.is_moving:
        raise Refusal("still_running", state=job.state)
    return submit.submit(actor, order_again(job), count=1, token=token, retry_of=job, shown=shown)


def quote(actor: Actor, job: Job, inputs: Sequence[JobInput]) -> Quote:
    """Today's price of the same order. inputs: the job's, with their files.

    Raises Refusal as submitting would: what quoting refuses, and "unknown_input" for a picture deleted since.
    """
    if any(row.file and row.file.deleted_at for row in inputs):
        raise Refusal("unknown_input", field="input_image")
    given = tuple(Input(url=row.url) for row in inputs)  # a price asks only whether there is a picture
    return quoting.quote(actor.tenant, replace(orders.bare(job), inputs=given))


def order_again(job: Job) -> Order:
    """What was asked, to ask it again: the parameters as they were completed, the inputs by name."""
    rows = job.inputs.select_related("file")
    return replace(orders.bare(job), inputs=tuple(_input_again(row) for row in rows))


def _input_again(row: JobInput) -> Input:
    """Who sees the job may use its files for the same once more."""
    return Input(file_id=row.file.public_id, is_lent=True) if row.file else Input(url=row.url)
