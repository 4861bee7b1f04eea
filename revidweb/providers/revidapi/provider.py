"""RevidAPI as the house sees it."""

from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

from django.conf import settings

from revidweb.lib import download
from revidweb.lib.refusal import Refusal
from revidweb.providers.base import (
    Account,
    AccountRefused,
    Cancellation,
    Input,
    Kind,
    Limits,
    Order,
    Pace,
    ProviderBusy,
    ProviderError,
    ProviderRefused,
    Receipt,
    Requests,
    Sighting,
    Status,
)

from . import client, errors, finding, looking, pricelist, sending, shapes, uploads
from .client import Answer

_MODEL_LISTS = ("models", "data", "items", "results")
_PRICE_LISTS = ("pricing", "prices", "data", "items")
_BALANCES = ("balance", "credits", "current_balance")
_IMAGE_S, _VIDEO_S = 45.0, 90.0  # a usual job, as the documents and their users say
_SLOTS_MAX = 10_000


class RevidAPI:
    """The main upstream. A call is one request or a few, a search or an upload many; nothing is kept between them."""

    name = "revidapi"
    title = "RevidAPI"
    is_repeatable = False
    takes_uploads = True
    base_url = "https://ai.revidapi.com/v1"
    # /balance or /dashboard/me, and /limits; a signed upload is confirmed and looked at; prices may be a list apart.
    requests = Requests(account=3, check=4, models=2, upload=4, job_list=20, credit_log=40)

    def check(self, account: Account, *, timeout_s: float | None = None) -> Sequence[Mapping[str, object]]:
        """See that RevidAPI answers here and takes the key; its models come with it. At most four requests.

        Raises AccountRefused, ProviderBusy, ProviderRefused "not_the_provider", or Refusal "private_address" and
        "bad_address" of the base URL.
        """
        try:
            models = self._checked_models(account, timeout_s)
            self._check_key(account, timeout_s)
        except ProviderBusy as busy:
            raise (busy.__cause__ if isinstance(busy.__cause__, Refusal) else busy) from None
        return models

    def submit(self, account: Account, order: Order, *, attempt: int) -> Receipt:
        """Create the job: one request that is never repeated, whatever becomes of its answer. Raises all four."""
        return sending.send(account, order)

    def poll(self, account: Account, ticket: str) -> Sighting:
        """Look at one job. "No such job" is MISSING, in whichever form it is said.

        A failed job may come with results: upstream was seen to call jobs failed that it had finished.
        """
        answer = _look(account, "GET", f"/jobs/{client.quoted(ticket)}")
        if answer.status == 404 and not errors.is_page(answer):
            return Sighting(Status.MISSING, error=errors.reason_of(answer))
        if seen := looking.sighting(_good(answer)):
            return seen
        raise ProviderBusy("The answer says nothing about the job.")

    def cancel(self, account: Account, ticket: str) -> Cancellation:
        """Ask upstream to stop; not cancelled where it has ended, is not known, or where nobody can be asked to."""
        answer = _look(account, "POST", f"/jobs/{client.quoted(ticket)}/cancel")
        if not answer.is_good:
            refused = errors.of(answer)
            if isinstance(refused, ProviderRefused):
                return Cancellation(is_cancelled=False)
            raise refused
        seen = looking.sighting(answer.body)
        is_cancelled = seen is not None and seen.status is Status.CANCELLED
        return Cancellation(is_cancelled, refunded=looking.refunded(answer.body) if is_cancelled else None)

    def job_list(self, account: Account, *, most_requests: int) -> finding.JobList:
        """The account's jobs, newest first, see `finding.JobList`."""
        return finding.JobList(account, most_requests)

    def models(self, account: Account) -> Sequence[Mapping[str, object]]:
        """The models with their price rows, in the shape of the catalog's own files.

        Where models come without rows, `/models/pricing` fills them. Raises ProviderRefused "gone" where no list is.
        """
        return self._models(account, _good(client.ask(account, "GET", "/models")), None)

    def balance(self, account: Account) -> int:
        """Free credits, rounded down. Raises ProviderRefused "gone" where upstream tells none."""
        return _balance(account, None)

    def limits(self, account: Account) -> Limits:
        """The account's slots. Raises ProviderRefused "gone" where upstream tells none."""
        told = _good(client.ask(account, "GET", "/limits"))
        found = _limits(told)
        if found is None:
            raise ProviderRefused("It tells no limits.", code="gone")
        return found

    def upload(self, account: Account, file: Input) -> str:
        """Bring an input there, see `uploads.upload`."""
        return uploads.upload(account, file)

    def upload_from_url(self, account: Account, url: str, *, kind: str) -> str:
        """Let upstream fetch a public address itself, see `uploads.from_url`. kind: "image" or "video"."""
        return uploads.from_url(account, url, kind=kind)

    def fetch(self, account: Account, result: str, target: BinaryIO, *, max_bytes: int) -> None:
        """Write one result to `target`; the key does not travel there. Three quarters of LEASE_S bound it.

        Raises ProviderRefused for what will never come ("gone"; "failed": too large, no address), else ProviderBusy: a
        fresh result may not be readable yet.
        """
        try:
            download.fetch(result, target, max_bytes=max_bytes, timeout_s=settings.LEASE_S * 0.75)
        except download.FetchFailed as failed:
            raise ProviderBusy(failed.reason, retry_after_s=failed.wait_s) from None
        except Refusal as refusal:
            raise _undelivered(refusal) from refusal

    def pace(self, order: Order) -> Pace:
        """A picture every REVIDAPI_LOOK_S seconds, all else half as often."""
        is_image = order.kind is Kind.IMAGE
        look_s = settings.REVIDAPI_LOOK_S * (1 if is_image else 2)
        return Pace(first_s=look_s, interval_s=look_s, expected_s=_IMAGE_S if is_image else _VIDEO_S)

    def _checked_models(self, account: Account, timeout_s: float | None) -> Sequence[Mapping[str, object]]:
        """The models of a base URL that may be anything. Raises ProviderRefused "not_the_provider"."""
        answer = client.ask(account, "GET", "/models", timeout_s=timeout_s)
        if answer.is_good and shapes.entries(answer.body, *_MODEL_LISTS) is not None:
            return self._models(account, answer.body, timeout_s)
        error = errors.of(answer)
        is_page = answer.body is client.NOTHING
        if answer.is_good or answer.status < 400 or isinstance(error, ProviderRefused):
            raise _not_the_provider(answer)
        if is_page and isinstance(error, AccountRefused):  # any site may ask for a password
            raise _not_the_provider(answer)
        raise error

    def _check_key(self, account: Account, timeout_s: float | None) -> None:
        """Some hosts show their models to anybody."""
        try:
            _balance(account, timeout_s)
        except ProviderRefused:
            return  # it takes the key where models are asked for, and tells no balance

    def _models(self, account: Account, told: Any, timeout_s: float | None) -> Sequence[Mapping[str, object]]:
        listed = shapes.entries(told, *_MODEL_LISTS)
        if listed is None:
            raise ProviderRefused("It lists no models.", code="gone")
        has_all_rows = all(pricelist.rows_of(entry) for entry in listed)
        return pricelist.read(listed, () if has_all_rows else self._rows(account, timeout_s))

    def _rows(self, account: Account, timeout_s: float | None) -> Sequence[shapes.Body]:
        answer = client.ask(account, "GET", "/models/pricing", timeout_s=timeout_s)
        return shapes.entries(_unless_gone(answer), *_PRICE_LISTS) or ()


