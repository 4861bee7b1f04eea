"""What happened, in the order it happened. Rows are only ever added."""

from django.db import models

from revidweb.lib import clock


class TrailRow(models.Model):
    """One fact: who did what to what, and the numbers behind it. Things are named by text, so any room may write."""

    tenant = models.CharField(max_length=40, help_text="The tenant's public id.")
    actor = models.CharField(max_length=60, help_text='"member:mem_…", "person:per_…" or "system".')
    what = models.CharField(max_length=60, help_text='A deed in the past tense, "job.submitted".')
    about = models.CharField(max_length=80, help_text='The thing, "job:job_…".')
    facts = models.JSONField(default=dict)
    at = models.DateTimeField(default=clock.now)

    class Meta:
        indexes = [
            models.Index(fields=["about", "id"], name="trail_about"),
            models.Index(fields=["tenant", "id"], name="trail_tenant"),
            models.Index(fields=["what", "id"], name="trail_what"),
        ]

    def __str__(self) -> str:
        return f"{self.what} {self.about}"
