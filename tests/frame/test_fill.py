"""A filled tenant is as sound as if everything had been done one by one, and the same each time."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from revidweb.accounts.models import Member, Tenant
from revidweb.credits import checking as book
from revidweb.credits import ledger
from revidweb.filling import history, tables
from revidweb.filling.rows import Keeping
from revidweb.filling.script import Plan
from revidweb.jobs import checking as work
from revidweb.jobs.models import Job, Output, Settlement
from revidweb.keys import proving
from revidweb.keys.models import ApiKey
from revidweb.lib import clock
from revidweb.stats import counting
from revidweb.stats.models import UsageCell, UsageDay, UsageMonth

pytestmark = pytest.mark.django_db
JOBS = 400


@pytest.fixture(autouse=True)
def var(settings, tmp_path, monkeypatch):
    settings.VAR_DIR = tmp_path
    monkeypatch.setattr(history, "_PICTURES", 1)


def filled(capsys, name="Large Studio", **options):
    asked = {"jobs": JOBS, "days": 40, "members": 6, "keys": 12, "last_day": None} | options
    call_command("fill", name=name, as_json=True, **asked)
    return json.loads(capsys.readouterr().out)


def usage():
    return [list(table.objects.order_by("pk").values_list()) for table in (UsageCell, UsageDay, UsageMonth)]


def faults():
    return [str(fault) for checks in (book, work, proving) for fault in checks.faults()]


def test_it_makes_as_much_as_is_asked_for(capsys):
    made = filled(capsys)
    tenant = Tenant.objects.get(slug=made["tenant"])
    assert made["jobs"] == JOBS
    assert Job.objects.filter(tenant=tenant).count() == JOBS
    assert Member.objects.filter(tenant=tenant).count() == 6
    assert ApiKey.objects.filter(tenant=tenant).count() == 12


def test_all_of_it_is_sound(capsys):
    filled(capsys)
    assert faults() == []


def test_its_usage_is_what_counting_anew_gives(capsys):
    made = filled(capsys)
    before = usage()
    assert counting.rebuild(Tenant.objects.get(slug=made["tenant"])) == JOBS
    assert usage() == before
    assert not Settlement.objects.filter(is_due=True).exists()


def test_everything_has_ended_and_every_end_occurs(capsys):
    filled(capsys)
    assert set(Settlement.objects.values_list("verdict", flat=True)) == {"done", "failed", "cancelled", "lost"}
    assert not Job.objects.moving().exists()


def test_the_same_seed_is_the_same_history(capsys):
    columns = ("member_id", "key_id", "media_model_id", "price_key", "state", "credits", "created_at", "ended_at")
    told = []
    for _ in range(2):
        made = filled(capsys, name=f"Studio {len(told)}")
        tenant = Tenant.objects.get(slug=made["tenant"])
        people = list(tenant.members.order_by("pk").values_list("pk", flat=True))
        keys = list(tenant.api_keys.order_by("pk").values_list("pk", flat=True))
        jobs = Job.objects.filter(tenant=tenant).order_by("pk").values_list(*columns)
        told.append([(m and people.index(m), k and keys.index(k), *rest) for m, k, *rest in jobs])
    assert told[0] == told[1]


def test_what_happens_afterwards_goes_on_from_there(capsys):
    made = filled(capsys)
    member = Member.objects.filter(tenant__slug=made["tenant"], role="user").first()
    ledger.grant(member, credits=10, reference="grant:afterwards", actor="system")
    assert faults() == []


def test_pages_show_it(capsys, client):
    made = filled(capsys)
    owner = Member.objects.get(tenant__slug=made["tenant"], role="owner")
    client.force_login(owner.person)
    for page in ("", "gallery/", "jobs/", "credits/", "keys/", "members/"):
        assert client.get(f"/t/{made['tenant']}/{page}").status_code == 200
    output = Output.objects.order_by("-created_at").first()
    assert client.get(f"/t/{made['tenant']}/gallery/{output.public_id}/").status_code == 200


def test_a_tenant_with_a_past_is_left_alone(capsys):
    tenant = Tenant.objects.get(slug=filled(capsys)["tenant"])
    plan = Plan(jobs=JOBS, days=3, until=clock.now(), seed="another")
    assert not history.write(tenant, plan, keeping=Keeping(0, are_all=False), note="")
    assert Job.objects.count() == JOBS


def test_indexes_and_keys_that_were_taken_away_are_there_again(capsys, monkeypatch):
    before = _shape()
    monkeypatch.setattr(tables, "_MANY", 1)
    filled(capsys)
    assert _shape() == before
    assert faults() == []


def _shape():
    names = [model._meta.db_table for model in tables.COLUMNS]
    with connection.cursor() as cursor:
        return {name: connection.introspection.get_constraints(cursor, name) for name in names}


@pytest.mark.parametrize(("word", "number"), [("jobs", 0), ("days", 0), ("members", 0), ("keys", -1)])
def test_nonsense_is_refused(capsys, word, number):
    with pytest.raises(CommandError, match=f"--{word}"):
        filled(capsys, **{word: number})


def test_production_is_asked_twice(capsys, settings):
    settings.IS_EMBEDDED = False
    with pytest.raises(CommandError, match="--yes"):
        filled(capsys)
    assert filled(capsys, yes=True)["jobs"] == JOBS
