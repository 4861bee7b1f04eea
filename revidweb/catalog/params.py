"""Names and parameters: which model is meant, what it lets one choose, and an order's parameters made complete."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from revidweb.lib.refusal import Refusal
from revidweb.providers.base import Param

from . import labels, rows
from .models import Alias, MediaModel, Offer
from .rows import Row


@dataclass(frozen=True)
class Resolved:
    """The model behind a name, and the parameters that the name carries (`nano-banana-fast`: speed fast)."""

    media_model: MediaModel
    params: Mapping[str, Param] = field(default_factory=dict)


@dataclass(frozen=True)
class Choice:
    """One value of a control, as a form sends it. reason: why it is not possible with what else is chosen."""

    value: str
    label: str
    is_chosen: bool
    is_possible: bool = True
    reason: str = ""


@dataclass(frozen=True)
class Field:
    """A control of the form: a parameter with more than one value."""

    name: str
    label: str
    choices: list[Choice]

    @property
    def value(self) -> str:
        """The chosen value, as a form sends it."""
        return next((choice.value for choice in self.choices if choice.is_chosen), "")


def plain(name: str) -> str:
    """The id or alias as it is kept."""
    return name.strip().lower()


def resolve(name: str) -> Resolved:
    """The model of this id or alias, in any case. At most two queries. Raises Refusal "unknown_model"."""
    wanted = plain(name)
    if model := MediaModel.objects.filter(name=wanted).first():
        return Resolved(model)
    alias = Alias.objects.filter(name=wanted).select_related("media_model").first()
    if alias is None:
        raise Refusal("unknown_model", field="model", model=name)
    return Resolved(alias.media_model, alias.params)


def complete(sold: Iterable[Row], asked: Mapping[str, Any]) -> tuple[Row, dict[str, Param]]:
    """The one row that an order means, and its parameters with nothing left open (the server is the row's own).

    asked: parameters as a person wrote them, "server" among them. One that is left out takes the default that the
    prose states if that is possible, else the value of the cheapest row; of rows that differ in nothing asked the
    cheapest is meant. sold: at least one row, cheapest first.
    Raises Refusal at the parameter that cannot be, with the valid choices.
    """
    every = list(sold)
    wanted = _without_silence(every, rows.values(asked))
    left = every
    for name, value in wanted.items():
        left = _narrowed(every, left, wanted, name, value)
    row = _preferred(left)
    if row.price.is_per_second and "duration" not in wanted:
        raise Refusal("needs_duration", field="duration")
    names = [name for name in rows.NAMES if name != "server" and (name in row.takes or name in wanted)]
    return row, {name: wanted[name] if name in wanted else _usual(row, name) for name in names}


def fields(offers: Iterable[Offer], chosen: Mapping[str, Any]) -> list[Field]:
    """The controls of the Create form for one model; no query when the offers come from `on_sale`.

    chosen: what the form holds, "server" among it ("" lets the cheapest be taken). A value that this model does not
    know, or that clashes with one before it, gives way to the default: so a form survives a change of model.
    """
    sold = rows.of_offers(offers)
    if not sold:
        return []
    settled = _settled(sold, chosen)
    return [_field(sold, settled, name) for name in rows.NAMES if len(rows.choices(sold, name)) > 1]


def _without_silence(every: list[Row], wanted: dict[str, Param]) -> dict[str, Param]:
    """No sound is no wish where a model has none to give."""
    if wanted.get("audio") is False and not rows.choices(every, "audio"):
        return {name: value for name, value in wanted.items() if name != "audio"}
    return wanted


def _narrowed(every: list[Row], left: list[Row], wanted: dict[str, Param], name: str, value: Param) -> list[Row]:
    """Those of `left` that cover the value. Raises Refusal where none does."""
    if narrowed := rows.fitting(left, {name: value}):
        return narrowed
    if name == "audio" and value is True:
        raise Refusal("no_audio", field=name, choices=[False], others=_clash(every, wanted, name))
    if not any(name in row.takes for row in every):
        raise Refusal("not_taken", field=name, param=name, choices=_names(every))
    if not rows.fitting(every, {name: value}):
        raise Refusal("not_a_choice", field=name, value=value, choices=rows.choices(every, name))
    possible = rows.choices(left, name)
    raise Refusal("impossible", field=name, value=value, choices=possible, others=_clash(every, wanted, name))


def _clash(every: list[Row], wanted: dict[str, Param], name: str) -> dict[str, Param]:
    """What else was asked that this one cannot be with: the single one in its way, else all before it."""
    if not rows.fitting(every, {name: wanted[name]}):
        return {}
    before = {other: wanted[other] for other in list(wanted)[: list(wanted).index(name)]}
    blocker = rows.blocker(every, before, name, wanted[name])
    return {blocker: before[blocker]} if blocker else before


def _names(every: list[Row]) -> list[str]:
    return [name for name in rows.NAMES if any(name in row.takes for row in every)]


def _preferred(left: list[Row]) -> Row:
    """The cheapest of the rows that stand at the stated defaults, as far as there are such rows."""
    for name in rows.NAMES:
        left = [row for row in left if _is_usual(row, name)] or left
    return left[0]


def _is_usual(row: Row, name: str) -> bool:
    return name not in row.defaults or row.defaults[name] in row.takes.get(name, ())


def _usual(row: Row, name: str) -> Param:
    """What the row takes for a parameter that was left out."""
    covered = row.takes[name]
    default = row.defaults.get(name)
    return default if default is not None and default in covered else covered[0]


def _settled(sold: list[Row], chosen: Mapping[str, Any]) -> dict[str, Param]:
    """The form's values made possible and complete; "server" only where one was chosen."""
    kept: dict[str, Param] = {}
    for name, value in rows.values(chosen).items():
        if rows.fitting(sold, kept | {name: value}):
            kept[name] = value
    row = _preferred(rows.fitting(sold, kept))
    open_names = [name for name in row.takes if name not in kept and name != "server"]
    return kept | {name: _usual(row, name) for name in open_names}


def _field(sold: list[Row], settled: Mapping[str, Param], name: str) -> Field:
    found = [_choice(sold, settled, name, value) for value in rows.choices(sold, name)]
    if name == "server":
        cheapest = Choice("", labels.of_value(name, ""), is_chosen=name not in settled)
        found.insert(0, cheapest)
    return Field(name, labels.of_param(name), found)


def _choice(sold: list[Row], settled: Mapping[str, Param], name: str, value: Param) -> Choice:
    is_possible = bool(rows.fitting(sold, {**settled, name: value}))
    return Choice(
        value=str(value).lower(),
        label=labels.of_value(name, value),
        is_chosen=name in settled and settled[name] == value,
        is_possible=is_possible,
        reason="" if is_possible else _reason(sold, settled, name, value),
    )


def _reason(sold: list[Row], settled: Mapping[str, Param], name: str, value: Param) -> str:
    """What is not there, and the one other choice that keeps it away: "No 4K at Fast"."""
    missing = _("sound") if name == "audio" else labels.of_value(name, value)
    clash = rows.blocker(sold, settled, name, value)
    if not clash:
        return _("No %(missing)s in this combination") % {"missing": missing}
    return _("No %(missing)s at %(other)s") % {"missing": missing, "other": labels.of_value(clash, settled[clash])}
