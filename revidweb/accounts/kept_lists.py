"""Kept statements of what an actor may see: each begins with `visible_to`, which alone says who sees what."""

from collections.abc import Callable
from functools import partial
from typing import Any, cast

from django.db.models import BigIntegerField, QuerySet

from revidweb.lib import kept
from revidweb.lib.kept import Word

from .actors import ActingKey, Actor, Right
from .models import Member, Tenant

_Kept = kept.Rows[Any] | kept.Values
_WHOSE = ("tenant", "member", "key")


class OfActor:
    """One statement for each set of rights, for members and for keys, as `build` writes it.

    kind: `kept.Rows` or `kept.Values`. build: what an actor asks for, of one in whose place a `Word` stands for its
    tenant, its member and its key.
    """

    def __init__(self, kind: "type[_Kept]", build: "Callable[[Actor], QuerySet[Any, Any]]") -> None:
        self._kind, self._build = kind, build
        self._statements: dict[tuple[frozenset[Right], bool], _Kept] = {}

    def all(self, actor: Actor, **words: Any) -> list[Any]:
        """What the actor finds, with these words in their places. One query."""
        shape = (actor.rights, actor.key is not None)
        statement = self._statements.get(shape)
        if statement is None:
            statement = self._statements[shape] = self._kind(partial(self._written, *shape))
        whose = (actor.tenant.pk, actor.member.pk if actor.member else None, actor.key.pk if actor.key else None)
        return statement.all(**dict(zip(_WHOSE, whose, strict=True)), **words)

    def _written(self, rights: frozenset[Right], is_key: bool) -> "QuerySet[Any, Any]":
        tenant, member, key = (Word(name, BigIntegerField()) for name in _WHOSE)
        acting = ActingKey(cast("int", key), "", "") if is_key else None
        return self._build(Actor(cast("Tenant", tenant), cast("Member", member), rights, acting))
