"""Wake-ups: one that names a row is always sent; of many that name none one is, and never before the last."""

import threading
import time

import pytest
from kombu.exceptions import OperationalError

from revidweb.lib import wake

pytestmark = pytest.mark.django_db(transaction=True)


class Heard:
    """A task that only notes when it was sent."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.sent: list[tuple[float, tuple[object, ...]]] = []
        self.fails = False
        self.again = threading.Event()

    def apply_async(self, args: tuple[object, ...], *, expires: float, retry: bool) -> None:
        self.sent.append((time.monotonic(), args))
        if len(self.sent) > 1:
            self.again.set()
        if self.fails:
            raise OperationalError("the broker is away")


@pytest.fixture
def task(request) -> Heard:
    return Heard(request.node.name)


def test_the_first_is_sent_at_once(task):
    wake.up(task)
    assert len(task.sent) == 1


def test_of_many_at_once_the_first_is_sent_and_one_after_the_last(task):
    for _ in range(200):
        wake.up(task)
    last = time.monotonic()
    assert task.again.wait(timeout=5)
    time.sleep(2 * wake.GAP_S)  # nothing more comes
    assert task.sent[-1][0] >= last or len(task.sent) > 2
    assert len(task.sent) <= 2 + (last - task.sent[0][0]) / wake.GAP_S


def test_after_the_gap_it_is_sent_at_once_again(task):
    wake.up(task)
    time.sleep(wake.GAP_S)
    wake.up(task)
    assert len(task.sent) == 2


def test_what_names_a_row_is_always_sent(task):
    for number in range(5):
        wake.up(task, number)
    assert [args for _, args in task.sent] == [(number,) for number in range(5)]


def test_two_tasks_do_not_wait_for_each_other(task):
    other = Heard(f"{task.name}-other")
    wake.up(task)
    wake.up(other)
    assert (len(task.sent), len(other.sent)) == (1, 1)


def test_a_broker_that_is_away_costs_nothing_but_the_message(task):
    task.fails = True
    wake.up(task)
    wake.up(task, 1)
    assert len(task.sent) == 2
