"""The ledger: the only place that writes money.

Every deed may be called twice with one reference and happens once. Locks are taken in one order: the metered wallets
by id, then the hold; `house` and `spent` are never locked. A wallet handed in is not changed: read it again for its
figures.

A key's own wallet remembers its origin, from which it was filled: what closing it frees goes back there.
"""

from collections.abc import Sequence
from copy import copy

from django.db import IntegrityError, connection, transaction
from django.db.models import F

from revidweb.accounts.models import Member, Tenant
from revidweb.lib import clock, kept
from revidweb.lib.refusal import Refusal
from revidweb.trail import trail

from .models import METERED, Entry, Hold, HoldState, Transfer, TransferKind, Wallet, WalletKind

MOST_CREDITS = 10**12  # of one deed; more is a slip of the hand
REFUND = "refund:"  # in front of the reference of the hold whose credits are given back
_REFERENCE_CHARS = 100  # leaves room for "capture:" in front of a hold's
_DEEDS: dict[str, str] = {TransferKind.GRANT: "credits.granted", TransferKind.REFUND: "credits.refunded"}
_OWN: dict[tuple[int, str], Wallet] = {}  # by tenant and kind: house and spent, as far as this process met them


class NotEnoughCredits(Refusal):
    """The wallet's free credits fall short. Facts: needed and free, in credits."""

    def __init__(self, *, needed: int, free: int) -> None:
        super().__init__("not_enough_credits", needed=needed, free=free)


class WalletClosed(Refusal):
    """The wallet's member was removed or its key revoked: nothing new is held in it, and nobody pays in or out.

    A refund still comes to it, and goes on as in `close`.
    """

    def __init__(self) -> None:
        super().__init__("wallet_closed")


class LedgerConflict(ValueError):
    """One reference was used for two different deeds, or an ended hold was to end otherwise: a bug of the caller."""


# -- wallets ---------------------------------------------------------------------------------------------------------


def house(tenant: Tenant) -> Wallet:
    """The tenant's issuing wallet, unlimited; made when first asked for."""
    return _tenants_own(tenant.pk, WalletKind.HOUSE)


def spent(tenant: Tenant) -> Wallet:
    """Where the tenant's captured credits end; made when first asked for."""
    return _tenants_own(tenant.pk, WalletKind.SPENT)


def wallet_of(member: Member) -> Wallet:
    """The member's own metered wallet; made when first asked for, empty. Two at once get the same one."""
    defaults = {"tenant_id": member.tenant_id, "kind": WalletKind.MEMBER}
    return Wallet.objects.get_or_create(member=member, defaults=defaults)[0]


def payer_of(member: Member) -> Wallet:
    """The wallet that pays for what the member makes: the house for owner and admin, else their own."""
    return _tenants_own(member.tenant_id, WalletKind.HOUSE) if member.is_paid_by_house else wallet_of(member)


def open_for_key(origin: Wallet) -> Wallet:
    """A fresh, empty wallet for a key of the origin's tenant; each call makes another one.

    origin: the house or a member's wallet, where what is free returns to when this one is closed.
    """
    if origin.kind not in (WalletKind.HOUSE, WalletKind.MEMBER):
        raise ValueError("A key is filled from the house or from a member.")
    return Wallet.objects.create(tenant_id=origin.tenant_id, kind=WalletKind.KEY, origin=origin)


def lock(*wallets: Wallet) -> None:
    """Keep these and their origins as they are until the caller's transaction ends, in the one order for everybody.

    For a deed on several wallets, and one that first looks whether it was done: before it does anything else.
    """
    _locked(*wallets)


def _tenants_own(tenant_id: int, kind: WalletKind) -> Wallet:
    """The house, or what is spent. Neither ever changes or goes, so that a process looks each up once.

    What is read inside a transaction may have been made there, and be undone with it: that is not kept.
    """
    known = _OWN.get((tenant_id, kind))
    if known is not None:
        return copy(known)
    wallet = Wallet.objects.get_or_create(tenant_id=tenant_id, kind=kind)[0]
    if not connection.in_atomic_block:
        _OWN[tenant_id, kind] = copy(wallet)
    return wallet


def close(wallet: Wallet, *, actor: str) -> Transfer | None:
    """Close a metered wallet: what is free goes back at once, what is held follows if it is released.

    A member's goes to the house; a key's to its origin, or to the house once that is closed. From now on nothing new
    is held in it, paid in or paid out; open holds are captured as ever. actor: who closes it, as the trail writes it.
    Returns the transfer, None where nothing was free. A closed one stays as it is.
    """
    if not wallet.is_metered:
        raise ValueError("Only a metered wallet can be closed.")
    with transaction.atomic():
        wallet, origin = _with_origin(wallet)
        if wallet.closed_at:
            return None
        returned = _return_free(wallet, origin, reference=_closing(wallet), actor=actor)
        wallet.closed_at = clock.now()
        wallet.save(update_fields=["balance", "closed_at"])
        _record_closing("wallet.closed", wallet, actor)
    return returned


