"""What every test may ask for, and what becomes of browser tests where there is no browser."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache

os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # Playwright's sync API runs a loop in the test's thread

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LEFT_OUT = """\
BROWSER TESTS WERE LEFT OUT: no Chromium was found.
Get one (Debian: apt-get install chromium) or name one (CHROMIUM=/path/to/chromium make test).
REVIDWEB_BROWSER=required makes this a failure."""


def chromium() -> str:
    """The browser named by CHROMIUM, else the first on the path; "" where there is none."""
    named = os.environ.get("CHROMIUM", "")
    return named or next(filter(None, map(shutil.which, BROWSERS)), "")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse early what would otherwise fail in every browser test."""
    if os.environ.get("REVIDWEB_BROWSER") == "required" and not chromium():
        raise pytest.UsageError("REVIDWEB_BROWSER=required, but no Chromium was found.\n" + LEFT_OUT)
    if (named := os.environ.get("CHROMIUM")) and not Path(named).is_file():
        raise pytest.UsageError(f"CHROMIUM={named} is no file.")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without a browser its tests are skipped; with one they run first, because they are the longest."""
    for item in items:
        if item.get_closest_marker("browser") and not chromium():
            item.add_marker(pytest.mark.skip(reason="no Chromium"))
    items.sort(key=lambda item: item.get_closest_marker("browser") is None)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say loudly that browser tests were left out."""
    skipped = terminalreporter.stats.get("skipped", [])
    if any("no Chromium" in str(report.longrepr) for report in skipped):
        terminalreporter.write_line("")
        terminalreporter.write_line(LEFT_OUT, red=True, bold=True)


# Shared processes; and as many connections as PostgreSQL takes.
TOGETHER = {
    "tests/e2e/test_pages": "pages",
    "tests/e2e/": "e2e",
    "tests/api/contract/live/": "live",
    "/test_races.py": "crowd",
}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep some tests on one worker, by where they stand: xdist's own groups do nothing under pytest 9.2."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return next((name for part, name in TOGETHER.items() if part in nodeid), nodeid)

    return Scheduling(config, log)


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    """No rate limit and no cached figure outlives its test."""
    yield
    cache.clear()


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Debian's Chromium instead of a downloaded one, which asks nobody for anything."""
    quiet = ["--no-sandbox", "--disable-quic", "--disable-sync"]
    quiet += ["--disable-background-networking", "--disable-component-update"]
    return {**browser_type_launch_args, "executable_path": chromium(), "args": quiet}
