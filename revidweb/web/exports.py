"""Tables as files: what every export answers with, and how a page offers it."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone

from revidweb.lib import csvfile
from revidweb.lib.csvfile import Column
from revidweb.web.access import ActorRequest

CUT_OFF = "EXPORT CUT OFF: something went wrong on the way, and rows are missing below this line."


def of_query(request: ActorRequest, rows: "QuerySet[Any]", columns: Sequence[Column], *, name: str) -> HttpResponseBase:
    """All rows of a query as a file to download; with `?bom=1` so that Excel takes it for UTF-8.

    name: what is in it, for the file's name: "studio-jobs-2026-03-08.csv", on the tenant's day.
    """
    return _download(request, csvfile.of_query(rows, columns, **_asked(request)), name)


def of_rows(
    request: ActorRequest, rows: Iterable[Sequence[Any]], columns: Sequence[Column], *, name: str
) -> HttpResponseBase:
    """Rows at hand as a file to download, as `of_query`."""
    return _download(request, csvfile.of_rows(rows, columns, **_asked(request)), name)


def address(request: ActorRequest, name: str, query: str = "?") -> str:
    """Where the page's table is a file. query: its filters, with the question mark, as the pager's addresses begin."""
    return reverse(name, args=[request.actor.place]) + query.rstrip("?&")


def _asked(request: ActorRequest) -> dict[str, Any]:
    return {"zone": request.actor.tenant.zone, "bom": request.GET.get("bom") == "1", "cut_off": CUT_OFF}


def _download(request: ActorRequest, file: Iterator[bytes], name: str) -> HttpResponseBase:
    """The file while it is read; of a HEAD nothing is read."""
    tenant = request.actor.tenant
    today = timezone.localdate(timezone=tenant.zone)
    headers = {
        "Content-Type": "text/csv; charset=utf-8",
        "Content-Disposition": f'attachment; filename="{tenant.slug}-{name}-{today:%Y-%m-%d}.csv"',
        "X-Accel-Buffering": "no",  # nginx would keep the first rows back
    }
    if request.method == "HEAD":
        return HttpResponse(headers=headers)
    return StreamingHttpResponse(file, headers=headers)
