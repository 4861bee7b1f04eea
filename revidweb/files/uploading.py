"""Uploads: every input that somebody brings, at once or in steps, is a row until it is a stored file.

```
waiting > received > processing > ready       its bytes are put to a signed address, confirmed, and looked at
                     processing > ready       brought at once, or fetched from an address
                     processing > failed      it is no input, or its address never delivers
```
Whoever works on one holds its lease; the tick takes up again what a crash left.
"""

import shutil
from collections import Counter
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from celery import shared_task
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import F

from revidweb.accounts.actors import Actor
from revidweb.lib import clock, wake
from revidweb.lib.refusal import Refusal

from . import fetching, intake, limits, links, receiving, storage, tidying
from .models import MediaKind, Purpose, StoredFile, Upload, UploadState

FIELD = "file"
TRIES_MOST = 5
PUTS_MOST = 10
MESSAGE_LIFE_S = 30
MOST_AT_ONCE, MOST_OF_A_TENANT = 6, 2  # fetched at the same time: a slow address holds a thread of the worker
_DUE_ROWS = 1000
_OPEN = (UploadState.WAITING, UploadState.RECEIVED)


def keep(actor: Actor, upload: "UploadedFile[bytes]", *, field: str = "input_image") -> StoredFile:
    """Keep an image that a member or a key gives as an input; the same content again is the file that is there.

    Each has files of its own: what a key brings is not mixed with what its member brings, or another key.
    Raises Refusal at `field` with what `bring` refuses; no file is kept then.
    """
    file = bring(actor, upload, field=field).file
    assert file is not None, "the database lets no upload be ready without a file"
    return file


def bring(actor: Actor, upload: "UploadedFile[bytes]", *, field: str = FIELD) -> Upload:
    """Keep an image as `keep` does; the upload that it was, ready. A repeat is another upload of the same file.

    Raises Refusal at `field`: what `limits.check` refuses, and then nothing is written; what `intake.take_in` refuses,
    and then the upload failed, for to look at it was work that counts.
    """
    with intake.refused_at(field):
        limits.check(actor, size_bytes=upload.size or 0)
        row = _begun(actor, UploadState.PROCESSING, name=upload.name or "", lease_until=_leased(), tries=1)
        try:
            with storage.scratch() as folder:
                file = _looked_at(row, intake.received(upload, folder))
        except Refusal as refusal:
            _fail(row, refusal)
            raise
        return _good(_finish(row, file))


def presign(actor: Actor, *, filename: str) -> Upload:
    """Begin an upload whose bytes are put to the address of `links.sign_upload`. A repeat begins another one.

    Raises Refusal: what `limits.check` refuses.
    """
    limits.check(actor)
    return _begun(actor, UploadState.WAITING, name=filename)


def receive(upload: Upload, body: receiving.Readable, *, declared: int | None) -> int:
    """Take the bytes of a presigned upload; how many there were. Until it is confirmed, others replace them.

    declared: how many bytes the sender promised, if it did. Raises Refusal "upload_over" once it was confirmed,
    "upload_tried_out" (fact most: times that bytes may be sent, whether they arrive or not), what `receiving.write`
    refuses, and "disk_full".
    """
    _count_put(upload)
    with storage.scratch() as folder:
        path = folder / "body"
        size_bytes = receiving.write(body, path, declared=declared)
        limits.check_disk(upload.tenant, size_bytes=size_bytes - upload.size_bytes)
        with path.open("rb") as content:
            storage.place(content, tidying.raw(upload))
    _note_received(upload, size_bytes)
    return size_bytes


def confirm(upload: Upload) -> Upload:
    """Make an input of what was received: the upload as it stands now, ready; processing while another is at it.

    A repeat answers the same, and refuses the same. Raises Refusal "upload_not_received", and what `intake.take_in`
    refuses.
    """
    claimed = _claim(upload.pk, UploadState.RECEIVED)
    ended = _work(claimed) if claimed else _now(upload)
    if ended.state == UploadState.WAITING:
        raise Refusal("upload_not_received")
    return _good(ended)


