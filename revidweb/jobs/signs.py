"""What a single call says about its connection, told to the whole connection."""

from revidweb.connections import budget, health
from revidweb.connections.models import Connection, Credential
from revidweb.providers.base import AccountRefused, ProviderBusy, ProviderError, Receipt


def good(connection: Connection, credential: Credential | None) -> None:
    """A sound answer."""
    if credential is not None and _is_in_use(connection, credential):
        health.answered(connection)


def taken(connection: Connection, credential: Credential | None, receipt: Receipt, *, quoted: int) -> None:
    """An order was taken: the answer says what is left, or what it cost, or it cost the credits that were quoted.

    What a replaced key has left is no news.
    """
    if credential is None or not _is_in_use(connection, credential):
        return
    health.answered(connection, balance=receipt.balance)
    if receipt.balance is None:
        health.took(connection, quoted if receipt.cost is None else receipt.cost)


def refused(connection: Connection, credential: Credential | None, error: AccountRefused) -> None:
    """The account takes no order: nothing more is sent there until it is mended."""
    if credential is not None:
        health.refused(connection, credential, error)


def bad(
    connection: Connection, credential: Credential | None, error: ProviderError, *, is_silent: bool = False
) -> None:
    """Not now: too many requests, or nobody there. What is said of one order says nothing of the connection.

    is_silent: none of several requests at once had a sound answer.
    """
    if isinstance(error, ProviderBusy) and error.code == "rate":
        budget.rest(credential, error.retry_after_s)
    elif is_silent or error.code == "unreachable":
        _unreachable(connection, credential, error)


def _unreachable(connection: Connection, credential: Credential | None, error: ProviderError) -> None:
    if credential is not None and _is_in_use(connection, credential):
        health.unreachable(connection, error.reason)


def _is_in_use(connection: Connection, credential: Credential) -> bool:
    return Connection.objects.filter(pk=connection.pk, credential=credential).exists()
