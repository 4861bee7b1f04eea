"""From what happens to the rows that say so: in the order in which things were asked for, and in which they ended."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Any, NamedTuple

from django.db import models

from revidweb.credits.models import Entry, Hold, Transfer
from revidweb.files.models import StoredFile
from revidweb.jobs.models import Attempt, Batch, Job, Output, Settlement

from . import tables
from .book import Book
from .cast import Cast
from .pictures import Shelf
from .script import Asked

_AT_ONCE = 20_000  # jobs between two writings
_SENT_S = 1.0  # after it was asked for
_QUARTER_S = 900  # in no zone does a day begin within one
_ERRORS = {
    "failed": ("failed", "The provider could not make it."),
    "lost": ("lost", "No answer came, and nothing was found at the provider."),
}


class Waiting(NamedTuple):
    """A job that was asked for and has not ended. It sorts by when it does."""

    ends: float
    job: int
    name: str
    end: str
    batch: int
    asked: Asked


class Keeping(NamedTuple):
    """Which results are there: the pictures of the last `latest` jobs, with bytes of their own.

    are_all: those before them too, with only the small picture, which they share; else they were deleted.
    """

    latest: int
    are_all: bool


class Writer:
    """Takes batches in the order of time and writes what comes of them.

    seed: of public ids. note: what says that it is made up.
    """

    def __init__(self, cast: Cast, book: Book, shelf: Shelf, seed: str, keeping: Keeping, note: str) -> None:
        self._cast, self._book, self._shelf = cast, book, shelf
        self._chance = Random(seed)  # noqa: S311 — a seed is what is wanted
        self._keeping, self._note = keeping, note
        self._rows: dict[type[models.Model], list[tables.Row]] = {model: [] for model in tables.COLUMNS}
        self._ids: dict[type[models.Model], Iterator[int]] = {m: count(tables.first_id(m)) for m in tables.COLUMNS}
        self._waiting: list[Waiting] = []
        self._days: dict[int, date] = {}
        self._moves = count(1)
        self._left = 0
        self.copies: dict[str, str] = {}

    def write(self, story: Iterator[Asked], jobs: int) -> None:
        """Write the rows of all of it, so many jobs."""
        self._left = jobs
        for asked in story:
            self._end_until(asked.at)
            self._ask(asked)
        self._end_until(float("inf"))
        tables.write(self._rows)

    # -- what is asked for -------------------------------------------------------------------------------------------

    def _ask(self, asked: Asked) -> None:
        buyer, ware, at = asked.buyer, asked.ware, asked.at
        batch = next(self._ids[Batch])
        self._add(Batch, batch, self._name("bat"), self._tenant, buyer.member, len(asked.jobs), _time(at))
        for seconds, end in asked.jobs:
            self._book.hold(buyer, ware.credits, at, self._move)
            job = next(self._ids[Job])
            ends = round(at + _SENT_S + seconds, 3)
            heappush(self._waiting, Waiting(ends, job, self._name("job"), end, batch, asked))
        if buyer.key:
            self._book.figures[buyer.key].held(self._day(at), at)

    # -- what ends ---------------------------------------------------------------------------------------------------

    def _end_until(self, moment: float) -> None:
        waiting = self._waiting
        while waiting and waiting[0].ends <= moment:
            self._end(heappop(waiting))
            self._left -= 1
            if self._left % _AT_ONCE == 0:
                tables.write(self._rows)

    def _end(self, job: Waiting) -> None:
        ware, buyer, ended = job.asked.ware, job.asked.buyer, _time(job.ends)
        is_done, is_lost = job.end == "done", job.end == "lost"
        is_paid = is_done or (job.end == "cancelled" and self._chance.random() < 0.2)
        self._book.end(buyer.wallet, ware.credits)
        payer = buyer.wallet or self._cast.house
        paid = ware.credits if is_paid else 0
        transfer = self._capture(job, payer, ended) if is_paid else None
        hold = next(self._ids[Hold])
        created = _time(job.asked.at)
        state = "captured" if is_paid else "released"
        self._add(Hold, hold, payer, ware.credits, f"job:{job.name}", state, paid, transfer, created, ended)
        cover = self._file(job, ended) if is_done else None
        self._add_job(job, hold, cover, created, ended)
        cost = ware.credits * 1_000_000 if is_paid or is_lost else 0
        self._add_attempt(job, cost, is_lost, ended)
        if cover:
            self._add_output(job, cover, ended)
        self._add(
            *(Settlement, next(self._ids[Settlement]), job.job, self._tenant, job.end, paid, cost, is_lost, ended),
            *(False, ended, paid, cost),
        )
        if buyer.key and is_paid:
            self._book.figures[buyer.key].taken(self._day(job.asked.at), paid)

    def _add_job(self, job: Waiting, hold: int, cover: int | None, created: str, ended: str) -> None:
        _at, buyer, ware, prompt, _jobs = job.asked
        code, error = _ERRORS.get(job.end, ("", ""))
        self._add(
            *(Job, job.job, job.name, self._tenant, buyer.member, buyer.key, job.batch, ware.kind, ware.mode),
            *(ware.model, prompt, ware.params, ware.offer, ware.connection, ware.server, ware.price_key),
            *(ware.credits, ware.credits, ware.is_estimate, hold),
            str(self._day(job.asked.at)) if buyer.key else None,
            "failed" if job.end == "lost" else job.end,
            *(100 if cover else 0, code, error, cover, created, _time(job.asked.at + _SENT_S), ended, ended, ended),
            ended if job.end == "cancelled" else None,
        )

    def _add_attempt(self, job: Waiting, cost: int, is_lost: bool, ended: str) -> None:
        ware, sent = job.asked.ware, _time(job.asked.at + _SENT_S)
        ticket = "" if is_lost else f"history-{job.job}"
        self._add(
            *(Attempt, next(self._ids[Attempt]), job.job, 1, ware.connection, ware.credential),
            *("lost" if is_lost else "sent", ticket, self._note, cost, is_lost, sent, ended),
        )

    def _add_output(self, job: Waiting, file: int, ended: str) -> None:
        buyer, ware = job.asked.buyer, job.asked.ware
        self._add(
            *(Output, next(self._ids[Output]), self._name("out"), job.job, self._tenant, buyer.member, buyer.key),
            *(ware.kind, ware.model, file, ended, None if self._is_kept(job) else ended),
        )

    # -- files -------------------------------------------------------------------------------------------------------

    def _is_kept(self, job: Waiting) -> bool:
        return self._keeping.are_all or self._is_real(job)

    def _is_real(self, job: Waiting) -> bool:
        return self._left <= self._keeping.latest and job.asked.ware.kind == "image"

    def _file(self, job: Waiting, ended: str) -> int:
        file, buyer, is_clip = next(self._ids[StoredFile]), job.asked.buyer, job.asked.ware.kind != "image"
        stem = f"outputs/{self._cast.tenant.public_id}/{job.name}/0"
        ending, content_type = (".mp4", "video/mp4") if is_clip else (".png", "image/png")
        look: tuple[Any, ...] = (1, "0" * 64, 640, 480)
        thumb, blur, gone = f"{stem}-thumb.webp", "", ended
        if self._is_kept(job):
            picture = self._shelf.picture(job.asked.prompt)
            look, blur, gone = (picture.size_bytes, picture.sha256, picture.width, picture.height), picture.blur, ""
            if self._is_real(job):
                self.copies |= {stem + ending: picture.path, thumb: picture.thumb_path}
            else:
                thumb = picture.thumb_path
        self._add(
            *(StoredFile, file, self._name("fil"), self._tenant, buyer.member, buyer.key_name, "output"),
            *("video" if is_clip else "image", content_type, *look, 5000 if is_clip else None, stem + ending, thumb),
            *(thumb if is_clip else "", blur, ended, gone or None, gone or None),
        )
        return file

    # -- money -------------------------------------------------------------------------------------------------------

    def _capture(self, job: Waiting, payer: int, ended: str) -> int:
        reference, credits = f"capture:job:{job.name}", job.asked.ware.credits
        return self._transfer("capture", reference, payer, self._cast.spent, credits, ended)

    def _move(self, at: int, kind: str, source: int, target: int, credits: int) -> int:
        reference = f"{kind}:history:{self._cast.tenant.public_id}:{next(self._moves)}"
        return self._transfer(kind, reference, source, target, credits, _time(at))

    def _transfer(self, kind: str, reference: str, source: int, target: int, credits: int, at: str) -> int:
        transfer, entries, moved = next(self._ids[Transfer]), self._ids[Entry], self._book.moved
        self._add(Transfer, transfer, self._tenant, kind, reference, "system", self._note, at)
        for wallet, change in ((source, -credits), (target, credits)):
            self._add(Entry, next(entries), transfer, wallet, self._tenant, kind, change, moved(wallet, change))
        return transfer

    # -- words -------------------------------------------------------------------------------------------------------

    @property
    def _tenant(self) -> int:
        return self._cast.tenant.pk

    def _add(self, model: type[models.Model], *values: Any) -> None:
        self._rows[model].append(values)

    def _name(self, prefix: str) -> str:
        """A public id that the seed gives again."""
        return f"{prefix}_{self._chance.getrandbits(80):020x}"

    def _day(self, at: int) -> date:
        """The tenant's day."""
        quarter = at // _QUARTER_S
        if quarter not in self._days:
            self._days[quarter] = datetime.fromtimestamp(at, UTC).astimezone(self._cast.tenant.zone).date()
        return self._days[quarter]


def _time(at: float) -> str:
    """UTC as both databases read it."""
    return datetime.fromtimestamp(at, UTC).replace(tzinfo=None).isoformat(" ")
