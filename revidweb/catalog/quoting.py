"""What an order costs: one price row, or a refusal that names what would be possible."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.db.models import BigIntegerField, CharField, QuerySet

from revidweb.accounts.models import Tenant
from revidweb.lib import kept
from revidweb.lib.kept import Word
from revidweb.lib.refusal import Refusal
from revidweb.providers.base import Kind, Mode, Order

from . import params, prose, rows
from .models import MediaModel, Offer, Price
from .rows import Row

_MODES = {  # by kind: without an input, with one
    Kind.IMAGE: (Mode.T2I, Mode.I2I),
    Kind.VIDEO: (Mode.T2V, Mode.I2V),
    Kind.MOTION: (Mode.MOTION, Mode.MOTION),
    Kind.AVATAR: (Mode.AVATAR, Mode.AVATAR),
}


@dataclass(frozen=True)
class Quote:
    """The price of one job. order: as it will be sent; credits: what the payer is charged; both whole credits."""

    offer: Offer
    price: Price
    order: Order
    credits: int
    upstream_credits: int
    is_estimate: bool


def quote(tenant: Tenant, order: Order) -> Quote:
    """The price of one job of this order, at the cheapest of the tenant's rows that cover it.

    One query where the model is on sale and called by its own id, else at most four.

    The quote's order has every parameter explicit, the model's own id, the row's server, and the mode that its
    inputs make it. What is asked outright wins over what an alias carries. Nothing is written.
    Raises Refusal: unknown_model, not_offered, wrong_kind, model_unavailable (field model); needs_input_image,
    takes_no_input_image, too_many_inputs (input_image); not_taken, not_a_choice, impossible, no_audio, needs_duration
    (the parameter).
    """
    if sold := _sold(tenant, params.plain(order.model)):
        return _quote(params.Resolved(sold[0].price.offer.media_model), sold, order)
    resolved = params.resolve(order.model)
    return _quote(resolved, _sold(tenant, resolved.media_model.name), order)


def quote_among(offers: Sequence[Offer], order: Order) -> Quote:
    """As `quote`, among the offers of one model that were read from `listing`; at least one. No query.

    Raises the same Refusals, but for unknown_model: the offers are the model's whatever the order calls it.
    """
    return _quote(params.Resolved(offers[0].media_model), rows.of_offers(offers), order)


def _quote(resolved: params.Resolved, sold: Sequence[Row], order: Order) -> Quote:
    model = _offered(resolved.media_model, order.kind)
    if not sold:
        raise Refusal("model_unavailable", field="model", model=model.title)
    mode = mode_of(order)
    sold = _taking(_in_mode(sold, mode), len(order.inputs))
    asked = {**resolved.params, **rows.values(order.params), "server": order.server}
    row, completed = params.complete(sold, asked)
    return _priced(row, replace(order, model=model.name, mode=mode, params=completed, server=row.price.server))


def mode_of(order: Order) -> Mode:
    """From text, or from a picture when the order has one."""
    return _MODES[order.kind][bool(order.inputs)]


def _offered(model: MediaModel, kind: Kind) -> MediaModel:
    if not model.is_offered:
        raise Refusal("not_offered", field="model", model=model.title)
    if model.kind != kind:
        raise Refusal("wrong_kind", field="model", model=model.title, kind=model.kind)
    return model


def _sold(tenant: Tenant, name: str) -> list[Row]:
    return rows.of(_SOLD.all(tenant=tenant.pk, name=name))


def _on_sale() -> "QuerySet[Price]":
    tenant, name = Word("tenant", BigIntegerField()), Word("name", CharField())
    return Price.objects.on_sale(tenant).filter(offer__media_model__name=name)


_SOLD = kept.Rows(_on_sale, is_planned_once=True)


def _in_mode(sold: Sequence[Row], mode: Mode) -> list[Row]:
    able = [row for row in sold if mode in row.price.offer.modes]
    if not able:
        code = "needs_input_image" if mode in (Mode.T2I, Mode.T2V) else "takes_no_input_image"
        raise Refusal(code, field="input_image", model=sold[0].price.offer.media_model.title)
    return able


def _taking(sold: Sequence[Row], count: int) -> list[Row]:
    """Those that start from so many inputs."""
    able = [row for row in sold if count <= prose.most_inputs(row.price.offer.params)]
    if not able:
        most = max(prose.most_inputs(row.price.offer.params) for row in sold)
        raise Refusal(
            "too_many_inputs", field="input_image", model=sold[0].price.offer.media_model.title, most=most, count=count
        )
    return able


def _priced(row: Row, order: Order) -> Quote:
    seconds = int(order.params["duration"]) if row.price.is_per_second else 1
    credits = row.price.credits * seconds
    return Quote(
        offer=row.price.offer,
        price=row.price,
        order=order,
        credits=credits,
        upstream_credits=credits,
        is_estimate=row.price.is_estimate,
    )
