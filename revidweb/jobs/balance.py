"""What the payer of an actor's next job may still spend."""

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from revidweb.accounts.actors import Actor
from revidweb.accounts.models import Tenant
from revidweb.connections.models import Connection
from revidweb.credits.models import Hold, HoldState, Wallet, WalletKind

from .models import Attempt, AttemptState


@dataclass(frozen=True)
class Balance:
    """Whole credits of the payer. credits: still free; held: set aside and not yet taken."""

    credits: int
    held: int
    is_paid_by_house: bool

    @property
    def total(self) -> int:
        """Free and held together."""
        return self.credits + self.held


def of(actor: Actor) -> Balance:
    """The balance of the actor's payer: the house for owner and admin, else their own wallet. One query.

    The house issues without limit; what limits it is what its connections in use last told, less what is held on it
    and not yet taken there: an account charges when it takes an order, and what it tells then is without that.
    """
    if actor.in_person.is_paid_by_house:
        told, held = _of_house(actor.tenant)
        return Balance(told - held, held, is_paid_by_house=True)
    wallet = Wallet.objects.filter(member=actor.member).first() or Wallet()
    return Balance(wallet.free, wallet.held, is_paid_by_house=False)


def _of_house(tenant: Tenant) -> tuple[int, int]:
    """What the connections told, and what is held on the house for orders that no account has taken."""
    told = Connection.objects.filter(tenant=OuterRef("pk")).usable()
    taken = Attempt.objects.filter(job__hold=OuterRef("pk"), state=AttemptState.SENT, credential__isnull=False)
    held = Hold.objects.filter(
        ~Exists(taken), wallet__tenant=OuterRef("pk"), wallet__kind=WalletKind.HOUSE, state=HoldState.OPEN
    )
    sums = Tenant.objects.filter(pk=tenant.pk).values_list(_sum(told, "balance"), _sum(held, "credits"))
    last_told, set_aside = sums.get()
    return last_told, set_aside


def _sum(rows: "QuerySet[Connection] | QuerySet[Hold]", column: str) -> Coalesce:
    """The column's sum over a tenant's rows as a subquery; 0 where there are none."""
    one_group = rows.order_by().annotate(group=OuterRef("pk")).values("group")
    return Coalesce(Subquery(one_group.annotate(total=Sum(column)).values("total")), 0)
