"""Bring what a job starts from to the provider, once for each connection."""

from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.db import transaction

from revidweb.connections import budget
from revidweb.connections.models import Credential
from revidweb.files import fetching, intake, storage
from revidweb.files.models import Purpose, StoredFile
from revidweb.lib import clock
from revidweb.providers import registry
from revidweb.providers.base import Provider, ProviderBusy, ProviderRefused

from . import orders
from .models import Attempt, Job, JobInput, UploadedInput, account_with


@dataclass
class Brought:
    """Where a job's files stand at the provider, by their primary keys. reused: rows that an earlier job made."""

    addresses: dict[int, str] = field(default_factory=dict)
    reused: list[int] = field(default_factory=list)

    def forget_reused(self) -> bool:
        """The provider may have lost what it is told to use: bring it anew. Whether there was anything to forget.

        Of several jobs that were told to use the same, one deletes the row, and all bring it anew.
        """
        reused, self.reused = self.reused, []
        UploadedInput.objects.filter(pk__in=reused).delete()
        return bool(reused)


def fetch(job: Job) -> None:
    """Bring addressed inputs here. Repeatable: what is here already stays.

    Raises Refusal for an address that will never do, and fetching.FetchFailed where a later try may work.
    """
    for row in job.inputs.filter(file__isnull=True):
        _fetch(job, row)


def bring(job: Job) -> Brought:
    """Bring the job's files to its provider, if that takes uploads; what is there already is used again.

    Two jobs at once may both bring a file; the first address stands, for both. Raises the four errors of providers.
    """
    brought = Brought()
    provider = registry.provider(job.connection.provider)
    credential = job.connection.credential
    if credential is None or not provider.takes_uploads:
        return brought
    for row in job.inputs.select_related("file"):
        if row.file and row.file.pk not in brought.addresses:
            _bring(job, row.file, brought, provider, credential)
    return brought


def addresses(job: Job, attempt: Attempt) -> dict[int, str]:
    """Where the job's files stood when its order was sent, by their primary keys; empty unless known of all of them.

    What was brought anew since then is not known any more.
    """
    if attempt.credential is None:
        return {}
    sent_at, names = attempt.sent_at, set(job.inputs.values_list("file", flat=True))
    there = UploadedInput.objects.filter(connection=attempt.connection_id, base_url=attempt.credential.base_url)
    used = there.filter(at__lte=sent_at, at__gt=sent_at - timedelta(seconds=settings.UPLOAD_REUSE_S))
    known = dict(used.filter(file__in=names).values_list("file", "address")) if names else {}
    return known if known.keys() == names else {}


def _bring(job: Job, file: StoredFile, brought: Brought, provider: Provider, credential: Credential) -> None:
    known = _known(job, file, credential)
    if known:
        brought.reused.append(known.pk)
        brought.addresses[file.pk] = known.address
        return
    if not budget.take_all(credential, provider.requests.upload, rank=budget.Rank.SEND):
        raise ProviderBusy("too many requests", retry_after_s=max(1, budget.resting_s(credential)))
    try:
        address = provider.upload(account_with(job.connection, credential), orders.carried(file))
    except ProviderRefused as refused:
        if refused.code != "no_upload":
            raise
        return  # the order carries the bytes
    kept = _kept(job, file, credential, address)
    brought.addresses[file.pk] = kept.address
    if kept.address != address:
        brought.reused.append(kept.pk)


def _known(job: Job, file: StoredFile, credential: Credential) -> UploadedInput | None:
    """An upload that is young enough to be there still."""
    there = UploadedInput.objects.filter(file=file, connection=job.connection, base_url=credential.base_url)
    return there.filter(at__gt=clock.ago(settings.UPLOAD_REUSE_S)).first()


def _kept(job: Job, file: StoredFile, credential: Credential, address: str) -> UploadedInput:
    """The upload that stands: this one, unless another job brought the file in the meantime.

    So a row says where a file stood for every order that was sent while it was young.
    """
    place = {"file": file, "connection": job.connection, "base_url": credential.base_url}
    old = UploadedInput.objects.filter(**place, at__lte=clock.ago(settings.UPLOAD_REUSE_S))
    old.update(address=address, at=clock.now())
    return UploadedInput.objects.get_or_create(**place, defaults={"address": address})[0]


def _fetch(job: Job, row: JobInput) -> None:
    with storage.scratch() as folder:
        path = folder / "input"
        fetching.fetch(row.url, path, max_bytes=settings.UPLOAD_MAX_BYTES)
        file = intake.take_in(
            path,
            tenant=job.tenant,
            member=job.member,
            key=job.key.public_id if job.key else "",
            purpose=Purpose.INPUT,
            stem=f"inputs/{job.tenant.public_id}/{job.public_id}/{row.position}",
        )
    with transaction.atomic():
        if JobInput.objects.select_for_update().filter(pk=row.pk, file__isnull=True).exists():
            file.save()
            JobInput.objects.filter(pk=row.pk).update(file=file)
