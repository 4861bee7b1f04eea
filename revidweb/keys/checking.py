"""Whether a key lets its program in, and what it may ask for."""

from datetime import timedelta

from django.db.models import CharField, Q, QuerySet

from revidweb.accounts import actors
from revidweb.accounts.actors import Actor
from revidweb.accounts.models import MemberState
from revidweb.lib import addresses, clock, kept
from revidweb.lib.kept import Word
from revidweb.lib.refusal import Refusal

from . import minting
from .budgets import KeyInHand
from .models import ApiKey, ApiKeyQuerySet, KeySecret

_NOTED_EVERY = timedelta(minutes=1)


def by_secret(secret: str, *, address: str) -> ApiKey:
    """The key that this secret opens, with tenant, member, person and wallet, in one query.

    address: where the caller is, "" if unknown. That the key was used is noted once a minute.
    Raises Refusal: "key_missing" (no secret), "key_unknown", and what `by_id` raises.
    """
    if not secret:
        raise Refusal("key_missing")
    if not minting.is_possible(secret):
        raise Refusal("key_unknown")
    found = _OPENED.first(sha256=minting.digest(secret))
    if found is None:
        raise Refusal("key_unknown")
    _refuse_ended(found.key)
    if found.expires_at and found.expires_at <= clock.now():
        raise Refusal("key_expired")
    return _let_in(found.key, address)


def by_id(pk: int, *, address: str) -> ApiKey:
    """The key as `by_secret` finds it, for a session that was opened by it.

    Raises Refusal: "key_unknown", "key_revoked", "key_expired", "key_paused", "key_suspended" (its member is not let
    in), "address_not_allowed" (fact address).
    """
    key = _with_its(ApiKey.objects.filter(pk=pk)).first()
    if key is None:
        raise Refusal("key_unknown")
    _refuse_ended(key)
    return _let_in(key, address)


def allow(key: ApiKey, *, kind: str, model: str) -> None:
    """Refuse what the key may not make. kind: "image", "video"; model: the media model's name, not an alias of it.

    Raises Refusal: "kind_not_allowed" (facts kind, allowed), "model_not_allowed" (facts model, allowed).
    """
    if key.allowed_kinds and kind not in key.allowed_kinds:
        raise Refusal("kind_not_allowed", kind=kind, allowed=", ".join(key.allowed_kinds))
    if key.allowed_models and model not in key.allowed_models:
        raise Refusal("model_not_allowed", model=model, allowed=", ".join(key.allowed_models))


def actor_of(key: ApiKey) -> Actor:
    """The key as an actor, which carries its row as it was read."""
    in_hand = KeyInHand(pk=key.pk, public_id=key.public_id, name=key.name, row=key)
    return actors.by_key(in_hand, tenant=key.tenant, member=key.member)


_ITS = ("tenant", "member__person", "member__tenant", "member__wallet", "wallet")


def _opened() -> "QuerySet[KeySecret]":
    its = ("key", *(f"key__{name}" for name in _ITS))
    return KeySecret.objects.filter(sha256=Word("sha256", CharField())).select_related(*its)


_OPENED = kept.Rows(_opened, is_planned_once=True)  # of every request


def _with_its(rows: ApiKeyQuerySet) -> ApiKeyQuerySet:
    return rows.select_related(*_ITS)


def _refuse_ended(key: ApiKey) -> None:
    if key.revoked_at:
        raise Refusal("key_revoked")
    if key.is_expired:
        raise Refusal("key_expired")


def _let_in(key: ApiKey, address: str) -> ApiKey:
    if key.paused_at:
        raise Refusal("key_paused")
    if key.member and (key.member.state != MemberState.ACTIVE or not key.member.person.is_active):
        raise Refusal("key_suspended")
    _refuse_elsewhere(key, address)
    _note_use(key)
    return key


def _refuse_elsewhere(key: ApiKey, address: str) -> None:
    """An address that is none is in no network."""
    if key.allowed_addresses and not addresses.is_in(address, key.allowed_addresses):
        raise Refusal("address_not_allowed", address=address)


def _note_use(key: ApiKey) -> None:
    """Once a minute: a write on every request would make the key's row hot."""
    now = clock.now()
    long_ago = Q(last_used_at__isnull=True) | Q(last_used_at__lte=now - _NOTED_EVERY)
    if key.last_used_at is None or key.last_used_at <= now - _NOTED_EVERY:
        ApiKey.objects.filter(long_ago, pk=key.pk).update(last_used_at=now)
        key.last_used_at = now
