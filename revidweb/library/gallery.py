"""The results that stand, newest first: pages of them, one among its neighbours, and out of the gallery for good."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from functools import cache

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Value

from revidweb.accounts.actors import Actor
from revidweb.accounts.kept_lists import OfActor
from revidweb.files import erasing
from revidweb.files.models import StoredFile
from revidweb.jobs.models import JobInput, Output
from revidweb.jobs.states import MOVING
from revidweb.lib import clock, ids, kept
from revidweb.lib.refusal import Refusal
from revidweb.trail import trail

from . import favourites

PER_PAGE = 32
_SHOWN = (
    *("public_id", "created_at"),
    *(f"file__{name}" for name in ("public_id", "kind", "width", "height", "duration_ms", "blur")),
    *("job__prompt", "job__params", "job__credits", "job__media_model__title"),
)


@dataclass(frozen=True)
class Filters:
    """What of the gallery is wanted; what is empty does not narrow.

    model, member: their primary keys. key: an API key's public id. search: a part of the prompt. since, until: whole
    days in the tenant's time zone, both included.
    """

    kind: str = ""
    model: int | None = None
    member: int | None = None
    key: str = ""
    favourite: bool = False
    search: str = ""
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True)
class Page:
    """Some results, each with what a tile shows: `is_favourite`, and of its file, its job and the model."""

    outputs: list[Output]
    has_older: bool


@dataclass(frozen=True)
class Neighbours:
    """Public ids of the results beside one, "" where there is none."""

    newer: str
    older: str


def page(actor: Actor, filters: Filters, *, before: Output | None = None, limit: int = PER_PAGE) -> Page:
    """The newest `limit` results that the actor may see, or the newest of those older than `before`. One query."""
    if before is None and filters == Filters():
        outputs: list[Output] = _opening(limit + 1).all(actor)
    else:
        rows = _rows(actor, filters)
        older = rows if before is None else rows.filter(_older_than(before))
        outputs = list(_tiles(actor, older)[: limit + 1])
    return Page(outputs[:limit], has_older=len(outputs) > limit)


def neighbours(actor: Actor, filters: Filters, output: Output) -> Neighbours:
    """The results next to this one in the filtered gallery. Two queries."""
    rows = _rows(actor, filters)
    older = rows.filter(_older_than(output)).values_list("public_id", flat=True).first()
    newer = rows.filter(_newer_than(output)).reverse().values_list("public_id", flat=True).first()
    return Neighbours(newer=newer or "", older=older or "")


def position(actor: Actor, public_id: str) -> Output | None:
    """The result that an address counts from, also a deleted one; None for what the actor may not see. One query."""
    if not ids.is_possible(public_id):
        return None
    return Output.objects.visible_to(actor).filter(public_id=public_id).first()


def erase(actor: Actor, output: Output) -> bool:
    """Delete a result and its file for good; job, settlement and ledger stay. Members do; a key only makes and reads.

    False, and nothing changes, when it is gone already or the actor may not see it: a user deletes their own, those
    who see all any of the tenant. Raises Refusal "not_allowed" for a key, and "output_in_use"
    while a job without a verdict starts from it.
    """
    if actor.key:
        raise Refusal("not_allowed")
    with transaction.atomic():
        mine = Output.objects.visible_to(actor).present().filter(pk=output.pk)
        if not mine.update(deleted_at=clock.now()):
            return False
        StoredFile.objects.select_for_update().get(pk=output.file_id)  # a submission that takes it as input comes first
        if JobInput.objects.filter(file=output.file_id, job__state__in=MOVING).exists():
            raise Refusal("output_in_use")
        erasing.erase(StoredFile.objects.filter(pk=output.file_id))
        trail.record(
            "output.deleted",
            about=output.job.reference,
            tenant=actor.tenant.public_id,
            actor=actor.name,
            output=output.public_id,
        )
    return True


@cache
def _opening(limit: int) -> OfActor:
    """What every gallery opens with, before anything is filtered."""
    return OfActor(kept.Rows, lambda actor: _tiles(actor, _seen(actor))[:limit])


def _tiles(actor: Actor, rows: QuerySet[Output]) -> QuerySet[Output]:
    """The rows with what a tile shows of each: of file, job and model, and whether it is the actor's favourite."""
    is_marked = Value(False) if actor.key else Exists(favourites.marks(actor).filter(output=OuterRef("pk")))
    return rows.select_related("file", "job__media_model").only(*_SHOWN).annotate(is_favourite=is_marked)


def _rows(actor: Actor, filters: Filters) -> QuerySet[Output]:
    return _seen(actor).filter(_wanted(actor, filters))


def _seen(actor: Actor) -> QuerySet[Output]:
    return Output.objects.visible_to(actor).present().order_by("-created_at", "-pk")


def _wanted(actor: Actor, filters: Filters) -> Q:
    asked = Q()
    if filters.kind:
        asked &= Q(kind=filters.kind)
    if filters.model:
        asked &= Q(media_model=filters.model)
    if filters.member:
        asked &= Q(member=filters.member)
    if filters.key:
        asked &= Q(key__public_id=filters.key)
    if filters.favourite:
        asked &= Q(pk__in=favourites.marks(actor).values("output"))
    if filters.search:
        asked &= Q(job__prompt__icontains=filters.search)
    return asked & _within(filters, actor.tenant.zone)


def _within(filters: Filters, zone: tzinfo) -> Q:
    asked = Q()
    if filters.since:
        asked &= Q(created_at__gte=_midnight(filters.since, zone))
    if filters.until:
        asked &= Q(created_at__lt=_midnight(filters.until + timedelta(days=1), zone))
    return asked


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone)


def _older_than(output: Output) -> Q:
    """Written with a plain bound on the time first: that is what an index can jump to."""
    tie = Q(created_at__lt=output.created_at) | Q(pk__lt=output.pk)
    return Q(created_at__lte=output.created_at) & tie


def _newer_than(output: Output) -> Q:
    tie = Q(created_at__gt=output.created_at) | Q(pk__gt=output.pk)
    return Q(created_at__gte=output.created_at) & tie
