"""RevidAPI: bringing inputs there and results home."""

from io import BytesIO

import pytest

from revidweb.providers.base import AccountRefused, Input, ProviderBusy, ProviderRefused
from revidweb.providers.revidapi import uploads

from .conftest import KEY
from .orders import PNG, error_of, of_bytes
from .upstream import Reply

DIRECT, PRESIGN, CONFIRM, FROM_URL, STATUS = (
    "POST /v1/files/upload/image",
    "POST /v1/files/upload/presign",
    "POST /v1/files/upload/confirm",
    "POST /v1/files/upload-url",
    "GET /v1/files/upload/up_1/status",
)
LARGE = bytes(3000)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(uploads, "_LOOK_S", 0.01)


@pytest.fixture
def stored(upstream, settings):
    """Where an upload stands; readable at once."""
    settings.REVIDAPI_PRESIGN_BYTES = len(LARGE)
    upstream.says("GET /inputs/1.png", b"x", 206)
    return f"{upstream.url}/inputs/1.png"


@pytest.fixture
def signing(upstream, stored):
    """An upstream that signs addresses at a store on another path."""
    upstream.says(PRESIGN, {"upload_url": f"{upstream.url}/store/1?sig=abc", "upload_id": "up_1"})
    upstream.says("PUT /store/1", b"")
    upstream.says(CONFIRM, {"url": stored, "status": "ready"})
    upstream.says(DIRECT, {"url": stored, "status": "ready"})
    return upstream


def test_a_small_file_goes_directly(revidapi, account, upstream, stored):
    upstream.says(DIRECT, {"upload_id": "up_1", "file_id": "f", "url": stored, "type": "image", "status": "ready"})
    assert revidapi.upload(account, of_bytes()) == stored
    asked = upstream.asked[0]
    assert asked.form == [("file", "input.png", "image/png", PNG)]
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert upstream.lines == [DIRECT, "GET /inputs/1.png"]


def test_the_key_does_not_travel_to_the_store(revidapi, account, signing, stored):
    assert revidapi.upload(account, of_bytes(LARGE)) == stored
    signed, put, confirmed, readable = signing.asked
    assert signed.json == {"filename": "input.png"}
    assert (put.method, put.path, put.body) == ("PUT", "/store/1?sig=abc", LARGE)
    assert put.headers["content-type"] == "image/png"
    assert put.headers["content-length"] == str(len(LARGE))
    assert confirmed.json == {"upload_id": "up_1"}
    assert "authorization" not in put.headers
    assert "authorization" not in readable.headers
    assert readable.headers["range"] == "bytes=0-0"


@pytest.mark.parametrize(("kind", "path"), [("video/mp4", "video"), ("audio/mpeg", "audio"), ("", "image")])
def test_each_kind_has_its_own_door(kind, path, revidapi, account, upstream, stored):
    upstream.says(f"POST /v1/files/upload/{path}", {"data": {"url": stored, "status": "completed"}})
    assert revidapi.upload(account, of_bytes(LARGE[:-1], kind)) == stored


def test_sound_is_never_signed(revidapi, account, upstream, stored):
    upstream.says("POST /v1/files/upload/audio", {"url": stored})
    assert revidapi.upload(account, of_bytes(LARGE, "audio/mpeg")) == stored


def test_a_store_asks_for_headers_and_gets_only_harmless_ones(revidapi, account, signing):
    asked = {"x-amz-acl": "public", "Authorization": "x", "Host": "evil", "Content-Length": "1", "bad": "a\r\nb: c"}
    signing.says(PRESIGN, {"data": {"upload_url": f"{signing.url}/store/1", "upload_id": "up_1", "headers": asked}})
    revidapi.upload(account, of_bytes(LARGE))
    headers = signing.asked[1].headers
    assert (headers["x-amz-acl"], headers["host"]) == ("public", signing.host)
    assert not {"authorization", "bad", "b"} & set(headers)


@pytest.mark.parametrize("reply", [Reply(404), Reply(405), Reply(501), Reply(422, {"detail": "no"}), Reply(200, {})])
def test_where_nothing_is_signed_it_goes_directly(reply, revidapi, account, signing, stored):
    signing.answers[PRESIGN] = reply
    assert revidapi.upload(account, of_bytes(LARGE)) == stored
    assert signing.lines[:2] == [PRESIGN, DIRECT]


