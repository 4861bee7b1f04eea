"""How fast the gallery answers with many results, and by which plans.

    REVIDWEB_VAR=$(mktemp -d) python -m bench.gallery                  # SQLite
    DATABASE_URL=postgres://… python -m bench.gallery                  # PostgreSQL, an empty database

Fills a fresh database (one tenant, 50 members, 41 models, a result every 30 seconds), measures each kind of page at
10,000 results and at --rows, and prints the medians and their ratio; with --plans also what the database plans.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "revidweb.settings")
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from bench.filling import IS_POSTGRES, MEMBERS, MODELS, fill, found  # noqa: E402
from revidweb.accounts import actors  # noqa: E402
from revidweb.accounts.models import Member, Person  # noqa: E402
from revidweb.catalog.models import MediaModel  # noqa: E402
from revidweb.jobs.models import Output  # noqa: E402
from revidweb.library import favourites, gallery  # noqa: E402
from revidweb.library.gallery import Filters  # noqa: E402

SMALL, RUNS, ENOUGH_MS = 10_000, 15, 3000
Call = Callable[[], object]


def pages() -> dict[str, Call]:
    """Each kind of page by name, as a call that fetches it."""
    members = Member.objects.select_related("tenant", "person").order_by("pk")
    owner, user = actors.of(members[0]), actors.of(members[MEMBERS - 1])
    middle, oldest = Output.objects.order_by("pk")[Output.objects.count() // 2], Output.objects.earliest("pk")
    often, rare = MediaModel.objects.get(name="m3"), MediaModel.objects.get(name=f"m{MODELS}")
    favourites.put(owner, oldest)
    first, before = date(2026, 1, 1), date(2025, 1, 1)
    wanted = {
        "newest": (owner, Filters(), None),
        "newest, of a user": (user, Filters(), None),
        "half way down": (owner, Filters(), middle),
        "half way down, of a user": (user, Filters(), middle),
        "videos": (owner, Filters(kind="video"), None),
        "a frequent model": (owner, Filters(model=often.pk), None),
        "a rare model": (owner, Filters(model=rare.pk), None),
        "a rare model, of a user": (user, Filters(model=rare.pk), None),
        "one member": (owner, Filters(member=user.member.pk), None),
        "favourites (one, the oldest)": (owner, Filters(favourite=True), None),
        "the first day": (owner, Filters(since=first, until=first), None),
        "the first day, of a user": (user, Filters(since=first, until=first), None),
        "a day without results": (owner, Filters(since=before, until=before), None),
        "search, a frequent word": (owner, Filters(search="cobalt"), None),
        "search, a rare word": (owner, Filters(search="ultramarine"), None),
        "search, no such word": (owner, Filters(search="zeppelin"), None),
        "search, no such word, user": (user, Filters(search="zeppelin"), None),
    }
    return {name: partial(gallery.page, actor, asked, before=at) for name, (actor, asked, at) in wanted.items()}


def median_ms(call: Call) -> float:
    """The middle of some runs, in milliseconds; fewer runs of what is slow."""
    call()
    taken: list[float] = []
    while len(taken) < RUNS and sum(taken) < ENOUGH_MS:
        start = time.perf_counter()
        call()
        taken.append((time.perf_counter() - start) * 1000)
    return statistics.median(taken)


@contextmanager
def explaining(plan: list[str]) -> Iterator[None]:
    """Let every query inside write its plan down instead of only running."""
    verb = "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF)" if IS_POSTGRES else "EXPLAIN QUERY PLAN"

    def explain(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        execute(f"{verb} {sql}", params, many, context)
        plan.extend(str(row[-1]) for row in context["cursor"].fetchall())
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        yield


def show_plans() -> None:
    for name, call in pages().items():
        plan: list[str] = []
        with explaining(plan):
            call()
        print(f"\n== {name}", *plan, sep="\n   ")


def main() -> None:
    wants = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    wants.add_argument("--rows", type=int, default=1_000_000)
    wants.add_argument("--plans", action="store_true")
    asked = wants.parse_args()
    call_command("migrate", verbosity=0)
    if Person.objects.exists():
        raise SystemExit("This database has people in it. Give an empty one.")
    words = found()
    fill(words, first=1, last=SMALL)
    small = {name: median_ms(call) for name, call in pages().items()}
    fill(words, first=SMALL + 1, last=asked.rows)
    print(f"{connection.vendor}: milliseconds at {SMALL:,} and at {asked.rows:,} results")
    for name, call in pages().items():
        took = median_ms(call)
        print(f"{name:30} {small[name]:9.1f} {took:9.1f}   x {took / small[name]:.1f}")
    if asked.plans:
        show_plans()


if __name__ == "__main__":
    main()
