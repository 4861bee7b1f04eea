"""A notice in sentences: what happened, what follows, and where to go."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import BigIntegerField, OuterRef, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Coalesce, Substr
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from revidweb.accounts.actors import Actor
from revidweb.connections.models import Connection
from revidweb.jobs.models import Job
from revidweb.keys.models import ApiKey
from revidweb.lib import kept
from revidweb.lib.kept import Word

from . import bell
from .models import Notice

_PROMPT_CHARS = 60
_NEWEST_MOST = 3


@dataclass(frozen=True)
class Words:
    """What stands in the bell and in a mail. tone: warn, bad, ok or info; path: of the page that it leads to."""

    title: str
    text: str
    tone: str
    icon: str
    path: str


@dataclass(frozen=True)
class Told:
    """A notice and its words."""

    notice: Notice
    words: Words


def told(rows: QuerySet[Notice]) -> list[Told]:
    """These notices with their words, in the same order. One query, whatever their number."""
    return _told(_named_in(rows))


def newest_unread(actor: Actor) -> list[Told]:
    """The three newest notices that the member has not read. One query, none where none is unread."""
    return _told(_UNREAD.all(member=actor.in_person.pk)) if bell.unread(actor) else []


def _told(named: Iterable[Any]) -> list[Told]:
    return [Told(notice, _of(notice, notice.about_name)) for notice in named]


def _named_in(rows: QuerySet[Notice]) -> QuerySet[Any]:
    return rows.select_related("row", "tenant").annotate(about_name=_NAME)


def _named(rows: QuerySet[Any], room: str, column: str) -> Subquery:
    """What people call the thing that a notice's row is about, where it is one of these."""
    public_id = Substr(OuterRef("row__about"), len(f"{room}:") + 1)
    return Subquery(rows.filter(public_id=public_id).values(column), output_field=TextField())


_NAME = Coalesce(
    _named(ApiKey.objects.all(), "key", "name"),
    _named(Connection.objects.all(), "connection", "name"),
    _named(Job.objects.all(), "job", "prompt"),
    Value(""),
    output_field=TextField(),
)


def _unread() -> QuerySet[Any]:
    mine = Notice.objects.filter(member=Word("member", BigIntegerField())).unread()
    return _named_in(mine).order_by("-pk")[:_NEWEST_MOST]


_UNREAD = kept.Rows(_unread)  # of every overview


def _short(prompt: str) -> str:
    line = " ".join(prompt.split())
    return line if len(line) <= _PROMPT_CHARS else line[: _PROMPT_CHARS - 1].rstrip() + "…"


def _of(notice: Notice, name: str) -> Words:
    row, slug = notice.row, notice.tenant.slug
    return KINDS[row.what](row.facts, name, _Ways(slug, row.about.partition(":")[2]))


@dataclass(frozen=True)
class _Ways:
    """Where a notice may lead."""

    slug: str
    public_id: str

    def to(self, page: str) -> str:
        """The page of the thing itself."""
        return reverse(page, args=[self.slug, self.public_id])

    def to_settings(self) -> str:
        return reverse("settings", args=[self.slug])


_Facts = Mapping[str, Any]


# -- keys ------------------------------------------------------------------------------------------------------------


def _limit_near(facts: _Facts, name: str, ways: _Ways) -> Words:
    title = _near(facts["limit"]) % {"name": name, "percent": _percent(facts)}
    return Words(title, _used(facts), "warn", "gauge", ways.to("key"))


def _limit_reached(facts: _Facts, name: str, ways: _Ways) -> Words:
    title = _reached(facts["limit"]) % {"name": name}
    return Words(title, f"{_used(facts)} {_until(facts['limit'])}", "bad", "gauge", ways.to("key"))


def _near(limit: str) -> str:
    """Of a limit that has a time, of one for ever, and of what a key was given."""
    return {
        "day": _("“%(name)s” has used %(percent)s %% of its limit for today"),
        "week": _("“%(name)s” has used %(percent)s %% of its limit for this week"),
        "month": _("“%(name)s” has used %(percent)s %% of its limit for this month"),
        "lifetime": _("“%(name)s” has used %(percent)s %% of its lifetime cap"),
    }.get(limit, _("“%(name)s” has used %(percent)s %% of its budget"))


def _reached(limit: str) -> str:
    return {
        "day": _("“%(name)s” has reached its limit for today"),
        "week": _("“%(name)s” has reached its limit for this week"),
        "month": _("“%(name)s” has reached its limit for this month"),
        "lifetime": _("“%(name)s” has reached its lifetime cap"),
    }.get(limit, _("“%(name)s” has used up its budget"))


