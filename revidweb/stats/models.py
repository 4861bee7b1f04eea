"""Usage, counted: what ended in each hour, day and month of a tenant, by whom, by what and by how."""

from django.db import models
from django.db.models import Q

from revidweb.accounts.models import Tenant


class Dimension(models.TextChoices):
    """By what usage is told apart. `ALL` has the one value ""."""

    ALL = "all", "all"
    MEMBER = "member", "member"  # the value is a primary key, "0" for no member's
    KEY = "key", "key"  # a primary key, "0" for what came by no key
    MODEL = "model", "model"  # a primary key
    SERVER = "server", "server"
    KIND = "kind", "kind"
    CONNECTION = "connection", "connection"  # a primary key
    STATUS = "status", "status"  # done, failed or cancelled


class Grain(models.TextChoices):
    """How long a cell is."""

    HOUR = "h", "hour"
    DAY = "d", "day"
    MONTH = "m", "month"


class Figures(models.Model):
    """What is counted. A job counts when it *ended*, in the tenant's own hours, days and months.

    took_s: of done jobs, from the order to the result, in whole seconds together. took_4 … took_256: how many of them
    took at most so many seconds, and more than the bucket before.
    """

    jobs = models.IntegerField()
    done = models.IntegerField()
    failed = models.IntegerField()
    cancelled = models.IntegerField()
    credits = models.BigIntegerField()
    upstream_cost_micros = models.BigIntegerField()
    took_s = models.BigIntegerField()
    took_4 = models.IntegerField()
    took_8 = models.IntegerField()
    took_16 = models.IntegerField()
    took_32 = models.IntegerField()
    took_64 = models.IntegerField()
    took_128 = models.IntegerField()
    took_256 = models.IntegerField()

    class Meta:
        abstract = True


class UsageCell(Figures):
    """One value of one dimension in one scope and one stretch of time.

    Scopes: the tenant (member_id and key_id 0), a member (key_id 0), a key (member_id 0). day: the tenant's own; of a
    month its first. hour: how many whole hours after the day's midnight it began, 0 for days and months; a day that is
    longer or shorter for its clock change has more or fewer.
    """

    pk = models.CompositePrimaryKey("tenant_id", "member_id", "key_id", "dimension", "grain", "day", "hour", "value")
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, db_index=False, related_name="+")
    member_id = models.BigIntegerField()
    key_id = models.BigIntegerField()
    dimension = models.CharField(max_length=10)
    grain = models.CharField(max_length=1)
    day = models.DateField()
    hour = models.SmallIntegerField()
    value = models.CharField(max_length=20)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(dimension__in=Dimension.values), name="cell_dimension_known"),
            models.CheckConstraint(condition=Q(grain__in=Grain.values), name="cell_grain_known"),
            models.CheckConstraint(condition=Q(member_id=0) | Q(key_id=0), name="cell_of_one_scope"),
        ]

    def __str__(self) -> str:
        return f"{self.dimension} {self.value} {self.day} {self.grain}{self.hour}"


class UsageCross(Figures):
    """Every value of every dimension together, for filters that are combined. day: of a month its first."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, db_index=False, related_name="+")
    day = models.DateField()
    member_id = models.BigIntegerField()
    key_id = models.BigIntegerField()
    model_id = models.BigIntegerField()
    server = models.CharField(max_length=20)
    kind = models.CharField(max_length=8)
    connection_id = models.BigIntegerField()
    status = models.CharField(max_length=10)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.tenant_id} {self.day}"


CROSS = ("tenant_id", "day", "member_id", "key_id", "model_id", "server", "kind", "connection_id", "status")


def _narrowed(name: str) -> list[models.Index]:
    """For a range of days of one member, key or model; a range of all is what the primary key begins with."""
    return [
        models.Index(fields=["tenant", f"{one}_id", "day"], name=f"{name}_{one}") for one in ("member", "key", "model")
    ]


class UsageDay(UsageCross):
    """A day of it."""

    pk = models.CompositePrimaryKey(*CROSS)

    class Meta:
        indexes = _narrowed("usage_day")


class UsageMonth(UsageCross):
    """A month of it, so that a long range reads few rows."""

    pk = models.CompositePrimaryKey(*CROSS)

    class Meta:
        indexes = _narrowed("usage_month")


class UsageState(models.Model):
    """In which zone a tenant's usage is counted. Its row is locked by whoever counts."""

    tenant = models.OneToOneField(Tenant, on_delete=models.PROTECT, primary_key=True, related_name="usage_state")
    time_zone = models.CharField(max_length=64)
    built_at = models.DateTimeField(null=True, blank=True, help_text="When it was last counted anew.")

    def __str__(self) -> str:
        return f"{self.tenant_id} {self.time_zone}"
