import pytest

from revidweb.providers import registry

from .makers import Told, an_account


@pytest.fixture
def upstream(monkeypatch) -> Told:
    told = Told()
    monkeypatch.setattr(registry, "provider", lambda name: told)
    return told


@pytest.fixture
def connection(db):
    return an_account()
