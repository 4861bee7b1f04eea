"""What the payer of an actor's next job may still spend."""

import time
from dataclasses import dataclass
from typing import Any

from django.db.models import BigIntegerField, Count, Exists, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from revidweb.accounts.actors import Actor
from revidweb.accounts.models import Tenant
from revidweb.connections.models import Connection
from revidweb.credits.models import Hold, HoldState, Wallet, WalletKind
from revidweb.lib import kept
from revidweb.lib.kept import Word

from .models import Attempt, AttemptState, Job

MANY = 500  # jobs; their sum takes about a millisecond
ROWS_A_SECOND = 10_000  # a sum of so many jobs is good for a second


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
    wallet = _OF_KEY.first(pk=actor.key.pk) if actor.key else None
    if wallet is None and actor.member is not None:
        if actor.member.is_paid_by_house:
            return _house(actor.tenant.pk)
        wallet = _OF_MEMBER.first(pk=actor.member.pk)
    wallet = wallet or Wallet()
    return Balance(wallet.free, wallet.held, is_paid_by_house=False)


def of_connection(connection: Connection) -> Balance:
    """What the house has left where an order was quoted: what the connection last told, less what is held for it.

    As the connection was read. At most one query; while very many jobs wait there, their sum is good for a moment.
    """
    held = _sums.get(connection.pk) or _sum_held(connection)
    return Balance(connection.balance - held, held, is_paid_by_house=True)


class _Sums:
    """Sums of many rows, for a time that grows with them: so that summing takes a few per cent of it at most."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[float, int]] = {}

    def get(self, connection_id: int) -> int | None:
        """The sum while it is good, by the monotonic clock."""
        until, held = self._kept.get(connection_id, (0.0, 0))
        return held if time.monotonic() < until else None

    def keep(self, connection_id: int, held: int, *, rows: int) -> None:
        """A sum of few rows is not kept: it is always as it is now."""
        if rows >= MANY:
            self._kept[connection_id] = (time.monotonic() + rows / ROWS_A_SECOND, held)


_sums = _Sums()


def _sum_held(connection: Connection) -> int:
    """What is held on the house for orders there that the account has not taken."""
    held, rows = next(iter(_HELD.all(connection=connection.pk)), (0, 0))
    _sums.keep(connection.pk, held, rows=rows)
    return int(held)


def _held() -> "QuerySet[Any, Any]":
    """The sum and the number, in one group; nothing where there is no such job."""
    taken = Attempt.objects.filter(job=OuterRef("pk"), state=AttemptState.SENT, credential__isnull=False)
    jobs = Job.objects.moving().filter(~Exists(taken), connection=Word("connection", BigIntegerField()))
    of_house = jobs.filter(hold__wallet__kind=WalletKind.HOUSE).order_by().values("connection")
    return of_house.annotate(held=Sum("credits"), rows=Count("pk")).values_list("held", "rows")


_HELD = kept.Values(_held, is_planned_once=True)


def _of(owner: str) -> kept.Rows[Wallet]:
    return kept.Rows(lambda: Wallet.objects.filter(**{owner: Word("pk", BigIntegerField())}), is_planned_once=True)


_OF_KEY, _OF_MEMBER = _of("api_key"), _of("member")


def _house(tenant_id: int) -> Balance:
    """What the tenant's connections told, less what is held on its house and no account has taken."""
    ((last_told, set_aside),) = _OF_HOUSE.all(tenant=tenant_id)
    return Balance(last_told - set_aside, set_aside, is_paid_by_house=True)


def _of_house() -> "QuerySet[Any, Any]":
    """What was told, and what is set aside."""
    taken = Attempt.objects.filter(job__hold=OuterRef("pk"), state=AttemptState.SENT, credential__isnull=False)
    told = Connection.objects.usable().filter(tenant=OuterRef("pk"))
    held = Hold.objects.filter(
        ~Exists(taken), wallet__tenant=OuterRef("pk"), wallet__kind=WalletKind.HOUSE, state=HoldState.OPEN
    )
    tenants = Tenant.objects.filter(pk=Word("tenant", BigIntegerField()))
    return tenants.values_list(_sum(told, "balance"), _sum(held, "credits"))


_OF_HOUSE = kept.Values(_of_house, is_planned_once=True)  # of every page


def _sum(rows: "QuerySet[Connection] | QuerySet[Hold]", column: str) -> Coalesce:
    """The column's sum over a tenant's rows as a subquery; 0 where there are none."""
    one_group = rows.order_by().annotate(group=OuterRef("pk")).values("group")
    return Coalesce(Subquery(one_group.annotate(total=Sum(column)).values("total")), 0)
