"""Stored files: inputs that people gave and outputs that jobs made."""

from functools import partial

from django.db import models
from django.db.models import Q

from revidweb.accounts.actors import Actor
from revidweb.accounts.models import Member, Tenant
from revidweb.lib import clock, ids


class Purpose(models.TextChoices):
    """Why a file is kept."""

    INPUT = "input", "input"
    OUTPUT = "output", "output"


class MediaKind(models.TextChoices):
    """What a file holds, told by its content, never by its name."""

    IMAGE = "image", "image"
    VIDEO = "video", "video"


class StoredFileQuerySet(models.QuerySet["StoredFile"]):
    """Lists of files."""

    def visible_to(self, actor: Actor) -> "StoredFileQuerySet":
        """The tenant's files to those who see all, one's own to others; a key sees what came by it."""
        return self.filter(actor.scope(key="public_id"))

    def present(self) -> "StoredFileQuerySet":
        """Those that were not deleted."""
        return self.filter(deleted_at__isnull=True)


class StoredFile(models.Model):
    """One file in the storage, with what its content says. A deleted one keeps its row and loses its bytes."""

    public_id = models.CharField(max_length=40, unique=True, default=partial(ids.new, "fil"), editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="files")
    member = models.ForeignKey(Member, on_delete=models.PROTECT, null=True, related_name="files")
    key = models.CharField(max_length=40, blank=True, help_text="The public id of the key by which it came.")
    purpose = models.CharField(max_length=8, choices=Purpose.choices)
    kind = models.CharField(max_length=8, choices=MediaKind.choices)
    content_type = models.CharField(max_length=40)
    name = models.CharField(max_length=120, blank=True, help_text="As the person called it, for download.")
    size_bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    duration_ms = models.PositiveIntegerField(null=True, help_text="Clips only.")
    has_audio = models.BooleanField(default=False)
    path = models.CharField(max_length=200, unique=True, help_text="Its name in the storage.")
    thumb_path = models.CharField(max_length=200, help_text="A WebP of at most 640 px; of a clip, its first frame.")
    poster_path = models.CharField(max_length=200, blank=True, help_text="Clips only: the first frame in full size.")
    blur = models.TextField(blank=True, help_text="A tiny data: URL that stands in while the picture loads.")
    created_at = models.DateTimeField(default=clock.now)
    deleted_at = models.DateTimeField(null=True, blank=True)
    erased_at = models.DateTimeField(null=True, blank=True, help_text="When the bytes were seen to be gone.")

    objects = StoredFileQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["tenant", "sha256"], name="file_same_content"),
            models.Index(fields=["key", "-id"], name="file_of_key"),
            models.Index(fields=["tenant", "purpose"], name="file_purpose"),
            models.Index(
                fields=["deleted_at"],
                condition=Q(deleted_at__isnull=False, erased_at__isnull=True),
                name="file_to_erase",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.public_id} {self.content_type}"

    @property
    def names(self) -> list[str]:
        """Everything of it in the storage: the file, its thumbnail, and a clip's poster."""
        return [name for name in (self.path, self.thumb_path, self.poster_path) if name]


class UploadState(models.TextChoices):
    """Where a file stands that a program brings in steps."""

    WAITING = "waiting", "waiting"  # its bytes are to come, to the address that was signed for them
    RECEIVED = "received", "received"  # they came, and want to be confirmed
    PROCESSING = "processing", "processing"  # fetched from an address, or looked at
    READY = "ready", "ready"
    FAILED = "failed", "failed"


class UploadQuerySet(models.QuerySet["Upload"]):
    """Lists of uploads."""

    def visible_to(self, actor: Actor) -> "UploadQuerySet":
        """The tenant's uploads to those who see all, one's own to others; a key sees what came by it."""
        return self.filter(actor.scope(key="public_id"))

    def free(self) -> "UploadQuerySet":
        """Those that nobody is at."""
        return self.filter(Q(lease_until__isnull=True) | Q(lease_until__lt=clock.now()))


class Upload(models.Model):
    """A file on its way in. One that nobody confirms vanishes."""

    public_id = models.CharField(max_length=40, unique=True, default=partial(ids.new, "up"), editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="uploads")
    member = models.ForeignKey(Member, on_delete=models.PROTECT, null=True, related_name="uploads")
    key = models.CharField(max_length=40, blank=True, help_text="The public id of the key by which it comes.")
    state = models.CharField(max_length=10, choices=UploadState.choices)
    name = models.CharField(max_length=120, blank=True, help_text="As the program called it.")
    url = models.URLField(max_length=2000, blank=True, help_text="Where to fetch it from.")
    path = models.CharField(max_length=200, blank=True, help_text="Its received bytes in the storage, not yet proved.")
    size_bytes = models.PositiveBigIntegerField(default=0)
    file = models.ForeignKey(StoredFile, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    error = models.CharField(max_length=40, blank=True, help_text="A refusal's code.")
    facts = models.JSONField(default=dict, blank=True, help_text="The numbers behind the refusal.")
    tries = models.PositiveSmallIntegerField(default=0)  # of who puts its bytes; then of who looks at it
    next_look_at = models.DateTimeField(default=clock.now)
    lease_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    objects = UploadQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=UploadState.values), name="upload_state_known"),
            models.CheckConstraint(
                condition=~Q(state=UploadState.READY) | Q(file__isnull=False), name="upload_ready_has_file"
            ),
        ]
        indexes = [
            models.Index(fields=["state", "next_look_at"], name="upload_due"),
            models.Index(fields=["key", "created_at"], name="upload_of_key"),
            models.Index(fields=["member", "created_at"], name="upload_of_member"),
        ]

    def __str__(self) -> str:
        return f"{self.public_id} {self.state}"


EXTENSIONS = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/gif": ".gif",
    "video/mp4": ".mp4",
    "video/webm": ".webm",
}
