"""Who starts a worker and is killed leaves nothing behind."""

import subprocess
import sys
import time

from revidweb.env import BASE_DIR

CHILD = """
import time
from revidweb.lib import orphans
orphans.end_with_parent(lambda: print("last deed", flush=True))
print("up", flush=True)
time.sleep(60)
"""
PARENT = f"""
import subprocess, sys
subprocess.run([sys.executable, "-c", {CHILD!r}])
"""


def test_a_child_ends_when_its_parent_is_killed():
    parent = subprocess.Popen([sys.executable, "-c", PARENT], cwd=BASE_DIR, stdout=subprocess.PIPE, text=True)
    with parent:
        assert parent.stdout.readline() == "up\n"
        began = time.monotonic()
        parent.kill()
        assert parent.stdout.read() == "last deed\n"  # it ends when the child, too, has let go of the pipe
        assert time.monotonic() - began < 30