def from_url(actor: Actor, *, url: str, kind: str = MediaKind.IMAGE) -> Upload:
    """Let the worker fetch an image; ready at once where the address is one of ours. A repeat fetches anew.

    Raises Refusal "only_images" (field type); at the field url what `links.own` and `fetching.check` refuse, and
    "not_an_image"; and what `limits.check` refuses.
    """
    if kind != MediaKind.IMAGE:
        raise Refusal("only_images", field="type")
    own = _own(actor, url)
    limits.check(actor)
    if own:
        return _begun(actor, UploadState.READY, name=own.name, file=own)
    upload = _begun(actor, UploadState.PROCESSING, url=url)
    wake.up(work, upload.pk)
    return upload


def refusal_of(upload: Upload) -> Refusal:
    """Why a failed upload failed, as it was refused then."""
    return Refusal(upload.error, field="url" if upload.url else FIELD, **upload.facts)


@shared_task
def tick() -> None:
    """Wake the work on uploads that wait for it, and let those vanish that nobody wants any more."""
    _wake_due()
    tidying.sweep()


@shared_task
def work(upload_id: int) -> None:
    """Fetch an upload, or finish what a crash left half done. Of two runs only one claims the row."""
    if _is_crowded(upload_id):
        return  # whoever ends next, and the tick, come back to it
    upload = _claim(upload_id, UploadState.PROCESSING)
    if upload is not None:
        with suppress(Refusal):  # it vanished meanwhile
            _work(upload)
        _wake_due()


# -- whose turn it is -------------------------------------------------------------------------------------------------


def _wake_due() -> None:
    """Wake what is due, the longest waiting first, of each tenant no more than may be at work."""
    due = Upload.objects.free().filter(state=UploadState.PROCESSING, next_look_at__lte=clock.now())
    woken: Counter[int] = Counter()
    for pk, tenant in due.order_by("next_look_at").values_list("pk", "tenant")[:_DUE_ROWS]:
        woken[tenant] += 1
        if woken[tenant] <= MOST_OF_A_TENANT:
            wake.up(work, pk, expires=MESSAGE_LIFE_S)


def _is_crowded(upload_id: int) -> bool:
    """Whether as many are fetched as may be, in all or for the tenant of this one."""
    at_work = Upload.objects.filter(state=UploadState.PROCESSING, lease_until__gte=clock.now()).exclude(url="")
    tenants = list(at_work.values_list("tenant", flat=True))
    mine = Upload.objects.filter(pk=upload_id).values_list("tenant", flat=True).first()
    return len(tenants) >= MOST_AT_ONCE or tenants.count(mine or 0) >= MOST_OF_A_TENANT


def _claim(upload_id: int, state: UploadState) -> Upload | None:
    """The upload for one more try, if it is in that state and nobody is at it."""
    mine = Upload.objects.free().filter(pk=upload_id, state=state)
    tries = 1 if state == UploadState.RECEIVED else F("tries") + 1
    if not mine.update(state=UploadState.PROCESSING, lease_until=_leased(), tries=tries):
        return None
    return Upload.objects.select_related("tenant", "member").get(pk=upload_id)


def _leased() -> datetime:
    return clock.after(settings.LEASE_S + settings.FETCH_TIMEOUT_S)


# -- the work on one --------------------------------------------------------------------------------------------------


def _begun(actor: Actor, state: UploadState, *, name: str = "", **fields: Any) -> Upload:
    key = actor.key.public_id if actor.key else ""
    whose = {"tenant": actor.tenant, "member": actor.member, "key": key}
    return Upload.objects.create(**whose, state=state, name=intake.clean_name(name), **fields)


def _own(actor: Actor, url: str) -> StoredFile | None:
    """The picture behind an address of ours; None for one to be fetched."""
    with intake.refused_at("url"):
        file = links.own(actor, url)
        if file is None:
            fetching.check(url)
        elif file.kind != MediaKind.IMAGE:
            raise Refusal("not_an_image")
        return file


def _count_put(upload: Upload) -> None:
    """One more that sends the bytes. Whoever confirms them begins to count anew."""
    mine = Upload.objects.filter(pk=upload.pk, state__in=_OPEN)
    if mine.filter(tries__lt=PUTS_MOST).update(tries=F("tries") + 1):
        return
    if mine.exists():
        raise Refusal("upload_tried_out", most=PUTS_MOST)
    raise Refusal("upload_over")


