"""One try of a delivery: the request, what came back, and what follows from it."""

import random
import time
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import requests
import structlog
import urllib3
from django.conf import settings
from django.db import transaction

from revidweb.keys import issuing
from revidweb.keys.models import ApiKey
from revidweb.lib import clock, http, sealing
from revidweb.lib.refusal import Refusal
from revidweb.trail import trail

from . import events, signing
from .models import Delivery, DeliveryState, DeliveryTry

log = structlog.get_logger(__name__)

MOST_WAIT_S = 6 * 3600
QUIET_S = 24 * 3600  # a key whose receiver is gone is told of once a day
_CONNECT_S = 10.0
_ANSWER_MAX_BYTES = 64 * 1024
_KEPT_CHARS = 500
_ASKS_TO_WAIT = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


@dataclass(frozen=True)
class Answer:
    """What came of one request.

    status: of the answer; None where none came, and then `error` says why: timeout, unreachable, private_address,
    bad_address or no_secret. text: how its body begins. wait_s: for how long the receiver asks to be left alone.
    """

    status: int | None = None
    error: str = ""
    text: str = ""
    wait_s: float = 0

    @property
    def is_good(self) -> bool:
        """Whether the receiver took it."""
        return self.status is not None and HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES


def send(delivery: Delivery, lease: datetime) -> Answer:
    """Send it once and write what came of it. lease: with which it was claimed; call it outside any transaction.

    Somebody else may have claimed it meanwhile, where this took longer than the lease: then what arrived counts, and
    what failed is theirs to say.
    """
    began = time.monotonic()
    answer = ask(delivery)
    took_ms = int((time.monotonic() - began) * 1000)
    _write(delivery, lease, answer, took_ms)
    log.info("webhook.sent", delivery=delivery.public_id, status=answer.status, error=answer.error, took_ms=took_ms)
    return answer


def ask(delivery: Delivery) -> Answer:
    """Make the request. A redirect is an answer like any other: nothing follows it."""
    try:
        http.check(delivery.url)
        secret = issuing.signing_secret(delivery.key)
        return _answered(delivery, secret)
    except Refusal as refusal:
        return Answer(error=refusal.code)
    except sealing.CannotOpen:
        return Answer(error="no_secret")
    except (requests.Timeout, TimeoutError):
        return Answer(error="timeout")
    except (requests.RequestException, urllib3.exceptions.HTTPError):
        return Answer(error="unreachable")


def _answered(delivery: Delivery, secret: str) -> Answer:
    headers = signing.headers(secret, event_id=delivery.public_id, at=int(time.time()), body=delivery.body)
    timeout_s = settings.WEBHOOK_TIMEOUT_S
    with http.session().post(
        delivery.url,
        data=delivery.body.encode(),
        headers=headers | {"Accept-Encoding": "identity"},
        timeout=(min(_CONNECT_S, timeout_s), timeout_s),
        stream=True,
        allow_redirects=False,
    ) as response:
        wait_s = _asked_wait(response.headers.get("Retry-After", ""))
        return Answer(
            response.status_code,
            text=_beginning(response),
            wait_s=wait_s if response.status_code in _ASKS_TO_WAIT else 0,
        )


def _beginning(response: requests.Response) -> str:
    """How the body begins. The status is the verdict: what goes wrong after it changes nothing."""
    try:
        body = response.raw.read(_ANSWER_MAX_BYTES, decode_content=False)
    except (urllib3.exceptions.HTTPError, OSError):
        return ""
    return str(body.decode(errors="replace").replace("\x00", "")[:_KEPT_CHARS])


def _asked_wait(header: str) -> float:
    """Seconds of a Retry-After, which is a number or a date; 0 for none or nonsense."""
    if header.isascii() and header.isdecimal():
        return float(header[:9])
    try:
        return max(0.0, (parsedate_to_datetime(header) - clock.now()).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return 0


# -- what follows


@transaction.atomic
def _write(delivery: Delivery, lease: datetime, answer: Answer, took_ms: int) -> None:
    DeliveryTry.objects.create(
        delivery=delivery, status=answer.status, took_ms=took_ms, error=answer.error, answer=answer.text
    )
    waiting = Delivery.objects.filter(pk=delivery.pk, state=DeliveryState.WAITING)
    tries = delivery.tries + 1
    if answer.is_good:
        waiting.update(state=DeliveryState.DELIVERED, tries=tries, ended_at=clock.now(), lease_until=None)
        return
    mine = waiting.filter(lease_until=lease)
    if not _is_over(delivery, answer, tries):
        mine.update(tries=tries, lease_until=None, next_try_at=clock.after(_wait_s(tries, answer)))
    elif mine.update(state=DeliveryState.FAILED, tries=tries, ended_at=clock.now(), lease_until=None):
        _give_up(delivery, answer)


def _is_over(delivery: Delivery, answer: Answer, tries: int) -> bool:
    """Whether no further try is made: the receiver is gone for good, or there were enough. A test is tried once."""
    most = 1 if delivery.event == events.TEST else settings.WEBHOOK_TRIES
    return answer.status == HTTPStatus.GONE or tries >= most


def _wait_s(tries: int, answer: Answer) -> float:
    """Until the next try: twice as long each time, not all at one moment, and no sooner than was asked for."""
    grown = settings.WEBHOOK_RETRY_S * 2 ** (tries - 1) * random.uniform(1, 1.25)  # noqa: S311
    return float(min(max(grown, answer.wait_s), MOST_WAIT_S))


def _give_up(delivery: Delivery, answer: Answer) -> None:
    """Tell the trail, once a day of a key: where a receiver is gone, all that is sent to it fails."""
    if delivery.event == events.TEST:
        return
    key = ApiKey.objects.select_for_update(no_key=True, of=("self",)).select_related("tenant").get(pk=delivery.key_id)
    told = trail.of(key.reference).filter(what="webhook.given_up", at__gt=clock.ago(QUIET_S))
    if not told.exists():
        trail.record(
            "webhook.given_up",
            about=key.reference,
            tenant=key.tenant.public_id,
            delivery=delivery.public_id,
            host=delivery.host,
            status=answer.status,
            error=answer.error,
        )
