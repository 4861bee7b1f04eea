"""A kept connection is looked at before a request uses it, and one that the server ended is opened anew."""

import pytest
from django.db import connection

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="of PostgreSQL alone"),
]


def backend() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    return int(pid)


@pytest.fixture
def begin_request(monkeypatch):
    """What Django does to a kept connection when a request begins."""
    monkeypatch.setitem(connection.settings_dict, "CONN_HEALTH_CHECKS", True)

    def begin() -> None:
        connection.health_check_enabled = True
        connection.health_check_done = False

    return begin


def test_a_connection_that_is_there_is_kept_and_not_asked(begin_request, django_assert_num_queries):
    before = backend()
    begin_request()
    with django_assert_num_queries(1):
        assert backend() == before


def test_one_that_the_server_ended_is_opened_anew(begin_request):
    before, other = backend(), connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [before])
    finally:
        other.close()
    begin_request()
    assert backend() != before


def test_one_that_is_closed_is_not_usable():
    backend()
    connection.connection.close()
    assert not connection.is_usable()
    connection.close()
    assert not connection.is_usable()
