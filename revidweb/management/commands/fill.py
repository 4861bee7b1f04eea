"""`manage.py fill`: a large tenant with a long history, to look at and to measure with."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from revidweb.filling import history, large
from revidweb.filling.script import Plan
from revidweb.lib import clock

T = TypeVar("T")


class Command(BaseCommand):
    help = (
        "Make one more tenant with a made-up history: members, keys, jobs, money, results and usage, all of it sound. "
        "The same seed gives the same history."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--jobs", type=int, required=True)
        parser.add_argument("--days", type=int, default=365)
        parser.add_argument("--members", type=int, default=50, help="the owner among them")
        parser.add_argument("--keys", type=int, default=200)
        parser.add_argument("--name", default="Large Studio", help="of the tenant")
        parser.add_argument("--seed", default="revidweb")
        parser.add_argument("--last-day", type=datetime.fromisoformat, help="its last day, 2026-01-31; the latest: now")
        parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")
        parser.add_argument("--yes", action="store_true", help="also in production")

    def handle(self, *args: Any, as_json: bool, **options: Any) -> None:
        _check(options)
        plan = Plan(options["jobs"], options["days"], _until(options["last_day"]), options["seed"])
        counts = {"members": options["members"], "keys": options["keys"]}
        filled, written_s = _timed(lambda: large.make(options["name"], plan, **counts))
        counted, counted_s = _timed(lambda: history.count(filled.tenant))
        made = {
            "url": f"{settings.PUBLIC_URL}/t/{filled.tenant.slug}/",
            "tenant": filled.tenant.slug,
            "owner": {"email": filled.email, "password": filled.password},
            "jobs": counted,
            "seconds": {"written": round(written_s, 1), "counted": round(counted_s, 1)},
        }
        self.stdout.write(json.dumps(made) if as_json else _as_text(made))


def _check(options: dict[str, Any]) -> None:
    if not settings.IS_EMBEDDED and not options["yes"]:
        raise CommandError("This is a production installation; --yes fills it with made-up history all the same.")
    least = {"jobs": 1, "days": 1, "members": 1, "keys": 0}
    for word, number in least.items():
        if options[word] < number:
            raise CommandError(f"--{word} is {number} at least.")


def _until(last_day: datetime | None) -> datetime:
    """The end of that day, or the last whole hour."""
    now = clock.now().replace(minute=0, second=0, microsecond=0)
    return min(now, last_day.replace(tzinfo=UTC) + timedelta(days=1)) if last_day else now


def _timed(deed: Callable[[], T]) -> tuple[T, float]:
    start = time.perf_counter()
    return deed(), time.perf_counter() - start


def _as_text(made: dict[str, Any]) -> str:
    sign_in, took = made["owner"], made["seconds"]
    return (
        f"{made['url']}\n  owner   {sign_in['email']}   {sign_in['password']}\n"
        f"{made['jobs']} jobs, written in {took['written']} s and counted in {took['counted']} s."
    )
