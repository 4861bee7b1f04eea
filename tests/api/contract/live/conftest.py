"""An installation at work on a port of its own, as programs find one.

Its processes are started once for all tests here (tests/conftest.py keeps these on one worker).
"""

import json
from collections.abc import Iterator

import pytest

from tests.processes import Processes, a_database

LEAN = {"WEB_PROCESSES": 1, "RENDER_PROCESSES": 1, "PREVIEW_IMAGE_S": 0.5, "PREVIEW_VIDEO_S": 0.5, "PREVIEW_SLOW_S": 60}
PREPARE = """
import json, os, django
os.environ["DJANGO_SETTINGS_MODULE"] = "revidweb.settings"
django.setup()
from django.core.management import call_command
from revidweb import demo
call_command("migrate", interactive=False, verbosity=0)
call_command("createcachetable", database="cache", verbosity=0)
print(json.dumps(demo.make()))
"""


@pytest.fixture(scope="package")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    """Without the static files that only pages want; it says with which keys to come (`house.demo`)."""
    with a_database() as database_url:
        processes = Processes(tmp_path_factory.mktemp("upstream"), database_url=database_url, **LEAN)
        processes.demo = json.loads(processes.python("-c", PREPARE).splitlines()[-1])
        processes.start()
        try:
            processes.wait_until_ready()
            yield processes
        finally:
            processes.stop()
