"""Many threads that do one thing at the same moment, each over a database connection of its own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from django.db import connection

from revidweb.credits.ledger import LedgerConflict
from revidweb.lib.refusal import Refusal


def at_once(count: int, deed: Callable[[int], object]) -> list[object]:
    """What each of so many threads got, started together: the deed's answer, or its refusal's name."""
    start = Barrier(count)

    def run(number: int) -> object:
        start.wait(timeout=30)
        try:
            return deed(number)
        except (Refusal, LedgerConflict) as refused:
            return type(refused).__name__
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(run, range(count)))
