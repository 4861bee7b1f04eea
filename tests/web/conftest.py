"""People of a tenant that can work, and an upstream that does as it is told."""

import pytest

from revidweb.accounts.actors import Actor
from revidweb.providers import registry
from tests.upstreams.scripted import Scripted

from .jobs_pages import a_user, an_owner


@pytest.fixture
def owner(db: None) -> Actor:
    return an_owner()


@pytest.fixture
def user(owner: Actor) -> Actor:
    """A user with 100 credits."""
    return a_user(owner)


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    scripted = Scripted()
    monkeypatch.setattr(registry, "provider", lambda name: scripted)
    return scripted
