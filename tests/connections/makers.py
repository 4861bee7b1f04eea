"""Accounts at a provider that does as it is told, and the rows of a catalogue as such a provider writes them."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO

from revidweb.accounts.models import Tenant
from revidweb.connections import credentials
from revidweb.connections.models import Connection
from revidweb.lib import clock
from revidweb.providers.base import (
    Account,
    Cancellation,
    Input,
    JobList,
    Limits,
    Order,
    Pace,
    Receipt,
    Requests,
    Sighting,
)
from tests.makers import a_tenant

BASE_URL = "https://upstream.example.com/v1"
_count = itertools.count(1)


def a_key() -> str:
    return f"sk_live_{next(_count):032d}"


def an_account(tenant: Tenant | None = None, *, key: str = "", base_url: str = BASE_URL, **fields: Any) -> Connection:
    """A connection with a sealed key, its catalogue known."""
    fields = {"name": f"Account {next(_count)}", "synced_at": clock.now()} | fields
    connection = Connection.objects.create(tenant=tenant or a_tenant(), provider="revidapi", **fields)
    credentials.keep(connection, base_url=base_url, key=key or a_key())
    return connection


class Told:
    """Answers `balance`, `limits`, `models` and `check` with what stands there; an exception is raised."""

    name = "revidapi"
    title = "Told"
    base_url = BASE_URL
    requests = Requests(account=3, check=4, models=2)
    is_repeatable = False
    takes_uploads = False

    def __init__(self) -> None:
        self.says: dict[str, Any] = {"balance": 970, "limits": Limits(5, 3, 3), "models": [], "check": None}
        self.asked: list[tuple[str, Account]] = []
        self.meanwhile: Callable[[], object] = lambda: None

    def _answer(self, what: str, account: Account) -> Any:
        self.asked.append((what, account))
        self.meanwhile()
        if isinstance(self.says[what], Exception):
            raise self.says[what]
        return self.says[what]

    def check(self, account: Account, *, timeout_s: float | None = None) -> Sequence[dict[str, Any]]:
        self._answer("check", account)
        return self.says["models"]

    def models(self, account: Account) -> Sequence[dict[str, Any]]:
        return self._answer("models", account)

    def balance(self, account: Account) -> int:
        return self._answer("balance", account)

    def limits(self, account: Account) -> Limits:
        return self._answer("limits", account)

    def submit(self, account: Account, order: Order, *, attempt: int) -> Receipt:
        raise NotImplementedError

    def poll(self, account: Account, ticket: str) -> Sighting:
        raise NotImplementedError

    def cancel(self, account: Account, ticket: str) -> Cancellation:
        raise NotImplementedError

    def job_list(self, account: Account, *, most_requests: int) -> JobList:
        raise NotImplementedError

    def upload(self, account: Account, file: Input) -> str:
        raise NotImplementedError

    def fetch(self, account: Account, result: str, target: BinaryIO, *, max_bytes: int) -> None:
        raise NotImplementedError

    def pace(self, order: Order) -> Pace:
        raise NotImplementedError


def a_row(key: str = "1k-fast", credits: object = 20, *, server: str = "vip1", **parts: object) -> dict[str, Any]:
    """A price row as upstream writes it."""
    return {"server": server, "key": key, "credits": credits} | parts


def a_told(model: str = "flux-2-pro", *rows: dict[str, Any], kind: str = "image", **more: object) -> dict[str, Any]:
    """A model as upstream lists it; with one row where none are given."""
    told = {"model": model, "name": model.title(), "type": kind, "pricing": list(rows) or [a_row()]}
    return told | more
