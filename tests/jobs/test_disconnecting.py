import pytest

from revidweb.accounts.models import Role
from revidweb.catalog import sync
from revidweb.catalog.models import CatalogChange
from revidweb.connections.models import Connection
from revidweb.jobs import disconnecting
from revidweb.jobs.models import Job
from revidweb.jobs.states import ENDED, MOVING, State
from revidweb.lib import clock
from revidweb.lib.refusal import Refusal
from revidweb.trail.models import TrailRow
from tests.connections.makers import a_row, a_told, an_account
from tests.makers import an_actor

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(owner) -> Connection:
    account = an_account(owner.tenant)
    sync.write(account, [a_told("imagen-4", a_row("default", 14))])
    return account


def _refusal(actor, connection) -> tuple[str, dict]:
    with pytest.raises(Refusal) as refused:
        disconnecting.disconnect(actor, connection)
    return refused.value.code, refused.value.facts


def test_a_removed_connection_keeps_no_key_and_sells_nothing(owner, account):
    sync.write(account, [a_told("imagen-4", a_row("default", 99))])
    for _ in range(2):
        disconnecting.disconnect(owner, account)
    assert account.removed_at is not None
    assert (account.is_enabled, account.disabled_at is not None) == (False, True)
    assert list(account.credentials.values_list("sealed", "fingerprint")) == [("", "")]
    assert not account.offers.filter(is_available=True).exists()
    assert not Connection.objects.visible_to(owner).filter(pk=account.pk).exists()
    assert not CatalogChange.objects.filter(what="held", decided_at__isnull=True).exists()
    assert TrailRow.objects.filter(what="connection.removed", actor=owner.name).count() == 1


@pytest.mark.parametrize("state", sorted(MOVING))
def test_what_still_runs_there_keeps_it(owner, account, job, state):
    Job.objects.update(connection=account, state=state)
    assert _refusal(owner, account) == ("connection_busy", {"running": 1})
    account.refresh_from_db()
    assert account.removed_at is None
    assert account.account.key


@pytest.mark.parametrize("state", sorted(ENDED))
def test_what_has_ended_does_not(owner, account, job, state):
    Job.objects.update(connection=account, state=state, ended_at=clock.now())
    disconnecting.disconnect(owner, account)
    job.refresh_from_db()
    assert (job.connection, job.state) == (account, State(state))


def test_preview_stays(owner):
    shown = Connection.objects.get(tenant=owner.tenant, provider="preview")
    assert _refusal(owner, shown)[0] == "preview_stays"


def test_only_who_manages_connections_of_the_tenant_removes(owner, user, account):
    assert _refusal(user, account)[0] == "not_allowed"
    disconnecting.disconnect(an_actor(role=Role.OWNER), account)
    account.refresh_from_db()
    assert account.removed_at is None