def _note_received(upload: Upload, size_bytes: int) -> None:
    """Write down that the bytes are there; if it was confirmed or vanished meanwhile, nobody wants them."""
    mine = Upload.objects.filter(pk=upload.pk)
    received = {"state": UploadState.RECEIVED, "path": tidying.raw(upload), "size_bytes": size_bytes}
    if mine.filter(state__in=_OPEN).update(**received):
        return
    if not mine.filter(state=UploadState.PROCESSING).exists():  # who looks at them may still read them
        storage.delete(tidying.raw(upload))
    raise Refusal("upload_over")


def _work(upload: Upload) -> Upload:
    """One try of a claimed upload; how it stands afterwards."""
    try:
        with storage.scratch() as folder:
            file = _looked_at(upload, _brought(upload, folder / "input"))
    except Refusal as refusal:
        return _fail(upload, refusal)
    except fetching.FetchFailed as failed:
        return _later(upload, failed)
    return _finish(upload, file)


def _brought(upload: Upload, path: Path) -> Path:
    """The upload's bytes in a file of ours. Raises Refusal and fetching.FetchFailed."""
    if upload.tries > TRIES_MOST:  # nobody who tried lived to say why
        raise Refusal("file_broken")
    if upload.url:
        fetching.fetch(upload.url, path, max_bytes=settings.UPLOAD_MAX_BYTES)
        limits.check_disk(upload.tenant, size_bytes=path.stat().st_size)
        return path
    try:
        with storage.read(tidying.raw(upload)) as content, path.open("wb") as copy:
            shutil.copyfileobj(content, copy)
    except FileNotFoundError:
        raise Refusal("upload_not_received") from None
    return path


def _looked_at(upload: Upload, path: Path) -> StoredFile:
    """The file, placed, its row unsaved. Raises what `intake.take_in` refuses; nothing is placed then."""
    return intake.take_in(
        path,
        tenant=upload.tenant,
        member=upload.member,
        key=upload.key,
        purpose=Purpose.INPUT,
        stem=tidying.stem(upload, upload.tries),
        name=upload.name,
    )


def _finish(upload: Upload, file: StoredFile) -> Upload:
    """End the upload with this file, or with the one that has the same content."""
    with transaction.atomic():
        mine = Upload.objects.filter(pk=upload.pk, state=UploadState.PROCESSING)
        if mine.select_for_update().exists():
            kept = _same_content(file) or _saved(file)
            mine.update(state=UploadState.READY, file=kept)
    return _ended(upload)


def _same_content(file: StoredFile) -> StoredFile | None:
    """What the same key or member brought before. Each has files of its own: they see no others."""
    mine = StoredFile.objects.present().filter(tenant=file.tenant, member=file.member, key=file.key)
    return mine.filter(purpose=file.purpose, sha256=file.sha256).order_by("pk").first()


def _saved(file: StoredFile) -> StoredFile:
    file.save()
    return file


def _fail(upload: Upload, refusal: Refusal) -> Upload:
    mine = Upload.objects.filter(pk=upload.pk, state=UploadState.PROCESSING)
    mine.update(state=UploadState.FAILED, error=refusal.code, facts=refusal.facts)
    return _ended(upload)


def _later(upload: Upload, failed: fetching.FetchFailed) -> Upload:
    """An address that does not answer gets a few more chances."""
    if upload.tries >= TRIES_MOST:
        return _fail(upload, Refusal("address_silent"))
    next_look_at = clock.after(failed.wait_s * upload.tries)
    Upload.objects.filter(pk=upload.pk).update(next_look_at=next_look_at, lease_until=None)
    return upload


def _ended(upload: Upload) -> Upload:
    """How the upload ended, by this try or a faster one; what nobody needs of it is deleted."""
    ended = Upload.objects.select_related("tenant", "file").filter(pk=upload.pk).first()
    if ended is None:
        tidying.clear(upload)
        raise Refusal("upload_over")
    tidying.close(ended)
    return ended


def _now(upload: Upload) -> Upload:
    return Upload.objects.select_related("tenant", "file").get(pk=upload.pk)


def _good(upload: Upload) -> Upload:
    """The upload, unless it failed. Raises Refusal: why."""
    if upload.state == UploadState.FAILED:
        raise refusal_of(upload)
    return upload
