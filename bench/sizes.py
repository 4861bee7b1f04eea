"""Every page of a tenant on PostgreSQL at 10,000 and at 1,000,000 jobs, by the same members and keys; see bench.pages.

Usage is asked as its page asks it. What a line may take, and by how much more at the larger size, stands beside it.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.core.management import call_command
from django.db import connection
from django.test import Client

from revidweb.accounts.models import Member, Role, Tenant
from revidweb.catalog.models import MediaModel
from revidweb.jobs.models import Job, Output
from revidweb.keys.models import ApiKey
from revidweb.lib import collecting
from revidweb.stats import folding
from revidweb.stats.models import Dimension

PAGES = ("", "credits/", "jobs/", "jobs/?state=failed", "keys/", "gallery/", "gallery/?kind=video", "members/")
OF_A_USER = ("", "credits/", "jobs/", "gallery/")
DAYS = ("today", "7d", "30d", "365d")
MOST_QUERIES, MOST_MS, MOST_COMBINED_MS = 12, 30, 300
MOST_RATIO, MOST_RATIO_OF_MANY = 1.3, 2.0  # the second where each of many members or keys is a group of its own
_OF_MANY = (Dimension.KEY, Dimension.MEMBER)
_NOTHING_MS = 1.0  # beside this much, a ratio says nothing

Call = Callable[[], object]


@dataclass(frozen=True)
class Line:
    """One thing that is asked of a tenant, and what it may take."""

    name: str
    call: Call
    most_ms: float = MOST_MS
    most_ratio: float = MOST_RATIO


@dataclass(frozen=True)
class Taken:
    """Median milliseconds of server time, and queries."""

    ms: float
    queries: int


def run(sizes: list[int], rounds: int) -> bool:
    """Fill what is missing, print one line a page, and say whether all of them hold."""
    of_each = list(zip(*(list(_lines(_filled(size))) for size in sizes), strict=True))
    taken = _measured([[line.call for line in lines] for lines in of_each], rounds)
    print(f"{'':58}" + "".join(f"{f'{size:,} jobs':>16}" for size in sizes) + f"{'ratio':>8}{'queries':>9}")
    holds = [_hold(lines[-1], its) for lines, its in zip(of_each, taken, strict=True)]
    return all(holds)


def _filled(size: int) -> Tenant:
    """The tenant of this size: the one that an earlier run made in this database, or a new one."""
    name = f"Studio {size}"
    if not Tenant.objects.filter(name=name).exists():
        call_command("fill", jobs=size, name=name)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
    return Tenant.objects.get(name=name)


def _lines(tenant: Tenant) -> Iterator[Line]:
    yield from _pages(tenant)
    yield from _usage(tenant)
    yield from _combined(tenant)


def _pages(tenant: Tenant) -> Iterator[Line]:
    """Pages as an owner sees them; jobs, gallery and credits also as the busiest user does."""
    job, output, key = (model.objects.filter(tenant=tenant).latest("pk") for model in (Job, Output, ApiKey))
    own = (f"jobs/{job.public_id}/", f"gallery/{output.public_id}/", f"keys/{key.public_id}/")
    seen = (("", Role.OWNER, (*PAGES, *own)), (", of a user", Role.USER, OF_A_USER))
    for whose, role, pages in seen:
        client = _client(tenant, role)
        for page in pages:
            name = "/".join(part for part in page.split("/") if "_" not in part) if page in own else page
            line = f"{name or 'overview'}{' of one' if page in own else ''}{whose}"
            yield Line(line, partial(_get, client, f"/t/{tenant.slug}/{page}"))


def _get(client: Client, address: str) -> None:
    response = client.get(address)
    if response.status_code != 200:
        raise SystemExit(f"{address} answers {response.status_code}.")


def _usage(tenant: Tenant) -> Iterator[Line]:
    """One scope and one grouping: the tenant's by everything, its busiest user's and key's by what theirs has."""
    of_owner, of_user, key = _client(tenant, Role.OWNER), _client(tenant, Role.USER), _key(tenant)
    scopes = (
        ("", of_owner, "", folding.dimensions(0, 0)),
        (", of a user", of_user, "", folding.dimensions(1, 0)),
        (", of a key", of_owner, f"&key={key.public_id}", folding.dimensions(0, 1)),
    )
    for days in DAYS:
        for whose, client, chosen, groupings in scopes:
            for by in groupings:
                ratio = MOST_RATIO_OF_MANY if by in _OF_MANY else MOST_RATIO
                call = partial(_get, client, f"/t/{tenant.slug}/usage/?range={days}&by={by}{chosen}")
                yield Line(f"usage {days} by {by.value}{whose}", call, most_ratio=ratio)


