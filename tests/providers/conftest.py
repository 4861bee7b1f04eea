import pytest

from revidweb.providers import registry
from revidweb.providers.base import Account

from .upstream import an_upstream

KEY = "sk_live_" + "k3y" * 10 + "ab"


@pytest.fixture
def upstream(settings):
    with an_upstream() as upstream:
        settings.PRIVATE_HOSTS = frozenset({upstream.host})
        settings.REVIDAPI_TIMEOUT_S = settings.REVIDAPI_CREATE_TIMEOUT_S = 5
        settings.REVIDAPI_LOOK_TIMEOUT_S = 5
        yield upstream


@pytest.fixture
def account(upstream):
    return Account("con_1", f"{upstream.url}/v1", KEY)


@pytest.fixture
def revidapi():
    return registry.provider("revidapi")
