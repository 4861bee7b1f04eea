"""The jobs of a large tenant as CSV through a real web process, beside COPY of the same SELECT to /dev/null.

    DATABASE_URL=postgres://… python -m bench.export [--rows 1000000]

Needs an empty database of PostgreSQL and a superuser's URL, since COPY writes on the server. Fills it, starts the web
as the Procfile does with one process, and downloads by loopback, in turn with COPY, three times; the best of each
counts. Exits with 1 where a figure falls short of what is to hold.
"""

import argparse
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

VAR = tempfile.mkdtemp(prefix="revidweb-bench-")
os.environ |= {"REVIDWEB_VAR": VAR, "REVIDWEB_READ_DOTENV": "no", "LOG_LEVEL": "ERROR"}
os.environ["DJANGO_SETTINGS_MODULE"] = "revidweb.settings"

import django  # noqa: E402

django.setup()

from django.contrib.auth import SESSION_KEY  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from psycopg import ClientCursor  # noqa: E402

from bench.filling import IS_POSTGRES, fill, found  # noqa: E402
from revidweb.accounts import actors  # noqa: E402
from revidweb.accounts.models import Member, Person  # noqa: E402
from revidweb.jobs import listing  # noqa: E402
from revidweb.lib import csvfile  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
ROUNDS, PATH, CHUNK = 3, "/t/bench/jobs/export.csv", 1 << 18
LEAST_RATIO, MOST_GROWN_MB, MOST_FIRST_MS = 0.5, 30, 200


@dataclass(frozen=True)
class Download:
    """What one took, and by how much the web process was larger at its largest."""

    rows: int
    took_s: float
    first_ms: float  # to the first byte of the content
    first_row_ms: float  # to the first byte after the head
    grown_mb: float


def copy_s(actor: actors.Actor) -> float:
    """How long the server takes to write the same rows away."""
    asked = csvfile.shaped(listing.found(actor, listing.Filters()), listing.columns(actor))
    sql, params = asked.query.sql_with_params()
    connection.ensure_connection()
    whole = ClientCursor(connection.connection).mogrify(sql, params)
    start = time.perf_counter()
    connection.connection.execute(f"COPY ({whole}) TO '/dev/null' (FORMAT csv)")
    return time.perf_counter() - start


@contextmanager
def web() -> Iterator[tuple[int, int]]:
    """The web of the Procfile with one process; its port, and the id of its first process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    (line,) = [line for line in (ROOT / "Procfile").read_text().splitlines() if line.startswith("web:")]
    env = os.environ | {
        "PORT": str(port),
        "WEB_PROCESSES": "1",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    process = subprocess.Popen(line.removeprefix("web:"), shell=True, cwd=ROOT, env=env, start_new_session=True)
    try:
        wait_for(port)
        yield port, process.pid
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=20)


def wait_for(port: int) -> None:
    for _ in range(300):
        with socket.socket() as ask:
            if ask.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit("The web did not start.")


def resident_mb(pid: int) -> float:
    """Of the process and its children: Granian serves in one of them."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    statuses = [Path(f"/proc/{one}/status").read_text() for one in (pid, *children)]
    return sum(int(status.split("VmRSS:")[1].split()[0]) for status in statuses) / 1024


@contextmanager
def watching(pid: int, seen_mb: list[float]) -> Iterator[None]:
    """Note the largest size of the process while the block runs."""
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(0.02):
            seen_mb.append(resident_mb(pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        is_over.set()
        watcher.join()


def download(port: int, pid: int, cookie: str) -> Download:
    seen_mb = [resident_mb(pid)]
    start = time.perf_counter()
    with watching(pid, seen_mb):
        asked = http.client.HTTPConnection("localhost", port, timeout=600)
        asked.request("GET", PATH, headers={"Cookie": cookie})
        answer = asked.getresponse()
        assert answer.status == 200, answer.status
        rows = answer.read(1).count(b"\n")
        first_ms = (time.perf_counter() - start) * 1000
        rows += answer.readline().count(b"\n") - 1
        answer.read(1)
        first_row_ms = (time.perf_counter() - start) * 1000
        while piece := answer.read1(CHUNK):
            rows += piece.count(b"\r\n")
    took_s = time.perf_counter() - start
    return Download(rows, took_s, first_ms, first_row_ms, max(seen_mb) - seen_mb[0])


def signed_in() -> str:
    """The cookie of the tenant's owner."""
    client = Client(headers={"host": "localhost"})
    client.force_login(Person.objects.get(email="p0@bench.test"))
    assert SESSION_KEY in client.session
    return "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())


def report(rows: int, copies: list[float], downloads: list[Download]) -> bool:
    """Print the table; whether everything holds."""
    ours, theirs = rows / min(each.took_s for each in downloads), rows / min(copies)
    first, first_row = (min(getattr(each, name) for each in downloads) for name in ("first_ms", "first_row_ms"))
    grown = max(each.grown_mb for each in downloads)
    print(f"COPY to /dev/null      {theirs:12,.0f} rows/s")
    print(f"CSV through the web    {ours:12,.0f} rows/s")
    lines = [
        ("ratio", ours / theirs, LEAST_RATIO, ours / theirs >= LEAST_RATIO),
        ("first byte, ms", first, MOST_FIRST_MS, first <= MOST_FIRST_MS),
        ("web process grew, MB", grown, MOST_GROWN_MB, grown < MOST_GROWN_MB),
    ]
    for name, figure, limit, holds in lines:
        print(f"{name:22} {figure:12,.2f}   to hold {limit:6}   {'ok' if holds else 'FALLS SHORT'}")
    print(f"{'first row, ms':22} {first_row:12,.2f}")
    return all(holds for *_, holds in lines)


def main() -> None:
    wants = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    wants.add_argument("--rows", type=int, default=1_000_000)
    rows = wants.parse_args().rows
    if not IS_POSTGRES:
        raise SystemExit("This measures PostgreSQL: give its DATABASE_URL.")
    call_command("migrate", verbosity=0)
    call_command("createcachetable", database="cache", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    if Person.objects.exists():
        raise SystemExit("This database has people in it. Give an empty one.")
    fill(found(), first=1, last=rows)
    actor = actors.of(Member.objects.select_related("tenant", "person").earliest("pk"))
    cookie, copies, downloads = signed_in(), [], []
    with web() as (port, pid):
        http.client.HTTPConnection("localhost", port).request("GET", "/healthz")
        for _ in range(ROUNDS):
            copies.append(copy_s(actor))
            downloads.append(download(port, pid, cookie))
    assert {each.rows for each in downloads} == {rows}, downloads
    sys.exit(0 if report(rows, copies, downloads) else 1)


if __name__ == "__main__":
    try:
        main()
    finally:
        shutil.rmtree(VAR, ignore_errors=True)
