"""Celery: the engine that runs the steps. A message is only a wake-up; the database is the truth."""

import os

from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "revidweb.settings")

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
