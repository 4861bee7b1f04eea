"""From an order to queued jobs with held credits: all of a batch, or none."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace

from django.conf import settings
from django.db import IntegrityError, transaction

from revidweb.accounts.actors import Actor
from revidweb.catalog import quoting
from revidweb.credits import ledger
from revidweb.credits.models import Hold, Wallet
from revidweb.files import fetching
from revidweb.files.models import MediaKind, StoredFile
from revidweb.lib import ids, wake
from revidweb.lib.refusal import Refusal
from revidweb.providers.base import Input, Order
from revidweb.trail import trail

from . import dispatch
from .models import Batch, Job, JobInput, Submission

MOST_PER_BATCH = 8


def submit(
    actor: Actor, order: Order, *, count: int, token: str, retry_of: Job | None = None, shown: int | None = None
) -> Batch:
    """Quote, hold and queue `count` jobs of one order in one transaction, and wake the dispatcher.

    token: the form's; the same form again returns the first batch and writes nothing. shown: the credits of one job as
    a person saw them, None where nobody did; what became cheaper is taken at its price.
    Raises Refusal: "empty_prompt", "prompt_too_long", "bad_count", "token_reused", "price_moved", what quoting refuses,
    an unknown or private input, or NotEnoughCredits for the whole batch.
    """
    order = check(order, count)
    fingerprint = _fingerprint(actor, order, count)
    try:
        with transaction.atomic():
            return _first(actor, token, fingerprint) or _queue(actor, order, count, token, fingerprint, retry_of, shown)
    except IntegrityError:
        # The same form came twice at once: the other one has written the batch.
        batch = _first(actor, token, fingerprint)
        if batch is None:
            raise
        return batch


def check(order: Order, count: int) -> Order:
    """Refuse what shows without the database: the prompt, the count, the text of addresses; the prompt made clean.

    Raises Refusal "empty_prompt", "prompt_too_long", "bad_count", "bad_address" or "private_address".
    """
    prompt = order.prompt.replace("\x00", "").strip()
    if not prompt:
        raise Refusal("empty_prompt", field="prompt")
    if len(prompt) > settings.PROMPT_MAX_CHARS:
        raise Refusal("prompt_too_long", field="prompt", most=settings.PROMPT_MAX_CHARS, length=len(prompt))
    if not 1 <= count <= MOST_PER_BATCH:
        raise Refusal("bad_count", field="count", most=MOST_PER_BATCH)
    for file in order.inputs:
        if file.url:
            fetching.check(file.url)
    return replace(order, prompt=prompt)


def check_price(quote: quoting.Quote, shown: int | None) -> None:
    """Refuse what costs more than the person saw; both in credits a job, `shown` None where nobody saw a price.

    Raises Refusal "price_moved" (facts was=, now=).
    """
    if shown is not None and quote.credits > shown:
        raise Refusal("price_moved", was=shown, now=quote.credits)


def is_sent(actor: Actor, token: str) -> bool:
    """Whether the form with this token made its batch already."""
    return Submission.objects.filter(member=actor.member, token=token).exists()


def _fingerprint(actor: Actor, order: Order, count: int) -> str:
    """What is asked, in one word. A picture counts by its content: a form that is sent twice may upload it twice."""
    asked = [order.kind, order.model, order.prompt, sorted(order.params.items()), order.server, count]
    named = [file.file_id for file in order.inputs if file.file_id]
    files = StoredFile.objects.visible_to(actor).filter(public_id__in=named)
    content = dict(files.values_list("public_id", "sha256")) if named else {}
    inputs = [[content.get(file.file_id, file.file_id), file.url] for file in order.inputs]
    return hashlib.sha256(json.dumps([asked, inputs]).encode()).hexdigest()


def _first(actor: Actor, token: str, fingerprint: str) -> Batch | None:
    """The batch that this form made already."""
    known = Submission.objects.filter(member=actor.member, token=token).select_related("batch").first()
    if known and known.fingerprint != fingerprint:
        raise Refusal("token_reused")
    return known.batch if known else None


def _queue(
    actor: Actor, order: Order, count: int, token: str, fingerprint: str, retry_of: Job | None, shown: int | None
) -> Batch:
    inputs = _inputs(actor, order)
    quote = quoting.quote(actor.tenant, order)
    check_price(quote, shown)
    batch = Batch.objects.create(tenant=actor.tenant, member=actor.member, count=count)
    Submission.objects.create(member=actor.member, token=token, fingerprint=fingerprint, batch=batch)
    jobs = _jobs(actor, batch, quote, retry_of)
    JobInput.objects.bulk_create(
        JobInput(job=job, position=row.position, file=row.file, url=row.url) for job in jobs for row in inputs
    )
    for job in jobs:
        trail.record(
            "job.submitted", about=job.reference, tenant=actor.tenant.public_id, actor=actor.name, credits=job.credits
        )
    wake.up(dispatch.tick)
    return batch


def _inputs(actor: Actor, order: Order) -> list[JobInput]:
    """The inputs as unsaved rows; a file must be one that the actor may see, and cannot be deleted meanwhile."""
    named = [asked.file_id for asked in order.inputs if asked.file_id]
    there = StoredFile.objects.visible_to(actor).present().filter(public_id__in=named).order_by("pk")
    files = {file.public_id: file for file in there.select_for_update(no_key=True)} if named else {}
    return [_input(position, asked, files) for position, asked in enumerate(order.inputs)]


def _input(position: int, asked: Input, files: Mapping[str, StoredFile]) -> JobInput:
    if not asked.file_id:
        return JobInput(position=position, url=asked.url)
    file = files.get(asked.file_id)
    if file is None:
        raise Refusal("unknown_input", field="input_image")
    if file.kind != MediaKind.IMAGE:
        raise Refusal("not_an_image", field="input_image")
    return JobInput(position=position, file=file)


def _jobs(actor: Actor, batch: Batch, quote: quoting.Quote, retry_of: Job | None) -> list[Job]:
    payer = ledger.payer_of(actor.in_person)
    names = [ids.new("job") for _ in range(batch.count)]
    holds = _holds(payer, quote.credits, names)
    return Job.objects.bulk_create(
        Job(
            public_id=name,
            tenant=actor.tenant,
            member=actor.member,
            batch=batch,
            retry_of=retry_of,
            kind=quote.order.kind,
            mode=quote.order.mode,
            media_model=quote.offer.media_model,
            prompt=quote.order.prompt,
            params=dict(quote.order.params),
            offer=quote.offer,
            connection=quote.offer.connection,
            server=quote.order.server,
            price_key=quote.price.key,
            upstream_credits=quote.upstream_credits,
            credits=quote.credits,
            is_estimate=quote.is_estimate,
            hold=hold,
        )
        for name, hold in zip(names, holds, strict=True)
    )


def _holds(payer: Wallet, credits: int, names: list[str]) -> list[Hold]:
    """One hold per job. A wallet that suffices for some is asked for all: the batch is refused as a whole."""
    holds: list[Hold] = []
    for name in names:
        try:
            holds.append(ledger.hold(payer, credits=credits, reference=f"job:{name}"))
        except ledger.NotEnoughCredits as refusal:
            free = refusal.facts["free"] + credits * len(holds)
            raise ledger.NotEnoughCredits(needed=credits * len(names), free=free) from None
    return holds
