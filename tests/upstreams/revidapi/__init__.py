"""A stand-in for RevidAPI: a small HTTP server on loopback, written from the vendor's documents alone.

    with StandIn() as upstream:
        account = upstream.open_account(balance=500)
        upstream.play("lost_after")
        ...
        assert upstream.book.net == 15

Troubles stand in `troubles.py`, one function each.
"""

from .catalog import Catalog, Model, Row
from .records import Fate, Job, Order, Slots, Transaction, UpstreamAccount
from .stand_in import Seen, StandIn
from .troubles import TROUBLES

__all__ = [
    "TROUBLES",
    "Catalog",
    "Fate",
    "Job",
    "Model",
    "Order",
    "Row",
    "Seen",
    "Slots",
    "StandIn",
    "Transaction",
    "UpstreamAccount",
]
