"""A job as the provider takes it."""

from dataclasses import replace
from functools import partial
from typing import BinaryIO, cast

from revidweb.files import storage
from revidweb.providers.base import Input, Kind, Mode, Order

from .models import Job, JobInput


def bare(job: Job) -> Order:
    """The order of a job without its inputs: every parameter explicit, no query."""
    return Order(
        kind=Kind(job.kind),
        mode=Mode(job.mode),
        model=job.media_model.name,
        prompt=job.prompt,
        params=job.params,
        server=job.server,
    )


def of(job: Job) -> Order:
    """The whole order of a job. Inputs that are still addresses carry only the address."""
    return replace(bare(job), inputs=tuple(_input(row) for row in job.inputs.select_related("file")))


def _input(row: JobInput) -> Input:
    if row.file is None:
        return Input(url=row.url)
    return Input(
        file_id=row.file.public_id,
        content_type=row.file.content_type,
        open=partial(_open, row.file.path),
    )


def _open(path: str) -> BinaryIO:
    return cast("BinaryIO", storage.read(path))
