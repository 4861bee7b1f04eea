import pytest

from .makers import a_stocked_tenant


@pytest.fixture
def tenant(db):
    return a_stocked_tenant()
