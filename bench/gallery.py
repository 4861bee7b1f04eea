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
from django.db import connection, transaction  # noqa: E402

from revidweb.accounts import actors  # noqa: E402
from revidweb.accounts.models import Member, Person, Role, Tenant  # noqa: E402
from revidweb.catalog.models import MediaModel, Offer  # noqa: E402
from revidweb.connections.models import Connection  # noqa: E402
from revidweb.credits.models import Wallet  # noqa: E402
from revidweb.jobs.models import Batch, Output  # noqa: E402
from revidweb.library import favourites, gallery  # noqa: E402
from revidweb.library.gallery import Filters  # noqa: E402

MEMBERS, MODELS, SMALL, RUNS, ENOUGH_MS = 50, 40, 10_000, 15, 3000
IS_POSTGRES = connection.vendor == "postgresql"
Call = Callable[[], object]

AT = (
    "timestamptz '2026-01-01 00:00:00+00' + i * interval '30 seconds'"
    if IS_POSTGRES
    else "strftime('%Y-%m-%d %H:%M:%f', 1767225600 + i * 30, 'unixepoch')"
)
SERIES = "WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last})"
KIND = "CASE WHEN i % 5 = 0 THEN 'video' ELSE 'image' END"
PROMPT = (
    "'A harbour at blue hour, number ' || i || ', long lens, calm water, lanterns, ' "
    "|| CASE WHEN i % 250000 = 7 THEN 'ultramarine' ELSE 'cobalt' END"
)
INSERTS = (
    """INSERT INTO credits_hold (id, wallet_id, credits, reference, state, captured, created_at, ended_at)
    {series} SELECT i, {wallet}, 1, 'job:' || i, 'released', 0, {at}, {at} FROM n""",
    """INSERT INTO files_storedfile (id, public_id, tenant_id, member_id, purpose, kind, content_type, name, size_bytes,
    sha256, width, height, has_audio, path, thumb_path, poster_path, blur, created_at)
    {series} SELECT i, 'fil_' || i, {tenant}, {member}, 'output', {kind}, 'image/png', '', 1000, '', 1024, 768, {no},
    'o/' || i, 't/' || i, '', '', {at} FROM n""",
    """INSERT INTO jobs_job (id, public_id, tenant_id, member_id, batch_id, kind, mode, media_model_id, prompt, params,
    offer_id, connection_id, server, price_key, upstream_credits, credits, is_estimate, hold_id, state, progress,
    error_code, error, next_look_at, looks, misses, results, cover_id, created_at, ended_at, changed_at)
    {series} SELECT i, 'job_' || i, {tenant}, {member}, {batch}, {kind}, 't2i', {model}, {prompt}, '{{}}',
    {offer}, {connection}, 's1', '1k', 1, 1, {no}, i, 'done', 100, '', '', {at}, 0, 0, '[]', i, {at}, {at}, {at}
    FROM n""",
    """INSERT INTO jobs_output (id, public_id, job_id, position, tenant_id, member_id, kind, media_model_id, file_id,
    created_at) {series} SELECT i, 'out_' || i, i, 0, {tenant}, {member}, {kind}, {model}, i, {at} FROM n""",
)


def found() -> dict[str, object]:
    """The few rows that all others point at, as the words that the inserts leave open."""
    tenant = Tenant.objects.create(slug="bench", name="Bench")
    people = [Person.objects.create_user(f"p{n}@bench.test", None) for n in range(MEMBERS)]
    roles = [Role.OWNER] + [Role.USER] * (MEMBERS - 1)
    members = [Member.objects.create(tenant=tenant, person=p, role=r) for p, r in zip(people, roles, strict=True)]
    models = [MediaModel.objects.create(name=f"m{n}", title=f"m{n}", kind="image") for n in range(MODELS + 1)]
    at_preview = Connection.objects.create(tenant=tenant, provider="preview", name="Preview")
    rare, often = models[-1].pk, f"{models[0].pk} + i % {MODELS}"
    return {
        "tenant": tenant.pk,
        "member": f"{members[0].pk} + i % {MEMBERS}",
        "model": f"CASE WHEN i % 200000 = 11 THEN {rare} ELSE {often} END",
        "wallet": Wallet.objects.create(tenant=tenant, kind="house").pk,
        "batch": Batch.objects.create(tenant=tenant, member=members[0], count=1).pk,
        "offer": Offer.objects.create(media_model=models[0], connection=at_preview).pk,
        "connection": at_preview.pk,
        "at": AT,
        "kind": KIND,
        "prompt": PROMPT,
        "no": "false" if IS_POSTGRES else "0",
    }


@transaction.atomic
def fill(words: dict[str, object], *, first: int, last: int) -> None:
    """Rows first..last of the big tables, and fresh statistics where the database keeps them by itself."""
    with connection.cursor() as cursor:
        for insert in INSERTS:
            cursor.execute(insert.format(series=SERIES.format(first=first, last=last), **words))
        if IS_POSTGRES:
            cursor.execute("ANALYZE")


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
        "a frequent model": (owner, Filters(model=often), None),
        "a rare model": (owner, Filters(model=rare), None),
        "a rare model, of a user": (user, Filters(model=rare), None),
        "one member": (owner, Filters(member=user.member), None),
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
