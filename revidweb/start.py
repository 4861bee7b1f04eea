"""Start the processes of the Procfile together and stop them together: `python -m revidweb.start`, as `make run` does.

Honcho's own command line would give each process another PORT and let `.env` win over the environment; here all
processes get one environment, the one that the settings read.
"""

import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import Any

from honcho.environ import parse_procfile
from honcho.manager import Manager
from honcho.process import Popen, Process

from . import env
from .lib import orphans

ONCE = "release"  # what runs before the others and ends
STOPPED = {130, 143}  # by Ctrl-C, by SIGTERM: as asked


class Child(Popen):  # type: ignore[misc]
    """One line of the Procfile at work. It is stopped when the one who started it all was killed."""

    def __init__(self, command: str, **options: Any) -> None:
        super().__init__(command, **options)
        orphans.end_with_parent(last_deed=self.stop_group)

    def stop_group(self) -> None:
        """Ask the command and all that it started to stop."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGTERM)


class Line(Process):  # type: ignore[misc]
    """Honcho's process, with our child in it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._child_ctor = Child


def main() -> int:
    """Run until one process ends or someone stops it; the exit code is 0 when it was stopped."""
    manager = Manager()
    manager._process_ctor = Line
    for name, command in commands().items():
        manager.add_process(name, command, env=environment(), cwd=str(env.BASE_DIR))
    manager.loop()
    code = int(manager.returncode or 0)
    return 0 if code in STOPPED else code


def commands() -> dict[str, str]:
    """The Procfile's lines that keep running, by name."""
    lines: dict[str, str] = parse_procfile((env.BASE_DIR / "Procfile").read_text()).processes
    return {name: command for name, command in lines.items() if name != ONCE}


def environment() -> dict[str, str]:
    """This one, where `python` is the one that runs this, and nothing waits in a buffer."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return os.environ | {"PATH": path, "PYTHONUNBUFFERED": "1"}


if __name__ == "__main__":
    sys.exit(main())
