"""A member's notices: how many are unread, all of them, and marking them as read."""

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from revidweb.accounts.actors import Actor
from revidweb.accounts.models import Member
from revidweb.lib import clock

from .models import Notice


def with_unread(members: QuerySet[Member]) -> QuerySet[Member]:
    """The members, each with how many notices they have not read: every page says it, and need not ask once more."""
    theirs = Notice.objects.filter(member=OuterRef("pk")).unread().values("member")
    return members.annotate(unread_notices=Coalesce(Subquery(theirs.annotate(count=Count("pk")).values("count")), 0))


def unread(actor: Actor) -> int:
    """How many notices the member has not read; none for a key. One query, and none for one found `with_unread`."""
    known: int | None = getattr(actor.member, "unread_notices", None)
    return Notice.objects.visible_to(actor).unread().count() if actor.key or known is None else known


def listed(actor: Actor) -> QuerySet[Notice]:
    """The member's notices, newest first."""
    return Notice.objects.visible_to(actor).order_by("-id")


def read(notice: Notice) -> None:
    """Mark one as read. Again: nothing happens."""
    Notice.objects.filter(pk=notice.pk).unread().update(read_at=clock.now())


def read_all(actor: Actor, *, newest: Notice) -> int:
    """Mark all as read up to the newest one that was seen; how many were not. Later ones stay unread."""
    seen = Notice.objects.visible_to(actor).unread().filter(pk__lte=newest.pk)
    return seen.update(read_at=clock.now())
