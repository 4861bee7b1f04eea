"""The states of a job and the only moves between them (docs/states.md draws them)."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class State(models.TextChoices):
    """Where a job is."""

    QUEUED = "queued", _("Queued")
    PREPARING = "preparing", _("Preparing")
    SENDING = "sending", _("Sending")
    WORKING = "working", _("Working")
    UNKNOWN = "unknown", _("Outcome unknown")
    STORING = "storing", _("Storing")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


ENDED = frozenset({State.DONE, State.FAILED, State.CANCELLED})
MOVING = frozenset(State) - ENDED

MOVES: dict[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.PREPARING, State.FAILED, State.CANCELLED}),
    State.PREPARING: frozenset({State.SENDING, State.QUEUED, State.FAILED, State.CANCELLED}),
    State.SENDING: frozenset({State.WORKING, State.UNKNOWN, State.QUEUED, State.FAILED}),
    State.WORKING: frozenset({State.STORING, State.UNKNOWN, State.FAILED, State.CANCELLED}),
    State.UNKNOWN: frozenset({State.WORKING, State.STORING, State.FAILED}),
    State.STORING: frozenset({State.DONE, State.FAILED}),
    State.DONE: frozenset(),
    State.FAILED: frozenset(),
    State.CANCELLED: frozenset(),
}
