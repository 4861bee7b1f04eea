"""When trouble strikes: for the next requests, by odds, for a while, or because a prompt asks for it."""

import collections
import inspect
import random
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from .http import Answer, Request
from .records import Job, Order, UpstreamAccount

Layer = Literal["answer", "fate"]
Act = Callable[..., object]

# What a request can be for. `CALLS` are those that need a key; "put" and "result" are its storage.
JOBS = frozenset({"create", "poll", "cancel"})
OWNERS = frozenset({"users", "subs", "revenue"})
ACCOUNT = OWNERS | {"models", "pricing", "limits", "balance", "me", "jobs", "credits", "stats", "export"}
UPLOADS = frozenset({"upload", "presign", "confirm", "upload_url", "upload_status"})
CALLS = JOBS | ACCOUNT | UPLOADS
ENDPOINTS = CALLS | {"put", "result"}


@dataclass
class Call:
    """One request on its way: what it is for, and what it does unless trouble prevents it.

    notes: what a trouble tells the deed. key_off: switches the key off for so many seconds.
    """

    endpoint: str
    request: Request
    argument: str = ""
    order: Order | None = None
    job: Job | None = None
    trouble: str = ""
    notes: dict[str, object] = field(default_factory=dict)
    deed: Callable[[], Answer] = lambda: Answer(404, {"detail": "Not Found"})
    sleep: Callable[[float], object] = lambda seconds: None
    price_off: Callable[[], None] = lambda: None
    key_off: Callable[[float], None] = lambda seconds: None

    @property
    def account(self) -> UpstreamAccount:
        """Whose request it is; what needs a key always knows."""
        assert self.request.account is not None
        return self.request.account

    @property
    def prompt(self) -> str:
        """The prompt that the request is about; "" where it is about none."""
        return self.order.prompt if self.order else self.job.prompt if self.job else ""


@dataclass(frozen=True)
class Trouble:
    """One thing that can go wrong. `usual` is where it strikes unless told."""

    name: str
    layer: Layer
    usual: frozenset[str]
    act: Act

    def check(self, facts: Mapping[str, object]) -> None:
        """Raise TypeError for a fact that this trouble does not know."""
        known = inspect.signature(self.act).parameters
        if unknown := [name for name in facts if name not in known or name == "call"]:
            raise TypeError(f"{self.name} takes no {', '.join(unknown)}")


TROUBLES: dict[str, Trouble] = {}


def trouble(layer: Layer, on: str | frozenset[str]) -> Callable[[Act], Act]:
    """Put a function among the troubles, under its own name; `on` is where it strikes unless told."""
    usual = frozenset(on.split()) if isinstance(on, str) else on

    def keep(act: Act) -> Act:
        TROUBLES[act.__name__] = Trouble(act.__name__, layer, usual, act)
        return act

    return keep


@dataclass
class Cue:
    """A trouble that waits for its requests. `left`: how many more; `until`: by the script's clock."""

    trouble: Trouble
    on: frozenset[str]
    prompt: str
    facts: Mapping[str, object]
    left: float = float("inf")
    until: float = float("inf")

    def fits(self, call: Call, layer: Layer) -> bool:
        """Whether this request is one of those."""
        return self.trouble.layer == layer and call.endpoint in self.on and self.prompt in call.prompt


class Script:
    """What is going to go wrong. Of several troubles of a layer the first that was asked for strikes a request."""

    def __init__(self, *, seed: int, clock: Callable[[], float], reads_prompts: bool) -> None:
        self._clock = clock
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._reads_prompts = reads_prompts
        self._cues: list[Cue] = []
        self.odds: dict[str, float] = {}
        self.struck: collections.Counter[str] = collections.Counter()

    def play(self, trouble: str, *, on: str = "", times: int = 1, prompt: str = "", **facts: object) -> None:
        """Let `trouble` strike the next `times` requests for one of `on` with `prompt` within their prompt."""
        self._cue(trouble, on, prompt, facts, left=times)

    def window(self, trouble: str, seconds: float, *, on: str = "", prompt: str = "", **facts: object) -> None:
        """Let `trouble` strike every matching request from now on for so many seconds."""
        self._cue(trouble, on, prompt, facts, until=self._clock() + seconds)

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        with self._lock:
            self._cues.clear()
            self.odds.clear()

    def strike(self, call: Call, layer: Layer) -> Cue | None:
        """The trouble that strikes this request, used up by that; None for none."""
        with self._lock:
            cue = self._cued(call, layer) or self._drawn(call, layer) or self._asked(call, layer)
            if cue is not None:
                self.struck[cue.trouble.name] += 1
            return cue

    def _cue(self, name: str, on: str, prompt: str, facts: Mapping[str, object], **bounds: float) -> None:
        trouble = TROUBLES[name]
        trouble.check(facts)
        where = frozenset(on.split()) or trouble.usual
        if unknown := where - ENDPOINTS:
            raise ValueError(f"no request is for {', '.join(unknown)}")
        if trouble.layer == "fate" and where != {"create"}:
            raise ValueError(f"{name} is decided when a job is made: on='create'")
        with self._lock:
            self._cues.append(Cue(trouble, where, prompt, facts, **bounds))

    def _cued(self, call: Call, layer: Layer) -> Cue | None:
        now = self._clock()
        self._cues = [cue for cue in self._cues if cue.left > 0 and cue.until > now]
        found = next((cue for cue in self._cues if cue.fits(call, layer)), None)
        if found is not None:
            found.left -= 1
        return found

    def _drawn(self, call: Call, layer: Layer) -> Cue | None:
        """By odds. A name may say where: "unavailable on poll" strikes only there."""
        for words, odds in self.odds.items():
            name, _, where = words.partition(" on ")
            trouble = TROUBLES[name]
            cue = Cue(trouble, frozenset(where.split()) or trouble.usual, "", {})
            if cue.fits(call, layer) and self._random.random() < odds:
                return cue
        return None

    def _asked(self, call: Call, layer: Layer) -> Cue | None:
        """By words in square brackets in an order's prompt: [fail], [lost after]."""
        if not self._reads_prompts or call.order is None:
            return None
        words = re.findall(r"\[([a-z _]+)\]", call.prompt.lower())
        names = [word.strip().replace(" ", "_") for word in words]
        named = [TROUBLES.get(name) or TROUBLES.get(f"{name}s") for name in names]
        cues = (Cue(trouble, trouble.usual, "", {}) for trouble in named if trouble)
        return next((cue for cue in cues if cue.fits(call, layer)), None)
