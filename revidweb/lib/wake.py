"""Wake a step. A message that is lost costs seconds, never a job: the clock's tick finds the row."""

import os
import threading
import time
from typing import Any

import structlog
from celery import Task
from django.db import transaction
from kombu.exceptions import OperationalError

log = structlog.get_logger(__name__)

GAP_S = 0.05  # between two of the same wake-up that names no row: one finds what many were sent for


def up(task: "Task[Any, Any]", *args: Any, expires: float = 10) -> None:
    """Send the wake-up when the transaction around it has been committed. expires: seconds.

    Of many that name no row, a process sends one every `GAP_S`; the last of them is always followed by one.
    """
    if args:
        transaction.on_commit(lambda: _send(task, args, expires))
    else:
        transaction.on_commit(lambda: _rounds.wake(task, expires))


class _Rounds:
    """When each task was last sent that names no row, and which of them a timer is about to send."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """As if nothing was ever sent."""
        self._lock = threading.Lock()
        self._sent_at: dict[str, float] = {}  # by the monotonic clock
        self._timed: set[str] = set()

    def wake(self, task: "Task[Any, Any]", expires: float) -> None:
        """Send it now, or as soon as the gap is over; not at all where that is to come anyway."""
        wait_s = self._wait_s(task.name)
        if wait_s is None:
            return
        if wait_s > 0:
            timer = threading.Timer(wait_s, self._send_later, (task, expires))
            timer.daemon = True  # a process that ends leaves the rest to the clock
            timer.start()
        else:
            _send(task, (), expires)

    def _wait_s(self, name: str) -> float | None:
        """How long to wait before sending; None where a timer sends it already."""
        with self._lock:
            if name in self._timed:
                return None
            now = time.monotonic()
            wait_s = self._sent_at.get(name, now - GAP_S) + GAP_S - now
            if wait_s > 0:
                self._timed.add(name)
            else:
                self._sent_at[name] = now
            return max(wait_s, 0)

    def _send_later(self, task: "Task[Any, Any]", expires: float) -> None:
        with self._lock:  # whoever comes from now on is not in this message
            self._timed.discard(task.name)
            self._sent_at[task.name] = time.monotonic()
        _send(task, (), expires)


_rounds = _Rounds()
os.register_at_fork(after_in_child=_rounds.begin)  # no timer lives on in a child


def _send(task: "Task[Any, Any]", args: tuple[Any, ...], expires: float) -> None:
    try:
        task.apply_async(args, expires=expires, retry=False)
    except (OperationalError, OSError) as error:
        log.warning("wake.failed", task=task.name, reason=str(error))
