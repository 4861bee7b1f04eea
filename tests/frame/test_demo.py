"""The demo is the same each time, is kept for its owner's eyes, and does not exist in production."""

import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from revidweb import demo
from revidweb.accounts import actors
from revidweb.accounts.models import Member, Person, Role, Tenant
from revidweb.catalog.models import Offer
from revidweb.credits import checking as book
from revidweb.credits import ledger
from revidweb.credits.models import Transfer
from revidweb.files import storage
from revidweb.filling import history
from revidweb.jobs import checking as work
from revidweb.jobs.models import Attempt, Job, Output
from revidweb.keys import checking, issuing, proving
from revidweb.keys.models import ApiKey
from revidweb.lib import clock
from revidweb.lib.refusal import Refusal
from revidweb.stats.models import UsageMonth

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def var(settings, tmp_path, monkeypatch):
    settings.VAR_DIR = tmp_path
    monkeypatch.setattr(history, "_PICTURES", 1)
    monkeypatch.setattr(demo, "JOBS", 60)
    return tmp_path


def printed(capsys):
    call_command("demo", "--json")
    return json.loads(capsys.readouterr().out)


def test_it_prints_where_to_go_and_how_to_sign_in(capsys, client, settings):
    made = printed(capsys)
    assert set(made) == {"url", "tenant", "owner", "member", "api_key", "budgeted_key", "owner_key"}
    assert (made["url"], made["tenant"]) == (settings.PUBLIC_URL, "demo")
    for who in ("owner", "member"):
        assert set(made[who]) == {"email", "password"}
        assert client.post("/accounts/login/", {"login": made[who]["email"], **made[who]}).status_code == 302
        assert client.session["_auth_user_id"] == str(Person.objects.get(email=made[who]["email"]).pk)
        client.logout()


def test_it_prints_the_same_each_time_and_makes_nothing_twice(capsys):
    assert printed(capsys) == printed(capsys)
    assert (Tenant.objects.count(), Member.objects.count()) == (1, 2)


def test_the_owner_operates_and_the_member_has_credits(capsys):
    printed(capsys)
    printed(capsys)
    owner, member = Member.objects.get(role=Role.OWNER), Member.objects.get(role=Role.USER)
    assert owner.person.is_staff
    assert owner.tenant.name == "Demo Studio"
    assert not member.person.is_staff
    assert ledger.wallet_of(member).free == demo.CREDITS


def test_its_keys_open_as_what_they_are_called(capsys):
    made = printed(capsys)
    keys = {word: checking.by_secret(made[word], address="") for word in ("api_key", "budgeted_key", "owner_key")}
    assert {word: (key.kind, key.member.role) for word, key in keys.items()} == {
        "api_key": ("shared", "user"),
        "budgeted_key": ("budgeted", "user"),
        "owner_key": ("shared", "owner"),
    }
    assert keys["budgeted_key"].wallet.free == demo.KEY_CREDITS
    assert printed(capsys) == made


def test_a_lost_secret_is_replaced_and_opens_no_more(capsys, var):
    before = printed(capsys)
    (var / "demo.json").unlink()
    after = printed(capsys)
    assert after["api_key"] != before["api_key"]
    assert checking.by_secret(after["api_key"], address="").name == "Demo key"
    with pytest.raises(Refusal, match="key_expired"):
        checking.by_secret(before["api_key"], address="")
    assert ApiKey.objects.count() == 3


def test_a_revoked_key_is_replaced(capsys, var):
    made = printed(capsys)
    key = checking.by_secret(made["budgeted_key"], address="")
    issuing.revoke(actors.of(key.member), key)
    again = printed(capsys)
    assert again["api_key"] == made["api_key"]
    assert checking.by_secret(again["budgeted_key"], address="").wallet.free == demo.KEY_CREDITS
    assert printed(capsys) == again


def test_a_kept_file_without_keys_gets_them(capsys, var):
    made = printed(capsys)
    older = {word: made[word] for word in ("url", "tenant", "owner", "member")}
    (var / "demo.json").write_text(json.dumps(older))
    again = printed(capsys)
    assert {word: again[word] for word in older} == older
    assert checking.by_secret(again["budgeted_key"], address="").wallet.free == demo.KEY_CREDITS


def test_the_demo_can_work_at_once(capsys):
    printed(capsys)
    assert Offer.objects.filter(connection__tenant__slug="demo").exists()


def test_it_has_a_past_of_sixty_days_once(capsys):
    printed(capsys)
    before = list(Job.objects.order_by("pk").values_list("public_id", flat=True))
    assert len(before) == demo.JOBS
    assert clock.now() - Job.objects.earliest("created_at").created_at > timedelta(days=demo.DAYS - 5)
    printed(capsys)
    assert list(Job.objects.order_by("pk").values_list("public_id", flat=True)) == before


def test_its_past_is_sound_counted_and_says_that_it_is_made_up(capsys):
    printed(capsys)
    assert [str(fault) for checks in (book, work, proving) for fault in checks.faults()] == []
    assert sum(UsageMonth.objects.values_list("jobs", flat=True)) == demo.JOBS
    assert not Attempt.objects.exclude(answer=demo.NOTE).exists()
    assert not Transfer.objects.filter(kind="capture").exclude(note=demo.NOTE).exists()


def test_its_latest_pictures_can_be_looked_at(capsys, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        printed(capsys)
    shown = Output.objects.present().select_related("file")
    assert shown.exists()
    assert all(storage.exists(name) for output in shown for name in output.file.names)


def test_a_demo_that_was_used_before_gets_no_past(capsys, monkeypatch):
    monkeypatch.setattr(history, "write", lambda *args, **options: False)
    printed(capsys)
    monkeypatch.undo()
    assert not Job.objects.exists()
    call_command("demo", "--json")
    assert not Job.objects.exists()


def test_it_has_no_past_where_none_is_wanted(capsys, settings):
    settings.DEMO_HISTORY = False
    call_command("demo")
    assert not Job.objects.exists()


def test_it_is_kept_for_its_owner_alone(capsys, var):
    made = printed(capsys)
    assert (var / "demo.json").stat().st_mode & 0o777 == 0o600
    assert json.loads((var / "demo.json").read_text()) == made


def test_a_deleted_file_means_new_passwords(capsys, var):
    before = printed(capsys)
    (var / "demo.json").unlink()
    after = printed(capsys)
    assert after["owner"]["password"] != before["owner"]["password"]
    assert Person.objects.get(email=demo.OWNER_EMAIL).check_password(after["owner"]["password"])
    assert after == printed(capsys)


def test_a_password_of_ones_own_stays(capsys):
    printed(capsys)
    owner = Person.objects.get(email=demo.OWNER_EMAIL)
    owner.set_password("my own long password")
    owner.save()
    printed(capsys)
    assert Person.objects.get(email=demo.OWNER_EMAIL).check_password("my own long password")


def test_it_prints_for_people_too(capsys):
    call_command("demo")
    assert demo.OWNER_EMAIL in capsys.readouterr().out


def test_there_is_none_in_production(settings, var):
    settings.IS_EMBEDDED = False
    with pytest.raises(CommandError, match="no demo in production"):
        call_command("demo", "--json")
    assert not (var / "demo.json").exists()
