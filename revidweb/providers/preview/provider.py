"""The preview provider as the house sees it. What it draws stands in picture.py and clip.py."""

import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import BinaryIO

from django.conf import settings

from revidweb.lib import clock
from revidweb.providers.base import (
    Account,
    Cancellation,
    Input,
    JobList,
    Kind,
    Limits,
    Mode,
    Order,
    OutcomeUnknown,
    Pace,
    ProviderRefused,
    Receipt,
    Requests,
    Sighting,
    Status,
)

from . import basis, clip, picture, sizes
from .ticket import NotATicket, Ticket, read, seal

_PREFIX = "preview:"
_BALANCE = 1_000_000  # credits: a preview never runs dry
_SEED_BITS = 48
_FROM_A_PICTURE = (Mode.I2I, Mode.I2V)


class _NoJobs:
    requests = 0

    def find(self, order: Order, *, since: datetime, until: datetime) -> Sequence[Receipt]:
        return ()


class Preview:
    """Draws instead of asking anybody. See the package for the words that play out trouble."""

    name = "preview"
    title = "Preview"
    is_repeatable = True
    takes_uploads = False
    base_url = ""
    requests = Requests()

    def check(self, account: Account, *, timeout_s: float | None = None) -> Sequence[Mapping[str, object]]:
        """There is nothing to check."""
        return ()

    def submit(self, account: Account, order: Order, *, attempt: int) -> Receipt:
        """Take the order; every submit gets its own seed, so a batch of four is four different pictures.

        Raises ProviderRefused ("moderated" or "input") and, for the word `lost` on attempt 1, OutcomeUnknown.
        """
        words = _words(order.prompt)
        if "moderated" in words:
            raise ProviderRefused("the prompt was moderated", code="moderated")
        ticket = seal(_ticket(order, words))
        if "lost" in words and attempt == 1:
            raise OutcomeUnknown("the answer was lost", code="lost")
        return Receipt(ticket)

    def poll(self, account: Account, ticket: str) -> Sighting:
        """Where the job stands by the clock; a text that is no ticket is a missing job."""
        try:
            job = read(ticket)
        except NotATicket:
            return Sighting(Status.MISSING)
        share = job.share(clock.now().timestamp())
        if share < 1:
            return Sighting(Status.WORKING, progress=int(share * 100))
        if job.is_to_fail:
            return Sighting(Status.FAILED, error="the preview failed, as its prompt asks", error_code="failed")
        return Sighting(Status.DONE, progress=100, results=(_PREFIX + ticket,))

    def cancel(self, account: Account, ticket: str) -> Cancellation:
        """Agree while the job runs. Nothing is kept, so polled again it would still be running."""
        is_running = self.poll(account, ticket).status is Status.WORKING
        return Cancellation(is_cancelled=is_running, refunded=is_running)

    def job_list(self, account: Account, *, most_requests: int) -> JobList:
        """Nothing: a preview that got no answer left nothing behind."""
        return _NoJobs()

    def models(self, account: Account) -> Sequence[Mapping[str, object]]:
        """Nothing: a preview offers what the catalog lists."""
        return ()

    def balance(self, account: Account) -> int:
        """Always a million credits."""
        return _BALANCE

    def limits(self, account: Account) -> Limits:
        """PREVIEW_SLOTS jobs of any kind at once."""
        slots: int = settings.PREVIEW_SLOTS
        return Limits(total=slots, image=slots, video=slots)

    def upload(self, account: Account, file: Input) -> str:
        """Only a name: the picture itself travels in the ticket."""
        return _PREFIX + file.file_id

    def fetch(self, account: Account, result: str, target: BinaryIO, *, max_bytes: int) -> None:
        """Draw the result: PNG or WebP for a picture, MP4 for a clip. The same result gives the same picture again.

        Raises ProviderRefused ("failed") when the result is none of ours or longer than `max_bytes`.
        """
        job = _job_of(result)
        draw = clip.write if job.is_clip else picture.write
        try:
            draw(job, target, max_bytes=max_bytes)
        except (OSError, ValueError) as error:
            raise ProviderRefused(f"the preview could not be drawn: {error}", code="failed") from error

    def pace(self, order: Order) -> Pace:
        """Look every second, or often enough for a job that is over sooner."""
        expected_s = _takes_s(order.kind, _words(order.prompt))
        return Pace(first_s=min(expected_s, 1.0), interval_s=1.0, expected_s=expected_s)


def _words(prompt: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", prompt.lower()))


def _takes_s(kind: Kind, words: frozenset[str]) -> float:
    """Seconds from submit to verdict."""
    if "slow" in words:
        return float(settings.PREVIEW_SLOW_S)
    return float(settings.PREVIEW_IMAGE_S if kind is Kind.IMAGE else settings.PREVIEW_VIDEO_S)


def _ticket(order: Order, words: frozenset[str]) -> Ticket:
    _check(order)
    return Ticket(
        kind=order.kind,
        model=order.model,
        prompt=order.prompt,
        seed=secrets.randbits(_SEED_BITS),
        submitted_at=clock.now().timestamp(),
        takes_s=_takes_s(order.kind, words),
        params=dict(order.params),
        basis=basis.shrink(order.inputs[0]) if order.inputs else "",
        is_to_fail="fail" in words,
    )


def _check(order: Order) -> None:
    """Refuse at submit what could not be drawn later."""
    if order.mode in _FROM_A_PICTURE and not order.inputs:
        raise ProviderRefused("this mode starts from a picture, and none was given", code="input")
    if order.kind is not Kind.IMAGE:
        try:
            sizes.duration_s(order.params)
        except ValueError as error:
            raise ProviderRefused(str(error), code="input") from error


def _job_of(result: str) -> Ticket:
    try:
        return read(result.removeprefix(_PREFIX))
    except NotATicket as error:
        raise ProviderRefused("no such preview", code="failed") from error
