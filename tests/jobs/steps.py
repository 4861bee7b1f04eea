"""The steps as the clock would run them, here and now."""

from datetime import timedelta

from django.db.models import F

from revidweb.jobs import dispatch, find, late, poll, store, sweep
from revidweb.jobs.models import Job
from revidweb.lib import clock


def due_now(**changes) -> None:
    """Let every waiting row be due, and every lease be over."""
    Job.objects.update(next_look_at=clock.ago(1), lease_until=None, **changes)


def send_all() -> None:
    """One dispatch tick, with the messages that it and they would have sent."""
    dispatch.tick()
    sent: set[int] = set()
    while claimed := set(Job.objects.filter(state="preparing").values_list("pk", flat=True)) - sent:
        for pk in sorted(claimed):
            dispatch.send(pk)
        sent |= claimed


def poll_all() -> None:
    due_now()
    poll.tick()


def find_all() -> None:
    due_now()
    find.tick()


def look_late() -> None:
    Job.objects.filter(late_look_at__isnull=False).update(late_look_at=clock.ago(1))
    late.tick()


def store_all() -> None:
    for pk in Job.objects.filter(state="storing").values_list("pk", flat=True):
        store.store(pk)


def sweep_all() -> None:
    due_now()
    sweep.tick()


def a_while_later(seconds: float) -> None:
    """As if all this had begun so many seconds earlier."""
    Job.objects.update(created_at=F("created_at") - timedelta(seconds=seconds), changed_at=clock.ago(seconds))


def run() -> None:
    """From queued to the end, when nothing goes wrong."""
    send_all()
    poll_all()
    store_all()


def states() -> list[str]:
    return list(Job.objects.order_by("pk").values_list("state", flat=True))
