"""What stands around every request."""

import gzip

import pytest

from revidweb.files import uploading
from tests import makers
from tests.files.makers import an_upload, encoded

from .create_page import address

pytestmark = pytest.mark.django_db

GZIP = {"Accept-Encoding": "gzip, br"}


def test_a_page_is_compressed_for_those_who_take_it(user):
    client = makers.a_client(user.member)
    small, plain = client.get(address(user), headers=GZIP), client.get(address(user))
    assert small["Content-Encoding"] == "gzip"
    assert b"<!doctype html>" in gzip.decompress(small.content)
    assert len(small.content) * 3 < len(plain.content)
    assert "Content-Encoding" not in plain
    assert "Accept-Encoding" in plain["Vary"]


def test_media_are_sent_as_they_are(user):
    file = uploading.keep(user, an_upload(encoded()))
    path = f"/t/{user.tenant.slug}/media/{file.public_id}/original/"
    answer = makers.a_client(user.member).get(path, headers=GZIP | {"Range": "bytes=0-99"})
    assert (answer.status_code, len(b"".join(answer.streaming_content))) == (206, 100)
    assert "Content-Encoding" not in answer


def test_every_answer_carries_its_requests_id(client):
    one, other = client.get("/healthz"), client.get("/healthz")
    assert one["X-Request-Id"].startswith("req_")
    assert one["X-Request-Id"] != other["X-Request-Id"]


@pytest.mark.parametrize(("told", "is_taken"), [("build-7f3c9a21", True), ("short", False), ("a b c d e f g", False)])
def test_a_callers_own_id_is_kept_where_it_is_plain(client, told, is_taken):
    assert (client.get("/healthz", headers={"X-Request-Id": told})["X-Request-Id"] == told) is is_taken


def test_no_page_is_kept_by_anybody(user):
    client = makers.a_client(user.member)
    for path in (address(user), f"/t/{user.tenant.slug}/", "/accounts/email/", "/", "/nothing/here/"):
        assert "no-store" in client.get(path)["Cache-Control"], path


def test_what_says_how_long_it_is_good_is_kept(user):
    file = uploading.keep(user, an_upload(encoded()))
    path = f"/t/{user.tenant.slug}/media/{file.public_id}/thumb/"
    answer = makers.a_client(user.member).get(path)
    assert b"".join(answer.streaming_content)
    assert answer["Cache-Control"] == "private, max-age=31536000, immutable"
