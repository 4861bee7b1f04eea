"""How a key stands, in words: what of its limits is used, whether it works, and who pays for it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from revidweb.accounts.actors import Actor
from revidweb.accounts.models import Member, MemberState
from revidweb.keys import budgets, listing
from revidweb.keys.budgets import Meter
from revidweb.keys.listing import Secrets
from revidweb.keys.models import AlertLevel, ApiKey, KeyKind
from revidweb.lib import clock
from revidweb.web.templatetags.house import figure

KINDS: dict[str, str | Promise] = {
    KeyKind.SHARED: gettext_lazy("Shared"),
    KeyKind.BUDGETED: gettext_lazy("Budgeted"),
    KeyKind.STANDALONE: gettext_lazy("Standalone"),
}
_LEFT: dict[str, str | Promise] = {
    "budget": gettext_lazy("%(figure)s left"),
    "day": gettext_lazy("%(figure)s left today"),
    "week": gettext_lazy("%(figure)s left this week"),
    "month": gettext_lazy("%(figure)s left this month"),
    "lifetime": gettext_lazy("%(figure)s left for good"),
}
TITLES: dict[str, str | Promise] = {
    "budget": gettext_lazy("Own wallet"),
    "day": gettext_lazy("Each day"),
    "week": gettext_lazy("Each week"),
    "month": gettext_lazy("Each month"),
    "lifetime": gettext_lazy("In all"),
}


@dataclass(frozen=True)
class Gauge:
    """A limit as components/meter.html takes it. used and most: credits; resets: when it is empty again, in words."""

    title: str
    used: int
    most: int
    left_text: str
    limit_text: str
    resets: str = ""

    @property
    def label(self) -> str:
        """The whole of it, read aloud."""
        return f"{self.title}: {self.left_text} {self.limit_text}"


@dataclass(frozen=True)
class Card:
    """A key as the list and its page show it."""

    key: ApiKey
    secrets: Secrets
    meters: list[Meter]

    @cached_property
    def fullest(self) -> Meter | None:
        """The limit that is most used up; None for a key without limits."""
        return fullest(self.meters)

    @property
    def gauge(self) -> Gauge:
        """The one meter that the list shows: of a revoked key, or one without limits, what it has spent."""
        if self.fullest is None or self.key.revoked_at:
            spent = _("%(figure)s spent") % {"figure": figure(self.key.spent)}
            return Gauge(_("Spending"), 0, 1, spent, "" if self.key.revoked_at else _("no limit"))
        return gauge(self.fullest)

    @property
    def gauges(self) -> list[Gauge]:
        """Every limit of credits, each with when it resets."""
        return [gauge(meter, _resets(meter.resets_at, self.key)) for meter in self.meters]

    @property
    def left(self) -> int | None:
        """Credits until it stops for good; None where nothing but a window limits it."""
        ends = [meter.most - meter.used for meter in self.meters if meter.limit in ("budget", "lifetime")]
        return max(0, min(ends)) if ends else None

    @property
    def state(self) -> tuple[str, str]:
        """Its badge: tone and word. What stops it comes before what only warns."""
        return next((tone, _(word)) for applies, tone, word in self._states() if applies)

    @property
    def kind(self) -> str:
        """What it is called by who pays."""
        return str(KINDS[self.key.kind])

    def payer(self, actor: Actor) -> str:
        """Who pays, for the actor's eyes."""
        if self.key.kind == KeyKind.STANDALONE:
            return _("own pool, from the house")
        if self.key.wallet and self.key.wallet.origin:
            return _("own wallet, from %(whose)s") % {"whose": _wallet_of(self.key.wallet.origin.member, actor)}
        member = self.key.member
        payer = _wallet_of(None if member is None or member.is_paid_by_house else member, actor)
        return _("paid by %(whose)s") % {"whose": payer}

    def _states(self) -> Iterable[tuple[bool, str, str]]:
        key, percent = self.key, _percent(self.fullest) if self.fullest else 0
        is_suspended = key.member is not None and key.member.state == MemberState.SUSPENDED
        yield key.revoked_at is not None, "idle", gettext_noop("revoked")
        yield key.is_expired, "idle", gettext_noop("expired")
        yield key.paused_at is not None, "idle", gettext_noop("paused")
        yield is_suspended, "idle", gettext_noop("member suspended")
        yield percent >= AlertLevel.REACHED, "bad", gettext_noop("exhausted")
        yield percent >= AlertLevel.NEAR, "warn", gettext_noop("near its limit")
        yield self.secrets.old is not None, "warn", gettext_noop("rotating")
        yield True, "ok", gettext_noop("active")


def of(keys: Iterable[ApiKey]) -> list[Card]:
    """The cards of these keys, which come as `listing.with_payer` brings them. One query."""
    rows = list(keys)
    secrets = listing.secrets(rows)
    return [Card(key, secrets.get(key.pk, Secrets()), budgets.meters(key)) for key in rows]


def fullest(meters: Iterable[Meter]) -> Meter | None:
    """The one that is most used up; None of none."""
    return max(meters, key=_percent, default=None)


def gauge(meter: Meter, resets: str = "") -> Gauge:
    """The meter in words."""
    left, of_all = max(0, meter.most - meter.used), _("of %(figure)s") % {"figure": figure(meter.most)}
    words = str(_LEFT[meter.limit]) % {"figure": figure(left)}
    if not meter.most:  # an empty pool is a full meter
        return Gauge(str(TITLES[meter.limit]), 1, 1, words, of_all, resets)
    return Gauge(str(TITLES[meter.limit]), min(meter.used, meter.most), meter.most, words, of_all, resets)


def span(seconds: float) -> str:
    """A stretch of time in one unit: "25 min", "5 h", "3 days"."""
    minutes = max(1, int(seconds) // 60)
    if minutes < 120:
        return _("%(count)s min") % {"count": minutes}
    if minutes < 48 * 60:
        return _("%(count)s h") % {"count": minutes // 60}
    return _("%(count)s days") % {"count": minutes // 1440}


def _percent(meter: Meter) -> int:
    return meter.used * 100 // meter.most if meter.most else 100


def _resets(at: datetime | None, key: ApiKey) -> str:
    if at is None:
        return ""
    local, wait = at.astimezone(key.tenant.zone), at - clock.now()
    facts = {"time": date_format(local, "H:i"), "zone": key.tenant.time_zone, "span": span(wait.total_seconds())}
    if wait < timedelta(days=1):
        return _("Resets at %(time)s %(zone)s, in %(span)s") % facts
    facts["day"] = date_format(local, "D j M")
    return _("Resets on %(day)s, %(time)s %(zone)s, in %(span)s") % facts


def _wallet_of(member: Member | None, actor: Actor) -> str:
    """Whose wallet it is; None for the house's."""
    if member is None:
        return _("the house")
    return _("your wallet") if member == actor.member else _("the wallet of %(name)s") % {"name": member.person}
