"""Forms with files, read while they are sent."""

import email.parser
import email.policy
import io
import time

import pytest

from revidweb.lib import multipart
from revidweb.lib.multipart import FilePart

FOR_EVER = float("inf")


def parts_of(body, content_type):
    text = f"Content-Type: {content_type}\r\n\r\n".encode() + b"".join(body)
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(text)
    return [
        (part.get_param("name", header="content-disposition"), part.get_filename(), part.get_payload(decode=True))
        for part in message.iter_parts()
    ]


def test_fields_and_files_come_through_in_order():
    files = [FilePart("file", f"{n}.png", "image/png", io.BytesIO(bytes([n]) * 70_000)) for n in (1, 2)]
    body, content_type = multipart.encode([("prompt", "Ein Tal\r\n--x"), ("img_url", "a")], files, until=FOR_EVER)
    length = len(body)
    parts = parts_of(body, content_type)
    assert parts == [
        ("prompt", None, b"Ein Tal\r\n--x"),
        ("img_url", None, b"a"),
        ("file", "1.png", b"\x01" * 70_000),
        ("file", "2.png", b"\x02" * 70_000),
    ]
    assert length > 140_000


def test_the_length_is_the_length():
    content = io.BytesIO(b"x" * 1000)
    content.seek(500)  # whoever looked at it before
    body, _ = multipart.encode([("a", "ü")], [FilePart("f", "f", "image/png", content)], until=FOR_EVER)
    assert len(body) == len(b"".join(body))


def test_half_a_character_does_no_harm():
    body, content_type = multipart.encode([("prompt", "a\ud800b")], [], until=FOR_EVER)
    assert parts_of(body, content_type) == [("prompt", None, b"a?b")]


def test_a_file_is_not_read_before_it_is_sent():
    class Counting(io.BytesIO):
        reads = 0

        def read(self, size=-1):
            self.reads += 1
            return super().read(size)

    content = Counting(b"x" * 1_000_000)
    body = multipart.Body([content], until=FOR_EVER)
    assert (len(body), content.reads) == (1_000_000, 0)
    assert len(body.read(10)) == 10


def test_a_receiver_who_takes_too_long_gets_no_more():
    body = multipart.Body([io.BytesIO(b"xyz")], until=time.monotonic() + 0.05)
    assert body.read(1) == b"x"
    time.sleep(0.06)
    with pytest.raises(TimeoutError):
        body.read(1)
