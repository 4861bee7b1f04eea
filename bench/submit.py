"""Accepted `POST /v1/image/generate` a second on PostgreSQL, beside LiteLLM's `/v1/images/generations` in the same run.

    python -m bench.submit [--rounds 3] [--seconds 10]

Needs PostgreSQL, redis-server and wrk from the system, and installs LiteLLM into a virtual environment of its own.
Everything else is made for the run and thrown away. Ours: two web workers of two threads in production mode, worker,
render and clock stopped, keys without limits. LiteLLM: two workers, a master key, no database, and an upstream that
answers at once.
Exits with 1 where a ratio falls short of what is to hold.
"""

import argparse
import contextlib
import json
import os
import re
import secrets
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CONNECTIONS, THREADS, WORKERS = 16, 2, 2
TO_HOLD = {1: 1.0, 50: 1.2}
MASTER_KEY = "sk-bench"
PREPARE = """
import json
from revidweb.accounts import actors
from revidweb.accounts.models import Person
from revidweb.catalog import founding
from revidweb.connections.models import Connection
from revidweb.keys import issuing
from revidweb.keys.models import KeyKind
person = Person.objects.create_user("bench@example.com", "bench-password", name="Bench")
actor = actors.of(founding.found(person, name="Bench"))
issued = [issuing.issue(actor, kind=KeyKind.SHARED, name=f"Key {n}", token=f"bench-{n}") for n in range(50)]
print(json.dumps([each.secret for each in issued]))
"""
COUNT = """
import json, sys
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.conf import settings
body = {"prompt": "A harbour at dawn", "model": "image-4.0"}
client, headers = Client(), {"Authorization": f"Bearer {sys.argv[1]}", "Host": settings.MAIN_HOSTS[0]}
for _ in range(2):
    with CaptureQueriesContext(connection) as seen:
        answer = client.post("/v1/image/generate", body, content_type="application/json", headers=headers)
    assert answer.status_code == 200, answer.content
statements = [row["sql"] for row in seen.captured_queries]
print(json.dumps(statements))
"""
LITELLM = {
    "model_list": [{"model_name": "image-4.0", "litellm_params": {"model": "openai/dall-e-3", "api_key": "none"}}],
    "general_settings": {"master_key": MASTER_KEY},
    "litellm_settings": {"telemetry": False},
}
STUB = """
import json
BODY = json.dumps({"created": 1, "data": [{"url": "http://127.0.0.1/image.png"}]}).encode()
HEAD = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"]
            await send({"type": kind + ".complete"})
            if kind == "lifespan.shutdown":
                return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": HEAD})
    await send({"type": "http.response.body", "body": BODY})
"""
WRK = """
local keys = { %(keys)s }
local paths = { %(paths)s }
local turn = 0
request = function()
  turn = turn + 1
  local headers = { ["Authorization"] = "Bearer " .. keys[turn %% #keys + 1], ["Content-Type"] = "application/json" }
  return wrk.format("%(method)s", paths[turn %% #paths + 1], headers, %(body)s)
end
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format("RESULT %%d %%d %%d %%d\\n", summary.requests, summary.duration, latency:percentile(95),
    errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
"""


@dataclass(frozen=True)
class Round:
    """What one run of wrk saw."""

    per_second: float  # answers without an error
    p95_ms: float
    errors: int


@dataclass(frozen=True)
class Load:
    """Requests that wrk sends in turn."""

    url: str
    keys: list[str]
    paths: list[str]
    method: str = "POST"
    body: str = ""

    def run(self, folder: Path, seconds: int) -> Round:
        """Send as fast as the answers come, over CONNECTIONS connections."""
        script = folder / f"{secrets.token_hex(4)}.lua"
        words = {
            "keys": ", ".join(map(json.dumps, self.keys)),
            "paths": ", ".join(map(json.dumps, self.paths)),
            "method": self.method,
            "body": json.dumps(self.body) if self.body else "nil",
        }
        script.write_text(WRK % words)
        wrk = ["wrk", f"-t{THREADS}", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "-s", str(script)]
        said = subprocess.run([*wrk, self.url], capture_output=True, text=True, check=True).stdout
        count, took_us, p95_us, errors = map(int, re.findall(r"RESULT (\d+) (\d+) (\d+) (\d+)", said)[-1])
        return Round((count - errors) / took_us * 1e6, p95_us / 1000, errors)


