"""The stand-in itself: a server on loopback with its book, its catalog, its uploads and its script of troubles."""

import collections
import threading
import time
from dataclasses import dataclass
from typing import Self

from . import api, orders, refusals
from .book import Book
from .catalog import Catalog
from .http import Answer, Request, Server
from .records import Slots, UpstreamAccount, a_key
from .script import CALLS, Call, Script
from .uploads import Shelf, Upload


@dataclass(frozen=True)
class Seen:
    """One request that was answered. `key` is the whole key that it carried; `status` 0 for an answer that was lost."""

    at: float
    endpoint: str
    method: str
    path: str
    key: str
    status: int
    trouble: str


class StandIn:
    """RevidAPI on a loopback port, from `with` until its end; then its book is proven.

    image_s, video_s, upload_s: how long a picture, a clip and a fetched upload take. per_minute: requests with one key,
    0 for any number. seed: of the odds. reads_prompts: whether "[fail]" in a prompt makes trouble.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        image_s: float = 0.2,
        video_s: float = 0.4,
        upload_s: float = 0.2,
        per_minute: int = 1000,
        seed: int = 0,
        reads_prompts: bool = False,
        catalog: Catalog | None = None,
    ) -> None:
        self.image_s, self.video_s, self.upload_s = image_s, video_s, upload_s
        self.per_minute = per_minute
        self._ahead_s = time.time() - time.perf_counter()
        self._made: dict[str, collections.deque[float]] = collections.defaultdict(collections.deque)
        self._lock = threading.Lock()
        self.book = Book(self.now)
        self.catalog = catalog or Catalog()
        self.uploads = Shelf(self.now)
        self.script = Script(seed=seed, clock=self.now, reads_prompts=reads_prompts)
        self.calls: list[Seen] = []
        self.leaks: list[str] = []
        self._server = Server(port, self._respond)
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.origin = f"http://{self.host}"
        self.url = f"{self.origin}/v1"

    # Coming and going.

    def start(self) -> Self:
        """Listen, in a thread of its own."""
        self._server.start()
        return self

    def stop(self) -> None:
        """End every connection and stop listening."""
        self._server.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, error: type[BaseException] | None, *rest: object) -> None:
        self.stop()
        if error is None:
            self.prove()

    def prove(self) -> None:
        """Raise AssertionError unless the book balances and the stand-in itself never failed."""
        self.book.prove()
        assert not self._server.bugs, self._server.bugs[0]

    # What a test does.

    def now(self) -> float:
        """The stand-in's clock: seconds since the epoch, which nobody else can turn back."""
        return time.perf_counter() + self._ahead_s

    def skip(self, seconds: float) -> None:
        """Let so many seconds pass at once."""
        self._ahead_s += seconds

    def open_account(
        self,
        balance: int = 1000,
        key: str | None = None,
        *,
        organization: str = "Acme",
        is_owner: bool = False,
        total: int = 5,
        image: int = 3,
        video: int = 3,
        queue: int = 3,
    ) -> UpstreamAccount:
        """A new account with so many credits and slots; its key is made up unless given.

        is_owner: its keys may ask for the tenant's users, subscribers and revenue.
        """
        slots = Slots(total, image, video, queue)
        return self.book.open_account(
            balance=balance, key=key or a_key(), organization=organization, slots=slots, is_owner=is_owner
        )

    @property
    def odds(self) -> dict[str, float]:
        """Trouble by chance, per matching request: {"lost_after": 0.025, "unavailable on poll": 0.02}."""
        return self.script.odds

    @odds.setter
    def odds(self, odds: dict[str, float]) -> None:
        self.script.odds = odds

    def play(self, trouble: str, on: str = "", times: int = 1, *, prompt: str = "", **facts: object) -> None:
        """Let `trouble` strike the next `times` requests for `on` (its usual ones) that are about such a prompt."""
        self.script.play(trouble, on=on, times=times, prompt=prompt, **facts)

    def window(self, trouble: str, seconds: float, on: str = "", *, prompt: str = "", **facts: object) -> None:
        """Let `trouble` strike every such request for so many seconds from now."""
        self.script.window(trouble, seconds, on=on, prompt=prompt, **facts)

    def upload_at(self, url: str) -> Upload | None:
        """The upload whose address this is; None for an address that it never gave out."""
        is_ours = url.startswith(f"{self.origin}/inputs/")
        return self.uploads.find(url.removeprefix(f"{self.origin}/inputs/")) if is_ours else None

    def is_usable(self, url: str) -> bool:
        """Whether an order may name this address now."""
        found = self.upload_at(url)
        return found is not None and self.uploads.is_ready(found)

    # What happens to a request.

    def _respond(self, request: Request) -> Answer:
        call = self._call(request)
        answer = self._answer(call)
        status = 0 if answer.delivery in {"reset", "close"} else answer.status
        if call.order is not None:
            call.order.status = status
        seen = Seen(self.now(), call.endpoint, request.method, request.path, request.key, status, call.trouble)
        self.calls.append(seen)
        return answer

    def _call(self, request: Request) -> Call:
        """What a request is for, whose it is, and what it would do."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        request.key = key.strip() if scheme == "Bearer" else ""
        request.account = self.book.account_of(request.key)
        route, argument, is_known = api.find(request.method, request.path)
        if route is None:
            unknown = refusals.no(405, "Method Not Allowed") if is_known else refusals.no(404, "Not Found")
            return Call("", request, deed=lambda: unknown)
        call = Call(route.endpoint, request, argument, sleep=self._server.stopping.wait)
        call.deed = lambda: route.deed(self, call)
        call.price_off, call.key_off = lambda: self._price_off(call), lambda seconds: self._key_off(call, seconds)
        if route.endpoint == "create":
            call.order = orders.note(request, api.KIND_OF[request.path], self.now())
            self.book.note(call.order)
        if route.endpoint in {"poll", "cancel"} and request.account:
            call.job = self.book.find(argument, request.account)
        return call

    def _answer(self, call: Call) -> Answer:
        """The first that has something to say: the door, the script, the deed."""
        refused = self._at_the_door(call)
        if refused is not None:
            return refused
        cue = self.script.strike(call, "answer") if call.endpoint else None
        if cue is None:
            return call.deed()
        call.trouble = cue.trouble.name
        if call.order is not None:
            call.order.trouble = cue.trouble.name
        answer = cue.trouble.act(call, **cue.facts)
        assert isinstance(answer, Answer)
        return answer

    def _at_the_door(self, call: Call) -> Answer | None:
        """What is said to a request without a good key, with one too many, or with a key where none belongs."""
        request = call.request
        if call.endpoint not in CALLS:
            return self._leak(call) if "authorization" in request.headers and call.endpoint else None
        if "authorization" not in request.headers:
            return refusals.no(401, "Missing Authorization header")
        if request.account is None:
            return refusals.no(401, "Invalid API key")
        if request.account.keys[request.key] > self.now():
            return refusals.no(401, "API key is disabled")
        wait_s = self._too_many(request.key)
        return refusals.too_many(self.per_minute, wait_s) if wait_s else None

    def _leak(self, call: Call) -> Answer:
        """A key that was sent to storage. It refuses, as storage does whose addresses are signed already."""
        self.leaks.append(call.request.path)
        return refusals.storage(400, "InvalidArgument")

    def _too_many(self, key: str) -> int:
        """Whole seconds until this key may ask again; 0 for now, and then it has."""
        with self._lock:
            now, made = self.now(), self._made[key]
            while made and made[0] <= now - 60:
                made.popleft()
            if self.per_minute and len(made) >= self.per_minute:
                return int(made[0] + 60 - now) + 1
            made.append(now)
            return 0

    def _price_off(self, call: Call) -> None:
        """Take this order's price row off the catalog."""
        assert call.order is not None
        model = self.catalog.find(call.order.model)
        row = model.row_for(call.order.fields) if model else None
        if model and row:
            self.catalog.remove_row(model.id, row.key, server=row.server)

    def _key_off(self, call: Call, seconds: float) -> None:
        """Switch this request's key off, and on again after so many seconds."""
        call.account.disable(call.request.key, until=self.now() + seconds)
