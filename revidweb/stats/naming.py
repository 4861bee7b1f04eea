"""What the values of usage are called: by a word in an address, and by a label on a page."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import CharField, F, QuerySet, Value
from django.db.models.functions import Cast, Coalesce, NullIf

from revidweb.accounts.actors import Actor, Right
from revidweb.accounts.kept_lists import OfActor
from revidweb.accounts.models import Member, Tenant
from revidweb.catalog.models import MediaModel, Offer
from revidweb.connections.models import Connection
from revidweb.keys.models import ApiKey
from revidweb.lib import kept

from .models import Dimension

MOST_NAMED = 200  # of one dimension, to pick from by eye
NOBODY = "0"  # the value of what is no member's, or came by no key
_NONE = "none"  # and its word


@dataclass(frozen=True)
class Name:
    """value: as cells keep it. word: as an address says it. label: "" where the page has its own word for it."""

    value: str
    word: str
    label: str = ""


class Directory:
    """The members, keys, models and connections that an actor may tell usage apart by. One query for all of them.

    The newest two hundred keys and members; any other name that is asked for is one query more.
    """

    def __init__(self, actor: Actor) -> None:
        self._actor = actor
        self._names: dict[str, dict[str, Name]] = {dimension: {} for dimension in _TABLES}
        for dimension, pk, word, label in _NEWEST.all(actor):
            self._names[dimension][str(pk)] = Name(str(pk), word, label)

    def of(self, dimension: Dimension) -> list[Name]:
        """All that are known of this dimension, by their labels."""
        return sorted(self._names.get(dimension, {}).values(), key=lambda name: name.label.lower())

    def labelled(self, dimension: Dimension, values: Collection[str]) -> dict[str, Name]:
        """The names of these values; those of a dimension that keeps words are their own."""
        if dimension not in _TABLES:
            return {value: Name(value, value) for value in values}
        known = self._names[dimension]
        missing = [int(value) for value in values if value not in known and value != NOBODY]
        if missing:
            known |= _rest(self._actor.tenant, dimension, missing)
        nobody = Name(NOBODY, _NONE)
        return {value: nobody if value == NOBODY else known.get(value, Name(value, value)) for value in values}

    def value(self, dimension: Dimension, word: str) -> str | None:
        """The value that an address means by this word; None where the actor has no such thing."""
        if dimension not in _TABLES:
            return word
        if word == _NONE and dimension in (Dimension.MEMBER, Dimension.KEY):
            return NOBODY
        known = next((name.value for name in self._names[dimension].values() if name.word == word), None)
        return known or self._looked_up(dimension, word)

    def _looked_up(self, dimension: Dimension, word: str) -> str | None:
        rows = _everything(self._actor).get(dimension)
        if rows is None:
            return None
        found = rows.filter(**{_TABLES[dimension][0]: word}).values_list("pk", flat=True).first()
        return None if found is None else str(found)


def words(tenant: Tenant, dimension: Dimension, values: Collection[str]) -> dict[str, str]:
    """The words of these values of a dimension that keeps primary keys. One query, none for no value."""
    named = _rest(tenant, dimension, [int(value) for value in values]) if values else {}
    return {value: named[value].word if value in named else value for value in values}


# The column of the word, and what the label is made of.
_TABLES: dict[str, tuple[str, Any]] = {
    Dimension.MEMBER: ("public_id", Coalesce(NullIf("person__name", Value("")), Cast("person__email", CharField()))),
    Dimension.KEY: ("public_id", F("name")),
    Dimension.MODEL: ("name", F("title")),
    Dimension.CONNECTION: ("public_id", F("name")),
}


def _everything(actor: Actor) -> dict[Dimension, QuerySet[Any]]:
    """What the actor may name, by dimension."""
    tenant = actor.tenant
    rows: dict[Dimension, QuerySet[Any]] = {Dimension.MODEL: _models(tenant)}
    if not actor.key:
        rows[Dimension.KEY] = ApiKey.objects.visible_to(actor)
    if actor.may(Right.SEE_ALL):
        rows[Dimension.MEMBER] = Member.objects.filter(tenant=tenant)
    if actor.may(Right.MANAGE_CONNECTIONS):
        rows[Dimension.CONNECTION] = Connection.objects.filter(tenant=tenant)
    return rows


def _newest(actor: Actor) -> "QuerySet[Any, Any]":
    """What the actor may name, the newest of each dimension."""
    first, *others = (
        _named(rows.filter(pk__in=rows.order_by("-pk").values("pk")[:MOST_NAMED]), dimension)
        for dimension, rows in _everything(actor).items()
    )
    return first.union(*others, all=True)


_NEWEST = OfActor(kept.Values, _newest)


def _models(tenant: Tenant) -> QuerySet[Any]:
    return MediaModel.objects.filter(pk__in=Offer.objects.filter(connection__tenant=tenant).values("media_model"))


def _named(rows: QuerySet[Any], dimension: Dimension) -> QuerySet[Any]:
    word, label = _TABLES[dimension]
    text = CharField()
    named: QuerySet[Any] = rows.order_by().annotate(
        in_dimension=Value(dimension.value, output_field=text),
        says=F(word),
        called=label,
    )
    return named.values_list("in_dimension", "pk", "says", "called")


def _rest(tenant: Tenant, dimension: Dimension, values: Iterable[int]) -> dict[str, Name]:
    """Names of rows that usage has counted, and so are the tenant's own."""
    tables: dict[str, QuerySet[Any]] = {
        Dimension.MEMBER: Member.objects.filter(tenant=tenant),
        Dimension.KEY: ApiKey.objects.filter(tenant=tenant),
        Dimension.MODEL: MediaModel.objects.all(),
        Dimension.CONNECTION: Connection.objects.filter(tenant=tenant),
    }
    found = _named(tables[dimension].filter(pk__in=values), dimension)
    return {str(pk): Name(str(pk), word, label) for _dimension, pk, word, label in found}
