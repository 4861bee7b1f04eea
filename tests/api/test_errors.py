"""What a refusal is to a program: its status, and words for every code that it may meet."""

from pathlib import Path

import pytest

import revidweb
from revidweb.api import errors
from tests.web.test_wording import codes

ROOMS = ("jobs", "keys", "files", "catalog", "credits", "lib")
PEOPLES = {  # of deeds that programs do not do
    *("bad_count", "price_moved", "still_running", "wrong_media", "not_yourself", "form_already_used"),
    *("credits_out_of_range", "logo_missing", "unknown_policy"),
}
SOURCES = [source for room in ROOMS for source in sorted((Path(revidweb.__file__).parent / room).rglob("*.py"))]
DEEDS = {
    "adopt",
    "visiting",
    "issuing",
    "limits",
    "leaving",
    "logos",
    "disconnecting",
    "sync",
    "changes",
    "connecting",
    "retry",
    "deliveries",
}


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: f"{source.parent.name}/{source.name}")
def test_every_refusal_that_programs_meet_has_words(source):
    if source.stem in DEEDS and source.parent.name != "files":
        return
    told = {*errors.SAYINGS, "not_enough_credits", "window_limit", "queue_full"}
    assert codes(source) - PEOPLES <= told


def test_a_status_is_one_that_is_documented():
    assert set(errors._STATUSES.values()) == {401, 402, 403, 408, 422, 429, 503}
