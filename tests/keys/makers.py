"""Keys that tests need, each with one call that shows only what differs."""

import itertools

from revidweb.accounts.actors import Actor, of
from revidweb.accounts.models import Member, Role, Tenant
from revidweb.credits import ledger
from revidweb.keys import checking, issuing
from revidweb.keys.issuing import Issued, Limits
from revidweb.keys.models import KeyKind
from tests import makers

_count = itertools.count(1)


def a_key(
    member: Member | None = None,
    *,
    tenant: Tenant | None = None,
    kind: str = KeyKind.SHARED,
    credits: int = 0,
    name: str = "",
    **limits: object,
) -> Issued:
    """A key with its plain secret: `issued.key`, `issued.secret`. limits: fields of Limits, `day=100`.

    member: whose it is (made when left out, a user; for a standalone key: the admin who makes it). credits: of a
    budgeted or standalone key; a user's wallet is granted them first.
    """
    number = next(_count)
    is_standalone = kind == KeyKind.STANDALONE
    member = member or makers.a_member(tenant, role=Role.ADMIN if is_standalone else Role.USER)
    if credits and not member.is_paid_by_house:
        ledger.grant(member, credits=credits, reference=f"grant:key-{member.pk}-{number}", actor="system")
    return issuing.issue(
        of(member),
        kind=kind,
        name=name or f"Key {number}",
        token=f"form-{number}",
        credits=credits,
        limits=Limits(**limits),  # type: ignore[arg-type]
    )


def a_key_actor(member: Member | None = None, **fields: object) -> Actor:
    """A fresh key as an actor; fields as in `a_key`."""
    return checking.actor_of(a_key(member, **fields).key)  # type: ignore[arg-type]
