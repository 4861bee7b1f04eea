"""A stand-in for RevidAPI: a small HTTP server on loopback, written from the vendor's documents alone.

    with StandIn() as upstream:
        account = upstream.open_account(balance=500)
        upstream.play("lost_after")
        ...
        assert upstream.book.net == 15

Troubles stand in `troubles.py` and `fates.py`, one function each.
"""

from . import fates, troubles
from .catalog import Catalog, Model, Row
from .records import Fate, Job, Order, Slots, Transaction, UpstreamAccount
from .script import TROUBLES
from .stand_in import Seen, StandIn

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
    "fates",
    "troubles",
]
