"""What people do with results."""

from django.db import models

from revidweb.accounts.models import Member
from revidweb.jobs.models import Output
from revidweb.lib import clock


class Favourite(models.Model):
    """A result that a member marked."""

    member = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="favourites")
    output = models.ForeignKey(Output, on_delete=models.PROTECT, related_name="favourites")
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["member", "output"], name="favourite_once")]

    def __str__(self) -> str:
        return f"{self.member} {self.output}"
