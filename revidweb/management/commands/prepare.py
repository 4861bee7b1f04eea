"""`manage.py prepare`: make the installation ready to start. Safe to run again at any time."""

import shutil
import socket
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from revidweb import demo
from revidweb.catalog import loading
from revidweb.jobs import sweep
from revidweb.stats import counting

from .demo import as_text


class Command(BaseCommand):
    help = "Migrate, collect static files, load the catalog and count usage; embedded also make the demo."

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.IS_EMBEDDED:
            refuse_taken_port(settings.HOST, settings.PORT)
        call_command("migrate", interactive=False, verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        if settings.IS_EMBEDDED:
            call_command("createcachetable", database="cache", verbosity=0)
            forget_past_run()
        loading.load()
        counting.begin()
        if settings.IS_EMBEDDED:
            self.stdout.write(f"\nrevidweb starts at {as_text(demo.make())}\nCtrl-C stops it.\n")


def forget_past_run() -> None:
    """What the processes of a past run left behind: wake-ups (the rows know what is to do) and leases."""
    shutil.rmtree(settings.SPOOL_DIR, ignore_errors=True)
    sweep.free_leases()


def refuse_taken_port(host: str, port: int) -> None:
    """Raise CommandError where somebody listens already: two installations on one port would answer in turns."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CommandError(f"Cannot listen on {host}:{port} ({error.strerror}). Set PORT or HOST.") from None
