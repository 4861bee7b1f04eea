"""Who plays in a tenant's history, and with what: read from its rows, by plain values from then on."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.db.models import Q

from revidweb.accounts.models import Member, Tenant
from revidweb.catalog import params, rows
from revidweb.catalog.models import Offer, Price
from revidweb.connections.models import Connection
from revidweb.credits import ledger
from revidweb.keys.models import ApiKey

MODELS = 27
_ROWS_PER_MODEL = 3
_BY_TEXT = ("t2i", "t2v")
_SECONDS = 5  # of what is priced by the second
_USUAL_S = {"image": 11.0, "video": 75.0}


@dataclass(frozen=True)
class Buyer:
    """Who asks, by themselves or by a key, and who pays. member, key: primary keys or None; key_name: its public id.

    wallet: what pays; None for the house. source: what fills the wallet: None for the house, else a member's.
    """

    member: int | None
    key: int | None
    key_name: str
    wallet: int | None
    source: int | None
    is_key_wallet: bool


@dataclass(frozen=True)
class Ware:
    """What is asked for, as a job freezes it. params: JSON. credential: of the account, None at preview."""

    model: int
    kind: str
    mode: str
    offer: int
    connection: int
    credential: int | None
    server: str
    price_key: str
    credits: int
    is_estimate: bool
    params: str
    usual_s: float


@dataclass(frozen=True)
class Cast:
    """A tenant's buyers and wares, each with how often it is its turn."""

    tenant: Tenant
    house: int
    spent: int
    buyers: Sequence[Buyer]
    buyer_weights: Sequence[float]
    wares: Sequence[Ware]
    ware_weights: Sequence[float]


def of(tenant: Tenant) -> Cast:
    """Its members and keys, those with a low id the busiest, and what its connections offer from a text."""
    people = [_by_hand(member) for member in Member.objects.filter(tenant=tenant).order_by("pk")]
    keys = ApiKey.objects.select_related("member", "wallet__origin").filter(tenant=tenant).order_by("pk")
    programs = [_by_key(key) for key in keys]
    goods = list(_goods(tenant))
    return Cast(
        tenant=tenant,
        house=ledger.house(tenant).pk,
        spent=ledger.spent(tenant).pk,
        buyers=[*people, *programs],
        buyer_weights=[*zipf(len(people), 0.4), *zipf(len(programs), 0.6)],
        wares=[ware for ware, _weight in goods],
        ware_weights=[weight for _ware, weight in goods],
    )


def zipf(count: int, share: float) -> list[float]:
    """Weights that sum to `share`, the first the heaviest, each next one less by its place."""
    weights = [1 / (place + 1) for place in range(count)]
    return [share * weight / sum(weights) for weight in weights]


def _by_hand(member: Member) -> Buyer:
    wallet = None if member.is_paid_by_house else ledger.wallet_of(member).pk
    return Buyer(member.pk, None, "", wallet, None, is_key_wallet=False)


def _by_key(key: ApiKey) -> Buyer:
    if key.wallet is None:
        payer = ledger.payer_of(key.member) if key.member else None
        wallet = payer.pk if payer and payer.is_metered else None
        return Buyer(key.member_id, key.pk, key.public_id, wallet, None, is_key_wallet=False)
    origin = key.wallet.origin
    source = origin.pk if origin and origin.is_metered else None
    return Buyer(key.member_id, key.pk, key.public_id, key.wallet.pk, source, is_key_wallet=True)


def _goods(tenant: Tenant) -> Iterator[tuple[Ware, float]]:
    """Of each model its cheapest rows, at every connection that has an offer of it."""
    there = Offer.objects.filter(connection__tenant=tenant, media_model__is_offered=True)
    by_model: dict[int, list[Offer]] = {}
    for offer in there.select_related("connection", "media_model").order_by("media_model__position", "pk"):
        if any(mode in _BY_TEXT for mode in offer.modes):
            by_model.setdefault(offer.media_model_id, []).append(offer)
    priced = [(offers, _priced(offers)) for offers in by_model.values()]
    chosen = [(offers, found) for offers, found in priced if found][:MODELS]
    for (offers, found), share in zip(chosen, zipf(len(chosen), 1.0), strict=True):
        for offer, part in zip(offers, zipf(len(offers), share), strict=True):
            yield from zip((_ware(offer, row) for row in found), zipf(len(found), part), strict=True)


def _priced(offers: Iterable[Offer]) -> list[rows.Row]:
    """The cheapest rows of the model, from whichever of its offers has any."""
    wanted = Q(offer__in=list(offers), is_available=True)
    prices = Price.objects.filter(wanted).select_related("offer__media_model").order_by("credits", "pk")
    return rows.of(prices[:_ROWS_PER_MODEL])


def _ware(offer: Offer, row: rows.Row) -> Ware:
    price, is_per_second = row.price, row.price.is_per_second
    _row, completed = params.complete([row], {"duration": _SECONDS} if is_per_second else {})
    return Ware(
        model=offer.media_model_id,
        kind=offer.media_model.kind,
        mode=next(mode for mode in offer.modes if mode in _BY_TEXT),
        offer=offer.pk,
        connection=offer.connection_id,
        credential=_credential(offer.connection),
        server=price.server,
        price_key=price.key,
        credits=price.credits * (_SECONDS if is_per_second else 1),
        is_estimate=price.is_estimate,
        params=json.dumps(completed),
        usual_s=_USUAL_S.get(offer.media_model.kind, 60.0),
    )


def _credential(connection: Connection) -> int | None:
    return None if connection.is_preview else connection.credential_id
