"""Write and read the trail."""

from typing import Any

from django.db.models import QuerySet

from revidweb.lib import kept

from .models import TrailRow

SYSTEM = "system"


def record(what: str, *, about: str, tenant: str, actor: str = SYSTEM, **facts: Any) -> TrailRow:
    """Add one fact, in the caller's transaction, so that it stands exactly when the deed stands.

    what: the deed in the past tense, "job.submitted"; about: the thing, "job:job_…"; tenant: its public id.
    facts: JSON values only, never a secret.
    """
    row = TrailRow(what=what, about=about, tenant=tenant, actor=actor, facts=facts)
    kept.insert([row])
    return row


def of(about: str) -> QuerySet[TrailRow]:
    """All that happened to one thing, oldest first."""
    return TrailRow.objects.filter(about=about).order_by("id")