def reopen(wallet: Wallet, *, actor: str) -> None:
    """Let credits into a closed wallet again; what went back to the house stays there. An open one stays as it is."""
    with transaction.atomic():
        if Wallet.objects.filter(pk=wallet.pk, closed_at__isnull=False).update(closed_at=None):
            _record_closing("wallet.reopened", wallet, actor)


def _closing(wallet: Wallet) -> str:
    """The cause of this closing; a wallet that was reopened may close again."""
    before = Transfer.objects.filter(reference__startswith=f"close:{wallet.pk}:").count()
    return f"close:{wallet.pk}:{before + 1}"


def _return_free(wallet: Wallet, origin: Wallet | None, *, reference: str, actor: str) -> Transfer | None:
    """Post what is free in a locked wallet to where it belongs, if anything is; the caller saves the wallet.

    origin: the locked wallet of the member from whom it was filled; None or a closed one: the house gets it.
    """
    credits = wallet.free
    if not credits:
        return None
    is_open = origin is not None and not origin.closed_at
    target = origin if origin and is_open else _tenants_own(wallet.tenant_id, WalletKind.HOUSE)
    returned = _post(wallet, target, credits, kind=TransferKind.TRANSFER, reference=reference, actor=actor)
    _save(target)
    _record(returned, wallet, target, credits)
    return returned


def _record_closing(what: str, wallet: Wallet, actor: str) -> None:
    trail.record(what, about=f"wallet:{wallet.pk}", tenant=wallet.tenant.public_id, actor=actor)


# -- holds -----------------------------------------------------------------------------------------------------------


def hold(wallet: Wallet, *, credits: int, reference: str) -> Hold:
    """Set credits aside so that they cannot be spent twice.

    credits: whole, 1 to MOST_CREDITS. reference: the cause, "job:job_7f3c"; the same one again returns the first hold.
    Raises NotEnoughCredits when the wallet is metered and its free credits fall short, WalletClosed, LedgerConflict
    when the reference already holds other credits or another wallet's.
    """
    _check(credits, reference)
    if wallet.kind == WalletKind.SPENT:
        raise ValueError("What is spent cannot be held.")
    try:
        with transaction.atomic():
            _set_aside(wallet, credits)
            return Hold.objects.create(wallet=wallet, credits=credits, reference=reference)
    except (IntegrityError, NotEnoughCredits, WalletClosed):
        known = Hold.objects.filter(reference=reference).first()
        if known is None:
            raise
        return _same_hold(known, wallet, credits)


def hold_each(wallet: Wallet, *, credits: int, references: Sequence[str]) -> list[Hold]:
    """Set so many credits aside for each of these causes, in the caller's transaction: all of them or none.

    Two statements however many there are. The references are new: one that holds already is an IntegrityError.
    Raises NotEnoughCredits for all of them together, WalletClosed.
    """
    for reference in references:
        _check(credits, reference)
    if wallet.kind == WalletKind.SPENT:
        raise ValueError("What is spent cannot be held.")
    _set_aside(wallet, credits * len(references))
    holds = [Hold(wallet=wallet, credits=credits, reference=one) for one in references]
    kept.insert(holds)
    return holds


def capture(hold: Hold, *, actor: str, credits: int | None = None) -> Transfer | None:
    """End a hold by taking credits from it, and give the rest back in the same step: a closed wallet's as `close`.

    credits: 0 to what is held, by default all of it; 0 is a release and returns None. actor: as the trail writes it.
    The same call again returns the first transfer. `hold` is brought up to date.
    Raises ValueError for more than is held, LedgerConflict when the hold ended otherwise.
    """
    take = hold.credits if credits is None else credits
    if not 0 <= take <= hold.credits:
        raise ValueError(f"{take} credits cannot be taken from a hold of {hold.credits}.")
    target = _tenants_own(hold.wallet.tenant_id, WalletKind.SPENT)
    with transaction.atomic():
        source, origin = _with_origin(hold.wallet)
        hold.refresh_from_db(from_queryset=Hold.objects.select_for_update(no_key=True))
        if hold.state != HoldState.OPEN:
            return _ended_alike(hold, take)
        taken = _take(hold, source, target, take, actor) if take else None
        _give_back(hold, source, origin, actor)
        _end(hold, take, taken)
    return taken