# -- what is started -------------------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def as_postgres(*command: str) -> list[str]:
    """PostgreSQL refuses to run as root."""
    return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else list(command)


def quietly(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:4])} … failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return done


@contextlib.contextmanager
def running(command: list[str], *, log: Path, env: dict[str, str] | None = None) -> Iterator[None]:
    """The command as a process group of its own, ended with the block."""
    with log.open("wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, env=env, cwd=ROOT, start_new_session=True)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, 15)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()


def await_answer(url: str, *, log: Path, seconds: float = 120) -> None:
    """Wait until something answers there, with whatever status."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            urllib.request.urlopen(url, timeout=2).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.3)
        else:
            return
    raise SystemExit(f"Nothing answers at {url}:\n{log.read_text()[-4000:]}")


@contextlib.contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A cluster with its usual settings (it flushes each commit); the URL of its database."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    if not found:
        raise SystemExit("PostgreSQL is missing (Debian: apt-get install postgresql).")
    home, port = found[-1].parent, free_port()
    place = quietly(as_postgres("mktemp", "-d")).stdout.strip()
    quietly(
        as_postgres(f"{home}/initdb", "-D", f"{place}/data", "-U", "revidweb", "-A", "trust", "-E", "UTF8"), cwd="/"
    )
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={place}"
    quietly(
        as_postgres(f"{home}/pg_ctl", "-D", f"{place}/data", "-w", "-l", f"{place}/log", "-o", options, "start"),
        cwd="/",
    )
    try:
        yield f"postgres://revidweb@127.0.0.1:{port}/postgres"
    finally:
        quietly(as_postgres(f"{home}/pg_ctl", "-D", f"{place}/data", "-m", "immediate", "stop"), cwd="/")
        quietly(as_postgres("rm", "-rf", place), cwd="/")


@contextlib.contextmanager
def redis(folder: Path) -> Iterator[str]:
    port, log = free_port(), folder / "redis.log"
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with running(command, log=log):
        until = time.monotonic() + 20
        while time.monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        yield f"redis://127.0.0.1:{port}/0"


@contextlib.contextmanager
def ours(folder: Path, database: str, broker: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The web process as the Procfile starts it, and the environment that it runs in."""
    port, log = free_port(), folder / "web.log"
    env = os.environ | {
        "REVIDWEB_MODE": "production",
        "REVIDWEB_READ_DOTENV": "no",
        "REVIDWEB_VAR": str(folder / "var"),
        "DATABASE_URL": database,
        "REDIS_URL": broker,
        "SECRET_KEY": secrets.token_hex(32),
        "SEALING_KEYS": secrets.token_hex(32),
        "ALLOWED_HOSTS": "127.0.0.1",
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "PREVIEW_ENABLED": "yes",
        "PORT": str(port),
        "WEB_PROCESSES": str(WORKERS),
        "WEB_THREADS": "2",  # a submission is processor work: more threads than cores wait for one another
        "LOG_LEVEL": "WARNING",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }
    quietly([sys.executable, "manage.py", "prepare"], env=env, cwd=ROOT)
    lines = dict(line.split(":", 1) for line in (ROOT / "Procfile").read_text().splitlines() if ":" in line)
    with running(["bash", "-c", lines["web"].strip()], log=log, env=env):
        await_answer(f"http://127.0.0.1:{port}/healthz", log=log)
        yield f"http://127.0.0.1:{port}", env


def in_house(env: dict[str, str], code: str, *words: str) -> Any:
    """What the code prints as JSON, run inside the product."""
    start = "import os, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'revidweb.settings'; django.setup()\n"
    done = quietly([sys.executable, "-c", start + code, *words], env=env, cwd=ROOT)
    return json.loads(done.stdout.strip().splitlines()[-1])


def litellm_python() -> Path:
    """LiteLLM's own virtual environment, made once and kept."""
    home = Path(os.environ.get("BENCH_LITELLM", Path(tempfile.gettempdir()) / "revidweb-bench-litellm"))
    if not (home / "bin" / "litellm").exists():
        print("Installing LiteLLM (once) ...", flush=True)
        quietly([sys.executable, "-m", "venv", str(home)])
        quietly([str(home / "bin" / "pip"), "install", "--quiet", "litellm[proxy]"])
    return home / "bin" / "python"


@contextlib.contextmanager
def litellm(folder: Path) -> Iterator[str]:
    """LiteLLM in front of a stub that answers at once."""
    python, stub_port, port = litellm_python(), free_port(), free_port()
    (folder / "stub.py").write_text(STUB)
    config = LITELLM | {"model_list": [dict(LITELLM["model_list"][0])]}
    config["model_list"][0]["litellm_params"] |= {"api_base": f"http://127.0.0.1:{stub_port}/v1"}
    (folder / "litellm.yaml").write_text(json.dumps(config))
    env = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    env |= {"LITELLM_LOG": "ERROR", "NO_PROXY": "127.0.0.1", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    stub = [
        str(python),
        "-m",
        "uvicorn",
        "--app-dir",
        str(folder),
        "--port",
        str(stub_port),
        "--log-level",
        "error",
        "stub:app",
    ]
    words = ["--config", str(folder / "litellm.yaml"), "--host", "127.0.0.1", "--port", str(port)]
    proxy = [str(python.parent / "litellm"), *words, "--num_workers", str(WORKERS)]
    log = folder / "litellm.log"
    with running(stub, log=folder / "stub.log", env=env), running(proxy, log=log, env=env):
        await_answer(f"http://127.0.0.1:{port}/health/liveliness", log=log, seconds=180)
        yield f"http://127.0.0.1:{port}"


# -- the run ---------------------------------------------------------------------------------------------------------


def accepted(url: str, secret: str) -> list[str]:
    """The ids of a few jobs, to ask for."""
    found = []
    for _ in range(20):
        request = urllib.request.Request(f"{url}/v1/image/generate", method="POST", data=BODY.encode())
        request.add_header("Authorization", f"Bearer {secret}")
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=30) as answer:
            found.append(json.load(answer)["job_id"])
    return found


BODY = json.dumps({"prompt": "A harbour at dawn", "model": "image-4.0"})
GENERATE, IMAGES = "/v1/image/generate", "/v1/images/generations"


def show(name: str, rounds: list[Round], beside: float | None = None) -> float:
    """Print the middle round; its answers a second."""
    middle = statistics.median(each.per_second for each in rounds)
    p95 = statistics.median(each.p95_ms for each in rounds)
    ratio = f"{middle / beside:6.2f} x LiteLLM" if beside else ""
    print(f"{name:34}{middle:9.0f} /s   p95 {p95:7.1f} ms   errors {sum(each.errors for each in rounds)}   {ratio}")
    return middle


def main() -> int:
    """Run both in turn, round by round, and print the middle of each."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--seconds", type=int, default=10)
    options = asked.parse_args()
    for tool in ("wrk", "redis-server"):
        if not shutil.which(tool):
            raise SystemExit(f"{tool} is missing (Debian: apt-get install wrk redis-server).")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="revidweb-bench-")))
        theirs = stack.enter_context(litellm(folder))
        database, broker = stack.enter_context(postgres(folder)), stack.enter_context(redis(folder))
        url, env = stack.enter_context(ours(folder, database, broker))
        secrets_ = in_house(env, PREPARE)
        jobs = accepted(url, secrets_[0])
        loads = {
            "LiteLLM": Load(theirs, [MASTER_KEY], [IMAGES], body=BODY),
            "one key": Load(url, secrets_[:1], [GENERATE], body=BODY),
            "50 keys": Load(url, secrets_, [GENERATE], body=BODY),
            "GET": Load(url, secrets_[:1], [f"/v1/jobs/{job}" for job in jobs], method="GET"),
        }
        for load in loads.values():
            load.run(folder, 3)  # warm
        seen: dict[str, list[Round]] = {name: [] for name in loads}
        for _ in range(options.rounds):
            for name, load in loads.items():
                seen[name].append(load.run(folder, options.seconds))
        statements = in_house(env, COUNT, secrets_[0])
    print(f"{WORKERS} web workers, {CONNECTIONS} connections, {os.cpu_count()} cores, {options.rounds} rounds each")
    beside = show(f"LiteLLM POST {IMAGES}", seen["LiteLLM"])
    one = show(f"POST {GENERATE}, one key", seen["one key"], beside)
    many = show(f"POST {GENERATE}, 50 keys", seen["50 keys"], beside)
    show("GET /v1/jobs/{id}", seen["GET"])
    print(f"statements per submit: {len(statements)}")
    for statement in statements:
        print(f"    {statement[:100]}")
    short = [keys for keys, found in ((1, one), (50, many)) if found < TO_HOLD[keys] * beside]
    wrong = sum(each.errors for rounds in seen.values() for each in rounds)
    return 1 if short or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
