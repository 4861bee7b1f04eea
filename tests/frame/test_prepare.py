"""One command makes an installation ready."""

import socket

import pytest
from django.core.management import CommandError, call_command

from revidweb.jobs.states import State
from revidweb.lib import clock
from revidweb.management.commands.prepare import forget_past_run, refuse_taken_port
from tests.library.makers import a_job


def test_a_port_that_is_taken_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CommandError, match=f"Cannot listen on 127.0.0.1:{port} .* Set PORT or HOST"):
            refuse_taken_port("127.0.0.1", port)
    refuse_taken_port("127.0.0.1", port)


@pytest.mark.django_db
def test_what_a_past_run_left_is_forgotten(settings, tmp_path):
    settings.SPOOL_DIR = tmp_path / "broker"
    (settings.SPOOL_DIR / "poll").mkdir(parents=True)
    job = a_job(state=State.STORING, lease_until=clock.after(60))
    forget_past_run()
    job.refresh_from_db()
    assert job.lease_until <= clock.now()
    assert not settings.SPOOL_DIR.exists()


def test_every_change_of_a_model_has_its_migration(db):
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)
