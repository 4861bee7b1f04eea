"""What was done with a key, by whom and when, in words."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from revidweb.accounts import members
from revidweb.keys.models import ApiKey
from revidweb.trail import trail
from revidweb.trail.models import TrailRow
from revidweb.web import keycards
from revidweb.web.templatetags import house

MOST = 30
_MEMBER = "member:"


@dataclass(frozen=True)
class Line:
    """One deed. who: the member, "" where nobody in person did it; tone: ok, warn, bad or ""."""

    at: datetime
    title: str
    detail: str
    who: str
    tone: str


_TITLES: dict[str, tuple[str | Promise, str]] = {
    "key.issued": (gettext_lazy("Made"), "ok"),
    "key.changed": (gettext_lazy("Name or limits changed"), ""),
    "key.rotated": (gettext_lazy("New secret"), ""),
    "key.paused": (gettext_lazy("Paused"), "warn"),
    "key.resumed": (gettext_lazy("Works again"), "ok"),
    "key.topped_up": (gettext_lazy("Filled up"), ""),
    "key.revoked": (gettext_lazy("Revoked"), "bad"),
    "key.signing_secret_rotated": (gettext_lazy("New signing secret for webhooks"), ""),
    "key.limit_near": (gettext_lazy("A limit came near"), "warn"),
    "key.limit_reached": (gettext_lazy("A limit was reached"), "bad"),
}
_COLUMNS: dict[str, str | Promise] = {
    "name": gettext_lazy("name"),
    "day_limit": gettext_lazy("credits a day"),
    "week_limit": gettext_lazy("credits a week"),
    "month_limit": gettext_lazy("credits a month"),
    "lifetime_limit": gettext_lazy("credits in all"),
    "running_limit": gettext_lazy("jobs at once"),
    "queue_limit": gettext_lazy("jobs that wait"),
    "per_minute": gettext_lazy("requests a minute"),
    "allowed_models": gettext_lazy("models"),
    "allowed_kinds": gettext_lazy("kinds"),
    "allowed_addresses": gettext_lazy("addresses"),
    "expires_at": gettext_lazy("last day"),
    "callback_url": gettext_lazy("callback address"),
}


def of(key: ApiKey) -> list[Line]:
    """The key's latest deeds, newest first. Two queries."""
    rows = list(trail.of(key.reference).reverse()[:MOST])
    names = members.names(key.tenant, _acting(rows))
    return [_line(row, names.get(row.actor.removeprefix(_MEMBER), "")) for row in rows]


def _acting(rows: Iterable[TrailRow]) -> set[str]:
    return {row.actor.removeprefix(_MEMBER) for row in rows if row.actor.startswith(_MEMBER)}


def _line(row: TrailRow, who: str) -> Line:
    title, tone = _TITLES.get(row.what, (row.what, ""))
    return Line(row.at, str(title), _detail(row.what, row.facts), who, tone)


def _detail(what: str, facts: dict[str, Any]) -> str:
    match what:
        case "key.issued" | "key.topped_up" if facts["credits"]:
            return _("with %(credits)s") % {"credits": house.credits(facts["credits"])}
        case "key.changed":
            return ", ".join(str(_COLUMNS.get(column, column)) for column in facts["changed"])
        case "key.rotated" if facts["grace_s"]:
            return _("the old one was good for %(time)s more") % {"time": keycards.span(facts["grace_s"])}
        case "key.rotated":
            return _("the old one ended at once")
        case "key.revoked" if facts.get("returned"):
            return _("%(credits)s went back") % {"credits": house.credits(facts["returned"])}
        case "key.limit_near" | "key.limit_reached":
            return _limit(facts)
        case _:
            return ""


def _limit(facts: dict[str, Any]) -> str:
    words = _("%(limit)s: %(used)s of %(most)s")
    used, most = house.figure(facts["used"]), house.figure(facts["most"])
    return words % {"limit": keycards.TITLES[facts["limit"]], "used": used, "most": most}
