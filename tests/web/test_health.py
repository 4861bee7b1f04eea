"""What watches over the processes is told the truth, and no secret."""

import pytest
from django.core.files.storage import default_storage

from revidweb.web.views import health


def test_healthz_answers_without_asking_the_database(client):
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
def test_readyz_is_ready_when_all_works(client):
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "failing": []})


@pytest.mark.django_db
def test_readyz_leaves_no_file_behind(client):
    client.get("/readyz")
    assert default_storage.listdir("ready")[1] == []


@pytest.mark.django_db
@pytest.mark.parametrize("name", health.CHECKS)
def test_readyz_names_what_fails_and_keeps_the_reason_to_itself(client, monkeypatch, name):
    def fail():
        raise OSError("postgres://someone:secret@host")

    monkeypatch.setitem(health.CHECKS, name, fail)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"status": "failing", "failing": [name]})


@pytest.mark.django_db
def test_readyz_sees_a_migration_that_is_missing(client, monkeypatch):
    monkeypatch.setattr(health.MigrationExecutor, "migration_plan", lambda executor, targets: [("credits", "0009")])
    assert client.get("/readyz").json()["failing"] == ["migrations"]


def test_readyz_says_so_when_the_database_is_out_of_reach(client):
    assert "database" in client.get("/readyz").json()["failing"]


@pytest.mark.parametrize("page", ["/healthz", "/readyz"])
def test_only_reading_is_allowed(client, page):
    assert client.post(page).status_code == 405


def test_probes_from_inside_are_not_sent_to_https(client, settings):
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/healthz").status_code == 200
