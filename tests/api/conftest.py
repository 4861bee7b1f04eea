"""A tenant that can work, and programs of its people."""

import pytest

from revidweb.accounts.actors import Actor, of
from revidweb.catalog import founding
from revidweb.providers import registry
from tests import makers
from tests.upstreams.scripted import Scripted

from .makers import Program, a_program, a_user


@pytest.fixture
def owner(db: None) -> Actor:
    return of(founding.found(makers.a_person(), name="Studio"))


@pytest.fixture
def user(owner: Actor) -> Actor:
    """A user with 100 credits."""
    return a_user(owner)


@pytest.fixture
def program(user: Actor) -> Program:
    """Spends its user's 100 credits."""
    return a_program(user)


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    scripted = Scripted()
    monkeypatch.setattr(registry, "provider", lambda name: scripted)
    return scripted
