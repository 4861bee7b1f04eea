"""A job as the provider takes it, and as it was asked here."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import BinaryIO, cast

from revidweb.files import storage
from revidweb.files.models import StoredFile
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


def upstream(job: Job) -> Order:
    """The bare order in the provider's words: a model may be called otherwise there."""
    return replace(bare(job), model=job.offer.upstream_model or job.media_model.name)


def of(job: Job, addresses: Mapping[int, str] | None = None) -> Order:
    """The whole order of a job, in the provider's words.

    addresses: where its files stand at the provider, by their primary keys; a file without one is sent along. No
    address of ours or of the caller is ever in it.
    """
    rows = job.inputs.filter(file__isnull=False).select_related("file")
    there = addresses or {}
    return replace(upstream(job), inputs=tuple(_input(row, there) for row in rows))


def carried(file: StoredFile) -> Input:
    """A file of ours with its bytes."""
    return Input(
        file_id=file.public_id,
        content_type=file.content_type,
        size_bytes=file.size_bytes,
        open=partial(_open, file.path),
    )


def _input(row: JobInput, there: Mapping[int, str]) -> Input:
    file = cast("StoredFile", row.file)
    return replace(carried(file), url=there.get(file.pk, ""))


def _open(path: str) -> BinaryIO:
    return cast("BinaryIO", storage.read(path))
