"""What the payer of an actor's next job may still spend."""

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from revidweb.accounts.actors import Actor
from revidweb.accounts.models import Tenant
from revidweb.connections.models import Connection, ConnectionQuerySet
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
    """The balance of the actor's payer: the house for owner and admin, else their own wallet. At most two queries.

    A key's is its own wallet, or what its member would pay with. The house issues without limit; what limits it is what
    its connections in use last told, less what is held on it and not yet taken there: an account charges when it takes
    an order, and what it tells then is without that.
    """
    wallet = _own_of_key(actor)
    if wallet is None and actor.member is not None:
        if actor.member.is_paid_by_house:
            return _house(actor.tenant.pk, Connection.objects.usable(), Hold.objects.all())
        wallet = Wallet.objects.filter(member=actor.member).first()
    wallet = wallet or Wallet()
    return Balance(wallet.free, wallet.held, is_paid_by_house=False)


def of_connection(connection: Connection) -> Balance:
    """What the house has left where an order was quoted: what the connection last told, less what is held for it.

    One query.
    """
    told = Connection.objects.filter(pk=connection.pk)
    return _house(connection.tenant_id, told, Hold.objects.filter(job__connection=connection.pk))


def _own_of_key(actor: Actor) -> Wallet | None:
    return Wallet.objects.filter(api_key=actor.key.pk).first() if actor.key else None


def _house(tenant_id: int, connections: ConnectionQuerySet, holds: "QuerySet[Hold]") -> Balance:
    """What these of the tenant's connections told, less what of these is held on its house and no account has taken."""
    taken = Attempt.objects.filter(job__hold=OuterRef("pk"), state=AttemptState.SENT, credential__isnull=False)
    told = connections.filter(tenant=OuterRef("pk"))
    held = holds.filter(
        ~Exists(taken), wallet__tenant=OuterRef("pk"), wallet__kind=WalletKind.HOUSE, state=HoldState.OPEN
    )
    sums = Tenant.objects.filter(pk=tenant_id).values_list(_sum(told, "balance"), _sum(held, "credits"))
    last_told, set_aside = sums.get()
    return Balance(last_told - set_aside, set_aside, is_paid_by_house=True)


def _sum(rows: "QuerySet[Connection] | QuerySet[Hold]", column: str) -> Coalesce:
    """The column's sum over a tenant's rows as a subquery; 0 where there are none."""
    one_group = rows.order_by().annotate(group=OuterRef("pk")).values("group")
    return Coalesce(Subquery(one_group.annotate(total=Sum(column)).values("total")), 0)
