"""Start the processes of the Procfile together and stop them together: `python -m revidweb.start`, as `make run` does.

Honcho's own command line would give each process another PORT and let `.env` win over the environment; here all
processes get one environment, the one that the settings read.
"""

import os
import sys
from pathlib import Path

from honcho.environ import parse_procfile
from honcho.manager import Manager

from . import env

ONCE = "release"  # what runs before the others and ends
STOPPED = {130, 143}  # by Ctrl-C, by SIGTERM: as asked


def main() -> int:
    """Run until one process ends or someone stops it; the exit code is 0 when it was stopped."""
    manager = Manager()
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
