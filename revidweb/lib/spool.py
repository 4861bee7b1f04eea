"""A Celery broker in a folder: one folder a queue, one file a message.

Kombu's own `filesystem` transport writes a message where its reader already looks, so now and then a worker reads
half a message and dies of it; and nothing bounds it. Here a message appears whole or not at all, and a queue that
nobody reads stops growing: the rows say what is to do, a message is only a wake-up.
"""

import json
import time
import uuid
from functools import cached_property
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import virtual

MOST_MESSAGES = 1000  # per queue; what comes on top is dropped
_PATIENCE_S = 0.5


class Channel(virtual.Channel):
    """Reads and writes the queues' folders below the transport option `folder`."""

    supports_fanout = False

    @cached_property
    def root(self) -> Path:
        """The folder that holds all queues."""
        options: dict[str, Any] = self.connection.client.transport_options  # type: ignore[union-attr,assignment]
        return Path(options["folder"])

    def _put(self, queue: str, message: dict[str, Any], **kwargs: Any) -> None:
        if self._size(queue) >= MOST_MESSAGES:
            return
        self._new_queue(queue)
        folder = self.root / queue
        name = f"{time.time_ns():020}-{uuid.uuid4().hex}"
        draft = folder / f"{name}.draft"
        draft.write_text(json.dumps(message))
        draft.rename(folder / f"{name}.msg")

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        for path in self._waiting(queue):
            message = self._take(path)
            if message is not None:
                return message
        raise Empty

    def _take(self, path: Path) -> dict[str, Any] | None:
        """The message, for the one reader whose rename wins; None for all others."""
        taken = path.with_suffix(".taken")
        try:
            path.rename(taken)
            message: dict[str, Any] = json.loads(taken.read_bytes())
            taken.unlink()
        except (FileNotFoundError, ValueError):  # another reader's; or cut short when the machine lost its power
            return None
        return message

    def _waiting(self, queue: str) -> list[Path]:
        """The messages that nobody has taken, oldest first."""
        return sorted((self.root / queue).glob("*.msg"))

    def _size(self, queue: str) -> int:
        return len(self._waiting(queue))

    def _new_queue(self, queue: str, **kwargs: Any) -> None:
        (self.root / queue).mkdir(parents=True, exist_ok=True)

    def _purge(self, queue: str) -> int:
        waiting = self._waiting(queue)
        for path in waiting:
            path.unlink(missing_ok=True)
        return len(waiting)


class Transport(virtual.Transport):
    """The broker as Celery's setting `broker_transport` names it."""

    Channel = Channel
    driver_type = "spool"
    driver_name = "spool"
    default_port = 0
    global_state = virtual.BrokerState()

    def __init__(self, client: Any, **kwargs: Any) -> None:
        super().__init__(client, **kwargs)
        self.state = self.global_state  # what is bound to what is the same for all connections of a process

    def drain_events(self, connection: Any, timeout: float | None = None, **kwargs: Any) -> None:
        """Wait for messages, but come back soon: between two waits a worker sees that it was asked to stop."""
        super().drain_events(connection, timeout=min(timeout or _PATIENCE_S, _PATIENCE_S))

    def driver_version(self) -> str:
        """There is nothing below it but the file system."""
        return "1"
