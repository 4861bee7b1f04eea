"""Rows that tests of pages need: a run with differences, without asking anybody."""

import itertools

from revidweb.connections.models import Connection
from revidweb.lib import clock
from revidweb.reports.models import Difference, Reconciliation

_count = itertools.count(1)


def a_run(connection: Connection, **fields: object) -> Reconciliation:
    """One that came to its end."""
    today = clock.now().date()
    told = {"stage": "done", "ended_at": clock.now(), "first_day": today, "last_day": today, "actor": "system"} | fields
    return Reconciliation.objects.create(tenant=connection.tenant, connection=connection, **told)


def a_difference(connection: Connection, run: Reconciliation | None = None, **fields: object) -> Difference:
    """A charge for a job that nobody here knows."""
    mark = f"there-{next(_count)}"
    told = {"sort": "missing_here", "mark": mark, "ticket": mark, "charged": 7, "at": clock.now()} | fields
    return Difference.objects.create(reconciliation=run or a_run(connection), tenant=connection.tenant, **told)