def _combined(tenant: Tenant) -> Iterator[Line]:
    """Filters together, which the full cross answers."""
    client, key, user = _client(tenant, Role.OWNER), _key(tenant), _member(tenant, Role.USER)
    model = MediaModel.objects.filter(jobs__tenant=tenant).order_by("position")[0]
    chosen = (
        ("key", {"model": model.name}),
        ("member", {"kind": "image", "status": "done"}),
        ("model", {"member": user.public_id, "status": "failed"}),
        ("server", {"key": key.public_id, "model": model.name}),
        ("status", {"model": model.name, "kind": "image", "member": user.public_id}),
    )
    for days in DAYS:
        for by, filters in chosen:
            call = partial(_get, client, f"/t/{tenant.slug}/usage/?{urlencode({'range': days, 'by': by} | filters)}")
            name = f"usage {days} by {by}, {' and '.join(filters)} chosen"
            yield Line(name, call, most_ms=MOST_COMBINED_MS, most_ratio=float("inf"))


def _client(tenant: Tenant, role: str) -> Client:
    client = Client(headers={"host": "localhost"})
    client.force_login(_member(tenant, role).person)
    return client


def _member(tenant: Tenant, role: str) -> Member:
    return Member.objects.filter(tenant=tenant, role=role).select_related("person").order_by("pk")[0]


def _key(tenant: Tenant) -> ApiKey:
    return ApiKey.objects.filter(tenant=tenant).order_by("pk")[0]


def _measured(lines: list[list[Call]], rounds: int) -> list[list[Taken]]:
    """Each line at each size. Round by round, all of them in turn: what else the machine does weighs on all alike."""
    queries = [[_queries(call) for call in calls] for calls in lines]
    collecting.settle()  # as the web's processes do
    times = [[[_ms(call) for call in calls] for calls in lines] for _ in range(rounds)]
    return [
        [
            Taken(statistics.median(its), count)
            for *its, count in zip(*(taken[at] for taken in times), counts, strict=True)
        ]
        for at, counts in enumerate(queries)
    ]


def _ms(call: Call) -> float:
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1000


def _queries(call: Call) -> int:
    call()
    queries: list[str] = []
    with connection.execute_wrapper(partial(_note, queries)):
        call()
    return len(queries)


def _note(queries: list[str], execute: Any, sql: str, *args: Any) -> Any:
    queries.append(sql)
    return execute(sql, *args)


def _hold(line: Line, taken: list[Taken]) -> bool:
    """Print the line; whether it is within its limits."""
    first, last = taken[0], taken[-1]
    ratio, queries = last.ms / first.ms, max(one.queries for one in taken)
    short = [  # also the smaller tenant: a plan that is good for a large one may be bad beside it
        *([f"over {line.most_ms:g} ms"] if max(one.ms for one in taken) > line.most_ms else []),
        *([f"over {line.most_ratio:g} x"] if ratio > line.most_ratio and last.ms - first.ms > _NOTHING_MS else []),
        *([f"over {MOST_QUERIES} queries"] if queries > MOST_QUERIES else []),
    ]
    figures = "".join(f"{one.ms:13.1f} ms" for one in taken)
    print(f"{line.name:58}{figures}{ratio:8.2f}{queries:9}  {', '.join(short)}")
    return not short
