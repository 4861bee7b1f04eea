import pytest

from revidweb.accounts.models import Role
from revidweb.connections import preview, switching
from revidweb.connections.models import Connection
from revidweb.lib.refusal import Refusal
from revidweb.trail.models import TrailRow
from tests.makers import an_actor

from .makers import an_account

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner():
    return an_actor(role=Role.OWNER)


def _trail() -> list[str]:
    return list(TrailRow.objects.order_by("pk").values_list("what", flat=True))


def test_a_paused_connection_takes_no_orders_until_it_is_resumed(owner):
    connection = an_account(owner.tenant)
    switching.pause(owner, connection)
    since = connection.disabled_at
    switching.pause(owner, connection)
    assert (connection.is_enabled, connection.disabled_at) == (False, since)
    assert since is not None
    assert not Connection.objects.usable().exists()
    switching.resume(owner, connection)
    switching.resume(owner, connection)
    assert (connection.is_enabled, connection.disabled_at) == (True, None)
    assert _trail() == ["connection.paused", "connection.resumed"]


def test_only_who_manages_connections_switches(owner):
    connection = an_account(owner.tenant)
    user = an_actor(owner.tenant)
    for deed in (switching.pause, switching.resume):
        with pytest.raises(Refusal, match="not_allowed"):
            deed(user, connection)
    with pytest.raises(Refusal, match="not_allowed"):
        switching.show_preview(user, on=True)


def test_another_tenants_connection_is_out_of_reach(owner):
    theirs = an_account()
    switching.pause(owner, theirs)
    assert theirs.is_enabled


def test_preview_is_hidden_and_shown(owner, settings):
    settings.PREVIEW_ENABLED = False  # says only how it starts
    shown = preview.open_at(owner.tenant)
    assert shown.disabled_at is not None
    for on in (True, True, False):
        switching.show_preview(owner, on=on)
        shown.refresh_from_db()
        assert (shown.is_enabled, shown.disabled_at is None) == (on, on)
    assert _trail() == ["connection.resumed", "connection.paused"]


def test_preview_goes_when_the_first_account_comes_and_not_with_later_ones(owner):
    shown = preview.open_at(owner.tenant)
    switching.hide_preview_beside_the_first(an_account(owner.tenant), by=owner.name)
    shown.refresh_from_db()
    assert not shown.is_enabled
    switching.show_preview(owner, on=True)
    switching.hide_preview_beside_the_first(an_account(owner.tenant), by=owner.name)
    shown.refresh_from_db()
    assert shown.is_enabled
