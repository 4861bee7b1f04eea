"""Jobs as a table shows them: filtered, newest first, a page at a time; and what a file says of each."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import Case, DurationField, ExpressionWrapper, F, When
from django.db.models.functions import Coalesce

from revidweb.accounts import members
from revidweb.accounts.actors import Actor, Right
from revidweb.credits.models import HoldState
from revidweb.keys.models import ApiKey
from revidweb.lib import kept
from revidweb.lib.csvfile import Column, moment, number, seconds, text, word
from revidweb.providers.base import Kind

from .models import Job, JobQuerySet
from .states import MOVING, State

PER_PAGE = 50
_IN_A_ROW = (
    *("public_id", "kind", "prompt", "credits", "refunded", "state", "progress"),
    *("cancel_asked_at", "created_at", "started_at", "ended_at"),
    *("media_model__title", "cover__public_id", "cover__deleted_at", "hold__captured", "hold__state"),
    *("member__person__name", "member__person__email", "key__name"),
)
NONE = "none"  # the word for no key
STATES: dict[str, frozenset[State]] = {
    "moving": MOVING,
    "done": frozenset({State.DONE}),
    "failed": frozenset({State.FAILED}),
    "cancelled": frozenset({State.CANCELLED}),
    "unknown": frozenset({State.UNKNOWN}),
}


@dataclass(frozen=True)
class Filters:
    """Which jobs; an empty word does not narrow, an unknown one finds what its column holds: nothing.

    state: a key of STATES. kind, model: their words. member: a public id, for those who see all. key: an API key's
    public id, "none" for what came by no key. search: in the prompt, or a whole job id. server: its word. connection: a
    public id, for those who manage them. ended_from, ended_to: the tenant's days, both included.
    """

    state: str = ""
    kind: str = ""
    model: str = ""
    member: str = ""
    key: str = ""
    search: str = ""
    server: str = ""
    connection: str = ""
    ended_from: date | None = None
    ended_to: date | None = None


@dataclass(frozen=True)
class Page:
    """Some jobs, newest first, each with what its row shows; and whether there are older and newer ones."""

    jobs: list[Job]
    has_older: bool
    has_newer: bool


@dataclass(frozen=True)
class Named:
    """A job as a statement names it. model: its title. who: the member who made it, else the key."""

    model: str
    prompt: str
    who: str


def found(actor: Actor, filters: Filters) -> JobQuerySet:
    """The jobs that the actor may see and that are asked for, newest first."""
    return _wanted(Job.objects.visible_to(actor), actor, filters).order_by("-id")


def page(
    actor: Actor, filters: Filters, *, before: Job | None = None, after: Job | None = None, limit: int = PER_PAGE
) -> Page:
    """The newest jobs that the actor may see, or the newest of those older than `before`, or the next after `after`.

    Two queries. Where fewer than a page are newer than `after`, the newest page is meant: a third one.
    """
    ids = found(actor, filters).values_list("pk", flat=True)
    if after is not None:
        newer = list(ids.filter(pk__gt=after.pk).order_by("id")[: limit + 1])
        if len(newer) > limit:
            return Page(_ROWS.all(newer[limit - 1 :: -1]), has_older=True, has_newer=True)
    if before is not None:
        ids = ids.filter(pk__lt=before.pk)
    these = list(ids[: limit + 1])
    return Page(_ROWS.all(these[:limit]), has_older=len(these) > limit, has_newer=before is not None)


def _rows() -> JobQuerySet:
    return Job.objects.select_related("media_model", "cover", "hold", "member__person", "key").only(*_IN_A_ROW)


_ROWS = kept.ByIds(_rows)


def latest_of(actor: Actor, key: ApiKey, *, most: int) -> list[Job]:
    """The newest jobs of a key that the actor may see, with their models and holds. One query."""
    rows = Job.objects.visible_to(actor).filter(key=key)
    return list(rows.select_related("media_model", "hold").order_by("-id")[:most])


def named(actor: Actor, public_ids: Iterable[str]) -> dict[str, Named]:
    """Those of these jobs that the actor may see, by their public ids. One query."""
    rows = Job.objects.visible_to(actor).filter(public_id__in=public_ids)
    who = Coalesce(members.called("member__"), "key__name")
    told = rows.values_list("public_id", "media_model__title", "prompt", who)
    return {public_id: Named(*words) for public_id, *words in told}


def is_empty(actor: Actor) -> bool:
    """Whether there is no job at all that the actor may see. One query."""
    return not Job.objects.visible_to(actor).exists()


def last_model(actor: Actor, kind: Kind) -> str:
    """The name of the model that the member, or the key, used last for this kind, "" for none. One query."""
    mine = Job.objects.filter(key=actor.key.pk) if actor.key else Job.objects.filter(member=actor.in_person)
    used = mine.filter(kind=kind).order_by("-id")
    return used.values_list("media_model__name", flat=True).first() or ""


def columns(actor: Actor) -> list[Column]:
    """What a file says of each job. Who made it: only to those who see all, and never to a key."""
    members = [text("member", "member__person__name"), text("member_email", "member__person__email")]
    return [
        word("job", "public_id"),
        word("state"),
        word("kind"),
        word("mode"),
        text("model", "media_model__name"),
        text("prompt"),
        *(members if actor.may(Right.SEE_ALL) else []),
        text("key", "key__name"),
        number("credits", Coalesce(F("hold__captured"), 0) - F("refunded")),
        number("held", Case(When(hold__state=HoldState.OPEN, then="hold__credits"), default=0)),
        text("server"),
        moment("created_at"),
        moment("started_at"),
        moment("ended_at"),
        seconds("took_s", ExpressionWrapper(F("ended_at") - F("started_at"), DurationField())),
        word("error_code"),
        text("error"),
    ]


def _wanted(rows: JobQuerySet, actor: Actor, filters: Filters) -> JobQuerySet:
    if filters.state in STATES:
        rows = rows.filter(state__in=STATES[filters.state])
    if filters.kind:
        rows = rows.filter(kind=filters.kind)
    if filters.model:
        rows = rows.filter(media_model__name=filters.model)
    if filters.member and actor.may(Right.SEE_ALL):
        rows = rows.filter(member__public_id=filters.member)
    if filters.key == NONE:
        rows = rows.filter(key__isnull=True)
    elif filters.key:
        rows = rows.filter(key__public_id=filters.key)
    if filters.server:
        rows = rows.filter(server=filters.server)
    if filters.connection and actor.may(Right.MANAGE_CONNECTIONS):
        rows = rows.filter(connection__public_id=filters.connection)
    if filters.ended_from:
        rows = rows.filter(ended_at__gte=_midnight(filters.ended_from, actor))
    if filters.ended_to:
        rows = rows.filter(ended_at__lt=_midnight(filters.ended_to + timedelta(days=1), actor))
    if filters.search.startswith("job_"):
        rows = rows.filter(public_id=filters.search)
    elif filters.search:
        rows = rows.filter(prompt__icontains=filters.search)
    return rows


def _midnight(day: date, actor: Actor) -> datetime:
    return datetime.combine(day, time.min, tzinfo=actor.tenant.zone)
