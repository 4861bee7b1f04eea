"""What pages take.

    DATABASE_URL=postgres://… python -m bench.pages [--rounds 15] [--sizes 10000 1000000]

On PostgreSQL: every page of a tenant at each size, see bench.sizes; exit code 1 when a line falls short. The database
is an empty one, or one of an earlier run, whose tenants are measured again.

    python -m bench.pages [--rounds 15]

On SQLite: every page's processor time on demo data, as a ratio to a plain page of 28 KB in the same run, and its
queries: the demo tenant with 40 stored results. Either way the data folder is its own and thrown away.
"""

import argparse
import os
import shutil
import statistics
import tempfile
import time
from functools import partial
from typing import Any

VAR = tempfile.mkdtemp(prefix="revidweb-bench-")
os.environ |= {"REVIDWEB_VAR": VAR, "REVIDWEB_READ_DOTENV": "no", "LOG_LEVEL": "ERROR", "PREVIEW_IMAGE_S": "0"}
os.environ["DJANGO_SETTINGS_MODULE"] = "revidweb.settings"

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.template import engines  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import override_settings  # noqa: E402
from django.urls import path  # noqa: E402

from bench import sizes  # noqa: E402
from revidweb import demo, urls  # noqa: E402
from revidweb.accounts.actors import of  # noqa: E402
from revidweb.accounts.models import Member, Person  # noqa: E402
from revidweb.catalog import loading  # noqa: E402
from revidweb.jobs import dispatch, poll, store, submit  # noqa: E402
from revidweb.jobs.models import Job, Output  # noqa: E402
from revidweb.jobs.states import State  # noqa: E402
from revidweb.lib import clock  # noqa: E402
from revidweb.providers.base import Kind, Mode, Order  # noqa: E402
from revidweb.web import access  # noqa: E402

PLAIN = """{% extends "base.html" %}{% block title %}Plain{% endblock %}{% block heading %}Plain{% endblock %}
{% block content %}{% for line in lines %}<p>{{ line }}</p>{% endfor %}{% endblock %}"""


@access.actor_may()
def plain(request: HttpRequest) -> HttpResponse:
    """What any page costs: the frame, the actor, and text up to 28 KB."""
    page = engines["django"].from_string(PLAIN)
    return HttpResponse(page.render({"lines": ["word " * 20] * 105}, request))


urlpatterns = [path("t/<slug:tenant_slug>/plain/", plain), *urls.urlpatterns]
for name in ("handler404", "handler500"):
    globals()[name] = getattr(urls, name)


def make_results(count: int) -> None:
    """So many stored pictures of the demo owner, through the real steps."""
    actor = of(Member.objects.get(role="owner"))
    order = Order(kind=Kind.IMAGE, mode=Mode.T2I, model="image-4.0", prompt="Dusk over the mountains")
    for number in range(count // 8):
        submit.submit(actor, order, count=8, token=f"bench-{number}")
        dispatch.tick()
        for pk in Job.objects.filter(state=State.PREPARING).values_list("pk", flat=True):
            dispatch.send(pk)
        Job.objects.update(next_look_at=clock.ago(1))
        poll.tick()
        for pk in Job.objects.filter(state=State.STORING).values_list("pk", flat=True):
            store.store(pk)
    Job.objects.update(ended_at=clock.ago(3600))  # else all of them would still be shown as just ended


def count_query(queries: list[str], execute: Any, sql: str, *args: Any) -> Any:
    """Note each query that is sent."""
    queries.append(sql)
    return execute(sql, *args)


def measure(client: Client, address: str, rounds: int) -> tuple[float, int, int]:
    """Median milliseconds of processor time, queries and bytes of a page."""
    client.get(address)
    queries: list[str] = []
    with connection.execute_wrapper(partial(count_query, queries)):
        size = len(client.get(address).content)
    times = []
    for _ in range(rounds):
        start = time.process_time()
        client.get(address)
        times.append((time.process_time() - start) * 1000)
    return statistics.median(times), len(queries), size


def main() -> None:
    """Print one line per page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 1_000_000])
    asked = parser.parse_args()
    call_command("migrate", verbosity=0)
    call_command("createcachetable", database="cache", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    if connection.vendor == "postgresql":
        raise SystemExit(0 if sizes.run(asked.sizes, asked.rounds) else 1)
    against_plain(asked.rounds)


def against_plain(rounds: int) -> None:
    """Each page's processor time beside a plain one's."""
    loading.load()
    made = demo.make()
    make_results(40)
    client = Client(headers={"host": "localhost"})
    client.force_login(Person.objects.get(email=made["owner"]["email"]))
    output, job = Output.objects.first(), Job.objects.first()
    assert output is not None
    assert job is not None
    pages = ["", "create/image/", "create/video/", "gallery/", f"gallery/{output.public_id}/", "jobs/"]
    pages += [f"jobs/{job.public_id}/", "credits/", "models/", "members/", "settings/"]
    base, queries, size = measure(client, "/t/demo/plain/", rounds)
    print(f"{'page':34} {'ms':>7} {'ratio':>6} {'queries':>8} {'KB':>6}")
    print(f"{'plain 28 KB':34} {base:7.1f} {1:6.1f} {queries:8} {size / 1024:6.1f}")
    for page in pages:
        taken, queries, size = measure(client, f"/t/demo/{page}", rounds)
        print(f"{page or 'overview':34} {taken:7.1f} {taken / base:6.1f} {queries:8} {size / 1024:6.1f}")


if __name__ == "__main__":
    try:
        with override_settings(ROOT_URLCONF="bench.pages" if __name__ != "__main__" else "__main__"):
            main()
    finally:
        shutil.rmtree(VAR, ignore_errors=True)
