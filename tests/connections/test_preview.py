import pytest

from revidweb.connections import preview
from revidweb.connections.models import PREVIEW, Connection
from revidweb.providers import registry
from tests.makers import a_tenant

pytestmark = pytest.mark.django_db


def test_a_tenant_has_one_preview_connection_however_often_it_is_opened():
    tenant = a_tenant()
    assert preview.open_at(tenant) == preview.open_at(tenant)
    assert Connection.objects.filter(tenant=tenant).count() == 1


def test_it_runs_as_many_jobs_of_either_kind_as_the_settings_say(settings):
    settings.PREVIEW_SLOTS = 13
    connection = preview.open_at(a_tenant())
    assert (connection.total_slots, connection.image_slots, connection.video_slots) == (13, 13, 13)


def test_it_starts_switched_off_where_preview_is_not_wanted(settings):
    settings.PREVIEW_ENABLED = False
    connection = preview.open_at(a_tenant())
    assert not Connection.objects.usable().filter(pk=connection.pk).exists()


def test_opening_it_again_does_not_switch_it_on():
    tenant = a_tenant()
    Connection.objects.filter(pk=preview.open_at(tenant).pk).update(is_enabled=False)
    assert not preview.open_at(tenant).is_enabled


def test_its_provider_is_built():
    assert registry.provider(PREVIEW).name == PREVIEW


def test_the_account_is_named_by_the_public_id():
    connection = preview.open_at(a_tenant())
    assert connection.account.connection_id == connection.public_id
