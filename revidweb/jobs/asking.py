"""Ask upstream about an order: with the key that made it, and where that was replaced and is dead, with its successor.

The successor may belong to another account. So its word counts where it knows the order, and where it does not, that
says nothing. Nothing here touches the database but what takes requests and gives them back.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate

import structlog

from revidweb.connections import budget
from revidweb.connections.models import Credential
from revidweb.providers import registry
from revidweb.providers.base import (
    Account,
    AccountRefused,
    JobList,
    Order,
    Provider,
    ProviderError,
    Receipt,
    Sighting,
    Status,
)

from .models import Attempt, Job, account_with

log = structlog.get_logger(__name__)


def may_ask(attempt: Attempt, *, wanted: int, rank: budget.Rank) -> int:
    """How many questions may be asked now, 0 to `wanted`; they count as asked, by the successor's budget as well."""
    given = budget.take(attempt.credential, wanted=wanted, rank=rank)
    successor = _successor(attempt)
    return budget.take(successor, wanted=given, rank=rank) if successor and given else given


def affordable(pairs: Sequence[tuple[Job, Attempt]], *, rank: budget.Rank) -> int:
    """How many of these, the first ones, may be looked at now; all are asked about with one key."""
    attempt = pairs[0][1]
    needed = [_requests(job, attempt) for job, attempt in pairs]
    given = may_ask(attempt, wanted=sum(needed), rank=rank)
    return sum(total <= given for total in accumulate(needed))


def _requests(job: Job, attempt: Attempt) -> int:
    return _provider(attempt).requests.stop if _is_unwanted(job) else 1


def _is_unwanted(job: Job) -> bool:
    return job.is_moving and job.cancel_asked_at is not None


def look(job: Job, attempt: Attempt) -> Sighting:
    """One look at an order; where nobody wants it any more, upstream is asked to stop it.

    The successor stops only what it has seen going on. Raises the four errors; AccountRefused also where the successor
    knows no such order.
    """
    provider, is_unwanted = _provider(attempt), _is_unwanted(job)
    try:
        account = attempt.account
        return (_stop(job, attempt, account) if is_unwanted else None) or provider.poll(account, attempt.ticket)
    except AccountRefused as refused:
        account = _other_account(attempt, refused)
        seen = provider.poll(account, attempt.ticket)
        if seen.status == Status.MISSING:
            raise
    is_going_on = seen.status in (Status.PENDING, Status.WORKING)
    return (_stop(job, attempt, account) if is_unwanted and is_going_on else None) or seen


@dataclass(frozen=True)
class Search:
    """One reading of an account's job list for all orders that were lost with the key of this attempt.

    most: requests that each of the two keys may make.
    """

    attempt: Attempt
    most: int
    _lists: dict[Credential | None, JobList] = field(default_factory=dict)

    def find(self, order: Order, *, since: datetime, until: datetime) -> Sequence[Receipt]:
        """Orders upstream that may be this one; none at the successor is no answer.

        Raises the four errors, AccountRefused also where the successor found nothing.
        """
        try:
            return self._list(self.attempt.credential).find(order, since=since, until=until)
        except AccountRefused:
            successor = _successor(self.attempt)
            found = self._list(successor).find(order, since=since, until=until) if successor else ()
            if not found:
                raise
            return found

    def give_back(self) -> None:
        """Let others have the requests that were not made."""
        for credential in (self.attempt.credential, _successor(self.attempt)):
            made = self._lists[credential].requests if credential in self._lists else 0
            budget.give_back(credential, self.most - made)

    def _list(self, credential: Credential | None) -> JobList:
        if credential not in self._lists:
            account = account_with(self.attempt.connection, credential)
            self._lists[credential] = _provider(self.attempt).job_list(account, most_requests=self.most)
        return self._lists[credential]


def search(attempt: Attempt, *, rank: budget.Rank) -> Search:
    """A search with as many requests as may be made now; none where `most` is 0."""
    wanted = _provider(attempt).requests.job_list
    return Search(attempt, may_ask(attempt, wanted=wanted, rank=rank))


def _stop(job: Job, attempt: Attempt, account: Account) -> Sighting | None:
    """None where upstream does not stop it, or cannot be asked to: then it goes on, and is looked at as ever."""
    try:
        answer = _provider(attempt).cancel(account, attempt.ticket)
    except ProviderError as error:
        log.warning("asking.not_stopped", job=job.public_id, reason=error.reason)
        return None
    return Sighting(Status.CANCELLED, refunded=answer.refunded) if answer.is_cancelled else None


def _other_account(attempt: Attempt, refused: AccountRefused) -> Account:
    """Who may ask once the attempt's own key was refused; where nobody may, the refusal stands."""
    successor = _successor(attempt)
    if successor is None:
        raise refused
    return account_with(attempt.connection, successor)


def _successor(attempt: Attempt) -> Credential | None:
    """The key in use now, if it is another one for the same place: elsewhere nobody is shown a key."""
    current, own = attempt.connection.credential, attempt.credential
    if current is None or own is None or current.pk == own.pk:
        return None
    return current if current.base_url == own.base_url else None


def _provider(attempt: Attempt) -> Provider:
    return registry.provider(attempt.connection.provider)
