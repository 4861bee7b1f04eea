"""Every setting is documented, and nonsense stops the start by name."""

import json
import os
import re
import subprocess
import sys

import pytest

from revidweb import env, start

PRODUCTION = {
    "REVIDWEB_MODE": "production",
    "SECRET_KEY": "x" * 50,
    "SEALING_KEYS": "y" * 50,
    "DATABASE_URL": "postgres://revidweb:secret@localhost/revidweb",
    "REDIS_URL": "redis://localhost:6379/0",
    "ALLOWED_HOSTS": "example.test",
}
READ = """
import json, sys
from revidweb import env, settings
print(json.dumps({"read": {read.name: read.default for read in env.READ.values()}, "port": settings.PORT}))
"""


def run(folder, code=READ, **settings):
    kept = {name: value for name, value in os.environ.items() if name not in env.READ}
    kept |= {"REVIDWEB_VAR": str(folder), "REVIDWEB_READ_DOTENV": "no"}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=env.BASE_DIR, env=kept | settings, capture_output=True, text=True, check=False
    )


def read(folder, **settings):
    return json.loads(run(folder, **settings).stdout)["read"]


def documented():
    lines = (env.BASE_DIR / ".env.example").read_text()
    return dict(re.findall(r"^#([A-Z_]+)=(.*)$", lines, flags=re.MULTILINE))


def test_the_example_lists_exactly_what_is_read(tmp_path):
    assert set(documented()) == set(read(tmp_path)) | set(read(tmp_path, **PRODUCTION))


def test_the_example_states_the_embedded_defaults(tmp_path):
    actual = read(tmp_path)
    assert {name: documented()[name] for name in actual} == actual


def test_each_line_of_the_example_is_explained():
    text = (env.BASE_DIR / ".env.example").read_text()
    assert len(re.findall(r"^# [^\n]+\.\n#[A-Z_]+=", text, flags=re.MULTILINE)) == len(documented())


def test_the_procfile_falls_back_to_the_same_defaults(tmp_path):
    lines, actual = " ".join(start.commands().values()), read(tmp_path)
    fallbacks = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", lines))
    assert fallbacks == {name: actual[name] for name in fallbacks}
    assert {"HOST", "PORT", "WEB_PROCESSES", "WEB_THREADS", "WORKER_THREADS", "RENDER_PROCESSES"} == set(fallbacks)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "70000"),
        ("TICK_S", "-1"),
        ("DEBUG", "perhaps"),
        ("REVIDWEB_MODE", "prod"),
        ("LOG_LEVEL", "LOUD"),
        ("UNKNOWN_DAYS", "3.5"),
        ("PUBLIC_URL", "studio.example.com"),
        ("PUBLIC_URL", "http://[::1"),
        ("TRUSTED_PROXIES", "10.0.0.0/8,proxy.example.com"),
    ],
)
def test_nonsense_is_refused_with_the_name_of_the_setting(tmp_path, name, value):
    ended = run(tmp_path, **{name: value})
    assert ended.returncode != 0
    assert f"{name} must be" in ended.stderr


@pytest.mark.parametrize("name", ["SECRET_KEY", "SEALING_KEYS", "DATABASE_URL", "REDIS_URL", "ALLOWED_HOSTS"])
def test_production_does_not_start_without(tmp_path, name):
    ended = run(tmp_path, **PRODUCTION | {name: ""})
    assert f"{name} must be set when REVIDWEB_MODE is production." in ended.stderr


def test_a_database_alone_does_not_make_it_production(tmp_path):
    code = "from revidweb import settings; print(settings.MODE)"
    assert run(tmp_path, code, DATABASE_URL=PRODUCTION["DATABASE_URL"]).stdout.strip() == "embedded"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, {"localhost", "127.0.0.1", "[::1]"}),
        ({"ALLOWED_HOSTS": "studio.lan"}, {"localhost", "127.0.0.1", "[::1]", "studio.lan"}),
        ({"PUBLIC_URL": "http://[fd00::1]:8000"}, {"localhost", "127.0.0.1", "[::1]", "[fd00::1]"}),
        (PRODUCTION | {"PUBLIC_URL": "https://Studio.example.test"}, {"example.test", "studio.example.test"}),
    ],
)
def test_the_own_hosts_are_those_allowed_the_public_one_and_embedded_this_machine(tmp_path, settings, expected):
    code = "from revidweb import settings; print(*settings.MAIN_HOSTS)"
    assert set(run(tmp_path, code, **settings).stdout.split()) == expected


def test_the_data_folder_and_its_secret_are_for_their_owner_alone(tmp_path):
    run(tmp_path / "data")
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "data/secrets/secret_key").stat().st_mode & 0o777 == 0o600


def test_the_secret_is_made_once(tmp_path):
    code = "from revidweb import settings; print(settings.SECRET_KEY)"
    first = run(tmp_path, code).stdout
    assert len(first) > 50
    assert run(tmp_path, code).stdout == first


def test_the_environment_wins_over_the_file(tmp_path, monkeypatch):
    monkeypatch.setenv("TICK_S", "9")
    monkeypatch.delenv("LEASE_S", raising=False)
    (tmp_path / ".env").write_text("TICK_S=5\nLEASE_S=7\n")
    env.environ.Env.read_env(tmp_path / ".env")
    assert (os.environ["TICK_S"], os.environ["LEASE_S"]) == ("9", "7")
    monkeypatch.delenv("LEASE_S")
