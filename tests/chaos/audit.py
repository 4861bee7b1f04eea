"""What an installation's rows, files and book say, as one JSON object: `python -m tests.chaos.audit`.

Runs with the installation's own settings, in a process of its own.
"""

import json
import os
import sys
from collections import Counter
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "revidweb.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.db.models import Count  # noqa: E402

from revidweb.credits.models import Hold, HoldState, Transfer  # noqa: E402
from revidweb.files.models import StoredFile  # noqa: E402
from revidweb.jobs.models import Attempt, AttemptState, Job, Output, Settlement  # noqa: E402
from revidweb.jobs.states import State  # noqa: E402


def audit() -> dict[str, object]:
    """Counts of what is there, and lists of what must not be."""
    done = Job.objects.filter(state=State.DONE)
    sent = Job.objects.filter(attempts__state=AttemptState.SENT).annotate(sent=Count("pk"))
    return {
        "jobs": {job.prompt: job.state for job in Job.objects.order_by("pk")},
        "moving": [str(job) for job in Job.objects.moving()],
        "attempts": Counter(Job.objects.values_list("attempts__state", flat=True)),
        "sent twice": [str(job) for job in sent.filter(sent__gt=1)],
        "done": done.count(),
        "outputs": Output.objects.count(),
        "done without one output": [str(job) for job in done.annotate(n=Count("outputs")).exclude(n=1)],
        "settlements": Settlement.objects.count(),
        "captures": Transfer.objects.filter(kind="capture").count(),
        "open holds": Hold.objects.filter(state=HoldState.OPEN).count(),
        "charged": sum(Settlement.objects.values_list("credits", flat=True)),
        "work": [_work(job) for job in Job.objects.order_by("pk").prefetch_related("attempts")],
        **_files(),
    }


def _work(job: Job) -> dict[str, object]:
    """What became of one job, here and by its attempts."""
    return {
        "job": str(job),
        "prompt": job.prompt,
        "state": job.state,
        "code": job.error_code,
        "is_late": job.late_at is not None,
        "attempts": [_attempt(attempt) for attempt in job.attempts.all()],
    }


def _attempt(attempt: Attempt) -> dict[str, object]:
    """cost: in the provider's credits."""
    return {
        "state": attempt.state,
        "ticket": attempt.ticket,
        "cost": (attempt.upstream_cost_micros or 0) / 1_000_000,
        "is_uncertain": attempt.is_cost_uncertain,
    }


def _files() -> dict[str, object]:
    """The rows' files against the disk."""
    media = Path(settings.STORAGES["default"]["OPTIONS"]["location"])
    there = {str(path.relative_to(media)) for path in media.rglob("*") if path.is_file() and ".parts" not in path.parts}
    known = {name for file in StoredFile.objects.present() for name in file.names}
    return {
        "files": StoredFile.objects.count(),
        "missing files": sorted(known - there),
        "orphan files": sorted(there - known),
    }


if __name__ == "__main__":
    json.dump(audit(), sys.stdout)
