"""What the documents say is so."""

import re

from revidweb.env import BASE_DIR
from revidweb.jobs.states import MOVES, State


def test_the_drawing_shows_exactly_the_moves_that_exist():
    drawn = re.findall(r"^    (\w+) --> (\w+)", (BASE_DIR / "docs/states.md").read_text(), flags=re.MULTILINE)
    assert set(drawn) == {(old.value, new.value) for old in State for new in MOVES[old]}


def test_every_move_has_its_reason():
    rows = re.findall(r"^\| ([a-z, ]+) \| (\w+) \| \S", (BASE_DIR / "docs/states.md").read_text(), flags=re.MULTILINE)
    reasoned = {(old, new) for olds, new in rows for old in olds.split(", ")} - {("from", "to")}
    assert reasoned == {(old.value, new.value) for old in State for new in MOVES[old]}


def test_every_link_between_documents_leads_somewhere():
    for page in [BASE_DIR / "README.md", *(BASE_DIR / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
