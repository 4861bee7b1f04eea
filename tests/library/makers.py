"""Results as they stand after their jobs: paid for, settled, with real small files in the storage."""

import itertools
import tempfile
from datetime import datetime
from functools import cache
from pathlib import Path

from revidweb.accounts.actors import Actor
from revidweb.accounts.models import Member
from revidweb.catalog.models import MediaModel, Offer
from revidweb.connections import preview
from revidweb.credits import ledger
from revidweb.files import intake
from revidweb.files.models import StoredFile
from revidweb.jobs import settle
from revidweb.jobs.models import Batch, Job, Output
from revidweb.lib import clock
from tests import makers
from tests.files.makers import a_clip, a_picture, encoded

_count = itertools.count(1)
CREDITS = 4


def a_model(name: str = "", *, kind: str = "image") -> MediaModel:
    name = name or f"{kind}-model-{next(_count)}"
    return MediaModel.objects.get_or_create(name=name, defaults={"title": name.title(), "kind": kind})[0]


def a_job(member: Member | None = None, *, kind: str = "image", model: MediaModel | None = None, **fields) -> Job:
    """A job whose results are under way home, its credits held."""
    member = member or makers.a_member()
    model, connection = model or a_model(kind=kind), preview.open_at(member.tenant)
    number = next(_count)
    values = {
        "public_id": f"job_{number}",
        "batch": Batch.objects.create(tenant=member.tenant, member=member, count=1),
        "mode": "t2i" if kind == "image" else "t2v",
        "prompt": f"Picture {number}",
        "state": "storing",
        "offer": Offer.objects.get_or_create(media_model=model, connection=connection)[0],
        "upstream_credits": CREDITS,
        "credits": CREDITS,
        "server": "default",
        "price_key": "default",
        "started_at": clock.now(),
    } | fields
    ledger.grant(member, credits=values["credits"], reference=f"grant:{number}", actor="system")
    hold = ledger.hold(ledger.payer_of(member), credits=values["credits"], reference=f"job:{values['public_id']}")
    return Job.objects.create(
        tenant=member.tenant, member=member, kind=kind, media_model=model, connection=connection, hold=hold, **values
    )


def a_file(member: Member, *, kind: str = "image", width: int = 96, height: int = 64, stem: str = "") -> StoredFile:
    """An unsaved row whose bytes are in the storage."""
    stem = stem or f"outputs/{member.tenant.public_id}/{next(_count)}/0"
    with tempfile.NamedTemporaryFile() as content:
        content.write(_bytes(kind, width, height))
        content.flush()
        return intake.take_in(Path(content.name), tenant=member.tenant, member=member, purpose="output", stem=stem)


@cache
def _bytes(kind: str, width: int, height: int) -> bytes:
    if kind == "image":
        return encoded(a_picture(width, height))
    with tempfile.TemporaryDirectory() as folder:
        return a_clip(Path(folder), width=width, height=height).read_bytes()


def an_output(
    member: Member | None = None,
    *,
    kind: str = "image",
    at: datetime | None = None,
    width: int = 96,
    height: int = 64,
    **fields,
) -> Output:
    """One result of a job that is done. at: when it came; other fields are the job's."""
    job = a_job(member, kind=kind, **fields)
    settle.finish(job, [a_file(job.member, kind=kind, width=width, height=height)])
    output = job.outputs.select_related("file", "job", "tenant", "member").get()
    if at:
        Output.objects.filter(pk=output.pk).update(created_at=at)
        output.created_at = at
    return output


def an_actor_with(count: int = 1, *, role: str = "user", **fields) -> Actor:
    """An actor and so many results of theirs."""
    actor = makers.an_actor(role=role)
    for _ in range(count):
        an_output(actor.member, **fields)
    return actor
