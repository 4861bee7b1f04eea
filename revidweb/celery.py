"""Celery: the engine that runs the steps. A message is only a wake-up; the database is the truth."""

import os
import signal
import warnings

from celery import Celery, signals
from celery.exceptions import SecurityWarning

from .lib import orphans

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "revidweb.settings")

# Celery warns of root because of pickled messages; ours are JSON.
warnings.filterwarnings("ignore", category=SecurityWarning)

app = Celery("revidweb")
app.config_from_object("django.conf:settings", namespace="CELERY")


@app.on_after_configure.connect
def set_the_clock(sender: Celery, **kwargs: object) -> None:
    """Give beat its schedule once the settings are read."""
    from .schedule import SCHEDULE

    sender.conf.beat_schedule = SCHEDULE


@signals.setup_logging.connect
def keep_the_logs(**kwargs: object) -> None:
    """The settings have configured the logs already; that somebody listens here keeps Celery's own hands off."""


@signals.worker_process_init.connect
def live_and_stop_with_the_parent(**kwargs: object) -> None:
    """A pool process ends when its parent was killed, and leaves an orderly stop to it.

    Ctrl-C in `make run` reaches the whole group; it must not tear a pool process from its work, because the parent
    lets the pool finish first.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    orphans.end_with_parent()
