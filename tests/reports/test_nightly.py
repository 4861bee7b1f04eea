"""Each night has one comparison in the tenant's own zone, and what is new in it is told once."""

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.db.models import QuerySet

from revidweb.accounts.models import Tenant
from revidweb.catalog import connecting
from revidweb.connections.models import Connection
from revidweb.lib import clock
from revidweb.notices import telling, words
from revidweb.notices.models import Notice
from revidweb.reports import nightly, reconcile
from revidweb.reports.models import Reconciliation

pytestmark = pytest.mark.django_db

NIGHT = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)


def at(moment: datetime) -> list[Reconciliation]:
    """All runs, after a tick at this moment."""
    with time_machine.travel(moment, tick=False):
        nightly.tick()
    return list(Reconciliation.objects.order_by("pk"))


def test_the_three_days_before_are_compared_once_a_night(connection):
    (run,) = at(NIGHT)
    assert (run.first_day, run.last_day, run.is_nightly, run.actor) == (
        date(2026, 11, 17),
        date(2026, 11, 19),
        True,
        "system",
    )
    Reconciliation.objects.update(stage="done", ended_at=NIGHT)
    assert at(NIGHT + timedelta(hours=1)) == [run]
    assert len(at(NIGHT + timedelta(days=1))) == 2


@pytest.mark.parametrize(
    ("zone", "hour", "last_day"),
    [
        ("UTC", 2, None),
        ("UTC", 3, date(2026, 11, 19)),
        ("UTC", 12, None),
        ("Asia/Ho_Chi_Minh", 19, None),
        ("Asia/Ho_Chi_Minh", 20, date(2026, 11, 20)),
        ("America/New_York", 7, None),
        ("America/New_York", 9, date(2026, 11, 19)),
    ],
)
def test_the_night_is_the_tenants_own(connection, zone, hour, last_day):
    Tenant.objects.update(time_zone=zone)
    runs = at(NIGHT.replace(hour=hour))
    assert [run.last_day for run in runs] == ([last_day] if last_day else [])


@pytest.mark.parametrize("fields", [{"is_enabled": False}, {"removed_at": NIGHT}, {"failing_since": NIGHT}])
def test_a_connection_that_is_not_used_is_left_alone(connection, fields):
    Connection.objects.filter(pk=connection.pk).update(**fields)
    assert at(NIGHT) == []


def test_a_night_that_failed_is_asked_again_after_an_hour(connection):
    (run,) = at(NIGHT)
    Reconciliation.objects.update(stage="failed", failure="busy", ended_at=NIGHT)
    assert [one.stage for one in at(NIGHT + timedelta(minutes=30))] == ["failed"]
    assert [(one.pk, one.stage) for one in at(NIGHT + timedelta(hours=1))] == [(run.pk, "asking")]


def test_a_run_by_hand_that_begins_at_the_same_moment_goes_first(connection, monkeypatch):
    (run,) = at(NIGHT)
    Reconciliation.objects.update(stage="failed", failure="busy", ended_at=NIGHT)
    later = NIGHT + timedelta(hours=1)
    day = NIGHT.date()
    by_hand = Reconciliation(tenant=connection.tenant, connection=connection, first_day=day, last_day=day)

    def begun_meanwhile(rows: QuerySet) -> bool:
        by_hand.save()
        return False

    monkeypatch.setattr(type(Reconciliation.objects.all()), "exists", begun_meanwhile)
    assert [(one.pk, one.stage) for one in at(later)] == [(run.pk, "failed"), (by_hand.pk, "asking")]


def test_a_bug_at_one_connection_keeps_no_other_from_its_night(owner, stand_in, account, connection, monkeypatch):
    url = stand_in.url
    other = connecting.connect(owner, name="Other", provider="revidapi", base_url=url, key=account.add_key())
    can = reconcile.can
    monkeypatch.setattr(reconcile, "can", lambda one: can(one) if one == other else 1 / 0)
    assert [run.connection for run in at(NIGHT)] == [other]


def compared_by_night(connection: Connection) -> Reconciliation:
    today = clock.now().date()
    run = reconcile.start(connection, today, today, actor="system", is_nightly=True)
    reconcile.ask(run.pk)
    return run


def notices(owner) -> list[words.Told]:
    telling.tick()
    return words.told(Notice.objects.filter(member=owner.member).select_related("row", "tenant").order_by("pk"))


def test_what_is_new_is_told_once_to_who_manages_connections(owner, user, connection, account, stand_in):
    stand_in.book.plant_job(account, model="image-4.0", credits=7)
    compared_by_night(connection)
    (told,) = notices(owner)
    assert told.words.title == "One order costs something else at RevidAPI than here"
    assert told.words.path.endswith(f"/connections/{connection.public_id}/reconcile/")
    assert not Notice.objects.filter(member=user.member).exists()
    Reconciliation.objects.update(last_day=clock.now().date() - timedelta(days=1))
    compared_by_night(connection)
    assert len(notices(owner)) == 1
    for _ in range(2):
        stand_in.book.plant_job(account, model="image-4.0", credits=7)
    Reconciliation.objects.filter(last_day=clock.now().date()).update(last_day=clock.now().date() - timedelta(days=2))
    compared_by_night(connection)
    assert [one.words.title for one in notices(owner)][1:] == ["2 orders cost something else at RevidAPI than here"]


def test_a_night_without_news_tells_nothing(owner, connection, made):
    made("a fox")
    compared_by_night(connection)
    assert notices(owner) == []
