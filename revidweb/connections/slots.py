"""How many more jobs a connection takes."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Sum

from revidweb.accounts.models import Tenant
from revidweb.providers.base import Kind

from .models import Connection


@dataclass
class Free:
    """Free slots, counted down while they are given away. All kinds but images count as video, as upstream does."""

    total: int
    image: int
    video: int

    @classmethod
    def of(cls, connection: Connection, used: Mapping[str, int]) -> "Free":
        """What is left of the connection's limits. used: our jobs per kind that hold a slot; foreign ones count too."""
        images = used.get(Kind.IMAGE, 0)
        others = sum(used.values()) - images
        return cls(
            total=connection.total_slots - images - others - connection.foreign_total,
            image=connection.image_slots - images - connection.foreign_image,
            video=connection.video_slots - others - connection.foreign_video,
        )

    def take(self, kind: Kind) -> bool:
        """Give one slot to a job of this kind; False when none is free."""
        name = "image" if kind == Kind.IMAGE else "video"
        if self.total <= 0 or getattr(self, name) <= 0:
            return False
        self.total -= 1
        setattr(self, name, getattr(self, name) - 1)
        return True


@dataclass(frozen=True)
class Most:
    """How many jobs may run at once, in total, as images and as anything else."""

    total: int
    image: int
    video: int


def of_tenant(tenant: Tenant) -> Most:
    """The slots of all the tenant's connections that may take work together. One query."""
    names = ("total_slots", "image_slots", "video_slots")
    there = Connection.objects.filter(tenant=tenant).usable()
    sums = there.aggregate(**{f"sum_{name}": Sum(name) for name in names})
    return Most(*(sums[f"sum_{name}"] or 0 for name in names))
