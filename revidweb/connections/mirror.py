"""What an account tells of itself: asked on demand, good for a minute, and kept as the last good copy.

`kept` never asks: a page shows what is there at once, however its provider fares. `ask` asks when that is worth it, for
a bounded time; whatever becomes of it, the last good copy stays and says how old it is.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import transaction

from revidweb.lib import clock, sealing
from revidweb.providers import registry
from revidweb.providers.account_pages import AccountPages, Copy, Question
from revidweb.providers.base import Account, ProviderBusy, ProviderError

from . import budget, health, trying
from .models import AccountCopy, Connection, Credential

MOST_COPIES = 60  # of one key: its pages and filters are without number
MOST_BYTES = 16 * 1_048_576
REST_S = 10  # an account that was not reached is not dialled again so soon
_AGAIN_S = 2  # a click that comes twice is one
_REASON_MAX_CHARS = 300


@dataclass(frozen=True)
class Failure:
    """Why an answer is not here, or not newer. code: of the provider's errors. reason: in its words, without a key."""

    code: str
    reason: str
    at: datetime


@dataclass(frozen=True)
class Seen:
    """What is known of a question. copy and read_at: the last good answer, if there ever was one.

    is_due: asking again is worth it. waits_for: why it was not asked just now: "budget" (the key's requests are used
    up), "others" (too many ask) or "answer" (it is being asked by somebody else).
    """

    question: Question
    copy: Copy | None = None
    read_at: datetime | None = None
    failure: Failure | None = None
    is_due: bool = False
    waits_for: str = ""


def pages_of(connection: Connection) -> AccountPages | None:
    """What this account lets be read; None where its provider has no such pages, or no key is there."""
    return registry.account_pages(connection.provider) if connection.credential else None


def kept(connection: Connection, question: Question) -> Seen:
    """What is known already; asks nobody. One query."""
    seen = _known(connection, question)
    outage = Failure("unreachable", connection.failure, connection.failing_since) if connection.failing_since else None
    is_due = not (outage or _rests(connection.credential) or _is_fresh(seen, settings.MIRROR_FRESH_S))
    return replace(seen, failure=seen.failure or outage, is_due=is_due)


def ask(connection: Connection, question: Question, *, is_wanted: bool = False) -> Seen:
    """Ask the provider if what is known is older than MIRROR_FRESH_S, and keep the answer; what is known then.

    is_wanted: somebody pressed "Read again", so a few seconds make it old. An account that was not reached is left in
    peace for `REST_S`. Of two at once one asks. Call it outside any transaction.
    """
    fresh_s = _AGAIN_S if is_wanted else settings.MIRROR_FRESH_S
    credential, seen = connection.credential, kept(connection, question)
    if _rests(credential) or _is_fresh(_known(connection, question), fresh_s):
        return seen
    with _turn(connection, question) as waits_for:
        if waits_for:
            return replace(seen, waits_for=waits_for, is_due=False)
        if _is_fresh(_known(connection, question), fresh_s):  # somebody was quicker
            return kept(connection, question)
        if not budget.take_all(credential, 1, rank=budget.Rank.PAGE):
            return replace(seen, waits_for="budget", is_due=False)
        _ask(connection, question)
    return replace(kept(connection, question), is_due=False)


def _known(connection: Connection, question: Question) -> Seen:
    """What is written down of the question itself."""
    row = AccountCopy.objects.filter(**_of(connection.credential, question)).first()
    if row is None:
        return Seen(question)
    copy = Copy(row.text, row.media_type, row.is_cut) if row.read_at else None
    failure = Failure(row.failure_code, row.failure, row.failed_at) if row.failed_at else None
    return Seen(question, copy, row.read_at, failure)


