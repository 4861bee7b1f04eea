"""Take in what was made upstream and is not ours, or came after its job had failed: as a job that nobody pays for."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q

from revidweb.accounts.actors import Actor, Right
from revidweb.accounts.models import Member, Tenant
from revidweb.catalog.models import Alias, Offer
from revidweb.connections.models import Connection, Credential
from revidweb.lib import clock, wake
from revidweb.lib.refusal import Refusal
from revidweb.providers.account_pages import JobEntry
from revidweb.providers.base import Kind, Mode, Param, Status
from revidweb.trail import trail

from . import store
from .models import Attempt, AttemptState, Batch, Job, JobQuerySet
from .states import State

_PARAMS = ("resolution", "duration", "aspect_ratio", "speed", "audio", "quality")
_PARAM_CHARS = 40
_SERVER_CHARS = 20


@transaction.atomic
def adopt(
    actor: Actor, connection: Connection, entry: JobEntry, *, credits: int | None = None, at: datetime | None = None
) -> Job:
    """Make a job of one that an account lists: in `storing`, of the member who adopts it, charged to nobody.

    entry: completed, with results. credits, at: what it was charged there and when; by default as the entry says. Its
    ticket belongs to the job from then on, so a second call finds it known.
    Raises Refusal: not_allowed, "not_completed", "model_unknown_there" (fact model=), "adopted_already", "looked_for"
    (an equal order of ours has lost its answer).
    """
    actor.must(Right.MANAGE_CONNECTIONS)
    if entry.status != Status.DONE or not entry.results:
        raise Refusal("not_completed")
    offer = _offer(connection, entry)
    list(Connection.objects.select_for_update(no_key=True).filter(tenant=actor.tenant).order_by("pk"))
    if Attempt.objects.filter(connection__tenant=actor.tenant, ticket=entry.ticket).exists():
        raise Refusal("adopted_already")
    _refuse_if_looked_for(actor, offer, entry)
    cost = entry.credits if credits is None else credits
    job = _written(
        actor.in_person,
        offer,
        kind=_kind(offer, entry),
        mode=_mode(offer, entry),
        prompt=_prompt(offer, entry),
        params=_params(entry.params),
        server=_word(entry.params.get("server_id"), _SERVER_CHARS),
        upstream_credits=cost or 0,
        results=list(entry.results),
    )
    sent_at = at or entry.created_at or clock.now()
    _keep_order(job, connection, connection.credential, ticket=entry.ticket, cost=cost, sent_at=sent_at)
    _tell(actor, job)
    return job


@transaction.atomic
def adopt_late(actor: Actor, job: Job) -> Job:
    """Make a job of the success that came after this one had failed; the failed one and its books stay as they are.

    It is whose the failed one was; of a key's that is no member's, who adopts it. What it cost upstream stays with the
    failed job, whose order it was. A second call returns the first one's job, unless that has failed.
    Raises Refusal: not_allowed, "no_late_success".
    """
    actor.must(Right.GENERATE)
    adopter = actor.in_person
    made = Attempt.latest([job], AttemptState.SENT).get(job.pk)
    if job.late_at is None or not job.late_results or made is None:
        raise Refusal("no_late_success")
    same = {name: getattr(job, name) for name in ("kind", "mode", "prompt", "params", "server", "price_key")}
    try:
        with transaction.atomic():
            own = _written(
                job.member or adopter,
                job.offer,
                **same,
                upstream_credits=0,
                results=job.late_results,
                retry_of=job,
            )
    except IntegrityError:
        return _adopted(job).get()
    _keep_order(own, made.connection, made.credential, ticket="", cost=0, sent_at=made.sent_at)
    _tell(actor, own)
    facts = {"adopted": own.public_id}
    trail.record(
        "job.adopted_late", about=job.reference, tenant=actor.tenant.public_id, actor=adopter.reference, **facts
    )
    return own


def known(tenant: Tenant, tickets: Collection[str]) -> dict[str, str]:
    """Which of these orders at the tenant's accounts are jobs of ours: their public ids by ticket. One query."""
    ours = Attempt.objects.filter(connection__tenant=tenant, ticket__in=tickets)
    return dict(ours.values_list("ticket", "job__public_id"))


def of(actor: Actor, job: Job) -> Job | None:
    """The job as which this one's late success was adopted, where the actor sees it. One query."""
    return _adopted(job).visible_to(actor).first()


def _adopted(job: Job) -> JobQuerySet:
    return Job.objects.filter(retry_of=job, adopted_at__isnull=False).exclude(state=State.FAILED)


