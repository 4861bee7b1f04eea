"""The figures of the overview in words: stat tiles, the chart of thirty days, and the models used most."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from revidweb.accounts.actors import Actor
from revidweb.jobs.balance import Balance
from revidweb.lib import axes, change, charts
from revidweb.lib.change import Change
from revidweb.lib.charts import Chart
from revidweb.stats.values import Glance, Sums
from revidweb.web import usage_words
from revidweb.web.forms.usage import DAYS as PRESET_DAYS
from revidweb.web.templatetags.house import duration, figure

DAYS = 30
_WEEK_DAYS = 7
_MODELS_MOST = 5
_SOON_DAYS = 3  # a balance that lasts no longer is low
_PLOT_PX = 310


@dataclass(frozen=True)
class Tile:
    """One figure as components/stat.html takes it. more: a second line below the note; is_low: that it warns."""

    label: str
    figure: str
    href: str
    unit: str = ""
    note: str = ""
    more: str = ""
    is_low: bool = False
    change: Change | None = None
    spark: SafeString | str = ""


@dataclass(frozen=True)
class ModelRow:
    """One of the models used most. share: of the first one's credits, in per cent, so long is its bar."""

    name: str
    credits: int
    jobs: str
    share: int
    href: str


def usage_href(actor: Actor, days: int = DAYS) -> str:
    """Where the usage of so many days is told in full."""
    preset = next(name for name, its in PRESET_DAYS.items() if its == days)
    return f"{reverse('usage', args=[actor.place])}?range={preset}"


def tiles(actor: Actor, balance: Balance, glance: Glance) -> list[Tile]:
    """What is left, what was spent today, in seven and in thirty days, how much succeeded and how long it took."""
    days = [glance.days.get(day, Sums()) for day in glance.span.each]
    return [_left(actor, balance, glance), *_spent(actor, glance, days), *_quality(actor, glance, days)]


def _left(actor: Actor, balance: Balance, glance: Glance) -> Tile:
    lasts = _lasts_days(balance, glance)
    if balance.is_paid_by_house:
        label, note = _("To spend"), _("paid by the house")
    else:
        facts = {"total": figure(balance.total), "held": figure(balance.held)}
        label, note = _("Free"), _("%(held)s of %(total)s held") % facts if balance.held else _("nothing held")
    return Tile(
        label,
        figure(balance.credits),
        reverse("credits", args=[actor.place]),
        unit=_unit(balance.credits),
        note=note,
        more=_lasts(lasts) if balance.credits > 0 else _("nothing left to spend"),
        is_low=balance.credits <= 0 or (lasts is not None and lasts <= _SOON_DAYS),
    )


def _lasts_days(balance: Balance, glance: Glance) -> int | None:
    """For how many whole days it lasts at the pace of the last seven; the house pays what upstream takes."""
    week = glance.sums(glance.last(_WEEK_DAYS))
    spent_micros = week.upstream_cost_micros if balance.is_paid_by_house else week.credits * 1_000_000
    return balance.credits * 1_000_000 * _WEEK_DAYS // spent_micros if spent_micros > 0 else None


def _lasts(days: int | None) -> str:
    if days is None or days > 365:
        return ""
    if days < 1:
        return _("lasts less than a day")
    return ngettext("lasts about %(days)s day", "lasts about %(days)s days", days) % {"days": days}


def _spent(actor: Actor, glance: Glance, days: list[Sums]) -> Iterator[Tile]:
    credits = [day.credits for day in days]
    yield replace(_of_credits(actor, glance, 1, _("Today")), more=_ended(days[-1]))
    yield replace(_of_credits(actor, glance, _WEEK_DAYS, _("7 days")), spark=charts.spark(credits[-_WEEK_DAYS:]))
    yield replace(_of_credits(actor, glance, DAYS, _("30 days")), spark=charts.spark(credits))


def _of_credits(actor: Actor, glance: Glance, days: int, label: str) -> Tile:
    """What was spent in so many days, today included, against as many before them."""
    span = glance.last(days)
    credits, before = glance.sums(span).credits, glance.sums(span.before).credits
    note = _("on yesterday") if days == 1 else _("from %(credits)s") % {"credits": figure(before)}
    return Tile(
        label,
        figure(credits),
        usage_href(actor, days),
        unit=_unit(credits),
        note=note if credits or before else _("nothing spent"),
        change=change.relative(credits, before) if credits or before else None,
    )


def _quality(actor: Actor, glance: Glance, days: list[Sums]) -> Iterator[Tile]:
    """Of thirty days; a dash where nothing ended."""
    now, before = glance.sums(glance.span), glance.sums(glance.span.before)
    rate, rate_before = now.success_percent, before.success_percent
    took, took_before = now.median_s, before.median_s
    yield Tile(
        _("Succeeded"),
        "–" if rate is None else axes.percentages()(rate),
        f"{reverse('jobs', args=[actor.place])}?state=failed",
        note=ngettext("%(failed)s failed", "%(failed)s failed", now.failed) % {"failed": figure(now.failed)},
        change=None if rate is None or rate_before is None else change.in_points(rate, rate_before, good="up"),
        spark=charts.spark([day.success_percent for day in days]),
    )
    yield Tile(
        _("Time to result"),
        "–" if took is None else duration(took),
        f"{usage_href(actor)}&show=time",
        note=_("median"),
        change=None if took is None or not took_before else change.relative(took, took_before, good="down"),
        spark=charts.spark([day.median_s for day in days]),
    )


def _ended(sums: Sums) -> str:
    """What came of the jobs, "12 done, 1 failed"; nothing where none ended."""
    told = (
        (_("%(jobs)s done"), sums.done),
        (_("%(jobs)s failed"), sums.failed),
        (_("%(jobs)s cancelled"), sums.cancelled),
    )
    return ", ".join(words % {"jobs": figure(jobs)} for words, jobs in told if jobs)


def _unit(credits: int) -> str:
    return ngettext("credit", "credits", abs(credits))


# -- the chart, and the models ---------------------------------------------------------------------------------------


def chart(actor: Actor, glance: Glance) -> Chart:
    """Credits by day."""
    return usage_words.by_day(actor, glance.span, glance.days, height=_PLOT_PX)


def models(actor: Actor, glance: Glance) -> list[ModelRow]:
    """The few that took the most credits in the thirty days."""
    first = list(glance.models.items())[:_MODELS_MOST]
    most = max((sums.credits for _name, sums in first), default=0)
    return list(_model_rows(actor, first, most))


def _model_rows(actor: Actor, found: Iterable[tuple[str, Sums]], most: int) -> Iterator[ModelRow]:
    jobs_href = reverse("jobs", args=[actor.place])
    for name, sums in found:
        yield ModelRow(
            name,
            sums.credits,
            ngettext("%(jobs)s job", "%(jobs)s jobs", sums.jobs) % {"jobs": figure(sums.jobs)},
            sums.credits * 100 // most if most else 0,
            f"{jobs_href}?{urlencode({'model': name})}",
        )
