"""A message appears whole or not at all, goes to one reader, and a queue that nobody reads stops growing."""

from concurrent.futures import ThreadPoolExecutor
from queue import Empty

import pytest
from kombu import Connection, Exchange, Queue

from revidweb.lib import spool


@pytest.fixture
def connection(tmp_path):
    options = {"folder": str(tmp_path), "polling_interval": 0.01}
    with Connection("spool://localhost", transport="revidweb.lib.spool:Transport", transport_options=options) as made:
        yield made


@pytest.fixture
def queue(connection):
    return connection.SimpleQueue(Queue("poll", Exchange("poll"), routing_key="poll"), no_ack=True)


def taken(queue):
    messages = []
    while True:
        try:
            messages.append(queue.get(timeout=0.05).payload)
        except Empty:
            return messages


def test_messages_come_out_in_the_order_they_went_in(queue, tmp_path):
    for number in range(5):
        queue.put({"number": number})
    assert taken(queue) == [{"number": number} for number in range(5)]
    assert list((tmp_path / "poll").iterdir()) == []


def test_a_message_goes_to_one_reader_only(connection, queue):
    for number in range(200):
        queue.put(number)
    channels = [connection.channel() for _ in range(4)]

    def all_of(channel):
        found = []
        while True:
            try:
                found.append(channel._get("poll")["body"])
            except Empty:
                return found

    with ThreadPoolExecutor(4) as pool:
        seen = [body for found in pool.map(all_of, channels) for body in found]
    assert len(seen) == 200


def test_a_queue_that_nobody_reads_stops_growing(queue, tmp_path, monkeypatch):
    monkeypatch.setattr(spool, "MOST_MESSAGES", 3)
    for number in range(10):
        queue.put(number)
    assert len(list((tmp_path / "poll").iterdir())) == 3
    assert taken(queue) == [0, 1, 2]


def test_a_message_that_was_cut_short_is_passed_over(queue, tmp_path):
    queue.put("first")
    (tmp_path / "poll" / f"{0:020}-0.msg").write_text('{"body"')
    assert taken(queue) == ["first"]


def test_a_queue_can_be_counted_and_emptied(queue):
    queue.put("one")
    queue.put("two")
    assert queue.qsize() == 2
    assert queue.clear() == 2
    assert taken(queue) == []
