"""Each test's trail begins anew, so what a process remembers of it does, too."""

import pytest

from revidweb.notices import telling


@pytest.fixture(autouse=True)
def _fresh_memory(monkeypatch):
    monkeypatch.setattr(telling, "_noted", type(telling._noted)([(float("-inf"), 0)]))
