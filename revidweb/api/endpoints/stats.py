"""What the key used, by model and by day: the figures of the usage pages."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Annotated, Any

from django.http import HttpResponse, StreamingHttpResponse
from ninja import Router
from ninja.params.functions import Query

from revidweb.api import errors, openapi, shapes
from revidweb.api.auth import KeyRequest
from revidweb.jobs import balance
from revidweb.lib import clock, csvfile
from revidweb.stats import naming, usage
from revidweb.stats.models import Dimension
from revidweb.stats.values import Span, Sums

router = Router()

_USUAL_DAYS, _MOST_DAYS = 30, 3660
_OLDEST = date(2000, 1, 1)
_CUT_OFF = "EXPORT CUT OFF"
_COLUMNS = [
    csvfile.day("date"),
    csvfile.text("model"),
    *(csvfile.number(name) for name in ("jobs", "completed", "failed", "cancelled", "credits")),
]
_DAYS = "The tenant's day, 2026-03-08; both ends are included."

From = Annotated[date | None, Query(alias="from", description=f"{_DAYS} 30 days before `to`, where it is left out.")]
To = Annotated[date | None, Query(alias="to", description=f"{_DAYS} Today, where it is left out.")]


@router.get("/dashboard/stats", response=openapi.answers(shapes.Stats, 400), summary="Usage", operation_id="stats")
def stats(request: KeyRequest, first: From = None, last: To = None) -> HttpResponse:
    """Jobs that ended in these days and what they cost, by model and by day; both add up to the totals."""
    span, found = _found(request, first, last)
    days: dict[date, Sums] = {}
    models: dict[str, Sums] = {}
    for (day, model), sums in sorted(found.items(), key=lambda pair: pair[0]):
        days[day] = days.get(day, Sums()) + sums
        models[model] = models.get(model, Sums()) + sums
    total = sum(days.values(), Sums())
    return errors.say(
        {
            "from_date": span.first.isoformat(),
            "to_date": span.last.isoformat(),
            "timezone": str(usage.zone_of(request.actor.tenant)),
            "total_jobs": total.jobs,
            "credits_spent": total.credits,
            "current_balance": balance.of(request.actor).credits,
            "by_model": [
                {"model": model} | _figures(sums)
                for model, sums in sorted(models.items(), key=lambda pair: (-pair[1].credits, pair[0]))
            ],
            "by_day": [{"date": day.isoformat()} | _figures(sums) for day, sums in days.items()],
        }
    )


@router.get(
    "/dashboard/stats/export",
    response=openapi.answers(None, 400),
    openapi_extra=openapi.file("text/csv", "A line for each day and model on which something ended, oldest first."),
    summary="Usage as CSV",
    operation_id="stats_export",
)
def export(request: KeyRequest, first: From = None, last: To = None) -> StreamingHttpResponse:
    """The same figures as CSV: a line for each day and model."""
    _span, found = _found(request, first, last)
    file = csvfile.of_rows(_lines(found), _COLUMNS, zone=request.actor.tenant.zone, cut_off=_CUT_OFF)
    headers = {"Content-Disposition": 'attachment; filename="usage.csv"'}
    return StreamingHttpResponse(file, content_type="text/csv; charset=utf-8", headers=headers)


_Found = dict[tuple[date, str], Sums]


def _found(request: KeyRequest, first: date | None, last: date | None) -> tuple[Span, _Found]:
    """What ended on each day by model, and the days that were asked for. Raises Failed 400 for days that are none."""
    actor = request.actor
    zone = usage.zone_of(actor.tenant)
    span = _span(first, last, clock.now().astimezone(zone).date())
    found = usage.days_by(Dimension.MODEL, usage.scope_of(actor), span, zone)
    names = naming.words(actor.tenant, Dimension.MODEL, {model for _day, model in found})
    return span, {(day, names[model]): sums for (day, model), sums in found.items()}


def _span(first: date | None, last: date | None, today: date) -> Span:
    last = min(last or today, today)
    first = first or max(last - timedelta(days=_USUAL_DAYS - 1), _OLDEST)
    if first < _OLDEST or first > last:
        raise errors.bad("from", f"a day from {_OLDEST} on, not after `to` and not after today")
    if (last - first).days >= _MOST_DAYS:
        raise errors.bad("from", f"at most {_MOST_DAYS} days at once")
    return Span(first, last)


def _figures(sums: Sums) -> dict[str, Any]:
    return {
        "jobs": sums.jobs,
        "completed": sums.done,
        "failed": sums.failed,
        "cancelled": sums.cancelled,
        "credits": sums.credits,
    }


def _lines(found: _Found) -> Iterator[tuple[Any, ...]]:
    for (day, model), sums in sorted(found.items(), key=lambda pair: pair[0]):
        yield (day, model, *_figures(sums).values())
