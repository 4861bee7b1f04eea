"""Keys as pages list them: found by name or last four, newest first, and which secrets let their programs in."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import CharField, Exists, F, OuterRef, Q, QuerySet, Subquery

from revidweb.accounts.actors import Actor, Right
from revidweb.accounts.kept_lists import OfActor
from revidweb.lib import clock, kept
from revidweb.lib.csvfile import Column, moment, number, text, word
from revidweb.lib.kept import Word

from .models import ApiKey, ApiKeyQuerySet, KeyKind, KeySecret

LIVE, REVOKED = "live", "revoked"
MOST_NAMED = 200  # in a list to pick from by eye
_LIVE_FIRST = F("revoked_at").desc(nulls_first=True)
_SHOWN = (
    *("public_id", "name", "kind", "spent", "filled", "last_used_at", "expires_at", "paused_at", "revoked_at"),
    *("day_limit", "week_limit", "month_limit", "lifetime_limit", "counted_on"),
    *("day_credits", "week_credits", "month_credits", "lifetime_credits"),
    *("tenant__time_zone", "wallet__balance", "wallet__held"),
    *("member__role", "member__state", "member__person__name", "member__person__email"),
    *("wallet__origin__member__person__name", "wallet__origin__member__person__email"),
)


@dataclass(frozen=True)
class Filters:
    """Which keys. search: part of the name, or the last four signs of a secret. kind: its word; "" for all."""

    search: str = ""
    kind: str = ""
    state: str = LIVE


@dataclass(frozen=True)
class Secrets:
    """What lets a key's programs in. old: a rotated one that is still good, until its `expires_at`."""

    current: KeySecret | None = None
    old: KeySecret | None = None


def found(actor: Actor, filters: Filters) -> ApiKeyQuerySet:
    """The keys that the actor may see and that are asked for, newest first."""
    rows = ApiKey.objects.visible_to(actor).filter(revoked_at__isnull=filters.state != REVOKED)
    if filters.kind in KeyKind.values:
        rows = rows.filter(kind=filters.kind)
    if filters.search:
        ends_so = KeySecret.objects.filter(key=OuterRef("pk"), last4=_ending(filters.search))
        rows = rows.filter(Q(name__icontains=filters.search) | Q(Exists(ends_so)))
    return rows.order_by("-id")


def shown(ids: Sequence[int]) -> list[ApiKey]:
    """The keys of these primary keys, in this order, with what lists show of each. One query for each fifty."""
    return _ROWS.all(ids)


def _ending(search: str) -> str:
    """The last four signs, where the words may mean a secret: those alone, or "sk_live_7Qm2…x9Kd" as pages show it."""
    return search[-4:] if len(search) == 4 or search.startswith("sk_") else ""


def with_payer(rows: ApiKeyQuerySet) -> ApiKeyQuerySet:
    """With the rows that say whose they are and who pays."""
    return rows.select_related("tenant", "member__person", "wallet__origin__member__person")


_ROWS = kept.ByIds(lambda: with_payer(ApiKey.objects.all()).only(*_SHOWN))


def columns(actor: Actor) -> list[Column]:
    """What a file says of each key; nothing that lets a program in. Whose: only to those who manage everybody's."""
    secrets = KeySecret.objects.filter(key=OuterRef("pk")).order_by("-pk")
    owners = [text("member", "member__person__name"), text("member_email", "member__person__email")]
    return [
        word("key", "public_id"),
        text("name"),
        word("kind"),
        word("prefix", Subquery(secrets.values("prefix")[:1])),
        word("last4", Subquery(secrets.values("last4")[:1])),
        *(owners if actor.may(Right.MANAGE_KEYS) else []),
        number("spent"),
        number("balance", "wallet__balance"),
        number("held", "wallet__held"),
        number("day_limit"),
        number("week_limit"),
        number("month_limit"),
        number("lifetime_limit"),
        moment("created_at"),
        moment("last_used_at"),
        moment("expires_at"),
        moment("paused_at"),
        moment("revoked_at"),
    ]


def is_empty(actor: Actor) -> bool:
    """Whether the actor has no key at all to see, revoked ones included. One query."""
    return not ApiKey.objects.visible_to(actor).exists()


def named(actor: Actor, *, chosen: str = "") -> list[tuple[str, str]]:
    """Public ids and names of the newest keys that the actor may see, the live first, for a filter. One query.

    chosen: the public id of one that is listed however old it is. A key, which sees itself alone, has none to choose.
    """
    if actor.key:
        return []
    return [(public_id, name) for public_id, name in _NAMED.all(actor, chosen=chosen)]


def _named(actor: Actor) -> "QuerySet[Any, Any]":
    rows = ApiKey.objects.visible_to(actor)
    newest = rows.order_by("-pk").values("pk")[:MOST_NAMED]
    shown = rows.filter(Q(pk__in=newest) | Q(public_id=Word("chosen", CharField())))
    return shown.order_by(_LIVE_FIRST, "-pk").values_list("public_id", "name")


_NAMED = OfActor(kept.Values, _named)


def secrets(keys: Iterable[ApiKey]) -> dict[int, Secrets]:
    """The secrets of each of these keys by its primary key. One query."""
    rows: dict[int, list[KeySecret]] = {}
    of_keys = KeySecret.objects.filter(key__in=[key.pk for key in keys]).order_by("-pk")
    for secret in of_keys.only("key", "prefix", "last4", "expires_at"):
        rows.setdefault(secret.key_id, []).append(secret)
    return {pk: _told_apart(row) for pk, row in rows.items()}


def _told_apart(newest_first: list[KeySecret]) -> Secrets:
    current, *older = newest_first
    now = clock.now()
    old = next((secret for secret in older if secret.expires_at and secret.expires_at > now), None)
    return Secrets(current, old)
