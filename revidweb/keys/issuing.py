"""Keys as people make, limit, fill, rotate and revoke them."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet

from revidweb.accounts.actors import Actor, Right
from revidweb.accounts.models import Member, MemberState, Tenant
from revidweb.credits import ledger
from revidweb.credits.models import Transfer, Wallet, WalletKind
from revidweb.lib import clock, sealing
from revidweb.lib.refusal import Refusal
from revidweb.trail import trail

from . import limits as limiting
from . import minting, payers
from .limits import Limits
from .models import ApiKey, KeyKind

__all__ = ["Issued", "Limits"]  # beside the deeds

NAME_MAX_CHARS = 80
MOST_GRACE_S = 30 * 86_400
MOST_STANDALONE = 1000  # of a tenant at once
_NO_LIMITS = Limits()
_TOPPED_UP = "topup"


@dataclass(frozen=True)
class Issued:
    """A key and the secret that is shown once; "" where it was shown before."""

    key: ApiKey
    secret: str


# -- who may ---------------------------------------------------------------------------------------------------------


def may_manage(actor: Actor, key: ApiKey) -> bool:
    """Whether the actor may limit, pause, fill and revoke the key: their own, or everybody's with MANAGE_KEYS."""
    if actor.key or key.tenant_id != actor.tenant.pk:
        return False
    return actor.may(Right.MANAGE_KEYS) or _is_own(actor, key)


def may_rotate(actor: Actor, key: ApiKey) -> bool:
    """Whether the actor may see a new secret of the key: its member alone; of a standalone one who manages keys."""
    if not may_manage(actor, key):
        return False
    return _is_own(actor, key) if key.member_id else actor.may(Right.MANAGE_KEYS)


def may_resume(actor: Actor, key: ApiKey) -> bool:
    """Whether the actor may let programs in by a paused key again: not its member, where somebody else paused it."""
    return may_manage(actor, key) and (actor.may(Right.MANAGE_KEYS) or key.paused_by in ("", actor.name))


def _is_own(actor: Actor, key: ApiKey) -> bool:
    return key.member_id is not None and key.member_id == actor.in_person.pk


# -- deeds -----------------------------------------------------------------------------------------------------------


def issue(actor: Actor, *, kind: str, name: str, token: str, credits: int = 0, limits: Limits = _NO_LIMITS) -> Issued:
    """Make a key of the actor's, or a standalone one, and fill its own wallet.

    credits: what a budgeted or standalone key starts with, from the actor's payer; of a shared one not looked at.
    token: the form's; the same form again returns the key without its secret.
    Raises Refusal: "not_allowed", "unknown_key_kind", "key_name_needed", "key_name_too_long", what `limits.check`
    raises, "too_many_keys" (fact most: at once), "credits_out_of_range", NotEnoughCredits, WalletClosed.
    """
    actor.must(Right.MANAGE_KEYS if kind == KeyKind.STANDALONE else Right.GENERATE)
    if kind not in KeyKind.values:
        raise Refusal("unknown_key_kind", field="kind")
    row = ApiKey(
        tenant=actor.tenant, kind=kind, name=_name(name), made_by=actor.name, **limiting.check(limits).columns()
    )
    row.member = None if kind == KeyKind.STANDALONE else actor.in_person
    row.form_token = _form_token(actor, token)
    try:
        with transaction.atomic():
            return _known(row) or _issue(actor, row, credits)
    except IntegrityError:
        # The same form came twice at once: the other one has made the key.
        known = _known(row)
        if known is None:
            raise
        return known


def change(actor: Actor, key: ApiKey, *, name: str, limits: Limits) -> ApiKey:
    """Give the key this name and exactly these limits; what is used of them stays. The same again records nothing.

    Raises Refusal: "not_allowed", "key_revoked", and what `issue` raises for name and limits.
    """
    _must(may_manage(actor, key))
    name = _name(name)
    with transaction.atomic():
        key = _locked(key)
        was = Limits.of(key)
        columns = {"name": name, **limiting.check(limits, was=was).columns()}
        changed = [column for column, value in columns.items() if getattr(key, column) != value]
        if changed:
            _write(key, **{column: columns[column] for column in changed})
            _record("key.changed", key, actor, changed=changed)
    return key


