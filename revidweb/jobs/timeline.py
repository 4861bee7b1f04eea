"""What happened to a job, in order: from its trail and its attempts."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from revidweb.trail import trail

from .models import Attempt, AttemptState, Job


@dataclass(frozen=True)
class Event:
    """One thing that happened. what: "job.submitted", "attempt.sent" …; facts: the numbers behind it."""

    at: datetime
    what: str
    facts: dict[str, Any] = field(default_factory=dict)


def of(job: Job) -> list[Event]:
    """All events of a job, oldest first. Two queries."""
    return sorted([*_from_trail(job), *_from_attempts(job)], key=lambda event: event.at)


def _from_trail(job: Job) -> Iterator[Event]:
    for row in trail.of(job.reference):
        if row.what == "job.found" and row.facts["lost_at"]:  # its attempt says only that it was answered in the end
            yield Event(datetime.fromisoformat(row.facts["lost_at"]), "attempt.lost", row.facts)
        yield Event(row.at, row.what, row.facts | {"actor": row.actor, "answer": ""})


def _from_attempts(job: Job) -> Iterator[Event]:
    for attempt in job.attempts.select_related("connection"):
        facts = {"number": attempt.number, "connection": attempt.connection.name}
        yield Event(attempt.sent_at, "attempt.sending", facts)
        if attempt.state != AttemptState.SENDING and attempt.answered_at:
            yield Event(attempt.answered_at, f"attempt.{attempt.state}", facts | _answer(attempt))


def _answer(attempt: Attempt) -> dict[str, Any]:
    cost = attempt.upstream_cost_micros
    return {
        "answer": attempt.answer,
        "upstream_cost": None if cost is None else cost // 1_000_000,
        "is_cost_uncertain": attempt.is_cost_uncertain,
    }
