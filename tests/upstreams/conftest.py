"""The stand-in, and somebody with an account there."""

from collections.abc import Iterator

import pytest

from .customer import Customer
from .revidapi import StandIn


@pytest.fixture
def upstream() -> Iterator[StandIn]:
    """The stand-in; its book is proven at the end."""
    with StandIn() as stand_in:
        yield stand_in


@pytest.fixture
def customer(upstream: StandIn) -> Iterator[Customer]:
    """Somebody with a thousand credits there."""
    with Customer(upstream, upstream.open_account(balance=1000)) as one:
        yield one
