"""Looking through upstream's job list for an order whose answer was lost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from revidweb.providers.base import Account, Kind, Mode, Order, ProviderError, Receipt

from . import client, errors, joblist, names, shapes
from .shapes import Body

_PAGE = 100
_SKEW_S = 120  # their clock and ours
_PICTURES = ("img_url", "image_url", "image_urls")


@dataclass(frozen=True)
class _Window:
    since: datetime
    until: datetime

    def __contains__(self, at: datetime | None) -> bool:
        return at is not None and self.since <= at <= self.until


class JobList:
    """The account's jobs, newest first, a page at a time and each page once; jobs that end on two pages come twice."""

    def __init__(self, account: Account, most_requests: int) -> None:
        self.requests = 0
        self._account, self._most = account, most_requests
        self._entries: list[Body] = []
        self._page: Sequence[Body] = ()  # the last one that was read
        self._tickets: set[str] = set()
        self._is_over = False
        self._failed: ProviderError | None = None

    def find(self, order: Order, *, since: datetime, until: datetime) -> Sequence[Receipt]:
        """Jobs that may be this order's, oldest first: same model, prompt and parameters, made in the window.

        What upstream does not print counts for nothing, but for model, prompt and time: without these it is no
        candidate. Where the requests do not reach back to `since`, what was read counts.
        """
        until += timedelta(seconds=settings.REVIDAPI_CREATE_TIMEOUT_S)
        window = _Window(since - timedelta(seconds=_SKEW_S), until)
        found: dict[str, tuple[datetime, Receipt]] = {}
        for entry in self._back_to(window):
            at = _made_at(entry)
            ticket = shapes.ticket(entry)
            if ticket and at is not None and at in window and is_same(entry, order):
                found[ticket] = (at, Receipt(ticket, cost=shapes.whole(shapes.first(entry, "credits_cost", "cost"))))
        return [receipt for _at, receipt in sorted(found.values(), key=lambda pair: pair[0])]

    def _back_to(self, window: _Window) -> Sequence[Body]:
        """What is listed, as far back as the window reaches. Raises what a page raised, each time."""
        while not self._is_over and not _is_before(self._page, window) and self.requests < self._most:
            self._read_on()
        if self._failed:
            raise self._failed
        return self._entries

    def _read_on(self) -> None:
        self.requests += 1
        try:
            body = _page(self._account, self.requests)
        except ProviderError as error:
            self._is_over, self._failed = True, error
            return
        entries = shapes.entries(body, *joblist.LISTS) or []
        tickets = {shapes.ticket(entry) for entry in entries}
        self._is_over = tickets <= self._tickets or _is_last(body, self.requests)
        self._tickets |= tickets
        self._page, self._entries = entries, self._entries + entries


def is_same(entry: Body, order: Order) -> bool:
    """Whether a job upstream may be this order: nothing that is printed of it says otherwise."""
    printed = joblist.parameters(entry)
    model = entry.get("model") or printed.get("model")
    if not isinstance(model, str) or names.one(model) != names.one(order.model):
        return False
    if _prompt(order.prompt) not in (_prompt(entry.get("prompt")), _prompt(printed.get("prompt"))):
        return False
    ours = {**names.carried(order.model), **order.params, "server_id": order.server}
    theirs = {**printed, **names.carried(model)}
    return _is_kind(entry, order) and _are_equal(ours, theirs) and _are_pictures(entry, printed, order)


def _page(account: Account, page: int) -> Any:
    answer = client.ask(account, "GET", "/dashboard/jobs", query={"page": page, "limit": _PAGE})
    if not answer.is_good:
        raise errors.of(answer)
    return answer.body


def _is_last(body: Any, page: int) -> bool:
    pages = shapes.whole(shapes.first(body, "pages", "total_pages"))
    return pages is not None and page >= pages


def _is_before(entries: Sequence[Body], window: _Window) -> bool:
    times = [at for at in map(_made_at, entries) if at]
    return bool(times) and max(times) < window.since


def _made_at(entry: Body) -> datetime | None:
    return shapes.moment(entry.get("created_at") or entry.get("createdAt"))


def _prompt(text: Any) -> str:
    return text.replace("\r\n", "\n").strip() if isinstance(text, str) else ""


def _is_kind(entry: Body, order: Order) -> bool:
    """Whether the type that is printed, a kind or a mode, is the order's; another word says nothing."""
    printed = shapes.word(entry.get("type"))
    if printed in set(Mode):
        return printed == order.mode
    return printed not in set(Kind) or printed == order.kind


def _are_equal(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> bool:
    both = (name for name, value in ours.items() if value != "" and theirs.get(name) not in (None, ""))
    return all(_plain(name, ours[name]) == _plain(name, theirs[name]) for name in both)


def _plain(name: str, value: Any) -> object:
    """A value as it is compared: 5, "5" and "5s" are one duration, true and "true" one yes."""
    if name == "audio":
        return shapes.truth(value)
    text = str(value).strip().lower()
    return text.removesuffix("s") if name == "duration" else text


def _are_pictures(entry: Body, printed: Mapping[str, Any], order: Order) -> bool:
    """Whether the pictures are the order's, as far as both sides name addresses on one host.

    Two orders may differ in nothing else. An address on another host is a copy of upstream's, and says nothing; beside
    copies on the same host one list of the order's own suffices.
    """
    told = (*(printed.get(name) for name in _PICTURES), entry.get("input_images"))
    ours = {one.url for one in order.inputs if one.url}
    hosts = {_host(url) for url in ours}
    lists = [{url for url in shapes.urls(each) if _host(url) in hosts} for each in told]
    return not any(lists) or ours in lists


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""
