"""A connection's catalogue as its provider tells it: read, compared, written, and what differs kept for the owner.

- A price that moves by more than three times, either way, waits: its row is not quoted until the owner accepts. When
  the provider comes back within three times before that, the question is overtaken. A price that the owner refuses
  stays off sale until the provider moves it again: nobody is charged what the owner did not want, and nobody is quoted
  what the provider does not charge any more.
- What vanishes is switched off, not deleted, and comes back as it was.
- The first reading of a connection is no news; every later one keeps a CatalogChange per difference.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from celery import shared_task
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from revidweb.accounts.actors import Actor, Right
from revidweb.connections import budget, health, trying
from revidweb.connections.models import Connection, ConnectionQuerySet, account_of
from revidweb.lib import clock, sealing, wake
from revidweb.lib.refusal import Refusal
from revidweb.providers import registry
from revidweb.providers.base import AccountRefused, Kind, ProviderBusy, ProviderError
from revidweb.trail import trail

from . import loading, placing, reading
from .models import CatalogChange, Change, Offer, Price
from .placing import Placed
from .reading import ToldPrice

FAR = 3  # a price that moves by more than this factor waits for the owner
RETRY_S = 900
USUAL_S = 5  # a clip whose row says no length, where a price turns from per job to per second
_BATCH = 500  # rows of one statement
_NAMED = 3  # of what was left out
_NAMED_CHARS = 70
_FAILURE_MAX_CHARS = 300

_OFFER_FIELDS = ["is_available", "upstream_model", "modes", "params", "credits_min", "credits_max"]
_PRICE_FIELDS = [
    *("credits", "waiting_credits", "resolution", "duration_s", "quality", "audio", "speed"),
    *("is_per_second", "is_estimate", "is_available"),
]

_Row = tuple[str, str, str]  # a price row by its model's name, its server and its key


@dataclass
class _News:
    """What a reading changes. gone: primary keys of price rows; settled: rows whose question is overtaken."""

    changes: list[CatalogChange] = field(default_factory=list)
    prices: list[Price] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)
    settled: set[_Row] = field(default_factory=set)


@shared_task
def tick() -> None:
    """Have the catalogues read that are due. Of two ticks only one claims a connection."""
    for connection in _present().filter(next_sync_at__lte=clock.now()).order_by("next_sync_at"):
        claim = Connection.objects.filter(pk=connection.pk, next_sync_at=connection.next_sync_at)
        if claim.update(next_sync_at=clock.after(RETRY_S)):
            wake.up(read, connection.pk, expires=RETRY_S)


@shared_task
def read(connection_id: int) -> None:
    """Read one connection's catalogue when there is room; a second run reads it once more."""
    connection = _present().select_related("credential", "tenant").filter(pk=connection_id).first()
    if connection is None:
        return
    with trying.asking(connection) as wait_s:
        if wait_s:
            _stamp(connection, next_sync_at=clock.after(wait_s))
        else:
            sync(connection)


def _present() -> ConnectionQuerySet:
    return Connection.objects.present().filter(credential__isnull=False)


def sync(connection: Connection, *, rank: budget.Rank = budget.Rank.POLL) -> bool:
    """Fetch the catalogue with the credential in use, and write it; call it outside any transaction.

    rank: how much of the key's budget it leaves to others.
    False when that failed: `sync_failure` says why, what was known stays, and it is tried again after a quarter of an
    hour. Of preview the data files are written anew.
    """
    if connection.is_preview:
        loading.stock(connection)
        return True
    models = _fetched(connection, rank)
    if not models or not _take_in(connection, models):
        return False
    health.answered(connection)
    return True


@transaction.atomic
def write(connection: Connection, models: Iterable[object]) -> list[CatalogChange]:
    """Make the connection's offers and prices what the provider's models say; what differs from the last reading.

    models: in the shape of RevidAPI's `GET /models`, however wild. A second run changes nothing. Other connections'
    offers and prices, and what the house knows of a model already, stay as they are.
    """
    is_first = Connection.objects.select_for_update(no_key=True).get(pk=connection.pk).synced_at is None
    told = reading.read(models)
    placed = placing.place(told, offered=set(_offers(connection).values_list("media_model", flat=True)))
    news = _compared(connection, placed)
    _write_prices(connection, news)
    changes = [] if is_first else news.changes
    _keep(connection, changes)
    _stamp(
        connection,
        synced_at=clock.now(),
        next_sync_at=clock.after(settings.CATALOG_SYNC_S),
        sync_failure=_in_words(told.left_out),
    )
    return changes


