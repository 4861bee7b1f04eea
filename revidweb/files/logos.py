"""A tenant's logo: one small WebP under a name made from its content."""

import hashlib
import io
from functools import partial

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from revidweb.accounts.models import Tenant
from revidweb.lib.refusal import Refusal

from . import probe, storage, thumbs
from .intake import received, refused_at

CONTENT_TYPE = thumbs.CONTENT_TYPE
LOGO_PX = 256


def put(tenant: Tenant, upload: "UploadedFile[bytes]", *, field: str = "logo") -> None:
    """Make this image the tenant's logo, fitted into 256 px; transparency stays. The same one again changes nothing.

    Raises Refusal at `field` with one of the codes of `intake.take_in`.
    """
    with refused_at(field):
        content = _drawn(upload)
    name = f"logos/{tenant.public_id}/{hashlib.sha256(content).hexdigest()[:20]}.webp"
    storage.place(io.BytesIO(content), name)
    _change(tenant, name)


def remove(tenant: Tenant) -> None:
    """Take the tenant's logo away; a repeat changes nothing."""
    _change(tenant, "")


def _drawn(upload: "UploadedFile[bytes]") -> bytes:
    with storage.scratch() as folder, probe.decoding:
        path = received(upload, folder)
        if path.stat().st_size == 0:
            raise Refusal("file_empty")
        if not probe.sniff(path).startswith("image/"):
            raise Refusal("not_an_image")
        look = probe.look(path)
        return thumbs.encoded(look.picture, max_px=LOGO_PX, quality=90)


def _change(tenant: Tenant, name: str) -> None:
    with transaction.atomic():
        old = Tenant.objects.select_for_update().get(pk=tenant.pk).logo
        tenant.logo = name
        if old != name:
            tenant.save(update_fields=["logo", "changed_at"])
            transaction.on_commit(partial(storage.delete, old))
