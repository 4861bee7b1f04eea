"""What is wrong with an installation is said, with an id and a hint."""

import pytest

from revidweb import checks


@pytest.fixture
def production(settings, monkeypatch):
    """An installation in which nothing is wrong."""
    settings.IS_EMBEDDED = False
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.postgresql")
    settings.PUBLIC_URL = "https://studio.example.test"
    settings.MAIN_HOSTS = ["studio.example.test"]
    settings.SECRET_KEY = "x" * 50
    settings.BEHIND_PROXY = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    return settings


def ids(found):
    return [message.id for message in found]


def test_a_sound_production_passes(production):
    assert checks.production_is_safe(None) == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("DEBUG", True, "revidweb.E002"),
        ("MAIN_HOSTS", ["*"], "revidweb.E006"),
        ("SECRET_KEY", "short", "revidweb.E005"),
        ("PUBLIC_URL", "http://studio.example.test", "revidweb.W001"),
        ("BEHIND_PROXY", False, "revidweb.W002"),
        ("EMAIL_BACKEND", "django.core.mail.backends.filebased.EmailBackend", "revidweb.W003"),
    ],
)
def test_each_fault_of_production_is_named(production, name, value, expected):
    setattr(production, name, value)
    found = checks.production_is_safe(None)
    assert ids(found) == [expected]
    assert found[0].hint


def test_production_on_sqlite_is_named(production, monkeypatch):
    monkeypatch.setitem(production.DATABASES["default"], "ENGINE", "django.db.backends.sqlite3")
    assert ids(checks.production_is_safe(None)) == ["revidweb.E001"]


def test_the_embedded_mode_says_when_it_listens_to_the_world(settings):
    settings.HOST = "0.0.0.0"
    assert ids(checks.embedded_stays_at_home(None)) == ["revidweb.W004"]


def test_the_embedded_mode_on_loopback_passes(settings):
    assert checks.embedded_stays_at_home(None) == checks.production_is_safe(None) == []


def test_a_data_folder_that_cannot_be_written_is_named(settings, tmp_path):
    (tmp_path / "file").touch()
    settings.VAR_DIR = tmp_path / "file"
    assert ids(checks.data_folder_is_writable(None)) == ["revidweb.E003"]


def test_a_lease_that_ends_before_the_call_that_it_is_for_is_named(settings):
    assert checks.a_lease_outlasts_its_call(None) == []
    settings.SEND_LEASE_S, settings.REVIDAPI_CREATE_TIMEOUT_S = 239, 120
    [found] = checks.a_lease_outlasts_its_call(None)
    assert (found.id, "SEND_LEASE_S" in found.hint) == ("revidweb.W005", True)
