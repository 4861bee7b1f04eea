"""Media by signed address: open to whoever has it, until it expires."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils.log import request_logger

from revidweb.accounts import hosts
from revidweb.accounts.models import Host, HostPurpose, HostState
from revidweb.files import erasing, intake, links, storage, uploading
from revidweb.files.models import Purpose, StoredFile
from revidweb.lib import clock
from tests.files import makers
from tests.makers import an_actor

pytestmark = pytest.mark.django_db

MEDIA = "media.aurora.com"


@pytest.fixture(autouse=True)
def _know_no_host():
    yield
    hosts._known.clear()


@pytest.fixture
def photo():
    return uploading.keep(an_actor(), makers.an_upload(makers.encoded(), "fox.png"))


@pytest.fixture
def content(photo):
    with storage.read(photo.path) as file:
        return file.read()


def ask(url, method="get", *, host="localhost:8000", **headers):
    sent = {"Host": host} | {name.replace("_", "-"): value for name, value in headers.items()}
    answer = getattr(Client(), method)("/v1/" + url.partition("/v1/")[2], headers=sent)
    answer.body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return answer


def test_it_opens_without_a_key(photo, content):
    answer = ask(links.sign(photo))
    assert (answer.status_code, answer.body) == (200, content)
    assert (answer["Content-Type"], answer["Content-Length"]) == ("image/png", str(len(content)))
    assert answer["Content-Disposition"] == "inline; filename=\"fox.png\"; filename*=UTF-8''fox.png"
    assert not answer.cookies


def test_pages_of_anybody_may_read_it_and_it_runs_nothing(photo):
    answer = ask(links.sign(photo))
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert answer["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    asked = ask(links.sign(photo), "options", Origin="https://app.example", Access_Control_Request_Method="GET")
    assert (asked.status_code, asked["Access-Control-Allow-Origin"]) == (204, "*")
    assert "Range" in asked["Access-Control-Allow-Headers"]


def test_it_is_kept_until_it_expires(photo):
    url = links.sign(photo)
    left_s = links.read(*url.partition("/v1/media/")[2].split("/")).left_s
    kept = ask(url)["Cache-Control"]
    assert kept.startswith("private, max-age=")
    assert left_s - 5 <= int(kept.partition("max-age=")[2]) <= left_s


def test_ranges_versions_and_head_work_as_on_pages(photo, content):
    url = links.sign(photo)
    part = ask(url, Range="bytes=0-0")
    assert (part.status_code, part.body, part["Content-Range"]) == (206, content[:1], f"bytes 0-0/{len(content)}")
    assert ask(url, Range="bytes=99999999-").status_code == 416
    head = ask(url, "head")
    assert (head.status_code, head.body, head["Content-Length"]) == (200, b"", str(len(content)))
    known = ask(url, If_None_Match=head["ETag"])
    assert (known.status_code, known["Cross-Origin-Resource-Policy"]) == (304, "cross-origin")


def test_thumb_and_poster_open_too(tmp_path):
    actor = an_actor()
    clip = intake.take_in(
        makers.a_clip(tmp_path), tenant=actor.tenant, member=None, purpose=Purpose.OUTPUT, stem="outputs/t/signed/0"
    )
    clip.save()
    types = [ask(links.sign(clip, name_variant=name))["Content-Type"] for name in ("original", "thumb", "poster")]
    assert types == ["video/mp4", "image/webp", "image/webp"]


def test_an_expired_address_is_gone(photo):
    url = links.sign(photo)
    with time_machine.travel(clock.now() + timedelta(hours=26), tick=False):
        answer = ask(url)
    assert (answer.status_code, answer["Content-Type"]) == (410, "application/json")
    assert "expired" in answer.json()["detail"]
    assert answer["Access-Control-Allow-Origin"] == "*"


def test_a_deleted_file_is_gone(photo, django_capture_on_commit_callbacks):
    url = links.sign(photo)
    with django_capture_on_commit_callbacks(execute=True):
        erasing.erase(StoredFile.objects.filter(pk=photo.pk))
    answer = ask(url)
    assert (answer.status_code, answer.json()) == (410, {"detail": "This file was deleted"})


def test_a_forged_address_is_404_and_asks_the_database_nothing(photo, django_assert_num_queries):
    for forged in (f"/v1/media/{photo.public_id}/9999999999.{'A' * 22}/original.png", "/v1/media/%00/%00/%00"):
        with django_assert_num_queries(0):
            answer = ask(forged)
        assert (answer.status_code, answer.json()) == (404, {"detail": "Not found"})


def test_lost_bytes_are_404(photo):
    storage.delete(*photo.names)
    assert ask(links.sign(photo)).status_code == 404


def test_it_is_only_read(photo):
    for method in ("post", "put", "patch", "delete"):
        assert ask(links.sign(photo), method).status_code == 405


def test_no_signature_is_logged(photo, monkeypatch):
    lines = []
    monkeypatch.setattr(request_logger, "warning", lambda *args, **also: lines.append(args))
    Host.objects.create(tenant=photo.tenant, name=MEDIA, purpose=HostPurpose.MEDIA, state=HostState.APPROVED)
    url = links.sign(photo)
    for host in ("localhost:8000", MEDIA):
        assert [ask(url, "post", host=host).status_code, ask(f"{url}x", host=host).status_code] == [405, 404]
    with time_machine.travel(clock.after(100_000), tick=False):
        assert ask(url).status_code == 410
    assert not lines
    Client().get("/nothing-here/")
    assert len(lines) == 1


def test_it_costs_one_query(photo, django_assert_num_queries):
    url = links.sign(photo)
    with django_assert_num_queries(1):
        ask(url)


def test_a_media_host_serves_it_and_nothing_else(photo, content):
    Host.objects.create(tenant=photo.tenant, name=MEDIA, purpose=HostPurpose.MEDIA, state=HostState.APPROVED)
    url = links.sign(photo)
    assert url.startswith(f"http://{MEDIA}/v1/media/")
    answer = ask(url, host=MEDIA)
    assert (answer.status_code, answer.body) == (200, content)
    assert ask(url, "post", host=MEDIA).status_code == 405
    assert ask("/v1/models", host=MEDIA).status_code == 404
