"""RevidAPI's pages about an account: one question each, kept as it came and read as far as it goes."""

import csv
import io
import math
import re
import time
from collections.abc import Iterable, Sequence, Set
from contextlib import suppress
from datetime import datetime
from typing import Any

from revidweb.providers.account_pages import Copy, CreditLog, Endpoint, JobPage, Place, Question, Reading
from revidweb.providers.base import Account, AccountRefused, ProviderError, ProviderRefused

from . import client, errors, joblist, movements, series, shapes, sheets
from .client import NOTHING, Answer

PAGE_ROWS = 100
_PATHS = {
    Endpoint.ME: "/dashboard/me",
    Endpoint.LIMITS: "/limits",
    Endpoint.JOBS: "/dashboard/jobs",
    Endpoint.STATS: "/dashboard/stats",
    Endpoint.EXPORT: "/dashboard/stats/export",
    Endpoint.CREDITS: "/dashboard/credits",
    Endpoint.MODELS: "/models",
    Endpoint.USERS: "/dashboard/tenant/users",
    Endpoint.SUBS: "/dashboard/tenant/subs",
    Endpoint.REVENUE: "/dashboard/tenant/revenue",
}
_PAGED = frozenset({Endpoint.JOBS, Endpoint.CREDITS, Endpoint.USERS, Endpoint.SUBS})
_OF_OWNERS = frozenset({Endpoint.USERS, Endpoint.SUBS, Endpoint.REVENUE})
_DRAWN = frozenset({Endpoint.STATS, Endpoint.EXPORT, Endpoint.REVENUE})
_PAGE_MAX = 1_000_000
_TEXT_MAX_CHARS = 2000
_KEY = re.compile(r"\bsk_[a-z]+_\w{12,}")  # whole keys, not the beginnings that pages show
# Bounded, since a long name could be tried at each of its letters; `api_key_prefix` is a beginning that may be shown.
_NAME = r"[\w-]{0,40}(?:(?:password|secret)[\w-]{0,40}|token|api[_-]?key)"
_SECRET = re.compile(rf'("{_NAME}"\s*:\s*)"(?:[^"\\]|\\.)*"', re.IGNORECASE)
_SECRET_NAME = re.compile(_NAME, re.IGNORECASE)
_HIDDEN = "[hidden]"


class Dashboard:
    """The account pages of RevidAPI. Nothing is kept between calls."""

    endpoints: Sequence[Endpoint] = tuple(_PATHS)

    def ask(self, account: Account, question: Question, *, timeout_s: float | None = None) -> Copy:
        """Ask one question: one request. Raises AccountRefused, ProviderBusy, or ProviderRefused as the contract says.

        A 403 to a question that is for owners says that this key is none, and nothing against the key.
        """
        endpoint, is_export = question.endpoint, question.endpoint is Endpoint.EXPORT
        accept = "text/csv, application/json;q=0.9" if is_export else "application/json"
        path, query = _PATHS[endpoint], _query(question)
        answer = client.ask(account, "GET", path, query=query, accept=accept, timeout_s=timeout_s)
        if answer.is_good:
            return Copy(_without_secrets(answer.text))
        if is_export and _is_file(answer):
            return Copy(_without_secrets(_without_columns(answer.text)), "text/csv", answer.is_cut)
        raise _error(answer, endpoint)

    def read(self, endpoint: Endpoint, copy: Copy) -> Reading:
        """What can be shown of an answer; of one that nothing is known of, its beginning."""
        found = sheets.Sheets()
        if copy.media_type == "text/csv":
            found.csv(copy.text)
            place = Place()
        else:
            try:
                told = sheets.parsed(copy.text)
            except (ValueError, RecursionError):
                return Reading(text=shapes.plain(copy.text, _TEXT_MAX_CHARS))
            found.take_in(told)
            place = _place(told)
        drawn = tuple(series.of(found.tables)) if endpoint in _DRAWN else ()
        return Reading(tuple(found.facts), tuple(found.tables), drawn, place)

    def job_page(self, copy: Copy, *, page: int = 1) -> JobPage:
        """The jobs that an answer lists; entries without an id are none."""
        told = shapes.unpacked(copy.text)
        entries = shapes.entries(told, *joblist.LISTS) or []
        place = _place(told)
        is_last = not entries or (place.pages is not None and (place.page or page) >= place.pages)
        return JobPage(tuple(filter(None, map(joblist.entry, entries))), place, is_last)

    def credit_log(
        self,
        account: Account,
        *,
        since: datetime,
        until: datetime,
        most_requests: int,
        timeout_s: float | None = None,
        for_s: float = math.inf,
    ) -> CreditLog:
        """The moves of credits between the two, as far back as requests and time reach, see `movements.Log`."""
        log, ends_at = movements.Log(since, until), time.monotonic() + for_s
        while not log.is_over and log.requests < most_requests and (not log.requests or time.monotonic() < ends_at):
            question = Question(Endpoint.CREDITS, page=log.requests + 1)
            log.take_in(shapes.unpacked(self.ask(account, question, timeout_s=timeout_s).text))
        if log.lacks_its_end:
            raise ProviderRefused("The log runs from old to new, and its end was not reached.", code="no_end")
        return log.closed()


def _query(question: Question) -> dict[str, str | int]:
    if question.endpoint not in _PAGED:
        return {}
    query: dict[str, str | int] = {"page": max(1, min(question.page, _PAGE_MAX)), "limit": PAGE_ROWS}
    filters = {"status": question.status, "type": question.kind} if question.endpoint is Endpoint.JOBS else {}
    return query | {name: word for name, word in filters.items() if word}


def _is_file(answer: Answer) -> bool:
    """Whether a text came that may be a table, and no page."""
    is_text = answer.body is NOTHING and bool(answer.text.strip()) and not errors.is_page(answer)
    return 200 <= answer.status < 300 and is_text and answer.text.lstrip()[:1] not in ("{", "[")


def _error(answer: Answer, endpoint: Endpoint) -> ProviderError:
    error = errors.of(answer)
    if endpoint in _OF_OWNERS and answer.status == 403 and isinstance(error, AccountRefused):
        return ProviderRefused(error.reason, code="not_owner")
    return error


def _without_secrets(text: str) -> str:
    """As it may be kept: without anybody's key or password, and without what no database holds."""
    hidden = _SECRET.sub(rf'\1"{_HIDDEN}"', _KEY.sub("[key]", text))
    return hidden.replace("\x00", "\N{REPLACEMENT CHARACTER}")


def _without_columns(text: str) -> str:
    """A table with nothing in the columns that are named like secrets; one without such columns as it came."""
    lines = csv.reader(io.StringIO(text, newline=""))
    try:
        head = next(filter(None, lines), [])
    except csv.Error:
        return text
    secret = {at for at, name in enumerate(head) if _SECRET_NAME.fullmatch(name.strip())}
    return _hidden(head, lines, secret) if secret else text


def _hidden(head: list[str], lines: Iterable[list[str]], secret: Set[int]) -> str:
    """The table as far as it can be read."""
    written = io.StringIO(newline="")
    table = csv.writer(written, lineterminator="\n")
    table.writerow(head)
    with suppress(csv.Error):
        table.writerows([_HIDDEN if at in secret else cell for at, cell in enumerate(line)] for line in lines)
    return written.getvalue()


def _place(told: Any) -> Place:
    inside = ("data", "pagination", "meta")
    page, pages, total = (
        shapes.whole(shapes.first(told, *names, inside=inside))
        for names in (("page", "current_page"), ("pages", "total_pages"), ("total", "total_count", "count"))
    )
    return Place(page, pages, total)
