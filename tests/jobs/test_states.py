"""The machine has the moves of its drawing and no other."""

import itertools
import re
from pathlib import Path

import pytest

from revidweb.jobs.models import Job
from revidweb.jobs.states import ENDED, MOVES, State
from revidweb.providers.base import Receipt
from tests.upstreams.scripted import DONE

from .steps import send_all, states

pytestmark = pytest.mark.django_db

DRAWING = Path(__file__).parents[2] / "docs/states.md"
NOT_A_MOVE = [(old, new) for old, new in itertools.product(State, State) if new not in MOVES[old]]


@pytest.mark.parametrize(("old", "new"), NOT_A_MOVE)
def test_no_other_move_exists(old, new):
    with pytest.raises(ValueError, match="No job moves"):
        Job(state=old).move(new)


def test_every_state_but_the_ended_ones_leads_to_a_verdict():
    reached = set(ENDED)
    while more := {state for state in State if MOVES[state] & reached} - reached:
        reached |= more
    assert reached == set(State)


def test_of_two_steps_that_move_a_job_one_counts(job):
    other = Job.objects.get()
    assert job.move(State.PREPARING)
    assert not other.move(State.PREPARING)
    assert states() == ["preparing"]


def test_the_drawing_shows_these_moves_and_no_other():
    drawn = re.findall(r"^ +(\w+) --> (\w+)", DRAWING.read_text(), re.MULTILINE)
    assert sorted(drawn) == sorted((old.value, new.value) for old, moves in MOVES.items() for new in moves)


def test_an_order_that_is_complete_at_once_is_stored_at_once(job, upstream):
    upstream.submits = [Receipt("ticket", seen=DONE)]
    send_all()
    assert (states(), upstream.polled) == (["storing"], [])