@pytest.mark.parametrize(
    "reply", [Reply(403), Reply(503), Reply(302, headers={"Location": "http://169.254.169.254/"}), Reply(lost=True)]
)
def test_where_the_store_does_not_take_it_it_goes_directly(reply, revidapi, account, signing, stored):
    signing.answers["PUT /store/1"] = reply
    assert revidapi.upload(account, of_bytes(LARGE)) == stored
    assert signing.lines[:3] == [PRESIGN, "PUT /store/1?sig=abc", DIRECT]
    assert signing.asked[2].form[0][3] == LARGE


def test_what_cannot_be_confirmed_goes_directly(revidapi, account, signing, stored):
    signing.says(CONFIRM, {"detail": "File has not been uploaded"}, 400)
    assert revidapi.upload(account, of_bytes(LARGE)) == stored
    assert signing.lines[2:4] == [CONFIRM, DIRECT]
    signing.says(CONFIRM, {"detail": "x"}, 503)
    assert isinstance(error_of(revidapi.upload, account, of_bytes(LARGE)), ProviderBusy)


@pytest.mark.parametrize(
    "target", ["http://127.0.0.1:1/put", "http://169.254.169.254/put", "ftp://x/", "http://a:b@c/"]
)
def test_a_store_at_a_private_address_is_not_dialled(target, revidapi, account, signing, stored):
    signing.says(PRESIGN, {"upload_url": target, "upload_id": "up_1"})
    assert revidapi.upload(account, of_bytes(LARGE)) == stored


@pytest.mark.parametrize("word", ["ready", "completed", "COMPLETED"])
def test_an_upload_that_is_worked_on_is_waited_for(word, revidapi, account, upstream, stored):
    upstream.says(DIRECT, {"upload_id": "up_1", "status": "processing"})
    upstream.answers[STATUS] = [
        Reply(200, {"upload_id": "up_1", "status": "processing"}),
        Reply(200, {"upload_id": "up_1", "status": word, "url": stored}),
    ]
    assert revidapi.upload(account, of_bytes()) == stored
    assert upstream.lines.count(STATUS) == 2


def test_a_confirmed_upload_may_be_worked_on_too(revidapi, account, signing, stored):
    signing.says(CONFIRM, {"status": "processing"})
    signing.says(STATUS, {"status": "ready", "url": stored})
    assert revidapi.upload(account, of_bytes(LARGE)) == stored


def test_an_upload_that_is_worked_on_for_ever_is_given_up_for_now(revidapi, account, upstream, stored, settings):
    settings.REVIDAPI_CREATE_TIMEOUT_S = 0.3
    upstream.says(DIRECT, {"upload_id": "up_1", "status": "processing"})
    upstream.says(STATUS, {"status": "processing"})
    assert isinstance(error_of(revidapi.upload, account, of_bytes()), ProviderBusy)


@pytest.mark.parametrize(
    ("reply", "error", "code"),
    [
        (Reply(404, {"detail": "Not Found"}), ProviderRefused, "no_upload"),
        (Reply(405, {"detail": "Method Not Allowed"}), ProviderRefused, "no_upload"),
        (Reply(501, b"<html>"), ProviderRefused, "no_upload"),
        (Reply(200, {"status": "ready"}), ProviderRefused, "no_upload"),
        (Reply(200, {"url": "javascript:alert(1)"}), ProviderRefused, "no_upload"),
        (Reply(200, ["ok"]), ProviderRefused, "no_upload"),
        (Reply(413, b"<html><title>413</title>"), ProviderRefused, "input"),
        (Reply(415, {"detail": "Unsupported"}), ProviderRefused, "input"),
        (Reply(400, {"detail": "NSFW content"}), ProviderRefused, "moderated"),
        (Reply(200, {"upload_id": "up_1", "status": "failed", "error": "No picture"}), ProviderRefused, "input"),
        (Reply(401, {"detail": "x"}), AccountRefused, "invalid"),
        (Reply(402, {"detail": "x"}), AccountRefused, "exhausted"),
        (Reply(429, {"detail": "x"}), ProviderBusy, "rate"),
        (Reply(503, {"detail": "x"}), ProviderBusy, "unavailable"),
        (Reply(524, b"<html>"), ProviderBusy, "unavailable"),
        (Reply(200, b"<html>"), ProviderBusy, "busy"),
        (Reply(lost=True), ProviderBusy, "busy"),
    ],
)
def test_an_upload_that_does_not_work_says_how(reply, error, code, revidapi, account, upstream, stored):
    upstream.answers[DIRECT] = reply
    raised = error_of(revidapi.upload, account, of_bytes())
    assert (type(raised), raised.code) == (error, code)


