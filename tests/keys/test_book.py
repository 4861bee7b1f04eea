"""Any order of deeds on keys leaves a sound book: random deeds against a model in plain numbers."""

from dataclasses import dataclass

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from revidweb.accounts.actors import of
from revidweb.accounts.models import Role
from revidweb.credits import checking as book
from revidweb.credits import ledger
from revidweb.credits.models import Entry, Hold
from revidweb.keys import issuing, leaving, proving
from revidweb.keys.models import ApiKey
from revidweb.lib.refusal import Refusal
from tests import makers
from tests.credits.makers import ACTOR, a_reference, figures

pytestmark = pytest.mark.django_db

amounts = st.integers(min_value=1, max_value=60)
HOUSE = -1  # as an origin; others are the number of a member


@dataclass
class Purse:
    """What the model knows of a wallet."""

    origin: int
    balance: int = 0
    held: int = 0
    is_closed: bool = False

    @property
    def free(self) -> int:
        return self.balance - self.held


class Keys(RuleBasedStateMachine):
    """An owner with keys from the house, and two users who come and go with keys from their wallets."""

    def __init__(self) -> None:
        super().__init__()
        self.undo = transaction.atomic()
        self.undo.__enter__()
        self.owner = makers.an_actor(role=Role.OWNER)
        self.members = [makers.a_member(self.owner.tenant) for _ in range(2)]
        self.purses = [Purse(HOUSE) for _ in self.members]
        self.keys: list[tuple[ApiKey, Purse]] = []
        self.holds: list[tuple[int, Purse]] = []
        self.issued = self.spent = 0
        for member in self.members:
            ledger.wallet_of(member)

    @rule(n=st.integers(0, 1), credits=amounts)
    def grant(self, n: int, credits: int) -> None:
        if not self.purses[n].is_closed:
            ledger.grant(self.members[n], credits=credits, reference=a_reference("grant"), actor=ACTOR)
            self.purses[n].balance += credits
            self.issued += credits

    @rule(n=st.integers(HOUSE, 1), credits=amounts)
    def issue(self, n: int, credits: int) -> None:
        actor, token = (self.owner if n == HOUSE else of(self.members[n])), a_reference("form")
        kind = "standalone" if n == HOUSE else "budgeted"

        def deed() -> ApiKey:
            return issuing.issue(actor, kind=kind, name="Key", token=token, credits=credits).key

        if n != HOUSE and (self.purses[n].is_closed or self.purses[n].free < credits):
            self.refused(deed)
            return
        key, again = deed(), deed()
        assert key == again
        self.keys.append((key, Purse(n)))
        self.pay(n, self.keys[-1][1], credits)

    @precondition(lambda self: self.keys)
    @rule(data=st.data(), credits=amounts, by_owner=st.booleans())
    def top_up(self, data: st.DataObject, credits: int, by_owner: bool) -> None:
        key, purse = data.draw(st.sampled_from(self.keys))
        payer = HOUSE if by_owner else purse.origin
        actor, token = (self.owner if payer == HOUSE else of(self.members[payer])), a_reference("form")
        if purse.is_closed or (payer != HOUSE and self.purses[payer].free < credits):
            self.refused(lambda: issuing.top_up(actor, key, credits=credits, token=token))
            return
        for _ in range(2):
            issuing.top_up(actor, key, credits=credits, token=token)
        self.pay(payer, purse, credits)

    @precondition(lambda self: self.keys)
    @rule(data=st.data(), credits=amounts)
    def hold(self, data: st.DataObject, credits: int) -> None:
        key, purse = data.draw(st.sampled_from(self.keys))
        if purse.is_closed or purse.free < credits:
            self.refused(lambda: ledger.hold(key.wallet, credits=credits, reference=a_reference()))
            return
        hold = ledger.hold(key.wallet, credits=credits, reference=a_reference())
        purse.held += credits
        self.holds.append((hold.pk, purse))

    @precondition(lambda self: self.holds)
    @rule(data=st.data(), part=st.fractions(0, 1))
    def end(self, data: st.DataObject, part: object) -> None:
        pk, purse = self.holds.pop(data.draw(st.integers(0, len(self.holds) - 1)))
        hold = Hold.objects.get(pk=pk)
        taken = int(hold.credits * part)
        ledger.capture(hold, actor=ACTOR, credits=taken)
        key = ApiKey.objects.get(wallet=hold.wallet)
        ApiKey.objects.filter(pk=key.pk).update(spent=key.spent + taken)
        purse.held -= hold.credits
        purse.balance -= taken
        self.spent += taken
        if purse.is_closed:
            self.give_back(purse)

    @precondition(lambda self: self.keys)
    @rule(data=st.data())
    def revoke(self, data: st.DataObject) -> None:
        key, purse = data.draw(st.sampled_from(self.keys))
        for _ in range(2):
            issuing.revoke(self.owner, key)
        self.close(purse)

    @rule(n=st.integers(0, 1))
    def remove(self, n: int) -> None:
        for _ in range(2):
            leaving.remove(self.owner, self.members[n])
        self.close(self.purses[n])
        for _key, purse in self.keys:
            if purse.origin == n:
                self.close(purse)

    @rule(n=st.integers(0, 1))
    def restore(self, n: int) -> None:
        leaving.restore(self.owner, self.members[n])
        self.purses[n].is_closed = False

    def refused(self, deed) -> None:
        with pytest.raises(Refusal):
            deed()

    def pay(self, payer: int, purse: Purse, credits: int) -> None:
        purse.balance += credits
        if payer == HOUSE:
            self.issued += credits
        else:
            self.purses[payer].balance -= credits

    def close(self, purse: Purse) -> None:
        if not purse.is_closed:
            purse.is_closed = True
            self.give_back(purse)

    def give_back(self, purse: Purse) -> None:
        """What is free in a closed wallet goes to its origin, or to the house where that is closed."""
        free, purse.balance = purse.free, purse.held
        if purse.origin == HOUSE or self.purses[purse.origin].is_closed:
            self.issued -= free
        else:
            self.purses[purse.origin].balance += free

    @invariant()
    def wallets_are_as_the_model_says(self) -> None:
        wallets = [*map(ledger.wallet_of, self.members), *(key.wallet for key, _ in self.keys)]
        purses = [*self.purses, *(purse for _, purse in self.keys)]
        assert [figures(wallet)[:2] for wallet in wallets] == [(purse.balance, purse.held) for purse in purses]

    def teardown(self) -> None:
        """Prove the book once at the end: no deed mends what another one broke."""
        try:
            house = Entry.objects.filter(wallet__tenant=self.owner.tenant, wallet__kind="house")
            assert sum(house.values_list("credits", flat=True)) == -self.issued
            assert [*book.faults(), *proving.faults()] == []
        finally:
            transaction.set_rollback(True)
            self.undo.__exit__(None, None, None)


def test_any_order_of_deeds_on_keys_leaves_a_sound_book():
    quiet = settings(
        max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    run_state_machine_as_test(Keys, settings=quiet)
