"""Which media model each told model is. An unknown one becomes a model of its own.

An id is looked for among names first, then among aliases. Of two ids that mean one model the model's own name counts,
then a plain alias; an alias that carries parameters (`nano-banana-fast`: speed fast) counts only where its model is not
listed otherwise, and then sells nothing but these parameters.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace

from django.db.models import Max
from django.utils.translation import gettext as _

from revidweb.providers.base import Kind, Param

from .models import Alias, MediaModel
from .reading import Told, ToldModel, ToldPrice

MOST_OFFERS = 2_000  # of one connection, those that vanished among them
_MADE = (Kind.IMAGE, Kind.VIDEO)  # kinds that pages and orders know today
_APART = ("seedance",)  # families that the provider takes at an address of their own, which no order goes to today


@dataclass(frozen=True)
class Placed:
    """A told model and the media model that it is."""

    model: MediaModel
    told: ToldModel


def place(told: Told, *, offered: Set[int]) -> list[Placed]:
    """Every told model at its media model, each media model at most once. Writes the unknown ones.

    offered: the media models that the connection ever offered, by primary key; at most 2,000 with those that come new,
    since an unknown one is kept for ever, for all tenants. What cannot be placed is added to `told.left_out`; what
    another id covers is passed over in silence.
    """
    names = [one.name for one in told.models]
    known = MediaModel.objects.in_bulk(names, field_name="name")
    aliases = Alias.objects.select_related("media_model").in_bulk(names, field_name="name")
    meant = [_meant(one, known, aliases) for one in sorted(told.models, key=lambda one: _rank(one, known, aliases))]
    placed: dict[str, Placed] = {}
    for one in filter(None, meant):
        if _is_its_kind(told, one):
            placed.setdefault(one.model.name, one)
    fresh = {one.name: one for one in told.models if one.name not in known and one.name not in aliases}
    return _within(told, list(placed.values()), offered, fresh)


def _within(told: Told, placed: Sequence[Placed], offered: Set[int], fresh: Mapping[str, ToldModel]) -> list[Placed]:
    """As many as a connection may offer: those it ever had, then models that are known, then those that are not."""
    room = MOST_OFFERS - len(offered)
    had = [one for one in placed if one.model.pk in offered]
    known = [one for one in placed if one.model.pk not in offered]
    names = list(fresh)[: max(0, room - len(known))]
    if len(known) + len(fresh) > max(0, room):
        told.left_out.append(_("new ones after %(most)s models") % {"most": MOST_OFFERS})
    unknown = _unknown(told, {name: fresh[name] for name in names})
    return had + known[: max(0, room)] + [one for one in unknown if _is_its_kind(told, one)]


def _is_its_kind(told: Told, one: Placed) -> bool:
    if one.told.kind in (None, one.model.kind):
        return True
    told.left_out.append(_("%(name)s, which is %(kind)s") % {"name": one.told.name, "kind": one.told.kind})
    return False


def _rank(told: ToldModel, known: Mapping[str, MediaModel], aliases: Mapping[str, Alias]) -> int:
    """Names before aliases, plain aliases before those that carry parameters."""
    if told.name in known:
        return 0
    return 1 if told.name in aliases and not aliases[told.name].params else 2


def _meant(told: ToldModel, known: Mapping[str, MediaModel], aliases: Mapping[str, Alias]) -> Placed | None:
    if told.name in known:
        return Placed(known[told.name], told)
    if told.name in aliases:
        alias = aliases[told.name]
        return Placed(alias.media_model, _only(told, alias.params))
    return None


def _only(told: ToldModel, params: Mapping[str, Param]) -> ToldModel:
    """The model with those of its rows that cost so much at these parameters."""
    prices = (_at(price, params) for price in told.prices)
    return replace(told, prices=tuple(price for price in prices if price))


def _at(price: ToldPrice, params: Mapping[str, Param]) -> ToldPrice | None:
    """The row with the parameters written on it; None where it says otherwise."""
    said = {name: getattr(price, name) for name in params}
    if any(value and value != params[name] for name, value in said.items()):
        return None
    return replace(price, **params)  # type: ignore[arg-type]


def _unknown(told: Told, fresh: Mapping[str, ToldModel]) -> list[Placed]:
    """Those that the house has no name for, with the models that they become; of two syncs at once one writes them."""
    told.left_out += [_("%(name)s, which names no kind") % {"name": name} for name in fresh if not fresh[name].kind]
    position = (MediaModel.objects.aggregate(last=Max("position"))["last"] or 0) + 1
    models = [
        MediaModel(
            name=one.name,
            title=one.title,
            kind=one.kind,
            is_offered=one.kind in _MADE and not one.name.startswith(_APART),
            position=position,
            is_told=True,
        )
        for one in sorted(fresh.values(), key=lambda one: one.name)  # one order for all: no two wait for each other
        if one.kind
    ]
    MediaModel.objects.bulk_create(models, ignore_conflicts=True)
    made = MediaModel.objects.in_bulk([model.name for model in models], field_name="name")
    return [Placed(made[name], one) for name, one in fresh.items() if name in made]
