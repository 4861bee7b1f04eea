"""Wake a step. A message that is lost costs seconds, never a job: the clock's tick finds the row."""

from typing import Any

import structlog
from celery import Task
from django.db import transaction
from kombu.exceptions import OperationalError

log = structlog.get_logger(__name__)


def up(task: "Task[Any, Any]", *args: Any, expires: float = 10) -> None:
    """Send the wake-up when the transaction around it has been committed. expires: seconds."""
    transaction.on_commit(lambda: _send(task, args, expires))


def _send(task: "Task[Any, Any]", args: tuple[Any, ...], expires: float) -> None:
    try:
        task.apply_async(args, expires=expires, retry=False)
    except (OperationalError, OSError) as error:
        log.warning("wake.failed", task=task.name, reason=str(error))
