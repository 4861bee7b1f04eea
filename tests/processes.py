"""The product's own processes, started for a test: each in a process group of its own, ended by its id."""

import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import requests
from honcho.environ import parse_procfile

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("web", "worker", "poll", "render", "clock")


class Processes:
    """An installation in a data folder of its own: `web`, `worker`, `poll`, `render` and `clock`, by the Procfile."""

    def __init__(self, folder: Path, *, database_url: str = "", **settings: object) -> None:
        self.folder = folder
        self.port = a_free_port()
        self.url = f"http://localhost:{self.port}"
        self.env = self._environment(database_url, settings)
        self.demo: dict[str, Any] = {}
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def _environment(self, database_url: str, settings: dict[str, object]) -> dict[str, str]:
        """The product's own settings: those of the tests, and of the developer's `.env`, stay outside."""
        kept = {name: os.environ[name] for name in ("HOME", "LANG", "TZ") if name in os.environ}
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        asked = {"REVIDWEB_READ_DOTENV": "no", "REVIDWEB_VAR": str(self.folder), "PORT": str(self.port)}
        asked |= {"DATABASE_URL": database_url} if database_url else {}
        return kept | {"PATH": path, "PYTHONUNBUFFERED": "1"} | asked | {k: str(v) for k, v in settings.items()}

    def prepare(self) -> None:
        """Make the database and the demo, as `make run` does first."""
        self.manage("prepare")
        self.demo = json.loads(self.manage("demo", "--json"))

    def manage(self, *words: str, timeout_s: float = 120) -> str:
        """What a management command printed. Raises AssertionError with its words when it failed."""
        return self.python("manage.py", *words, timeout_s=timeout_s)

    def python(self, *words: str, timeout_s: float = 120) -> str:
        """What a Python program printed that ran with this installation's settings."""
        command = [sys.executable, *words]
        ran = subprocess.run(
            command, cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=timeout_s, check=False
        )
        assert ran.returncode == 0, f"{' '.join(words)}: {ran.stdout}{ran.stderr}"
        return ran.stdout

    def start(self, *names: str) -> None:
        """Start these processes; what they print goes to `<name>.log` in the data folder."""
        lines = parse_procfile((ROOT / "Procfile").read_text()).processes
        for name in names or NAMES:
            with (self.folder / f"{name}.log").open("ab") as log:
                self.running[name] = subprocess.Popen(
                    lines[name],
                    shell=True,
                    cwd=ROOT,
                    env=self.env,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    preexec_fn=_end_with_the_test,  # noqa: PLW1509  (it calls nothing that could wait)
                )

    def kill(self, name: str, *, whole_group: bool = False) -> None:
        """Kill one process without warning; with whole_group also all that it started."""
        process = self.running[name]
        with contextlib.suppress(ProcessLookupError):
            (os.killpg if whole_group else os.kill)(process.pid, signal.SIGKILL)
        process.wait(timeout=10)

    def died(self) -> list[str]:
        """Those that ended by themselves."""
        return [name for name, process in self.running.items() if process.poll() is not None]

    def stop(self) -> None:
        """Ask all to stop, and kill the group of whoever does not."""
        for process in self.running.values():
            _signal(process, signal.SIGTERM)
        for process in self.running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)
            _signal(process, signal.SIGKILL)
            process.wait(timeout=10)
        self.running.clear()

    def wait_until_ready(self, *, timeout_s: float = 60) -> None:
        """Until the web answers that it is ready."""
        wait_for(self._is_ready, timeout_s=timeout_s, what=f"{self.url}/readyz (logs in {self.folder})")

    def _is_ready(self) -> bool:
        with contextlib.suppress(requests.RequestException):
            return requests.get(f"{self.url}/readyz", timeout=5).ok
        return False

    def words_of(self, name: str) -> str:
        """What the process printed so far."""
        return (self.folder / f"{name}.log").read_text(errors="replace")


_prctl = getattr(ctypes.CDLL(None), "prctl", None)  # Linux
_PR_SET_PDEATHSIG = 1


def _end_with_the_test() -> None:
    """In the child: be told to stop when the process that runs the tests is killed."""
    if _prctl:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def a_free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(is_so: Callable[[], bool], *, timeout_s: float, what: str, every_s: float = 0.2) -> float:
    """Look again and again until it is so; how many seconds that took. Raises AssertionError after timeout_s."""
    start = time.monotonic()
    while not is_so():
        assert time.monotonic() < start + timeout_s, f"not within {timeout_s:g} s: {what}"
        time.sleep(every_s)
    return time.monotonic() - start


@contextlib.contextmanager
def a_database() -> Iterator[str]:
    """A fresh database on the server of DATABASE_URL, as a URL; "" where there is none: then it is SQLite's turn."""
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith("postgres"):
        yield ""
        return
    name = f"revidweb_{os.getpid()}_{time.time_ns()}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')  # a name of our own making
        try:
            yield urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
        finally:
            server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@contextlib.contextmanager
def a_house(folder: Path, **settings: object) -> Iterator[Processes]:
    """An installation prepared as `make run` does, and at work; stopped afterwards. settings: of the environment."""
    with a_database() as database_url:
        processes = Processes(folder, database_url=database_url, **settings)
        processes.prepare()
        processes.start()
        try:
            processes.wait_until_ready()
            yield processes
        finally:
            processes.stop()


def _signal(process: "subprocess.Popen[bytes]", number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