def _ask(connection: Connection, question: Question) -> None:
    pages, credential = registry.account_pages(connection.provider), connection.credential
    if pages is None or credential is None:
        return
    try:
        copy = asked(pages, connection.account, question)
    except (ProviderError, sealing.CannotOpen) as error:
        _note(connection, credential, question, error)
    else:
        told = {"text": copy.text, "media_type": copy.media_type, "is_cut": copy.is_cut}
        size = {"size_bytes": len(copy.text.encode()), "read_at": clock.now()}
        fine = {"failure_code": "", "failure": "", "failed_at": None}
        _write(connection, credential, question, told | size | fine)
        health.answered(connection)


def asked(pages: AccountPages, account: Account, question: Question) -> Copy:
    """One question while somebody waits for its answer. Raises as `AccountPages.ask`."""
    return pages.ask(account, question, timeout_s=settings.REVIDAPI_LOOK_TIMEOUT_S)


def _note(connection: Connection, credential: Credential, question: Question, error: Exception) -> None:
    """Write down what went wrong. A refusal of one page says nothing of the orders: the account's own check does."""
    code = error.code if isinstance(error, ProviderError) else "invalid"
    reason = health.reason_of(error, credential)[:_REASON_MAX_CHARS]
    failed = {"failure_code": code[:20], "failure": reason, "failed_at": clock.now()}
    _write(connection, credential, question, failed)
    if not isinstance(error, ProviderBusy):
        return
    if code in ("rate", "queue_full"):
        budget.rest(credential, error.retry_after_s)
    elif code in ("unreachable", "busy"):
        cache.set(_rest_key(credential), 1, REST_S)
    if code == "unreachable":
        health.unreachable(connection, reason)


@transaction.atomic
def _write(connection: Connection, credential: Credential, question: Question, told: dict[str, object]) -> None:
    """Keep it, unless the key was replaced or forgotten meanwhile."""
    current = Connection.objects.present().select_for_update(no_key=True)
    if not current.filter(pk=connection.pk, credential=credential):
        return
    AccountCopy.objects.update_or_create(**_of(credential, question), defaults=told)
    _drop_oldest(credential)


def _drop_oldest(credential: Credential) -> None:
    """Bound what is kept of one key; first pages stay longest, each of which fits."""
    rows = AccountCopy.objects.filter(credential=credential).defer("text", "failure")
    epoch = datetime.min.replace(tzinfo=clock.now().tzinfo)
    newest = sorted(rows, key=lambda row: (_is_first(row), row.read_at or row.failed_at or epoch), reverse=True)
    total, dropped = 0, []
    for number, row in enumerate(newest, 1):
        total += row.size_bytes
        if number > MOST_COPIES or (total > MOST_BYTES and number > 1):
            dropped.append(row.pk)
    if dropped:
        AccountCopy.objects.filter(pk__in=dropped).delete()


def _is_first(row: AccountCopy) -> bool:
    return row.page == 1 and not row.status and not row.kind


@contextmanager
def _turn(connection: Connection, question: Question) -> Iterator[str]:
    """Ask alone, and beside few others; gives "", or for what it has to wait."""
    for_s = settings.REVIDAPI_LOOK_TIMEOUT_S * 2 + 5
    said = f"{question.endpoint}:{question.page}:{question.status}:{question.kind}"
    with trying.place(f"mirror:{connection.credential_id}:{said}", 1, for_s=for_s) as is_mine:
        if not is_mine:
            yield "answer"
            return
        with trying.reading(connection.tenant, for_s=for_s) as is_free:
            yield "" if is_free else "others"


def _of(credential: Credential | None, question: Question) -> dict[str, Any]:
    return {
        "credential": credential,
        "endpoint": question.endpoint.value,
        "page": question.page,
        "status": question.status,
        "kind": question.kind,
    }


def _is_fresh(seen: Seen, fresh_s: float) -> bool:
    """Whether there was an answer, good or bad, so short a time ago."""
    last = max(filter(None, (seen.read_at, seen.failure.at if seen.failure else None)), default=None)
    return last is not None and clock.now() - last < timedelta(seconds=fresh_s)


def _rests(credential: Credential | None) -> bool:
    return credential is not None and bool(cache.get(_rest_key(credential)))


def _rest_key(credential: Credential) -> str:
    return f"mirror-rests:{credential.pk}"
