"""The machine has the moves of its drawing and no other."""

import itertools

import pytest

from revidweb.jobs.models import Job
from revidweb.jobs.states import ENDED, MOVES, State

from .steps import states

pytestmark = pytest.mark.django_db

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