def test_an_upload_that_fails_while_it_is_worked_on_says_why(revidapi, account, upstream, stored):
    upstream.says(DIRECT, {"upload_id": "up_1", "status": "processing"})
    upstream.says(STATUS, {"upload_id": "up_1", "status": "failed", "error": "Could not process the file"})
    raised = error_of(revidapi.upload, account, of_bytes())
    assert (type(raised), raised.code, raised.reason) == (ProviderRefused, "input", "Could not process the file")


@pytest.mark.parametrize("first", [Reply(404), Reply(403), Reply(lost=True)])
def test_an_address_that_is_not_readable_at_once_gets_a_moment(first, revidapi, account, upstream, stored):
    upstream.says(DIRECT, {"url": stored})
    upstream.answers["GET /inputs/1.png"] = [first, Reply(206, b"x")]
    assert revidapi.upload(account, of_bytes()) == stored
    assert upstream.lines.count("GET /inputs/1.png") == 2


@pytest.mark.parametrize("address", ["{url}/never.png", "http://10.0.0.1/private.png"])
def test_an_address_that_we_may_not_read_is_used_all_the_same(address, revidapi, account, upstream, stored):
    address = address.format(url=upstream.url)
    upstream.says(DIRECT, {"url": address})
    assert revidapi.upload(account, of_bytes()) == address


def test_every_file_that_was_opened_is_closed(revidapi, account, upstream, stored):
    upstream.says(DIRECT, {"detail": "x"}, 503)
    opened = BytesIO(PNG)
    error_of(revidapi.upload, account, Input(content_type="image/png", open=lambda: opened))
    assert opened.closed


def test_upstream_may_fetch_an_address_itself(revidapi, account, upstream, stored):
    upstream.says(FROM_URL, {"upload_id": "up_1", "status": "processing"})
    upstream.says(STATUS, {"status": "completed", "url": stored})
    given = "https://example.com/video.mp4"
    assert revidapi.upload_from_url(account, given, kind="video") == stored
    assert upstream.asked[0].json == {"url": given, "type": "video"}
    upstream.says(FROM_URL, {"upload_id": "up_1", "status": "processing", "url": stored})
    assert revidapi.upload_from_url(account, given, kind="video") == stored
    upstream.says(FROM_URL, {"detail": "Not Found"}, 404)
    assert error_of(revidapi.upload_from_url, account, given, kind="video").code == "no_upload"


def fetched(revidapi, account, url, max_bytes=10_000):
    target = BytesIO()
    revidapi.fetch(account, url, target, max_bytes=max_bytes)
    return target.getvalue()


def test_a_result_comes_home_without_the_key(revidapi, account, upstream):
    upstream.says("GET /outputs/1.png", PNG, Content_Type="text/html")
    assert fetched(revidapi, account, f"{upstream.url}/outputs/1.png") == PNG
    assert "authorization" not in upstream.asked[0].headers


def test_a_result_may_be_moved(revidapi, account, upstream):
    upstream.says("GET /outputs/1.png", b"", 302, Location="/moved.png")
    upstream.says("GET /moved.png", PNG)
    assert fetched(revidapi, account, f"{upstream.url}/outputs/1.png") == PNG


@pytest.mark.parametrize(
    ("reply", "error", "code"),
    [
        (Reply(404), ProviderBusy, "busy"),
        (Reply(403), ProviderBusy, "busy"),
        (Reply(503, headers={"Retry-After": "7"}), ProviderBusy, "busy"),
        (Reply(lost=True), ProviderBusy, "busy"),
        (Reply(302, headers={"Location": "/outputs/1.png"}), ProviderBusy, "busy"),
        (Reply(302, headers={"Location": "http://169.254.169.254/"}), ProviderBusy, "unreachable"),
        (Reply(302, headers={"Location": "file:///etc/passwd"}), ProviderRefused, "failed"),
        (Reply(302, headers={"Location": "http://[::1"}), ProviderRefused, "failed"),
        (Reply(410), ProviderRefused, "gone"),
        (Reply(200, bytes(10_001)), ProviderRefused, "failed"),
    ],
)
def test_a_result_that_does_not_come_may_come_later_or_never(reply, error, code, revidapi, account, upstream):
    upstream.answers["GET /outputs/1.png"] = reply
    raised = error_of(fetched, revidapi, account, f"{upstream.url}/outputs/1.png")
    assert (type(raised), raised.code) == (error, code)


@pytest.mark.parametrize(
    ("url", "code"), [("preview:abc", "failed"), ("", "failed"), ("http://10.0.0.1/", "unreachable")]
)
def test_a_result_at_no_public_address_is_not_fetched(url, code, revidapi, account, upstream):
    assert error_of(fetched, revidapi, account, url).code == code
    assert upstream.asked == []
