"""What people do with webhooks: look at what was sent, send it again, and try whether a receiver hears."""

from django.db.models import OuterRef, QuerySet, Subquery

from revidweb.accounts.actors import Actor
from revidweb.keys import issuing
from revidweb.keys.models import ApiKey
from revidweb.lib import clock, http
from revidweb.lib.refusal import Refusal

from . import events
from .models import Delivery, DeliveryState, DeliveryTry

MOST_TESTS = 30  # of a member's keys, or of a key of none, in an hour: what they reach is anybody's
_HOUR_S = 3600


def listed(key: ApiKey) -> "QuerySet[Delivery]":
    """The key's deliveries, newest first, each with its job and with the status and error of its last try."""
    last = DeliveryTry.objects.filter(delivery=OuterRef("pk")).order_by("-id")
    rows = Delivery.objects.filter(key=key).select_related("job").order_by("-id")
    return rows.annotate(last_status=Subquery(last.values("status")[:1]), last_error=Subquery(last.values("error")[:1]))


def test(actor: Actor, key: ApiKey, *, receiver: str) -> Delivery:
    """Send a `test` event to this address, or without one to the key's own. Each call sends another; one try each.

    Raises Refusal: "not_allowed", "key_revoked"; at the field receiver: "callback_needed", "bad_address",
    "private_address", "tests_too_many" (fact most: in an hour).
    """
    _must_send(actor, key)
    url = receiver.strip() or key.callback_url
    if not url:
        raise Refusal("callback_needed", field="receiver")
    http.check(url, field="receiver")
    whose = {"key__member": key.member} if key.member else {"key": key}
    recent = Delivery.objects.filter(**whose, event=events.TEST, created_at__gt=clock.ago(_HOUR_S))
    if recent.count() >= MOST_TESTS:
        raise Refusal("tests_too_many", field="receiver", most=MOST_TESTS)
    delivery = events.a_test(key, url)
    delivery.save(force_insert=True)
    return delivery


def send_again(actor: Actor, delivery: Delivery) -> None:
    """Send one that ended once more, with all its tries, and one that waits for its next try at once.

    It says the same under the same id. One that is under way is left alone.
    Raises Refusal: "not_allowed", "key_revoked", "delivery_forgotten".
    """
    _must_send(actor, delivery.key)
    if delivery.is_forgotten:
        raise Refusal("delivery_forgotten")
    now = clock.now()
    rows = Delivery.objects.filter(pk=delivery.pk)
    ended = rows.exclude(state=DeliveryState.WAITING)
    if not ended.update(state=DeliveryState.WAITING, tries=0, ended_at=None, next_try_at=now):
        rows.filter(lease_until__isnull=True).update(next_try_at=now)


def may_send(actor: Actor, key: ApiKey) -> bool:
    """Whether the actor may have something sent: who manages the key, until it is revoked."""
    return issuing.may_manage(actor, key) and key.revoked_at is None


def _must_send(actor: Actor, key: ApiKey) -> None:
    if not issuing.may_manage(actor, key):
        raise Refusal("not_allowed")
    if key.revoked_at:
        raise Refusal("key_revoked")