def release(hold: Hold) -> None:
    """End a hold and give all of it back, as `capture` does. Again: nothing happens. `hold` is brought up to date.

    Raises LedgerConflict when the hold was captured.
    """
    capture(hold, actor=trail.SYSTEM, credits=0)


def refund(hold: Hold, *, actor: str) -> Transfer | None:
    """Give back all that an ended hold took, to the wallet that paid; what a closed one gets goes on as in `close`.

    actor: as the trail writes it. The same call again returns the first transfer. None where nothing was taken.
    Raises ValueError for a hold that is open.
    """
    hold.refresh_from_db()
    if hold.state == HoldState.OPEN:
        raise ValueError(f"{hold.reference} has not ended.")
    if not hold.captured:
        return None
    source = _tenants_own(hold.wallet.tenant_id, WalletKind.SPENT)
    reference = f"{REFUND}{hold.reference}"
    try:
        with transaction.atomic():
            target, origin = _with_origin(hold.wallet)
            given = _post(source, target, hold.captured, kind=TransferKind.REFUND, reference=reference, actor=actor)
            if target.closed_at:
                _return_free(target, origin, reference=f"return:{reference}", actor=actor)
            _save(target)
            _record(given, source, target, hold.captured)
            return given
    except IntegrityError:
        known = Transfer.objects.filter(reference=reference).first()
        if known is None:
            raise
        return _same_transfer(known, TransferKind.REFUND, {source.pk: -hold.captured, hold.wallet_id: hold.captured})


def _set_aside(wallet: Wallet, credits: int) -> None:
    """Raise `held` if enough is free, in one statement, so that racing holds cannot both win the last credit.

    That the wallet is open is asked in there too: a closing that came first leaves nothing to hold.
    """
    if not wallet.is_metered:
        return
    enough = Wallet.objects.filter(pk=wallet.pk, closed_at__isnull=True, balance__gte=F("held") + credits)
    if not enough.update(held=F("held") + credits):
        now = Wallet.objects.get(pk=wallet.pk)
        _check_open(now)
        raise NotEnoughCredits(needed=credits, free=now.free)


def _same_hold(known: Hold, wallet: Wallet, credits: int) -> Hold:
    if (known.wallet_id, known.credits) != (wallet.pk, credits):
        raise LedgerConflict(f"{known.reference} already holds {known.credits} of wallet {known.wallet_id}.")
    return known


def _take(hold: Hold, source: Wallet, target: Wallet, credits: int, actor: str) -> Transfer:
    reference = f"capture:{hold.reference}"
    return _post(source, target, credits, kind=TransferKind.CAPTURE, reference=reference, actor=actor)


def _give_back(hold: Hold, wallet: Wallet, origin: Wallet | None, actor: str) -> None:
    """Hold nothing any more in the locked wallet. What that frees in a closed one goes to where its rest went."""
    if not wallet.is_metered:
        return
    wallet.held -= hold.credits
    if wallet.closed_at:
        _return_free(wallet, origin, reference=f"return:{hold.reference}", actor=actor)
    _save(wallet)


def _end(hold: Hold, captured: int, taken: Transfer | None) -> None:
    hold.state = HoldState.CAPTURED if taken else HoldState.RELEASED
    hold.captured, hold.transfer, hold.ended_at = captured, taken, clock.now()
    hold.save(update_fields=["state", "captured", "transfer", "ended_at"])


def _ended_alike(hold: Hold, take: int) -> Transfer | None:
    if hold.captured != take:
        raise LedgerConflict(f"{hold.reference} ended with {hold.captured} captured, not {take}.")
    return hold.transfer


# -- transfers -------------------------------------------------------------------------------------------------------


def grant(member: Member, *, credits: int, reference: str, actor: str, note: str = "") -> Transfer:
    """Issue credits from the house to the member's own wallet.

    credits: whole, 1 to MOST_CREDITS. reference: the cause, "grant:…"; the same one again returns the first transfer.
    actor: who grants, as the trail writes it. Raises Refusal "credits_out_of_range" (field credits; facts least, most),
    WalletClosed, LedgerConflict when the reference already moved something else.
    """
    source = _tenants_own(member.tenant_id, WalletKind.HOUSE)
    return _pay(
        source, wallet_of(member), credits, kind=TransferKind.GRANT, reference=reference, actor=actor, note=note
    )


