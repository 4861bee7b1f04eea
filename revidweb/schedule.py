"""What the clock wakes, and how often. A tick that nobody took in time is worth nothing: the next one is coming."""

from typing import Any

from django.conf import settings


def _every(seconds: float, task: str) -> dict[str, Any]:
    return {"task": task, "schedule": seconds, "options": {"expires": max(seconds, 1)}}


SCHEDULE = {
    "dispatch": _every(settings.TICK_S, "revidweb.jobs.dispatch.tick"),
    "poll": _every(settings.TICK_S, "revidweb.jobs.poll.tick"),
    "find": _every(settings.TICK_S * 5, "revidweb.jobs.find.tick"),
    "store": _every(settings.TICK_S, "revidweb.jobs.store.tick"),
    "late": _every(settings.TICK_S * 5, "revidweb.jobs.late.tick"),
    "sweep": _every(settings.TICK_S * 5, "revidweb.jobs.sweep.tick"),
    "contact": _every(settings.TICK_S * 5, "revidweb.jobs.contact.tick"),
    "checkpoints": _every(settings.TICK_S * 300, "revidweb.credits.checkpoints.tick"),
    "keys": _every(settings.TICK_S * 15, "revidweb.keys.watching.tick"),
    "usage": _every(settings.TICK_S * 5, "revidweb.stats.counting.tick"),
    "usage moved": _every(settings.TICK_S * 30, "revidweb.stats.counting.rebuild_moved"),
    "usage hours": _every(3600, "revidweb.stats.counting.forget_hours"),
    "reconcile": _every(settings.TICK_S * 15, "revidweb.reports.reconcile.tick"),
    "reconcile nightly": _every(settings.TICK_S * 300, "revidweb.reports.nightly.tick"),
    "uploads": _every(settings.TICK_S * 5, "revidweb.files.uploading.tick"),
    "sync": _every(settings.TICK_S * 30, "revidweb.catalog.sync.tick"),
    "tell": _every(settings.TICK_S, "revidweb.notices.telling.tick"),
    "mail": _every(settings.TICK_S * 5, "revidweb.notices.mailing.tick"),
    "webhooks": _every(settings.TICK_S, "revidweb.notices.webhooks.tick"),
    "webhooks sweep": _every(settings.TICK_S * 300, "revidweb.notices.webhooks.sweep"),
    "sessions": _every(3600, "revidweb.accounts.sessions.sweep"),  # more often than the clock is begun anew
}