@transaction.atomic
def decide(actor: Actor, change: CatalogChange, *, accept: bool) -> bool:
    """Accept a price that waits, so that its row is quoted at it from now on, or keep the row off sale.

    True when the question stands so decided, also on a repeat; False when it was decided otherwise, or overtaken by a
    sync, before: then nothing changes. Raises Refusal "not_allowed".
    """
    actor.must(Right.MANAGE_CONNECTIONS)
    connection = Connection.objects.visible_to(actor).select_for_update(no_key=True).get(pk=change.connection_id)
    change.refresh_from_db()
    if change.what != Change.HELD or change.decided_at is not None:
        return change.is_accepted is accept
    if accept:
        row = Price.objects.filter(offer__connection=connection, offer__media_model__name=change.model)
        row.filter(server=change.server, key=change.key).update(credits=change.new, waiting_credits=None)
    change.decided_at, change.is_accepted, change.decided_by = clock.now(), accept, actor.name
    change.save(update_fields=["decided_at", "is_accepted", "decided_by"])
    trail.record(
        "price.accepted" if accept else "price.refused",
        about=connection.reference,
        tenant=actor.tenant.public_id,
        actor=actor.name,
        model=change.model,
        server=change.server,
        key=change.key,
        old=change.old,
        new=change.new,
    )
    return True


def overtake(connection: Connection, rows: set[_Row] | None = None) -> None:
    """Close open questions that nobody needs to answer any more: those about these rows, or all of the connection."""
    asked = CatalogChange.objects.filter(connection=connection, what=Change.HELD, decided_at__isnull=True)
    closed = [one.pk for one in asked if rows is None or (one.model, one.server, one.key) in rows]
    for start in range(0, len(closed), _BATCH):
        over = CatalogChange.objects.filter(pk__in=closed[start : start + _BATCH])
        over.update(decided_at=clock.now(), is_accepted=False, decided_by=trail.SYSTEM)


# -- from the provider


def _fetched(connection: Connection, rank: budget.Rank) -> Sequence[Mapping[str, object]] | None:
    """The provider's models; None where there are none to be had, which is noted then."""
    credential = connection.credential
    provider = registry.provider(connection.provider)
    if not budget.take_all(credential, provider.requests.models, rank=rank):
        _failed(connection, _("Too many requests at this moment."))
        return None
    try:
        models = provider.models(account_of(connection, credential))
    except (ProviderError, Refusal, sealing.CannotOpen) as error:
        if isinstance(error, AccountRefused):
            health.refused(connection, credential, error)
        if isinstance(error, ProviderBusy) and error.code == "rate":
            budget.rest(credential, error.retry_after_s)
        _failed(connection, health.reason_of(error, credential))
        return None
    if not models:
        _failed(connection, _("The provider lists no models at this moment."))
    return models


@transaction.atomic
def _take_in(connection: Connection, models: Sequence[Mapping[str, object]]) -> bool:
    """Write what was fetched, unless the key was replaced or the connection removed meanwhile."""
    same = Connection.objects.present().filter(pk=connection.pk, credential=connection.credential)
    if not same.select_for_update(no_key=True).exists():
        return False
    write(connection, models)
    return True


def _failed(connection: Connection, reason: str) -> None:
    _stamp(connection, sync_failure=reason[:_FAILURE_MAX_CHARS], next_sync_at=clock.after(RETRY_S))


def _stamp(connection: Connection, **changes: object) -> None:
    Connection.objects.filter(pk=connection.pk).update(**changes)
    for name, value in changes.items():
        setattr(connection, name, value)


def _in_words(left_out: Sequence[str]) -> str:
    """What was left out, the first few by name: "Left out (2): …"; "" where nothing was."""
    if not left_out:
        return ""
    some = "; ".join(one[:_NAMED_CHARS] for one in left_out[:_NAMED]) + ("; …" if len(left_out) > _NAMED else "")
    return _("Left out (%(count)s): %(some)s") % {"count": len(left_out), "some": some}


# -- what differs


def _compared(connection: Connection, placed: Sequence[Placed]) -> _News:
    """Write the offers, and find what is new about their prices."""
    before = {offer.media_model_id: offer for offer in _offers(connection)}
    offers = [_offer(connection, one) for one in placed]
    Offer.objects.bulk_create(
        offers, update_conflicts=True, unique_fields=["media_model", "connection"], update_fields=_OFFER_FIELDS
    )
    news = _News()
    for one, offer in zip(placed, offers, strict=True):
        _compare(news, one, offer, before.pop(one.model.pk, None))
    for offer in before.values():
        _vanish(news, connection, offer)
    return news


def _offers(connection: Connection) -> QuerySet[Offer]:
    return Offer.objects.filter(connection=connection).select_related("media_model").prefetch_related("prices")


def _offer(connection: Connection, one: Placed) -> Offer:
    told = one.told
    return Offer(
        media_model=one.model,
        connection=connection,
        upstream_model=told.upstream,
        modes=told.modes_as(Kind(one.model.kind)),
        params=dict(told.params),
        credits_min=told.credits_min,
        credits_max=told.credits_max,
    )


