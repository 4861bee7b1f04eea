"""From an order to queued jobs with held credits: all of a batch, or none."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from revidweb.accounts.actors import Actor
from revidweb.catalog import quoting
from revidweb.credits import ledger
from revidweb.credits.models import Hold, Wallet
from revidweb.files import fetching
from revidweb.files.models import MediaKind, StoredFile, StoredFileQuerySet
from revidweb.keys import budgets, checking, payers
from revidweb.keys.models import ApiKey
from revidweb.lib import clock, http, ids, kept, wake
from revidweb.lib.refusal import Refusal
from revidweb.providers.base import Input, Order
from revidweb.trail import trail

from . import dispatch
from .models import Batch, Job, JobInput, Submission

MOST_PER_BATCH = 8


def submit(
    actor: Actor,
    order: Order,
    *,
    count: int,
    token: str = "",
    retry_of: Job | None = None,
    shown: int | None = None,
    callback_url: str = "",
    warnings: Sequence[str] = (),
    fingerprint: str = "",
) -> Batch:
    """Quote, hold and queue `count` jobs of one order in one transaction, and wake the dispatcher.

    token: the form's, or the request's Idempotency-Key; the same one again returns the first batch, marked `is_repeat`,
    and writes nothing; "" where nothing names the request. shown: the credits of one job as a person saw them, None
    where nobody did; what became cheaper is taken at its price. callback_url: who is told of each job's end, by default
    whom the key names. warnings: codes of what the program asked in vain. fingerprint: what was asked, in one word of
    64 signs, where the caller knows it better than the order does.
    Raises Refusal: "empty_prompt", "prompt_too_long", "bad_count", "token_reused", "price_moved", what quoting refuses,
    an unknown or private input or callback, NotEnoughCredits for the whole batch, or what the key's limits refuse.
    """
    order = check(order, count)
    check_callback(callback_url)
    named = fingerprint or (_fingerprint(actor, order, count, callback_url) if token else "")
    asked = _Asked(order, count, token, named, callback_url, tuple(warnings))
    return repeat(actor, token, named) or _queued_once(actor, asked, retry_of, shown)


@dataclass(frozen=True)
class _Asked:
    """One submission: what is asked, how it is named, and what it says in one word."""

    order: Order
    count: int
    token: str
    fingerprint: str
    callback_url: str
    warnings: tuple[str, ...]


def _queued_once(actor: Actor, asked: _Asked, retry_of: Job | None, shown: int | None) -> Batch:
    """Quote and queue. Of the same submission twice at once one makes the batch, and the other is answered with it.

    Price and payer are read before the transaction, which only writes: so it is short, and they are frozen as read.
    """
    try:
        _inputs(asked.order, _files(actor, asked.order))  # an unknown picture is told before what its model takes
        quote = quoting.quote(actor.tenant, asked.order)
        check_price(quote, shown)
        if actor.key:
            _refuse_by_key(budgets.key_of(actor), quote, asked.count)
        payer = payers.of(actor)
        with transaction.atomic():
            return _queue(actor, asked, quote, payer, retry_of)
    except (IntegrityError, Refusal):
        batch = repeat(actor, asked.token, asked.fingerprint)
        if batch is None:
            raise
        return batch


def _refuse_by_key(key: ApiKey, quote: quoting.Quote, count: int) -> None:
    """Refuse what the key may not make, and early what its limits will refuse."""
    checking.allow(key, kind=quote.order.kind, model=quote.offer.media_model.name)
    budgets.peek(key, credits=quote.credits * count, jobs=count)


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


def check_callback(url: str) -> None:
    """Refuse an address that shows to be no public http address; "" is none.

    Raises Refusal "bad_address" or "private_address" at the field callback_url.
    """
    if url:
        http.check(url, field="callback_url")


def check_price(quote: quoting.Quote, shown: int | None) -> None:
    """Refuse what costs more than the person saw; both in credits a job, `shown` None where nobody saw a price.

    Raises Refusal "price_moved" (facts was=, now=).
    """
    if shown is not None and quote.credits > shown:
        raise Refusal("price_moved", was=shown, now=quote.credits)


def first(actor: Actor, token: str) -> Submission | None:
    """The submission that this token names, with its batch. One query, none for an empty token.

    What a key named longer ago than IDEMPOTENCY_S is forgotten.
    """
    if not token:
        return None
    return _fresh(_named(actor, token)).select_related("batch").first()


def repeat(actor: Actor, token: str, fingerprint: str) -> Batch | None:
    """The batch that this submission made already, marked `is_repeat`; whatever has changed since.

    Raises Refusal "token_reused" where the token names another one.
    """
    known = first(actor, token)
    if known is None:
        return None
    if known.fingerprint != fingerprint:
        raise Refusal("token_reused")
    known.batch.is_repeat = True
    return known.batch


def is_sent(actor: Actor, token: str) -> bool:
    """Whether the form with this token made its batch already."""
    return first(actor, token) is not None


def tell(batch: Batch, balance: int) -> int:
    """Keep with a named submission what its program is told to be left; what was told first stands, and is returned."""
    told = Submission.objects.filter(batch=batch)
    if told.filter(balance__isnull=True).update(balance=balance):
        return balance
    kept = told.values_list("balance", flat=True).first()
    return balance if kept is None else kept


def forget() -> int:
    """Delete what keys named longer ago than IDEMPOTENCY_S; the batches stay. How many were forgotten."""
    return Submission.objects.filter(key__isnull=False, created_at__lte=clock.ago(settings.IDEMPOTENCY_S)).delete()[0]


def _named(actor: Actor, token: str) -> "QuerySet[Submission]":
    """What the actor named so: a key has names of its own, whosever it is."""
    if actor.key:
        return Submission.objects.filter(key=actor.key.pk, token=token)
    return Submission.objects.filter(key=None, member=actor.in_person, token=token)


def _fresh(named: "QuerySet[Submission]") -> "QuerySet[Submission]":
    """Forms are known for ever."""
    return named.filter(Q(key=None) | Q(created_at__gt=clock.ago(settings.IDEMPOTENCY_S)))


def _fingerprint(actor: Actor, order: Order, count: int, callback_url: str) -> str:
    """What is asked, in one word. A picture counts by its content: a form that is sent twice may upload it twice."""
    asked = [order.kind, order.model, order.prompt, sorted(order.params.items()), order.server, count]
    content = dict(_usable(actor, order).values_list("public_id", "sha256"))
    inputs = [[content.get(file.file_id, file.file_id), file.url] for file in order.inputs]
    told = [callback_url] if callback_url else []
    return hashlib.sha256(json.dumps([asked, inputs, *told]).encode()).hexdigest()


def _queue(actor: Actor, asked: _Asked, quote: quoting.Quote, payer: Wallet, retry_of: Job | None) -> Batch:
    """Write it all, the name first: of two at once the other one waits for it, whatever it would be refused for.

    The key's limits come last, where all that a key submits at once meets.
    """
    batch = Batch(tenant=actor.tenant, member=actor.member, count=asked.count)
    kept.insert([batch])
    _name(actor, asked, batch)
    inputs = _inputs(asked.order, _files(actor, asked.order).select_for_update(no_key=True))
    jobs = _jobs(actor, batch, quote, payer, asked, retry_of)
    batch.in_order = jobs
    if inputs:
        JobInput.objects.bulk_create(
            JobInput(job=job, position=row.position, file=row.file, url=row.url) for job in jobs for row in inputs
        )
    for job in jobs:
        trail.record(
            "job.submitted", about=job.reference, tenant=actor.tenant.public_id, actor=actor.name, credits=job.credits
        )
    if actor.key:
        _count(budgets.key_of(actor), jobs)
    wake.up(dispatch.tick)
    return batch


def _name(actor: Actor, asked: _Asked, batch: Batch) -> None:
    """Keep the token with the batch; one that is forgotten names this batch from now on."""
    if not asked.token:
        return
    if actor.key:
        _named(actor, asked.token).filter(created_at__lte=clock.ago(settings.IDEMPOTENCY_S)).delete()
    Submission.objects.create(
        member=actor.member,
        key_id=actor.key.pk if actor.key else None,
        token=asked.token,
        fingerprint=asked.fingerprint,
        batch=batch,
    )


def _files(actor: Actor, order: Order) -> "QuerySet[StoredFile]":
    """What of the named files the actor may use, and is there."""
    return _usable(actor, order).present().order_by("pk")


def _usable(actor: Actor, order: Order) -> StoredFileQuerySet:
    """What of the named files the actor sees, and what of the tenant's was lent to them. No query where none is named.

    Only whoever has made sure of the right to it marks a file as lent.
    """
    named = [asked.file_id for asked in order.inputs if asked.file_id]
    if not named:
        return StoredFile.objects.none()
    files = StoredFile.objects.filter(public_id__in=named)
    lent = [asked.file_id for asked in order.inputs if asked.is_lent]
    seen = files.visible_to(actor)
    return seen | files.filter(tenant=actor.tenant, public_id__in=lent) if lent else seen


def _inputs(order: Order, there: "QuerySet[StoredFile]") -> list[JobInput]:
    """The inputs as unsaved rows. there: the files, locked so that none is deleted meanwhile; no query for none."""
    files = {file.public_id: file for file in there}
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


def _jobs(
    actor: Actor, batch: Batch, quote: quoting.Quote, payer: Wallet, asked: _Asked, retry_of: Job | None
) -> list[Job]:
    key = budgets.key_of(actor) if actor.key else None
    names = [ids.new("job") for _ in range(batch.count)]
    holds = _holds(actor, payer, quote.credits, names)
    jobs = [
        Job(
            public_id=name,
            tenant=actor.tenant,
            member=actor.member,
            key=key,
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
            warnings=list(asked.warnings),
            callback_url=asked.callback_url or (key.callback_url if key else ""),
            held_on=budgets.begins("day", key) if key else None,
        )
        for name, hold in zip(names, holds, strict=True)
    ]
    kept.insert(jobs)
    return jobs


def _count(key: ApiKey, jobs: list[Job]) -> None:
    """Count the jobs in the key's limits. They were written as of today; where that ended meanwhile they say so."""
    day = budgets.hold(key, credits=sum(job.credits for job in jobs), jobs=len(jobs))
    if day != jobs[0].held_on:
        Job.objects.filter(batch=jobs[0].batch_id).update(held_on=day)
        for job in jobs:
            job.held_on = day


def _holds(actor: Actor, payer: Wallet, credits: int, names: list[str]) -> list[Hold]:
    """One hold per job. A wallet that a key pays from is closed with the key."""
    try:
        return ledger.hold_each(payer, credits=credits, references=[f"job:{name}" for name in names])
    except ledger.WalletClosed:
        if actor.key is None:
            raise
        raise Refusal("key_revoked") from None
