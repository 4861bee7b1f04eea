"""Jobs as programs ask for them: one by its id, a page of them, how many there are at work, and what they cost."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import BigIntegerField, CharField, Count, Q

from revidweb.accounts.actors import Actor
from revidweb.lib import ids, kept
from revidweb.lib.kept import Word
from revidweb.providers.base import Kind, Mode

from .models import Job, JobQuerySet, Settlement
from .states import State
from .told import WORDS

STATUSES = tuple(dict.fromkeys(WORDS.values()))
TYPES = (*(kind.value for kind in (Kind.IMAGE, Kind.VIDEO)), *(mode.value for mode in Mode))


@dataclass(frozen=True)
class Wanted:
    """Which jobs; "" does not narrow. status: one of STATUSES; type: one of TYPES, a kind or a mode."""

    status: str = ""
    type: str = ""


@dataclass(frozen=True)
class Active:
    """Jobs that take a slot, by what they make, and those that wait for one."""

    images: int
    others: int
    queued: int

    @property
    def total(self) -> int:
        """Those that take a slot."""
        return self.images + self.others


def find(actor: Actor, job_id: str) -> Job | None:
    """The job of this id, if the actor may see it, with what its answer tells. One query."""
    if not ids.is_possible(job_id):
        return None
    if actor.key:
        return _OF_KEY.first(job_id=job_id, tenant=actor.tenant.pk, key=actor.key.pk)
    return _told(Job.objects.visible_to(actor)).filter(public_id=job_id).first()


def _told(rows: JobQuerySet) -> JobQuerySet:
    return rows.select_related("media_model", "hold")


def _of_key() -> JobQuerySet:
    tenant, key = Word("tenant", BigIntegerField()), Word("key", BigIntegerField())
    return _told(Job.objects.of_key(tenant, key)).filter(public_id=Word("job_id", CharField()))


_OF_KEY = kept.Rows(_of_key, is_planned_once=True)  # programs ask every few seconds


def count(actor: Actor, wanted: Wanted) -> int:
    """How many jobs there are. One query."""
    return _wanted(actor, wanted).count()


def page(
    actor: Actor, wanted: Wanted, *, limit: int, skip: int = 0, before: Job | None = None
) -> tuple[list[Job], bool]:
    """So many jobs, newest first, without the first `skip`, or older than `before`; and whether there are more.

    One query; what the list tells of them is read with them.
    """
    rows = _wanted(actor, wanted).select_related("media_model", "hold", "cover").order_by("-id")
    if before is not None:
        rows = rows.filter(pk__lt=before.pk)
    found = list(rows[skip : skip + limit + 1])
    return found[:limit], len(found) > limit


def active(actor: Actor) -> Active:
    """The jobs that the actor sees. Two queries."""
    return _active(Job.objects.visible_to(actor))


def active_of_tenant(actor: Actor) -> Active:
    """All jobs of the actor's tenant, whose slots they share. Two queries."""
    return _active(Job.objects.filter(tenant=actor.tenant))


def charges(actor: Actor, *, limit: int, before: int | None = None) -> tuple[Sequence[Settlement], bool]:
    """What the actor's key's jobs cost, newest first, those that cost nothing left out; and whether there are more.

    before: a settlement's id; only older ones follow. One query.
    """
    rows = Settlement.objects.filter(job__in=Job.objects.visible_to(actor), credits__gt=0).order_by("-id")
    if before is not None:
        rows = rows.filter(pk__lt=before)
    found = list(rows.select_related("job__media_model")[: limit + 1])
    return found[:limit], len(found) > limit


def _active(rows: JobQuerySet) -> Active:
    used = rows.slots_used()
    images = used.get(Kind.IMAGE, 0)
    queued = rows.filter(state=State.QUEUED).aggregate(queued=Count("pk"))["queued"]
    return Active(images=images, others=sum(used.values()) - images, queued=queued)


def _wanted(actor: Actor, wanted: Wanted) -> JobQuerySet:
    rows = Job.objects.visible_to(actor)
    if wanted.status:
        rows = rows.filter(state__in=[state for state, word in WORDS.items() if word == wanted.status])
    return rows.filter(Q(kind=wanted.type) | Q(mode=wanted.type)) if wanted.type else rows