def rotate(actor: Actor, key: ApiKey, *, grace_s: int, seen: str | None = None) -> Issued:
    """Give the key a new secret. The old ones let programs in for so many seconds more, at most MOST_GRACE_S.

    seen: the id of the secret that the form was about; of two such forms the first makes another secret. Without it
    each call does. Raises Refusal: "not_allowed", "key_revoked", "grace_out_of_range" (facts least, most), and
    "rotated_already" where the key has another secret by now.
    """
    _must(may_rotate(actor, key))
    if type(grace_s) is not int or not 0 <= grace_s <= MOST_GRACE_S:
        raise Refusal("grace_out_of_range", field="grace", least=0, most=MOST_GRACE_S)
    with transaction.atomic():
        key = _locked(key)
        if seen is not None and seen != str(minting.current(key)):
            raise Refusal("rotated_already")
        minting.retire(key, at=clock.after(grace_s))
        secret = minting.mint(key)
        _record("key.rotated", key, actor, grace_s=grace_s)
    return Issued(key, secret)


def pause(actor: Actor, key: ApiKey) -> ApiKey:
    """Let no program in by this key for now; its jobs go on. Again: nothing happens.

    Raises Refusal: "not_allowed", "key_revoked".
    """
    return _set_paused(actor, key, clock.now(), "key.paused")


def resume(actor: Actor, key: ApiKey) -> ApiKey:
    """Let programs in by a paused key again. Again: nothing happens.

    Raises Refusal: "not_allowed", "key_revoked", "paused_by_another": only who manages keys lets them in again.
    """
    return _set_paused(actor, key, None, "key.resumed")


def revoke(actor: Actor, key: ApiKey) -> ApiKey:
    """End the key for good: what is free in its wallet goes to its origin, what its jobs hold follows if released.

    Its jobs go on. Again: nothing happens. Raises Refusal "not_allowed".
    """
    _must(may_manage(actor, key))
    return end(key, actor=actor.name)


@transaction.atomic
def end(key: ApiKey, *, actor: str) -> ApiKey:
    """Revoke the key whoever asks, as `revoke` does. actor: as the trail writes it."""
    returned = _returned(ledger.close(key.wallet, actor=actor)) if key.wallet else 0
    if ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=clock.now()):
        facts = {"name": key.name, "returned": returned}
        trail.record("key.revoked", about=key.reference, tenant=key.tenant.public_id, actor=actor, **facts)
    return _fresh(key)


def top_up(actor: Actor, key: ApiKey, *, credits: int, token: str) -> Transfer:
    """Fill the key's own wallet from what the actor pays with: an owner or admin from the house, a user from theirs.

    So nobody spends another's wallet. token: the form's; the same form again returns the first transfer.
    Raises Refusal: "not_allowed", "key_revoked", "no_own_wallet" (of a shared key), "other_origin" (the house filled
    it, and what is left goes back there: a user's own credits would be lost), "key_form_used" (with another amount),
    "credits_out_of_range", NotEnoughCredits.
    """
    _must(may_manage(actor, key))
    if key.wallet is None:
        raise Refusal("no_own_wallet")
    source = payers.of(actor)
    if source.is_metered and key.wallet.origin_id != source.pk:
        raise Refusal("other_origin")
    reference = f"{_TOPPED_UP}:{key.public_id}:{_digest(token)[:32]}"
    with transaction.atomic():
        ledger.lock(source, key.wallet)
        return _topped_up(reference, credits) or _top_up(actor, key, source, credits, reference)


def signing_secret(key: ApiKey) -> str:
    """What signs the key's webhooks, "whsec_…"; for its own programs alone (`may_rotate`)."""
    return sealing.unseal(key.signing_secret)


def rotate_signing_secret(actor: Actor, key: ApiKey) -> str:
    """Sign webhooks with a new secret from now on, and return it. Each call makes another one.

    Raises Refusal: "not_allowed", "key_revoked".
    """
    _must(may_rotate(actor, key))
    secret = minting.for_signing()
    with transaction.atomic():
        key = _locked(key)
        _write(key, signing_secret=sealing.seal(secret))
        _record("key.signing_secret_rotated", key, actor)
    return secret


# -- steps -----------------------------------------------------------------------------------------------------------


def _must(is_allowed: bool) -> None:
    if not is_allowed:
        raise Refusal("not_allowed")


def _name(text: str) -> str:
    name = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    if not name:
        raise Refusal("key_name_needed", field="name")
    if len(name) > NAME_MAX_CHARS:
        raise Refusal("key_name_too_long", field="name", most=NAME_MAX_CHARS)
    return name


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _form_token(actor: Actor, token: str) -> str:
    """The form's token as the key keeps it: nobody meets another's key by it."""
    return _digest(f"{actor.name} {token}") if token else ""