def transfer(source: Wallet, target: Wallet, *, credits: int, reference: str, actor: str, note: str = "") -> Transfer:
    """Move free credits from one wallet of a tenant to another; not to or from `spent`, which only a capture fills.

    Amount, reference and actor as in `grant`, and a repeat returns the first transfer too.
    Raises NotEnoughCredits when the source is metered and its free credits fall short, WalletClosed for either side.
    """
    if source.pk == target.pk or source.tenant_id != target.tenant_id:
        raise ValueError("A transfer needs two wallets of one tenant.")
    if WalletKind.SPENT in (source.kind, target.kind):
        raise ValueError("Only a capture moves credits to what is spent.")
    return _pay(source, target, credits, kind=TransferKind.TRANSFER, reference=reference, actor=actor, note=note)


def _pay(
    source: Wallet, target: Wallet, credits: int, *, kind: TransferKind, reference: str, actor: str, note: str
) -> Transfer:
    """Move credits once, and say so in the trail."""
    _check(credits, reference)
    try:
        with transaction.atomic():
            source, target = _lock(source, target)
            _check_open(source, target)
            _check_free(source, credits)
            paid = _post(source, target, credits, kind=kind, reference=reference, actor=actor, note=note)
            _save(source, target)
            _record(paid, source, target, credits)
            return paid
    except (IntegrityError, NotEnoughCredits, WalletClosed):
        known = Transfer.objects.filter(reference=reference).first()
        if known is None:
            raise
        return _same_transfer(known, kind, {source.pk: -credits, target.pk: credits})


def _same_transfer(known: Transfer, kind: TransferKind, sides: dict[int, int]) -> Transfer:
    if known.kind != kind or dict(known.entries.values_list("wallet_id", "credits")) != sides:
        raise LedgerConflict(f"{known.reference} already moved something else.")
    return known


def _record(paid: Transfer, source: Wallet, target: Wallet, credits: int) -> None:
    what = _DEEDS.get(paid.kind, "credits.transferred")
    about, tenant = f"wallet:{target.pk}", source.tenant.public_id
    trail.record(
        what, about=about, tenant=tenant, actor=paid.actor, credits=credits, source=source.pk, reference=paid.reference
    )


# -- the book --------------------------------------------------------------------------------------------------------


def _check(credits: int, reference: str) -> None:
    if type(credits) is not int or not 1 <= credits <= MOST_CREDITS:
        raise Refusal("credits_out_of_range", field="credits", least=1, most=MOST_CREDITS)
    if not 0 < len(reference) <= _REFERENCE_CHARS:
        raise ValueError(f"A reference has 1 to {_REFERENCE_CHARS} characters.")


def _check_open(*wallets: Wallet) -> None:
    if any(wallet.closed_at for wallet in wallets):
        raise WalletClosed


def _check_free(wallet: Wallet, credits: int) -> None:
    if wallet.is_metered and wallet.free < credits:
        raise NotEnoughCredits(needed=credits, free=wallet.free)


def _lock(*wallets: Wallet) -> list[Wallet]:
    """The wallets as they are now, the metered ones locked until the transaction ends."""
    fresh = _locked(*wallets)
    return [fresh.get(wallet.pk, wallet) for wallet in wallets]


def _with_origin(wallet: Wallet) -> tuple[Wallet, Wallet | None]:
    """The wallet as it is now and, of a key, its member's: both locked, because what is given back may go on there."""
    fresh = _locked(wallet)
    return fresh.get(wallet.pk, wallet), fresh.get(wallet.origin_id or 0)


def _locked(*wallets: Wallet) -> dict[int, Wallet]:
    """The metered ones among the wallets and their origins, by id, locked in one order for everybody."""
    named = [pk for wallet in wallets if wallet.is_metered for pk in (wallet.pk, wallet.origin_id) if pk]
    rows = Wallet.objects.select_for_update(no_key=True).filter(pk__in=named, kind__in=METERED).order_by("pk")
    return {row.pk: row for row in rows}


def _save(*wallets: Wallet) -> None:
    """Write the figures of locked wallets; unmetered ones have none."""
    for wallet in wallets:
        if wallet.is_metered:
            wallet.save(update_fields=["balance", "held"])


def _post(
    source: Wallet, target: Wallet, credits: int, *, kind: str, reference: str, actor: str, note: str = ""
) -> Transfer:
    """Write a transfer and its two entries, and move the balances of the locked wallets; the caller saves them."""
    posted = Transfer.objects.create(tenant_id=source.tenant_id, kind=kind, reference=reference, actor=actor, note=note)
    Entry.objects.bulk_create([_entry(posted, source, -credits), _entry(posted, target, credits)])
    return posted


def _entry(posted: Transfer, wallet: Wallet, credits: int) -> Entry:
    entry = Entry(transfer=posted, wallet=wallet, tenant_id=posted.tenant_id, kind=posted.kind, credits=credits)
    if wallet.is_metered:
        wallet.balance += credits
        entry.balance_after = wallet.balance
    return entry
