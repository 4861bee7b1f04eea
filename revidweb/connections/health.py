"""How a connection fares: what its provider said of the account, when it last answered, what is free there.

The engine reports what it meets (`answered`, `refused`, `unreachable`); `check` asks outright. Trouble belongs to the
credential that is in use: what befalls a retired one says nothing about the new one. Only `check` ends trouble.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Greatest
from django.utils.translation import gettext as _

from revidweb.lib import clock, sealing
from revidweb.lib.refusal import Refusal
from revidweb.providers import registry
from revidweb.providers.base import (
    Account,
    AccountRefused,
    Kind,
    Limits,
    Provider,
    ProviderBusy,
    ProviderError,
    ProviderRefused,
)
from revidweb.trail import trail

from . import budget, credentials
from .models import Connection, Credential, Trouble, account_of

_NOTE_EVERY_S = 10
_MOST_SLOTS = 10_000
_MOST_CREDITS = 2**62
_MENDED: dict[str, Any] = {"trouble": "", "trouble_reason": "", "trouble_since": None}
_REACHED: dict[str, Any] = {"failing_since": None, "failure": ""}

_T = TypeVar("_T")


@dataclass(frozen=True)
class Answer:
    """What an account says of itself; None where the provider has no such page."""

    balance: int | None
    limits: Limits | None


@transaction.atomic
def refused(connection: Connection, credential: Credential | None, error: AccountRefused) -> bool:
    """The account said no to this credential: the connection takes no orders until a check is answered well.

    False when the credential is not the one in use any more; then nothing is marked. A repeat changes nothing.
    """
    trouble = error.code if error.code in Trouble.values else Trouble.LOCKED
    current = _current(connection, credential)
    reason = credentials.without_key(error.reason, _key(credential))
    changes = {"trouble": trouble, "trouble_reason": reason, "trouble_since": clock.now()}
    again = {"next_check_at": clock.after(settings.ACCOUNT_RETRY_S)}
    if _write(connection, current.exclude(trouble=trouble), changes | again):
        _record("connection.in_trouble", connection, trouble=str(trouble), reason=reason)
        return True
    return current.exists()


def answered(connection: Connection, *, balance: int | None = None) -> None:
    """The provider gave a sound answer. Written at most every ten seconds, unless it ends an outage or tells a balance.

    balance: what the account has left, where the answer says so. Trouble stays: a look may succeed where orders fail.
    """
    changes: dict[str, Any] = {"last_contact_at": clock.now()}
    if balance is not None:
        changes["balance"] = _bounded(balance)
    if _is_news(connection, changes.get("balance")):
        _note_contact(connection, changes)


@transaction.atomic
def unreachable(connection: Connection, reason: str) -> None:
    """It was not reached, or gave no sound answer. The trail tells of an outage once; the last reason stays."""
    reason = credentials.without_key(reason, _key(connection.credential))
    again = {"failure": reason, "next_check_at": clock.after(settings.ACCOUNT_RETRY_S)}
    fine = _present(connection).filter(failing_since__isnull=True)
    if _write(connection, fine, again | {"failing_since": clock.now()}):
        _record("connection.unreachable", connection, reason=reason)
    else:
        _write(connection, _present(connection).exclude(failure=reason), {"failure": reason})


def took(connection: Connection, credits: int) -> None:
    """An order was taken whose answer does not say what is left: so much less, as far as there was any.

    The next balance that is told takes its place.
    """
    there = _present(connection).filter(balance__gt=0)
    there.update(balance=Greatest(F("balance") - credits, 0))


def check(connection: Connection, *, ours: Callable[[], Mapping[str, int]], cheapest: int = 0) -> bool:
    """Ask for balance and limits with the credential in use, and write what came; False when no sound answer did.

    ours: counts our jobs per kind that hold a slot there; asked before and after, since some start or end meanwhile.
    What the provider reports beyond them is foreign. cheapest: what the cheapest of the orders that wait costs there, 0
    where none does; an account that is out of credits stays so until it can pay that. The next check is due after
    `ACCOUNT_CHECK_S`, or after `ACCOUNT_RETRY_S` while something is wrong or foreign jobs hold slots. Makes a few
    requests; call it outside any transaction.
    """
    credential = connection.credential
    if not budget.take_all(credential, registry.provider(connection.provider).requests.account, rank=budget.Rank.SEND):
        _check_again(connection, max(budget.resting_s(credential), 1))
        return False
    before = ours()
    answer = _asked(connection, credential)
    if isinstance(answer, Answer):
        after = ours()
        most = {kind: max(before.get(kind, 0), after.get(kind, 0)) for kind in {*before, *after}}
        return _take_in(connection, credential, answer, most, cheapest)
    if _current(connection, credential).exists():  # else the new key has its own check
        _note(connection, credential, answer)
        _check_again(connection, settings.ACCOUNT_RETRY_S)
    return False


def ask(provider: Provider, account: Account) -> Answer:
    """The account's own words. Some hosts of the contract have no such pages: then its catalogue proves the key.

    Raises AccountRefused, ProviderBusy, OutcomeUnknown, or ProviderRefused "not_the_provider".
    """
    answer = Answer(_where_known(provider.balance, account), _where_known(provider.limits, account))
    if answer.balance is None and answer.limits is None:
        provider.check(account)
    return answer


def figures(answer: Answer) -> dict[str, int]:
    """The columns of a connection that the answer fills: balance and slots."""
    told = {} if answer.balance is None else {"balance": _bounded(answer.balance)}
    if answer.limits is None:
        return told
    slots = {"total_slots": answer.limits.total, "image_slots": answer.limits.image, "video_slots": answer.limits.video}
    return told | {name: _count(number) for name, number in slots.items()}


def _asked(connection: Connection, credential: Credential | None) -> Answer | Exception:
    """What the account says, or why it says nothing."""
    try:
        return ask(registry.provider(connection.provider), account_of(connection, credential))
    except (ProviderError, Refusal, sealing.CannotOpen) as error:
        return error


def _note(connection: Connection, credential: Credential | None, error: Exception) -> None:
    match error:
        case AccountRefused():
            refused(connection, credential, error)
        case ProviderBusy(code="rate" | "queue_full"):  # there, and well
            budget.rest(credential, error.retry_after_s)
        case sealing.CannotOpen():
            refused(connection, credential, AccountRefused(reason_of(error, credential), code=Trouble.INVALID))
        case _:
            unreachable(connection, reason_of(error, credential))


def reason_of(error: Exception, credential: Credential | None) -> str:
    """Why a provider was not asked well, as it may be kept and shown: its own words, without the key."""
    if isinstance(error, ProviderError):
        return credentials.without_key(error.reason, _key(credential))
    if isinstance(error, sealing.CannotOpen):
        return _("This key cannot be opened any more. Enter it again.")
    return _("Its name leads to a private address.")


def _where_known(call: Callable[[Account], _T], account: Account) -> _T | None:
    try:
        return call(account)
    except ProviderRefused:
        return None


def _is_news(connection: Connection, balance: int | None) -> bool:
    """Whether an answer is worth a write, as far as the object at hand knows."""
    last = connection.last_contact_at
    is_recent = last is not None and last > clock.ago(_NOTE_EVERY_S)
    return not is_recent or connection.failing_since is not None or balance not in (None, connection.balance)


@transaction.atomic
def _note_contact(connection: Connection, changes: dict[str, Any]) -> None:
    failing = _present(connection).filter(failing_since__isnull=False)
    if _write(connection, failing, changes | _REACHED):
        _record("connection.reached", connection)
        return
    old = Q(last_contact_at__isnull=True) | Q(last_contact_at__lt=clock.ago(_NOTE_EVERY_S))
    news = old | ~Q(balance=changes["balance"]) if "balance" in changes else old
    _write(connection, _present(connection).filter(news), changes)


@transaction.atomic
def _take_in(
    connection: Connection, credential: Credential | None, answer: Answer, ours: Mapping[str, int], cheapest: int
) -> bool:
    was = _current(connection, credential).select_for_update(no_key=True).first()
    if was is None:
        return False
    stays = was.trouble == Trouble.EXHAUSTED and answer.balance is not None and answer.balance < max(1, cheapest)
    changes = figures(answer) | _foreign(answer, ours) | _REACHED | ({} if stays else _MENDED)
    soon = stays or changes["foreign_total"] > 0
    changes["last_contact_at"] = clock.now()
    changes["next_check_at"] = clock.after(settings.ACCOUNT_RETRY_S if soon else settings.ACCOUNT_CHECK_S)
    _write(connection, _present(connection), changes)
    if was.trouble and not stays:
        _record("connection.mended", connection, trouble=was.trouble)
    if was.failing_since:
        _record("connection.reached", connection)
    return not stays


def _foreign(answer: Answer, ours: Mapping[str, int]) -> dict[str, Any]:
    """What runs there that is none of ours; all kinds but images count as video."""
    limits = answer.limits or Limits(0, 0, 0)
    images = ours.get(Kind.IMAGE, 0)
    videos = sum(ours.values()) - images
    return {
        "foreign_total": _count(limits.active_total - images - videos),
        "foreign_image": _count(limits.active_image - images),
        "foreign_video": _count(limits.active_video - videos),
    }


def _count(number: int) -> int:
    return max(0, min(number, _MOST_SLOTS))


def _bounded(balance: int) -> int:
    """As the column holds it, whatever a provider writes."""
    return max(-_MOST_CREDITS, min(balance, _MOST_CREDITS))


def _check_again(connection: Connection, seconds: float) -> None:
    _write(connection, _present(connection), {"next_check_at": clock.after(seconds)})


def _present(connection: Connection) -> QuerySet[Connection]:
    return Connection.objects.present().filter(pk=connection.pk)


def _current(connection: Connection, credential: Credential | None) -> QuerySet[Connection]:
    """The connection, if this is still the credential that it uses."""
    return _present(connection).filter(credential=credential)


def _write(connection: Connection, rows: QuerySet[Connection], changes: dict[str, Any]) -> bool:
    """Change the row if it is among `rows`, and then the object at hand too."""
    if not rows.update(**changes):
        return False
    for name, value in changes.items():
        setattr(connection, name, value)
    return True


def _key(credential: Credential | None) -> str:
    """The key itself, to blot it out of a provider's words; "" where there is none to be read."""
    if credential is None or not credential.sealed:
        return ""
    try:
        return sealing.unseal(credential.sealed)
    except sealing.CannotOpen:
        return ""


def _record(what: str, connection: Connection, **facts: Any) -> None:
    trail.record(what, about=connection.reference, tenant=connection.tenant.public_id, **facts)
