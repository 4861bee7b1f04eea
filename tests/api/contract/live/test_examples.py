"""The command lines of RevidAPI's documents, with only host, key and job id changed, work here word for word."""

import io
import json
import shutil
import subprocess
from typing import Any

import av
import pytest
import requests
from PIL import Image

from tests.processes import Processes, wait_for

from . import documents

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")

IMAGE, VIDEO, OVERVIEW = "revidapi-image.md", "revidapi-video.md", "revidapi.md"


class Shell:
    """Somebody who types a document's lines, with a key of the demo."""

    def __init__(self, house: Processes) -> None:
        self.url, self.key = house.url, house.demo["api_key"]

    def run(self, command: str, job_id: str = "") -> Any:
        """The JSON that the line printed."""
        line = documents.changed(command, host=self.url, key=self.key, job_id=job_id)
        ran = subprocess.run(
            ["sh", "-c", line], capture_output=True, text=True, timeout=30, check=True, env={"PATH": "/usr/bin:/bin"}
        )
        return json.loads(ran.stdout)

    def finished(self, command: str, job_id: str) -> dict[str, Any]:
        """What the document's own look says once the job is completed."""
        seen = [self.run(command, job_id)]

        def is_over() -> bool:
            seen.append(self.run(command, job_id))
            return seen[-1]["status"] not in ("pending", "processing")

        wait_for(is_over, timeout_s=60, what=f"{job_id} is over", every_s=0.3)
        assert all(told["result"] is None for told in seen if told["status"] != "completed")
        return seen[-1]


@pytest.fixture
def shell(house: Processes) -> Shell:
    return Shell(house)


def test_every_line_of_the_documents_is_found():
    counts = {name: len(documents.commands(name)) for name in (IMAGE, VIDEO, OVERVIEW)}
    assert counts == {IMAGE: 3, VIDEO: 2, OVERVIEW: 5}
    assert [len(documents.creating(name)) for name in counts] == [2, 1, 1]


@pytest.mark.parametrize("document", [IMAGE, VIDEO, OVERVIEW])
def test_the_lines_make_what_they_ask_for(document, shell):
    accepted = [shell.run(command) for command in documents.creating(document)]
    for told in accepted:
        assert told["status"] == "pending"
        assert type(told["cost"]) is type(told["balance_remaining"]) is int
        ended = shell.finished(documents.looking(document), told["job_id"])
        assert (ended["status"], ended["progress"], ended["cost"]) == ("completed", 100, told["cost"])
        _check_result(ended["result"], "video" if document == VIDEO else "image")


def _check_result(address: str, kind: str) -> None:
    """It opens without a header, and is what it says."""
    answer = requests.get(address, timeout=20)
    assert (answer.status_code, answer.headers["Content-Type"].partition("/")[0]) == (200, kind)
    if kind == "image":
        Image.open(io.BytesIO(answer.content)).load()
    else:
        with av.open(io.BytesIO(answer.content)) as opened:
            assert next(opened.decode(video=0)).width


def test_the_models_name_the_prices_that_the_document_explains(shell):
    (command,) = (line for line in documents.commands(OVERVIEW) if "/v1/models" in line)
    models = {told["model"]: told for told in shell.run(command)["models"]}
    kling = models["kling-2.6"]
    assert (kling["type"], kling["modes"]) == ("video", ["t2v", "i2v"])
    assert {"server", "key", "config_key", "credits", "resolution", "duration"} <= set(kling["pricing"][0])
    rows = [row["credits"] for row in kling["pricing"]]
    assert (kling["credits_min"], kling["credits_max"]) == (min(rows), max(rows))