def _until(limit: str) -> str:
    return {
        "day": _("What it cannot pay for is refused until tomorrow, or until you raise the limit."),
        "week": _("What it cannot pay for is refused until Monday, or until you raise the limit."),
        "month": _("What it cannot pay for is refused until the next month, or until you raise the limit."),
        "lifetime": _("What it cannot pay for is refused until you raise the cap."),
    }.get(limit, _("What it cannot pay for is refused until you top it up."))


def _used(facts: _Facts) -> str:
    used, most = int(facts["used"]), int(facts["most"])
    words = ngettext("%(used)s of %(most)s credit is used.", "%(used)s of %(most)s credits are used.", most)
    return words % {"used": _figure(used), "most": _figure(most)}


def _percent(facts: _Facts) -> int:
    return int(facts["used"]) * 100 // max(1, int(facts["most"]))


def _given_up(facts: _Facts, name: str, ways: _Ways) -> Words:
    title = _("A webhook of “%(name)s” was given up") % {"name": name}
    text = _("%(host)s did not take it, however often it was sent. You can send it again once the receiver works.")
    return Words(title, text % {"host": facts.get("host", "")}, "bad", "webhook", ways.to("key_webhooks"))


# -- connections -----------------------------------------------------------------------------------------------------


def _in_trouble(facts: _Facts, name: str, ways: _Ways) -> Words:
    title = {
        "invalid": _("%(name)s refuses its key"),
        "exhausted": _("%(name)s is out of credits"),
        "locked": _("The account at %(name)s is locked"),
    }.get(facts.get("trouble", ""), _("%(name)s takes no orders"))
    return Words(title % {"name": name}, _waits(), "bad", "plug-zap", ways.to("connection"))


def _unreachable(facts: _Facts, name: str, ways: _Ways) -> Words:
    title = _("%(name)s is not reached") % {"name": name}
    return Words(title, _waits(), "warn", "unplug", ways.to("connection"))


def _waits() -> str:
    return _("Jobs that are to go there wait, or go to another connection.")


def _prices_wait(facts: _Facts, name: str, ways: _Ways) -> Words:
    count = int(facts["waiting"])
    title = ngettext("A price of %(name)s waits for you", "%(count)s prices of %(name)s wait for you", count)
    text = _("They moved by more than three times. Until you decide, these rows are not on sale.")
    return Words(title % {"count": _figure(count), "name": name}, text, "warn", "tag", ways.to("connection"))


def _differs(facts: _Facts, name: str, ways: _Ways) -> Words:
    count = int(facts["count"])
    title = ngettext(
        "One order costs something else at %(name)s than here",
        "%(count)s orders cost something else at %(name)s than here",
        count,
    )
    text = _("The nightly comparison with the account's own log found what was not known yet. See what to do about it.")
    return Words(title % {"count": _figure(count), "name": name}, text, "warn", "scale", ways.to("reconcile"))


# -- jobs ------------------------------------------------------------------------------------------------------------


def _lost(facts: _Facts, name: str, ways: _Ways) -> Words:
    text = _("Nobody knows what became of “%(name)s” at the provider. The credits were given back.") % {
        "name": _short(name)
    }
    return Words(_("A job was given up as lost"), text, "bad", "circle-help", ways.to("job"))


def _late(facts: _Facts, name: str, ways: _Ways) -> Words:
    text = _("“%(name)s” had failed here, and the provider finished it after all. Nobody was charged.")
    return Words(_("A failed job succeeded late"), text % {"name": _short(name)}, "info", "history", ways.to("job"))


# -- the tenant ------------------------------------------------------------------------------------------------------


def _host_approved(facts: _Facts, name: str, ways: _Ways) -> Words:
    title = _("%(host)s is served now") % {"host": facts.get("name", _("Your host"))}
    return Words(title, _("The operator has approved it."), "ok", "globe", ways.to_settings())


def _host_refused(facts: _Facts, name: str, ways: _Ways) -> Words:
    title = _("%(host)s is not served") % {"host": facts.get("name", _("Your host"))}
    return Words(
        title, _("The operator has refused it. Ask there why, or name another one."), "bad", "globe", ways.to_settings()
    )


def _figure(number: int) -> str:
    return str(number_format(number, force_grouping=True))


KINDS: dict[str, Callable[[_Facts, str, _Ways], Words]] = {
    "key.limit_near": _limit_near,
    "key.limit_reached": _limit_reached,
    "webhook.given_up": _given_up,
    "connection.in_trouble": _in_trouble,
    "connection.unreachable": _unreachable,
    "connection.differs": _differs,
    "catalog.changed": _prices_wait,
    "job.lost": _lost,
    "job.late_success": _late,
    "host.approved": _host_approved,
    "host.refused": _host_refused,
}
