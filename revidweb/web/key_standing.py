"""What somebody who has nothing but a key is told of it: their own limits, and nothing of whoever pays."""

from revidweb.accounts.actors import Actor
from revidweb.keys import budgets
from revidweb.keys.models import ApiKey, KeyKind
from revidweb.lib import clock
from revidweb.lib.refusal import Refusal
from revidweb.web import keycards

_OF_WINDOW = {"day": "day_limit", "week": "week_limit", "month": "month_limit"}


def told(actor: Actor, refusal: Refusal) -> Refusal:
    """The refusal as the actor may know it: what is in a member's wallet is no business of a shared key."""
    return _told(budgets.key_of(actor), refusal) if actor.key else refusal


def _told(key: ApiKey, refusal: Refusal) -> Refusal:
    facts = refusal.facts
    if refusal.code == "window_limit":
        wait = keycards.span((facts["resets_at"] - clock.now()).total_seconds())
        left = max(0, facts["most"] - facts["used"])
        return Refusal(_OF_WINDOW[facts["limit"]], needed=facts["needed"], left=left, wait=wait)
    if refusal.code == "not_enough_credits":
        if key.kind == KeyKind.SHARED:
            return Refusal("payer_cannot_pay", needed=facts["needed"])
        return Refusal("key_budget", **facts)
    return refusal