def _written(member: Member, offer: Offer, **fields: Any) -> Job:
    batch = Batch.objects.create(tenant=member.tenant, member=member, count=1)
    now = clock.now()
    job = Job.objects.create(
        tenant=member.tenant,
        member=member,
        batch=batch,
        media_model=offer.media_model,
        offer=offer,
        connection=offer.connection,
        credits=0,
        state=State.STORING,
        progress=100,
        adopted_at=now,
        deadline_at=clock.after(settings.STORE_DEADLINE_S),
        next_look_at=clock.after(store.MESSAGE_LIFE_S),
        **fields,
    )
    wake.up(store.store, job.pk, expires=store.MESSAGE_LIFE_S)
    return job


def _keep_order(
    job: Job, connection: Connection, credential: Credential | None, *, ticket: str, cost: int | None, sent_at: datetime
) -> None:
    """The attempt by which its results are fetched, and its ticket is known."""
    Attempt.objects.create(
        job=job,
        number=1,
        connection=connection,
        credential=credential,
        state=AttemptState.SENT,
        ticket=ticket,
        upstream_cost_micros=(cost or 0) * 1_000_000,
        is_cost_uncertain=cost is None,
        sent_at=sent_at,
        answered_at=sent_at,
    )


def _tell(actor: Actor, job: Job) -> None:
    facts = {"connection": job.connection.name}
    trail.record("job.adopted", about=job.reference, tenant=actor.tenant.public_id, actor=actor.name, **facts)


def _refuse_if_looked_for(actor: Actor, offer: Offer, entry: JobEntry) -> None:
    """An order that has lost its answer may be this one: then it is its own job that has to find it.

    Told apart by their prompts alone, wherever the account prints it: what else is printed may be left out.
    """
    lost = Attempt.objects.filter(connection__tenant=actor.tenant, state=AttemptState.LOST, ticket="")
    still = Q(job__state=State.UNKNOWN) | Q(job__late_look_at__isnull=False)
    sending = Attempt.objects.filter(connection__tenant=actor.tenant, state=AttemptState.SENDING)
    told = {_bare(text) for text in (entry.prompt, entry.raw.get("prompt"), entry.params.get("prompt"))}
    for orders in (lost.filter(still), sending):
        prompts = orders.filter(job__media_model=offer.media_model_id).values_list("job__prompt", flat=True)
        if any(_bare(prompt) in told for prompt in prompts):
            raise Refusal("looked_for")


def _bare(prompt: object) -> str:
    """A prompt as it is compared: line ends may be written otherwise there, and spaces around it left out."""
    return prompt.replace("\r\n", "\n").strip() if isinstance(prompt, str) else ""


# -- what an entry means here ----------------------------------------------------------------------------------------


def _offer(connection: Connection, entry: JobEntry) -> Offer:
    """The model by the name that it has there, by ours, or by another that it goes by."""
    offers = Offer.objects.filter(connection=connection).select_related("media_model", "connection")
    alias = Alias.objects.filter(name=entry.model).values("media_model")
    for named in (Q(upstream_model=entry.model), Q(media_model__name=entry.model), Q(media_model__in=alias)):
        offer = offers.filter(named).first() if entry.model else None
        if offer:
            return offer
    raise Refusal("model_unknown_there", model=entry.model[:80] or "?")


def _kind(offer: Offer, entry: JobEntry) -> str:
    return entry.kind or offer.media_model.kind


def _mode(offer: Offer, entry: JobEntry) -> str:
    """As it says; else the plainest of what the model makes."""
    if entry.mode:
        return entry.mode
    plain = Mode.T2I if _kind(offer, entry) == Kind.IMAGE else Mode.T2V
    return plain if plain in offer.modes or not offer.modes else str(offer.modes[0])


def _prompt(offer: Offer, entry: JobEntry) -> str:
    """What stands in its place on every page; a job that tells none is called by its model."""
    return entry.prompt.replace("\x00", "").strip() or offer.media_model.title


def _params(told: Mapping[str, Any]) -> dict[str, Param]:
    """Those that we know by name; nothing that may be long, or an address."""
    named = {name: told[name] for name in _PARAMS if isinstance(told.get(name), str | int | bool)}
    return {name: value for name, value in named.items() if len(str(value)) <= _PARAM_CHARS}


def _word(told: object, most_chars: int) -> str:
    return told if isinstance(told, str) and len(told) <= most_chars else ""
