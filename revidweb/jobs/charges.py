"""What was charged for an actor's jobs, where no wallet of their own keeps a statement: a shared key's."""

from datetime import datetime

from django.db.models import Case, F, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Substr

from revidweb.accounts.actors import Actor
from revidweb.credits.models import TransferKind
from revidweb.lib.csvfile import Column, moment, number, text, word

from .listing import PER_PAGE, Page
from .models import Job, JobQuerySet

_REFUND = "refund:job:"
_COST = ("state", "credits", "refunded", "hold__captured")
_OF_A_LINE = ("public_id", "prompt", "created_at", "ended_at", "media_model__title", *_COST)


def found(actor: Actor, *, since: datetime | None = None, until: datetime | None = None) -> JobQuerySet:
    """Jobs of the actor that cost something, those that ended last first; aware, `until` is not included."""
    rows = Job.objects.visible_to(actor).filter(_within(since, until), hold__captured__gt=F("refunded"))
    return rows.order_by("-ended_at", "-id")


def columns() -> list[Column]:
    """What a file says of each charge, in the words of a wallet's statement."""
    return [
        moment("at", "ended_at"),
        word("kind", Value("capture")),
        number("credits", F("refunded") - F("hold__captured")),
        word("job", "public_id"),
    ]


def columns_of_lines() -> list[Column]:
    """Of a ledger's entries in a file: what each job made that was paid for, or given back."""
    return [text("model", _of_job("media_model__name")), text("prompt", _of_job("prompt"))]


def _of_job(field: str) -> Case:
    """A refund is of no hold, so that its job is found by the cause; refunds are few."""
    given_back = Job.objects.filter(public_id=Substr(OuterRef("transfer__reference"), len(_REFUND) + 1))
    is_refund = When(
        kind=TransferKind.REFUND, transfer__reference__startswith=_REFUND, then=Subquery(given_back.values(field))
    )
    return Case(is_refund, default=f"transfer__hold__job__{field}")


def page(
    actor: Actor,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    before: Job | None = None,
    after: Job | None = None,
    limit: int = PER_PAGE,
) -> Page:
    """Jobs of the actor that cost something, with what a line says of them, those that ended last first. One query.

    since, until: aware, the latter not included. before, after: the job where the page beside this one ends. Where
    fewer than a page are newer than `after`, the newest page is meant: a second query.
    """
    rows = found(actor, since=since, until=until).select_related("media_model", "hold").only(*_OF_A_LINE)
    if after is not None:
        newer = list(rows.filter(_is_later(after)).reverse()[: limit + 1])
        if len(newer) > limit:
            return Page(newer[limit - 1 :: -1], has_older=True, has_newer=True)
    if before is not None:
        rows = rows.filter(_is_earlier(before))
    jobs = list(rows[: limit + 1])
    return Page(jobs[:limit], has_older=len(jobs) > limit, has_newer=before is not None)


def _within(since: datetime | None, until: datetime | None) -> Q:
    asked = Q()
    if since:
        asked &= Q(ended_at__gte=since)
    return asked & Q(ended_at__lt=until) if until else asked


def _is_earlier(job: Job) -> Q:
    """Written with a plain bound on the time first: that is what an index can jump to."""
    return Q(ended_at__lte=job.ended_at) & (Q(ended_at__lt=job.ended_at) | Q(pk__lt=job.pk))


def _is_later(job: Job) -> Q:
    return Q(ended_at__gte=job.ended_at) & (Q(ended_at__gt=job.ended_at) | Q(pk__gt=job.pk))
