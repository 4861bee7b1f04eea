"""Tables as files: what every export answers with, and how a page offers it."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from revidweb.accounts.actors import Actor
from revidweb.connections import trying
from revidweb.lib import csvfile
from revidweb.lib.csvfile import Column
from revidweb.web.access import ActorRequest

CUT_OFF = "EXPORT CUT OFF: something went wrong on the way, and rows are missing below this line."
MOST_OF_ONE = 2
_PLACE_S = csvfile.LONGEST_S + 60
_TAKEN = {
    "title": _("Other files are being read"),
    "text": _(
        "Each file keeps this place busy until it is read. Wait until those under way have come, then try again."
    ),
}


class _File(StreamingHttpResponse):
    """A file that gives its places back when it has been read, or nobody reads it any more."""

    def __init__(self, file: Iterator[bytes], places: ExitStack, headers: dict[str, str]) -> None:
        super().__init__(file, headers=headers)
        self._places = places

    def close(self) -> None:
        """Called by the server at the end, whatever the end was."""
        with self._places:
            super().close()


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
    """The file while it is read, beside few others: each holds a thread. 429 where too many are; nothing for a HEAD."""
    tenant = request.actor.tenant
    today = timezone.localdate(timezone=tenant.zone)
    headers = {
        "Content-Type": "text/csv; charset=utf-8",
        "Content-Disposition": f'attachment; filename="{tenant.slug}-{name}-{today:%Y-%m-%d}.csv"',
        "X-Accel-Buffering": "no",  # nginx would keep the first rows back
    }
    if request.method == "HEAD":
        return HttpResponse(headers=headers)
    places = _placed(request.actor)
    if places is None:
        return render(request, "errors/page.html", _TAKEN, status=429)
    return _File(file, places, headers)


def _placed(actor: Actor) -> ExitStack | None:
    """Two places are of each actor, and as many of all as tries of addresses have; None where they are taken."""
    with ExitStack() as places:
        for name, most in ((f"exports:{actor.name}", MOST_OF_ONE), ("exports", trying.most())):
            if not places.enter_context(trying.place(name, most, for_s=_PLACE_S)):
                return None
        return places.pop_all()
