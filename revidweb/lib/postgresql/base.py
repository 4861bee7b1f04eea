"""Django's PostgreSQL, but that a kept connection is looked at, not asked, before a request uses it."""

import select

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """A server that says nothing is there: one that restarts, ends a session or goes away says so at the socket.

    To ask each time (`SELECT 1`) would cost as much as some requests' own statements.
    """

    def is_usable(self) -> bool:
        """Whether the connection still works. Only one at which something waits to be read is asked."""
        if self.connection is None or self.connection.closed:
            return False
        return not _is_told_something(self.connection.fileno()) or super().is_usable()


def _is_told_something(socket: int) -> bool:
    told = select.poll()
    told.register(socket, select.POLLIN)
    return bool(told.poll(0))  # also where it was closed
