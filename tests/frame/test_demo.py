"""The demo is the same each time, is kept for its owner's eyes, and does not exist in production."""

import json

import pytest
from django.core.management import CommandError, call_command

from revidweb import demo
from revidweb.accounts.models import Member, Person, Role, Tenant
from revidweb.catalog.models import Offer
from revidweb.credits import ledger

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def var(settings, tmp_path):
    settings.VAR_DIR = tmp_path
    return tmp_path


def printed(capsys):
    call_command("demo", "--json")
    return json.loads(capsys.readouterr().out)


def test_it_prints_where_to_go_and_how_to_sign_in(capsys, client, settings):
    made = printed(capsys)
    assert set(made) == {"url", "tenant", "owner", "member"}
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


def test_the_demo_can_work_at_once(capsys):
    printed(capsys)
    assert Offer.objects.filter(connection__tenant__slug="demo").exists()


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
