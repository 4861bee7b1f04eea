"""Any order of deeds leaves a sound book: random deeds against a model in plain numbers."""

from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from revidweb.accounts.models import Role
from revidweb.credits import checking, checkpoints, ledger, statements
from revidweb.credits.books import Together
from revidweb.credits.models import Entry, Hold, Wallet
from revidweb.credits.statements import Wanted
from revidweb.keys import leaving
from tests import makers
from tests.credits.makers import ACTOR, a_reference, figures

pytestmark = pytest.mark.django_db

amounts = st.integers(min_value=1, max_value=100)


class Book(RuleBasedStateMachine):
    """Three members who come and go, and the house; `balance`, `held` and `is_gone` are the model."""

    open_holds = Bundle("open_holds")
    ended_holds = Bundle("ended_holds")

    def __init__(self) -> None:
        super().__init__()
        self.undo = transaction.atomic()
        self.undo.__enter__()
        tenant = makers.a_tenant()
        self.owner = makers.an_actor(tenant, role=Role.OWNER)
        self.members = [makers.a_member(tenant) for _ in range(3)]
        self.house, self.spent = ledger.house(tenant), ledger.spent(tenant)
        self.wallets = [ledger.wallet_of(member) for member in self.members]
        self.balance, self.held, self.is_gone = [0, 0, 0], [0, 0, 0], [False, False, False]
        self.issued = self.used = 0

    @rule(n=st.integers(0, 2), credits=amounts)
    def grant(self, n: int, credits: int) -> None:
        reference = a_reference("grant")
        with self.lawful(n):
            for _ in range(2):
                ledger.grant(self.members[n], credits=credits, reference=reference, actor=ACTOR)
            self.balance[n] += credits
            self.issued += credits

    @rule(n=st.integers(0, 2))
    def remove(self, n: int) -> None:
        for _ in range(2):
            leaving.remove(self.owner, self.members[n])
        self.is_gone[n] = True
        self.give_back(n)

    @rule(n=st.integers(0, 2))
    def restore(self, n: int) -> None:
        for _ in range(2):
            leaving.restore(self.owner, self.members[n])
        self.is_gone[n] = False

    @rule(giver=st.integers(0, 2), step=st.integers(1, 2), credits=amounts)
    def move(self, giver: int, step: int, credits: int) -> None:
        taker = (giver + step) % 3
        source, into, reference = self.wallets[giver], self.wallets[taker], a_reference("transfer")
        with self.lawful(giver, taker, credits=credits):
            for _ in range(2):
                ledger.transfer(source, into, credits=credits, reference=reference, actor=ACTOR)
            self.balance[giver] -= credits
            self.balance[taker] += credits

    @rule(target=open_holds, n=st.integers(0, 2), credits=amounts)
    def hold(self, n: int, credits: int) -> object:
        reference = a_reference()
        with self.lawful(n, credits=credits):
            first, again = (ledger.hold(self.wallets[n], credits=credits, reference=reference) for _ in range(2))
            assert first == again
            self.held[n] += credits
            return n, first.pk
        return multiple()

    @rule(target=open_holds, credits=amounts)
    def hold_on_house(self, credits: int) -> object:
        return None, ledger.hold(self.house, credits=credits, reference=a_reference()).pk

    @rule(target=ended_holds, hold=consumes(open_holds), part=st.fractions(0, 1))
    def capture(self, hold: tuple[int | None, int], part: object) -> object:
        n, pk = hold
        row = Hold.objects.get(pk=pk)
        taken = int(row.credits * part)
        for _ in range(2):
            ledger.capture(Hold.objects.get(pk=pk), actor=ACTOR, credits=taken)
        self.used += taken
        if n is None:
            self.issued += taken
        else:
            self.held[n] -= row.credits
            self.balance[n] -= taken
            if self.is_gone[n]:
                self.give_back(n)
        return pk, taken

    @rule(ended=ended_holds)
    def end_otherwise(self, ended: tuple[int, int]) -> None:
        pk, taken = ended
        row = Hold.objects.get(pk=pk)
        with pytest.raises(ledger.LedgerConflict):
            ledger.capture(row, actor=ACTOR, credits=0 if taken else row.credits)

    def lawful(self, *whose: int, credits: int = 0) -> AbstractContextManager[object]:
        """The refusal that these members' wallets call for when the first of them spends so much, or none."""
        if any(self.is_gone[n] for n in whose):
            return pytest.raises(ledger.WalletClosed)
        free = self.balance[whose[0]] - self.held[whose[0]]
        return nullcontext() if credits <= free else pytest.raises(ledger.NotEnoughCredits, match=f"'free': {free}}}")

    def give_back(self, n: int) -> None:
        """What is free in a closed wallet goes to the house."""
        self.issued -= self.balance[n] - self.held[n]
        self.balance[n] = self.held[n]

    @invariant()
    def wallets_are_as_the_model_says(self) -> None:
        assert [figures(wallet)[:2] for wallet in self.wallets] == list(zip(self.balance, self.held, strict=True))

    @invariant()
    def the_house_issued_what_is_there_or_spent(self) -> None:
        assert self._entries(self.house) == -self.issued
        assert self._entries(self.spent) == self.used
        assert sum(self.balance) == self.issued - self.used

    @invariant()
    def every_line_says_what_all_together_had(self) -> None:
        for book, last in ((Together(self.owner.tenant), sum(self.balance)), (self.house, -self.issued)):
            checkpoints.extend(book)
            lines = statements.lines(book, limit=30)
            assert not lines or lines[0].balance_after == last
            for newer, older in pairwise(lines):
                assert newer.balance_after == older.balance_after + newer.credits
            captures = statements.lines(book, limit=30, wanted=Wanted(kind="capture"))
            told = {line.id: line.balance_after for line in lines}
            assert all(told.get(line.id, line.balance_after) == line.balance_after for line in captures)

    def _entries(self, wallet: Wallet) -> int:
        return sum(Entry.objects.filter(wallet=wallet).values_list("credits", flat=True))

    def teardown(self) -> None:
        """Prove the book once at the end: no deed mends what another one broke."""
        try:
            assert list(checking.faults()) == []
        finally:
            transaction.set_rollback(True)
            self.undo.__exit__(None, None, None)


def test_any_order_of_deeds_leaves_a_sound_book(monkeypatch):
    monkeypatch.setattr(checkpoints, "STRETCH", 3)
    monkeypatch.setattr(checkpoints, "SETTLED_S", -60)
    quiet = settings(
        max_examples=20, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    run_state_machine_as_test(Book, settings=quiet)