def _balance(account: Account, timeout_s: float | None) -> int:
    for path in ("/balance", "/dashboard/me"):
        answer = client.ask(account, "GET", path, timeout_s=timeout_s)
        told = shapes.first(_unless_gone(answer), *_BALANCES, inside=("data", "key", "user"))
        if (balance := shapes.floored(told)) is not None:
            return balance
    raise ProviderRefused("It tells no balance.", code="gone")


def _look(account: Account, method: str, path: str) -> Answer:
    """Many are asked in one round, which must not wait for one for long."""
    return client.ask(account, method, path, timeout_s=settings.REVIDAPI_LOOK_TIMEOUT_S)


def _good(answer: Answer) -> Any:
    if not answer.is_good:
        raise errors.of(answer)
    return answer.body


def _unless_gone(answer: Answer) -> Any:
    """The body, None where there is no such page. Raises what else the answer says."""
    if answer.is_good:
        return answer.body
    error = errors.of(answer)
    if isinstance(error, ProviderRefused):
        return None
    raise error


def _not_the_provider(answer: Answer) -> ProviderRefused:
    return ProviderRefused(errors.reason_of(answer), code="not_the_provider")


def _undelivered(refusal: Refusal) -> ProviderError:
    if refusal.code == "private_address":
        return ProviderBusy("The result is at an address that may not be dialled.", code="unreachable")
    if refusal.code in ("bad_address", "file_too_large"):
        return ProviderRefused(str(refusal), code="failed")
    if refusal.facts.get("status") == 410:
        return ProviderRefused(str(refusal), code="gone")
    return ProviderBusy(str(refusal))


def _limits(told: Any) -> Limits | None:
    """As far as they are told: a kind without slots of its own may use all."""
    slots, active = shapes.first(told, "limits") or told, shapes.first(told, "active", "current_usage")
    total = _slots(slots, "total_concurrent", "total", "max_concurrent")
    if total is None:
        return None
    image, video = _slots(slots, "image_concurrent", "image"), _slots(slots, "video_concurrent", "video")
    return Limits(
        total=total,
        image=total if image is None else image,
        video=total if video is None else video,
        active_total=_slots(active, "total", "total_concurrent") or 0,
        active_image=_slots(active, "image", "image_concurrent") or 0,
        active_video=_slots(active, "video", "video_concurrent") or 0,
    )


def _slots(told: Any, *names: str) -> int | None:
    number = shapes.whole(shapes.first(told, *names))
    return None if number is None else min(number, _SLOTS_MAX)
