"""Catalogue rows and orders that tests need."""

import itertools

from revidweb.accounts.models import Tenant
from revidweb.catalog import loading
from revidweb.catalog.models import MediaModel, Offer, Price
from revidweb.connections import preview
from revidweb.connections.models import Connection
from revidweb.lib import clock
from revidweb.providers.base import Input, Kind, Order
from tests.makers import a_tenant

_count = itertools.count(1)

PICTURE = Input(file_id="fil_1", content_type="image/png")


def a_stocked_tenant() -> Tenant:
    tenant = a_tenant()
    loading.stock(preview.open_at(tenant))
    return tenant


def an_order(
    model: str, *, kind: Kind = Kind.IMAGE, server: str = "", inputs: tuple[Input, ...] = (), **params: object
) -> Order:
    return Order(kind=kind, mode="", model=model, prompt="A quiet harbour", params=params, server=server, inputs=inputs)


def offers_of(tenant: Tenant, model: MediaModel) -> list[Offer]:
    """The model's offers with their prices, as a form takes them."""
    return list(Offer.objects.on_sale(tenant).filter(media_model=model).order_by("pk"))


def a_connection(tenant: Tenant, *, provider: str = "elsewhere") -> Connection:
    return Connection.objects.create(
        tenant=tenant, provider=provider, name=f"Account {next(_count)}", synced_at=clock.now()
    )


def a_copy(offer: Offer, connection: Connection, **changes: object) -> Offer:
    """The same offer, with all its prices, at another connection; `changes` stand on each price."""
    prices = list(offer.prices.all())
    copied = Offer.objects.create(
        media_model=offer.media_model, connection=connection, modes=offer.modes, params=offer.params
    )
    for price in prices:
        price.pk, price.offer = None, copied
        for name, value in changes.items():
            setattr(price, name, value)
    Price.objects.bulk_create(prices)
    return copied