def _compare(news: _News, one: Placed, offer: Offer, was: Offer | None) -> None:
    """One model: its rows as they will be, and what is new about them."""
    is_back = was is None or not was.is_available
    if is_back:
        news.changes.append(_change(offer, Change.MODEL_ADDED))
    known = {(price.server, price.key): price for price in was.prices.all()} if was else {}
    for told in one.told.prices:
        _compare_price(news, offer, told, known.pop((told.server, told.key), None), is_back=is_back)
    for price in known.values():
        _row_gone(news, offer, price, is_told=not is_back)


def _compare_price(news: _News, offer: Offer, told: ToldPrice, was: Price | None, *, is_back: bool) -> None:
    old = _in_the_same_unit(was, told)
    price = _price(offer, told, old)
    if was is None or any(getattr(was, name) != getattr(price, name) for name in _PRICE_FIELDS):
        news.prices.append(price)
    if was is not None and was.waiting_credits not in (None, price.waiting_credits):
        news.settled.add(_row(offer, was))
    if was is not None and price.waiting_credits not in (None, was.waiting_credits):
        news.changes.append(_change(offer, Change.HELD, price, old=old, new=price.waiting_credits))
    elif was is not None and old != price.credits:
        news.changes.append(_change(offer, Change.MOVED, price, old=old, new=price.credits))
    elif not is_back and (was is None or not was.is_available):
        news.changes.append(_change(offer, Change.ADDED, price, new=price.credits))


def _price(offer: Offer, told: ToldPrice, old: int | None) -> Price:
    """The row as it will be: at the new price, or at the old one with the new one waiting."""
    waits = old is not None and is_far(old, told.credits)
    return Price(
        offer=offer,
        server=told.server,
        key=told.key,
        credits=old if old is not None and waits else told.credits,
        waiting_credits=told.credits if waits else None,
        resolution=told.resolution,
        duration_s=told.duration_s,
        quality=told.quality,
        audio=told.audio,
        speed=told.speed,
        is_per_second=told.is_per_second,
    )


def _in_the_same_unit(was: Price | None, told: ToldPrice) -> int | None:
    """The old price as the row counts now: per job or per second. One that changes its unit has moved with it."""
    if was is None:
        return None
    if was.is_per_second == told.is_per_second:
        return was.credits
    seconds = told.duration_s or was.duration_s or USUAL_S
    return max(1, was.credits // seconds) if told.is_per_second else was.credits * seconds


def is_far(old: int, new: int) -> bool:
    """Whether a price moved by more than three times, up or down; both whole credits."""
    return new > FAR * old or old > FAR * new


def _vanish(news: _News, connection: Connection, offer: Offer) -> None:
    """A model that is not told any more: its offer goes, its rows stay as they are behind it."""
    if not offer.is_available:
        return
    Offer.objects.filter(pk=offer.pk).update(is_available=False)
    news.changes.append(_change(offer, Change.MODEL_GONE))
    for price in offer.prices.all():
        if price.waiting_credits is not None:
            _row_gone(news, offer, price, is_told=False)


def _row_gone(news: _News, offer: Offer, price: Price, *, is_told: bool) -> None:
    """A row that is not told any more: off sale, and nothing about it waits. is_told: as a difference of its own."""
    if price.waiting_credits is not None:
        news.settled.add(_row(offer, price))
    if price.is_available:
        news.gone.append(price.pk)
        if is_told:
            news.changes.append(_change(offer, Change.GONE, price, old=price.credits))


def _row(offer: Offer, price: Price) -> _Row:
    return offer.media_model.name, price.server, price.key


def _change(
    offer: Offer, what: Change, price: Price | None = None, *, old: int | None = None, new: int | None = None
) -> CatalogChange:
    return CatalogChange(
        connection_id=offer.connection_id,
        what=what,
        model=offer.media_model.name,
        server=price.server if price else "",
        key=price.key if price else "",
        old=old,
        new=new,
    )


# -- into the tables


def _write_prices(connection: Connection, news: _News) -> None:
    Price.objects.bulk_create(
        news.prices,
        batch_size=_BATCH,
        update_conflicts=True,
        unique_fields=["offer", "server", "key"],
        update_fields=_PRICE_FIELDS,
    )
    for start in range(0, len(news.gone), _BATCH):
        gone = Price.objects.filter(pk__in=news.gone[start : start + _BATCH])
        gone.update(is_available=False, waiting_credits=None)
    if news.settled:
        overtake(connection, news.settled)


def _keep(connection: Connection, changes: list[CatalogChange]) -> None:
    """Keep the differences, newest last, and tell the trail how many there are."""
    if not changes:
        return
    CatalogChange.objects.bulk_create(changes, batch_size=_BATCH)
    trail.record(
        "catalog.changed",
        about=connection.reference,
        tenant=connection.tenant.public_id,
        changes=len(changes),
        waiting=sum(change.what == Change.HELD for change in changes),
    )
