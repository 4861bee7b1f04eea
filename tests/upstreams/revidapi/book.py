"""The stand-in's own book: accounts, every order that ever came in, the jobs made of them, and every credit moved.

Jobs move lazily: whoever looks first lets everything happen that was due by then, in its order, so no thread is needed.
"""

import collections
import heapq
import itertools
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from .catalog import Row
from .records import Fate, Job, Kind, Move, Order, Slots, State, Transaction, UpstreamAccount


class QueueFull(Exception):
    """No slot is free and the queue is full."""


class BalanceShort(Exception):
    """The account cannot pay."""


class Book:
    """Everything that happened at the stand-in. Safe to read and write from any thread."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self._due: list[tuple[float, int, Job]] = []
        self._turn = itertools.count(1)
        self._number = itertools.count(1)
        self._waiting: dict[str, collections.deque[Job]] = collections.defaultdict(collections.deque)
        self._running: dict[str, set[Job]] = collections.defaultdict(set)
        self._jobs: dict[str, Job] = {}
        self._tokens: dict[str, Job] = {}
        self._orders: list[Order] = []
        self._transactions: list[Transaction] = []
        self.accounts: dict[str, UpstreamAccount] = {}

    @contextmanager
    def up_to_date(self) -> Iterator[float]:
        """Hold the book while everything that is due has happened; gives the time."""
        with self._lock:
            now = self._clock()
            while self._due and self._due[0][0] <= now:
                at, _, job = heapq.heappop(self._due)
                self._fall_due(job, at)
            yield now

    # What a test reads.

    @property
    def jobs(self) -> list[Job]:
        """Every job ever made, oldest first."""
        with self.up_to_date():
            return list(self._jobs.values())

    @property
    def orders(self) -> list[Order]:
        """Every create request that ever came in, refused ones too, oldest first."""
        with self._lock:
            return list(self._orders)

    @property
    def transactions(self) -> list[Transaction]:
        """Every move of credits, oldest first."""
        with self.up_to_date():
            return list(self._transactions)

    def orders_of(self, prompt: str) -> list[Order]:
        """Every order of exactly this prompt, refused ones too."""
        return [order for order in self.orders if order.prompt == prompt]

    def jobs_of(self, prompt: str) -> list[Job]:
        """Every job of exactly this prompt."""
        return [job for job in self.jobs if job.prompt == prompt]

    def doubles(self) -> list[str]:
        """The prompts of which more than one job was made."""
        counted = collections.Counter(job.prompt for job in self.jobs)
        return [prompt for prompt, count in counted.items() if count > 1]

    @property
    def charged(self) -> int:
        """Credits taken for jobs."""
        return -sum(each.amount for each in self.transactions if each.type == "deduct")

    @property
    def refunded(self) -> int:
        """Credits given back for jobs."""
        return sum(each.amount for each in self.transactions if each.type == "refund")

    @property
    def net(self) -> int:
        """What the jobs cost in the end."""
        with self.up_to_date():
            return self.charged - self.refunded

    def prove(self) -> None:
        """Raise AssertionError unless every balance follows from the moves, and every job's charge and refund too."""
        with self.up_to_date():
            balances = dict.fromkeys(self.accounts, 0)
            for each in self._transactions:
                assert each.balance_before == balances[each.account], each
                assert each.balance_after == each.balance_before + each.amount >= 0, each
                balances[each.account] = each.balance_after
            assert balances == {account.id: account.balance for account in self.accounts.values()}
            assert self.charged == sum(job.charge for job in self._jobs.values())
            assert self.refunded == sum(job.refund for job in self._jobs.values())

    # What the server writes.

    def open_account(
        self, *, balance: int, key: str, organization: str, slots: Slots, is_owner: bool = False
    ) -> UpstreamAccount:
        """A new account with one key and its first credits."""
        with self._lock:
            account = UpstreamAccount(f"user_{len(self.accounts) + 1}", key, organization, slots, is_owner)
            account.keys[key] = 0
            self.accounts[account.id] = account
            self._move(account, balance, "initial")
            return account

    def top_up(self, account: UpstreamAccount, credits: int) -> None:
        """Give an account credits, or take some (below zero)."""
        with self.up_to_date():
            self._move(account, credits, "admin_add")

    def account_of(self, key: str) -> UpstreamAccount | None:
        """Whose key this is, switched on or off."""
        return next((account for account in list(self.accounts.values()) if key in account.keys), None)

    def note(self, order: Order) -> None:
        """Keep an order, before anything becomes of it."""
        with self._lock:
            self._orders.append(order)

    def make(
        self, order: Order, *, account: UpstreamAccount, row: Row, fate: Callable[[], Fate], seconds: float
    ) -> Job:
        """Charge an order and make its job, whose fate is asked for once it is sure to be made.

        Raises BalanceShort or QueueFull, and then nothing has happened.
        """
        with self.up_to_date() as now:
            if account.balance < row.credits:
                raise BalanceShort
            waits = not self._has_slot(account, order.kind)
            if waits and len(self._waiting[account.id]) >= account.slots.queue:
                raise QueueFull
            fated = fate()
            job = Job(
                id=str(uuid.uuid4()),
                account=account,
                kind=order.kind,
                model=order.model,
                prompt=order.prompt,
                params=order.fields,
                row=row,
                inputs=order.urls + order.files,
                fate=fated,
                seconds=seconds if fated.takes_s is None else fated.takes_s,
                created_at=now,
                charge=row.credits,
            )
            self._jobs[job.id] = self._tokens[job.token] = order.job = job
            self._move(account, -row.credits, "deduct", job)
            self._set_out(job, now, waits=waits)
            return job

    def find(self, job_id: str, account: UpstreamAccount) -> Job | None:
        """An account's own job."""
        with self.up_to_date():
            job = self._jobs.get(job_id)
            return job if job is not None and job.account is account else None

    def by_token(self, token: str) -> Job | None:
        """The job whose result has this unguessable name."""
        return self._tokens.get(token)

    def cancel(self, job: Job, *, refunds: bool) -> bool:
        """End a job that still moves, keeping its charge unless `refunds`; whether it still moved."""
        with self.up_to_date() as now:
            if not job.is_moving:
                return False
            self._end(job, "cancelled", now)
            if refunds:
                self._refund(job)
            return True

    def usage(self, account: UpstreamAccount) -> dict[str, int]:
        """How many of the account's jobs run, by kind, and how many wait."""
        with self.up_to_date():
            running = self._running[account.id]
            images = sum(job.kind == "image" for job in running)
            queued = len(self._waiting[account.id])
            return {"total": len(running), "image": images, "video": len(running) - images, "queued": queued}

    # What a test plants, so that this book and a customer's differ. It still adds up.

    def plant_job(
        self,
        account: UpstreamAccount,
        *,
        model: str,
        credits: int,
        prompt: str = "planted",
        kind: Kind = "image",
        ago_s: float = 0,
    ) -> Job:
        """A finished job with its charge that nobody ordered; ago_s: how long ago it was made."""
        with self.up_to_date() as now:
            at = now - ago_s
            row = Row("fast", "planted", credits)
            job = Job(
                str(uuid.uuid4()), account, kind, model, prompt, {"model": model}, row, (), Fate(), 0, at, credits
            )
            job.state, job.started_at, job.ended_at = "completed", at, at
            self._jobs[job.id] = self._tokens[job.token] = job
            moved = Transaction(next(self._number), account.id, job.id, "deduct", -credits, 0, 0, at)
            self._rewrite(account, [*self._transactions, moved])
            return job

    def lose_charge(self, job: Job) -> None:
        """A job's charge is in the log no more, as if it had been free."""
        with self.up_to_date():
            job.charge = 0
            self._rewrite(job.account, [each for each in self._transactions if not _is(each, job, "deduct")])

    def change_charge(self, job: Job, credits: int) -> None:
        """A job was charged with another amount than was said."""
        with self.up_to_date():
            job.charge = credits
            changed = [
                replace(each, amount=-credits) if _is(each, job, "deduct") else each for each in self._transactions
            ]
            self._rewrite(job.account, changed)

    def refund_late(self, job: Job) -> None:
        """A job's charge is given back now, however it ended."""
        with self.up_to_date():
            self._refund(job)

    def lose_refund(self, job: Job) -> None:
        """What was given back is in the log no more, as if it had been kept."""
        with self.up_to_date():
            job.refund = 0
            self._rewrite(job.account, [each for each in self._transactions if not _is(each, job, "refund")])

    def _rewrite(self, account: UpstreamAccount, transactions: list[Transaction]) -> None:
        """Other moves, by their time, and the balances that follow from them. The account is as old as its oldest."""
        oldest = min(each.at for each in transactions if each.account == account.id)
        first = [account.id, "initial"]
        aged = [replace(each, at=oldest) if [each.account, each.type] == first else each for each in transactions]
        self._transactions, account.balance = [], 0
        for each in sorted(aged, key=lambda each: (each.at, each.type != "initial")):
            if each.account != account.id:
                self._transactions.append(each)
                continue
            before, account.balance = account.balance, account.balance + each.amount
            self._transactions.append(replace(each, balance_before=before, balance_after=account.balance))

    # How jobs move.

    def _set_out(self, job: Job, now: float, *, waits: bool) -> None:
        if job.fate.at_create:
            job.started_at = now
            self._end(job, "completed", now)
        elif waits:
            self._waiting[job.account.id].append(job)
        else:
            self._start(job, now)

    def _has_slot(self, account: UpstreamAccount, kind: Kind) -> bool:
        running = self._running[account.id]
        same = sum(job.kind == kind for job in running)
        return len(running) < account.slots.total and same < account.slots.of(kind)

    def _start(self, job: Job, at: float) -> None:
        job.state, job.started_at = "running", at
        self._running[job.account.id].add(job)
        if not job.fate.stuck:
            self._wake(job, at + job.seconds)

    def _wake(self, job: Job, at: float) -> None:
        heapq.heappush(self._due, (at, next(self._turn), job))

    def _fall_due(self, job: Job, at: float) -> None:
        if job.state == "running":
            self._end(job, "failed" if job.fate.fails else "completed", at)
        elif job.state == "failed":
            job.state = "completed"

    def _end(self, job: Job, state: State, at: float) -> None:
        job.state, job.ended_at = state, at
        self._running[job.account.id].discard(job)
        if job in self._waiting[job.account.id]:
            self._waiting[job.account.id].remove(job)
        if state == "failed" and job.fate.refunds:
            self._refund(job)
        if state == "failed" and job.fate.late_s is not None:
            self._wake(job, at + job.fate.late_s)
        self._let_in(job.account, at)

    def _let_in(self, account: UpstreamAccount, at: float) -> None:
        """Start whoever waits first for a slot that is free."""
        waiting = self._waiting[account.id]
        for job in [job for job in waiting if self._has_slot(account, job.kind)]:
            if self._has_slot(account, job.kind):
                waiting.remove(job)
                self._start(job, at)

    def _refund(self, job: Job) -> None:
        job.refund = job.charge
        self._move(job.account, job.charge, "refund", job)

    def _move(
        self,
        account: UpstreamAccount,
        amount: int,
        what: Move,
        job: Job | None = None,
    ) -> None:
        before, account.balance = account.balance, account.balance + amount
        number, job_id = next(self._number), job.id if job else ""
        moved = Transaction(number, account.id, job_id, what, amount, before, account.balance, self._clock())
        self._transactions.append(moved)


def _is(moved: Transaction, job: Job, what: Move) -> bool:
    return moved.job_id == job.id and moved.type == what