def _known(row: ApiKey) -> Issued | None:
    """The key that this form has made already."""
    if not row.form_token:
        return None
    known = _full().filter(tenant=row.tenant, form_token=row.form_token).first()
    return Issued(known, "") if known else None


def _issue(actor: Actor, row: ApiKey, credits: int) -> Issued:
    if row.member is None:
        Tenant.objects.select_for_update(no_key=True).get(pk=row.tenant_id)  # before its members, as everywhere
    _keep_in(actor.in_person)
    _check_room(row)
    row.signing_secret = sealing.seal(minting.for_signing())
    origin = payers.of(actor)
    if row.kind != KeyKind.SHARED:
        row.wallet = ledger.open_for_key(origin)
    row.save(force_insert=True)
    secret = minting.mint(row)
    if row.wallet:
        _fill(actor, row, origin, credits, f"fill:{row.public_id}")
    _record("key.issued", row, actor, kind=row.kind, name=row.name, credits=credits if row.wallet else 0)
    return Issued(_fresh(row), secret)


def _keep_in(member: Member) -> None:
    """Wait for a removal that is under way, and let none begin: it revokes the keys that it finds."""
    state = Member.objects.select_for_update(no_key=True).values_list("state", flat=True).get(pk=member.pk)
    if state != MemberState.ACTIVE:
        raise Refusal("not_allowed")


def _check_room(row: ApiKey) -> None:
    """Refuse one key too many, while whoever would make another waits. What is limited by key is so by member, too."""
    most = settings.KEYS_PER_MEMBER if row.member else MOST_STANDALONE
    if ApiKey.objects.live().filter(tenant=row.tenant, member=row.member).count() >= most:
        raise Refusal("too_many_keys", most=most)


def _fill(actor: Actor, key: ApiKey, source: Wallet, credits: int, reference: str) -> Transfer:
    """Pay into the key's own wallet, and count it on the key, in the caller's transaction."""
    if key.wallet is None:
        raise ValueError(f"{key.public_id} has no wallet of its own.")
    paid = ledger.transfer(source, key.wallet, credits=credits, reference=reference, actor=actor.name, note=key.name)
    ApiKey.objects.filter(pk=key.pk).update(filled=F("filled") + credits)
    return paid


def _topped_up(reference: str, credits: int) -> Transfer | None:
    """The transfer that this form has made already."""
    known = Transfer.objects.filter(reference=reference).first()
    if known and not known.entries.filter(credits=credits, wallet__kind=WalletKind.KEY).exists():
        raise Refusal("key_form_used")
    return known


def _top_up(actor: Actor, key: ApiKey, source: Wallet, credits: int, reference: str) -> Transfer:
    if _fresh(key).revoked_at:
        raise Refusal("key_revoked")
    paid = _fill(actor, key, source, credits, reference)
    _record("key.topped_up", key, actor, credits=credits)
    return paid


def _set_paused(actor: Actor, key: ApiKey, at: datetime | None, what: str) -> ApiKey:
    _must(may_manage(actor, key))
    with transaction.atomic():
        key = _locked(key)
        if (key.paused_at is None) != (at is None):
            if at is None and not may_resume(actor, key):
                raise Refusal("paused_by_another")
            _write(key, paused_at=at, paused_by=actor.name if at else "")
            _record(what, key, actor)
    return key


def _locked(key: ApiKey) -> ApiKey:
    """The key as it stands now, locked. Raises Refusal "key_revoked"."""
    ApiKey.objects.select_for_update(no_key=True).get(pk=key.pk)
    key = _fresh(key)
    if key.revoked_at:
        raise Refusal("key_revoked")
    return key


def _fresh(key: ApiKey) -> ApiKey:
    return _full().get(pk=key.pk)


def _full() -> QuerySet[ApiKey]:
    return ApiKey.objects.select_related("tenant", "member__person", "member__tenant", "wallet")


def _returned(transfer: Transfer | None) -> int:
    """The credits that went back at once."""
    return transfer.entries.get(credits__gt=0).credits if transfer else 0


def _write(key: ApiKey, **columns: object) -> None:
    """Write these columns alone: the figures beside them move meanwhile."""
    for column, value in columns.items():
        setattr(key, column, value)
    key.save(update_fields=list(columns))


def _record(what: str, key: ApiKey, actor: Actor, **facts: object) -> None:
    trail.record(what, about=key.reference, tenant=key.tenant.public_id, actor=actor.name, **facts)
