"""Uploads in steps and from addresses: what each step does, what a repeat does, and what a crash leaves."""

import io
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.http import UnreadablePostError

from revidweb.accounts import actors
from revidweb.accounts.actors import ActingKey
from revidweb.files import fetching, intake, links, receiving, storage, tidying, uploading
from revidweb.files.models import Purpose, StoredFile, Upload, UploadState
from revidweb.lib import clock
from revidweb.lib.refusal import Refusal
from tests.files import makers
from tests.makers import an_actor

pytestmark = pytest.mark.django_db

URL = "https://images.example.com/fox.png"
PICTURE = makers.encoded()


class Crash(BaseException):
    """The process is gone; nothing of ours may catch it."""


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    """A storage of its own, so that it can be looked at whole."""
    settings.STORAGES = settings.STORAGES | {
        "default": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": tmp_path / "media", "file_permissions_mode": 0o600},
        }
    }
    return tmp_path / "media"


@pytest.fixture
def actor():
    return an_actor()


@pytest.fixture
def key(actor):
    return a_key_of(actor)


@pytest.fixture
def address(monkeypatch):
    """What the address delivers: bytes, or what it raises."""
    return Address(monkeypatch)


class Address:
    def __init__(self, monkeypatch):
        self.delivers, self.asked = PICTURE, 0
        monkeypatch.setattr(fetching, "fetch", self.fetch)

    def fetch(self, url: str, target: Path, *, max_bytes: int) -> None:
        self.asked += 1
        if isinstance(self.delivers, BaseException):
            raise self.delivers
        target.write_bytes(self.delivers)


def a_key_of(actor, number=1):
    key = ActingKey(pk=number, public_id=f"key_{number}", name="A key")
    return actors.by_key(key, tenant=actor.tenant, member=actor.member)


def put(upload, content=PICTURE, declared=None):
    return uploading.receive(upload, io.BytesIO(content), declared=declared)


def received(actor, content=PICTURE):
    upload = uploading.presign(actor, filename="fox.png")
    put(upload, content)
    return now(upload)


def now(upload):
    return Upload.objects.select_related("tenant", "file").get(pk=upload.pk)


def stored(media):
    """Everything in the storage but half-written files."""
    return {str(path.relative_to(media)) for path in media.rglob("*") if path.is_file() and ".parts" not in path.parts}


def refused(code):
    return pytest.raises(Refusal, match=f"^{code}")


def later(seconds):
    return time_machine.travel(clock.after(seconds), tick=False)


# -- at once


def test_an_image_brought_at_once_is_ready(actor, key, media):
    upload = uploading.bring(key, makers.an_upload(PICTURE, "../fox.png"))
    assert (upload.state, upload.key, upload.name) == (UploadState.READY, "key_1", "fox.png")
    assert (upload.file.key, upload.file.member, upload.file.purpose) == ("key_1", actor.member, Purpose.INPUT)
    assert (now(upload).lease_until, stored(media)) == (None, set(upload.file.names))


def test_the_same_content_is_one_file_of_each_who_brings_it(actor, key, media):
    mine = uploading.keep(actor, makers.an_upload(PICTURE))
    assert uploading.keep(actor, makers.an_upload(PICTURE)) == mine
    others = uploading.keep(key, makers.an_upload(PICTURE))
    assert others != mine
    assert uploading.keep(a_key_of(actor, 2), makers.an_upload(PICTURE)) not in (mine, others)
    assert stored(media) == {name for file in StoredFile.objects.all() for name in file.names}


def test_what_is_no_image_leaves_nothing_but_that_it_failed(actor, media):
    with pytest.raises(Refusal) as refusal:
        uploading.bring(actor, makers.an_upload(b"<svg>"))
    assert (refusal.value.code, refusal.value.field) == ("file_unknown_type", "file")
    failed = Upload.objects.get()
    assert (failed.state, failed.error, failed.lease_until) == (UploadState.FAILED, "file_unknown_type", None)
    assert not stored(media)


def test_what_is_no_image_counts_as_brought(actor, settings):
    settings.UPLOADS_PER_HOUR = 2
    for _ in range(2):
        with refused("file_unknown_type"):
            uploading.bring(actor, makers.an_upload(b"<svg>"))
    with refused("uploads_too_many"):
        uploading.bring(actor, makers.an_upload(PICTURE))


# -- in steps


def test_bytes_that_were_put_become_a_file_when_confirmed(key, media):
    upload = uploading.presign(key, filename="a/fox.png")
    assert (upload.state, upload.name) == (UploadState.WAITING, "fox.png")
    assert put(upload, declared=len(PICTURE)) == len(PICTURE)
    assert now(upload).state == UploadState.RECEIVED
    assert not StoredFile.objects.exists()
    ready = uploading.confirm(now(upload))
    assert (ready.state, ready.file.key, ready.file.name) == (UploadState.READY, "key_1", "fox.png")
    assert stored(media) == set(ready.file.names)
    assert now(upload).path == ""


def test_confirming_again_answers_the_same(actor):
    upload = received(actor)
    first = uploading.confirm(upload)
    again = uploading.confirm(upload)
    assert (again.state, again.file) == (UploadState.READY, first.file)
    assert StoredFile.objects.count() == 1


def test_nothing_is_confirmed_before_its_bytes_came(actor):
    upload = uploading.presign(actor, filename="fox.png")
    for _time in range(2):
        with refused("upload_not_received"):
            uploading.confirm(upload)
    assert now(upload).state == UploadState.WAITING


def test_bytes_are_replaced_until_they_are_confirmed(actor):
    upload = received(actor, b"first")
    put(upload, makers.a_photo())
    confirmed = uploading.confirm(now(upload))
    assert confirmed.file.content_type == "image/jpeg"
    for stale in (upload, now(upload)):
        with refused("upload_over"):
            put(stale)
    assert storage.exists(confirmed.file.path)


def test_what_is_no_image_fails_and_says_so_each_time(actor, media):
    upload = received(actor, makers.a_png_of_zeros(10_000, 10))
    for _time in range(2):
        with pytest.raises(Refusal) as refusal:
            uploading.confirm(now(upload))
        assert (refusal.value.code, refusal.value.facts["width"]) == ("image_too_large", 10_000)
    assert now(upload).state == UploadState.FAILED
    assert not stored(media)


@pytest.mark.parametrize(
    ("content", "declared", "code"),
    [
        (b"", 0, "file_empty"),
        (b"", None, "file_empty"),
        (b"x" * 10, 11, "file_cut_off"),
        (b"x" * 10, 2_000_000, "file_too_large"),
        (b"x" * 1_048_577, None, "file_too_large"),
        (b"x" * 1_048_577, 10, "file_too_large"),
    ],
)
def test_a_body_that_will_not_do_changes_nothing(actor, media, settings, content, declared, code):
    settings.UPLOAD_MAX_BYTES = 1_048_576
    upload = uploading.presign(actor, filename="fox.png")
    with refused(code):
        put(upload, content, declared)
    assert now(upload).state == UploadState.WAITING
    assert not stored(media)


def test_no_more_is_read_than_may_come(actor, settings):
    settings.UPLOAD_MAX_BYTES = 1_048_576
    body = io.BytesIO(bytes(50_000_000))
    with refused("file_too_large"):
        uploading.receive(uploading.presign(actor, filename="x"), body, declared=None)
    assert body.tell() < 1_500_000


@pytest.mark.parametrize("most", ["_START_S", "_MOST_S"])
def test_who_sends_too_slowly_is_not_waited_for(actor, monkeypatch, most):
    monkeypatch.setattr(receiving, most, 0.05)
    never, upload = threading.Event(), uploading.presign(actor, filename="fox.png")
    with refused("upload_too_slow"):
        uploading.receive(upload, Slow(never), declared=None)
    never.set()
    assert now(upload).state == UploadState.WAITING


class Slow:
    """Begins, and then waits."""

    def __init__(self, until):
        self.until, self.parts = until, [b"x"]

    def read(self, size, /):
        return self.parts.pop() if self.parts else b"y" * self.until.wait(20)


def test_who_sends_fast_enough_has_time_for_more(monkeypatch, tmp_path):
    monkeypatch.setattr(receiving, "_START_S", 0)
    monkeypatch.setattr(receiving, "_LEAST_BYTES_PER_S", 1)
    body = receiving._Timely(io.BytesIO(PICTURE))
    body._size_bytes = 60
    assert body.read(10) == PICTURE[:10]
    body.leave()


def test_what_goes_wrong_with_a_connection_is_told_as_it_is(actor):
    class Broken:
        def read(self, size, /):
            raise UnreadablePostError

    with pytest.raises(UnreadablePostError):
        uploading.receive(uploading.presign(actor, filename="fox.png"), Broken(), declared=None)


def test_bytes_are_put_ten_times_at_most(actor, settings):
    upload = uploading.presign(actor, filename="fox.png")
    for _ in range(9):
        with refused("file_empty"):
            put(upload, b"")
    put(upload)
    with refused("upload_tried_out"):
        put(upload)
    ready = uploading.confirm(now(upload))
    assert (ready.state, ready.tries) == (UploadState.READY, 1)


def test_bytes_for_an_upload_that_vanished_are_not_kept(actor, media):
    upload = uploading.presign(actor, filename="fox.png")
    Upload.objects.all().delete()
    with refused("upload_over"):
        put(upload)
    assert not stored(media)


def test_while_another_confirms_it_is_processing(actor, monkeypatch):
    upload = received(actor)
    seen = []

    def look(*args, **kwargs):
        seen.append(uploading.confirm(upload).state)
        monkeypatch.undo()
        return intake.take_in(*args, **kwargs)

    monkeypatch.setattr(intake, "take_in", look)
    assert uploading.confirm(upload).state == UploadState.READY
    assert seen == [UploadState.PROCESSING]
    assert now(upload).tries == 1


# -- from an address


def test_an_address_is_fetched_by_the_worker(key, address, django_capture_on_commit_callbacks, monkeypatch):
    woken = []
    monkeypatch.setattr("revidweb.lib.wake._send", lambda task, args, expires: woken.append(args))
    with django_capture_on_commit_callbacks(execute=True):
        upload = uploading.from_url(key, url=URL)
    assert (upload.state, address.asked, woken) == (UploadState.PROCESSING, 0, [(upload.pk,)])
    uploading.work(upload.pk)
    assert (now(upload).state, now(upload).file.key) == (UploadState.READY, "key_1")
    uploading.work(upload.pk)
    assert address.asked == 1


def test_an_address_of_ours_is_ready_at_once_and_never_fetched(actor, address):
    file = uploading.keep(actor, makers.an_upload(PICTURE))
    upload = uploading.from_url(actor, url=links.sign(file))
    assert (upload.state, upload.file, address.asked) == (UploadState.READY, file, 0)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", "bad_address"),
        ("ftp://images.example.com/a.png", "bad_address"),
        ("http://user@images.example.com/a.png", "bad_address"),
        ("http://169.254.169.254/latest/meta-data", "private_address"),
        ("http://localhost:8000/t/x/", "unknown_input"),
        ("http://localhost:9000/a.png", "unknown_input"),
    ],
)
def test_an_address_that_will_not_do_is_refused_at_once(actor, url, code):
    with pytest.raises(Refusal) as refusal:
        uploading.from_url(actor, url=url)
    assert (refusal.value.code, refusal.value.field) == (code, "url")
    assert not Upload.objects.exists()


def test_only_images_are_taken(actor, tmp_path):
    with refused("only_images"):
        uploading.from_url(actor, url=URL, kind="video")
    clip = makers.a_clip(tmp_path)
    file = intake.take_in(clip, tenant=actor.tenant, member=actor.member, purpose=Purpose.OUTPUT, stem="outputs/t/u/0")
    file.save()
    with refused("not_an_image"):
        uploading.from_url(actor, url=links.sign(file))


def test_what_the_address_delivers_may_be_no_image(actor, address, media):
    address.delivers = b"<!doctype html>"
    upload = uploading.from_url(actor, url=URL)
    uploading.work(upload.pk)
    assert (now(upload).state, now(upload).error) == (UploadState.FAILED, "file_unknown_type")
    assert not stored(media)


def test_an_address_that_answers_no_is_told_with_its_figures(actor, address):
    address.delivers = Refusal("address_answered", status=404)
    upload = uploading.from_url(actor, url=URL)
    uploading.work(upload.pk)
    refusal = uploading.refusal_of(now(upload))
    assert (refusal.code, refusal.facts, refusal.field) == ("address_answered", {"status": 404}, "url")


def test_an_address_in_trouble_is_asked_again_and_given_up_in_the_end(actor, address):
    address.delivers = fetching.FetchFailed("Timeout", wait_s=10)
    upload = uploading.from_url(actor, url=URL)
    uploading.work(upload.pk)
    waiting = now(upload)
    assert (waiting.state, waiting.tries, waiting.lease_until) == (UploadState.PROCESSING, 1, None)
    assert timedelta(seconds=8) < waiting.next_look_at - clock.now() <= timedelta(seconds=10)
    for _try in range(10):
        uploading.work(upload.pk)
    assert (now(upload).state, now(upload).error, address.asked) == (UploadState.FAILED, "address_silent", 5)


def test_an_address_that_comes_back_is_taken(actor, address):
    upload = uploading.from_url(actor, url=URL)
    address.delivers = fetching.FetchFailed("HTTP 503")
    uploading.work(upload.pk)
    address.delivers = PICTURE
    uploading.work(upload.pk)
    assert now(upload).state == UploadState.READY


# -- crashes


def crash(*args, **kwargs):
    raise Crash


@pytest.mark.parametrize("moment", ["intake.probe.look", "uploading._same_content", "tidying.storage.delete"])
def test_a_crash_is_taken_up_again_and_leaves_nothing_behind(actor, address, media, monkeypatch, moment):
    upload = uploading.from_url(actor, url=URL)
    with monkeypatch.context() as broken:
        broken.setattr(f"revidweb.files.{moment}", crash)
        with pytest.raises(Crash):
            uploading.work(upload.pk)
    uploading.work(upload.pk)
    with later(600):
        uploading.work(upload.pk)
        tidying.sweep()
    ready = now(upload)
    assert (ready.state, ready.lease_until) == (UploadState.READY, None)
    assert stored(media) == set(ready.file.names)


def test_a_crash_while_confirming_is_taken_up_by_the_tick(actor, media, monkeypatch):
    upload = received(actor)
    with monkeypatch.context() as broken:
        broken.setattr(uploading, "_same_content", crash)
        with pytest.raises(Crash):
            uploading.confirm(upload)
    assert uploading.confirm(upload).state == UploadState.PROCESSING
    woken = []
    monkeypatch.setattr("revidweb.lib.wake.up", lambda task, *args, **options: woken.append(args))
    uploading.tick()
    assert woken == []
    with later(600):
        uploading.tick()
        assert woken == [(upload.pk,)]
        uploading.work(upload.pk)
    assert stored(media) == set(now(upload).file.names)


def test_a_crash_while_bringing_at_once_leaves_nothing_in_the_end(actor, media, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(uploading, "_same_content", crash)
        with pytest.raises(Crash):
            uploading.bring(actor, makers.an_upload(PICTURE))
    assert len(stored(media)) == 2
    with later(600):
        uploading.work(Upload.objects.get().pk)
    assert not stored(media)
    with later(90_000):
        assert tidying.sweep() == 1
    assert not Upload.objects.exists()


def test_a_file_that_kills_whoever_looks_is_given_up(actor, address, monkeypatch):
    upload = uploading.from_url(actor, url=URL)
    Upload.objects.update(tries=uploading.TRIES_MOST)
    uploading.work(upload.pk)
    assert (now(upload).state, now(upload).error, address.asked) == (UploadState.FAILED, "file_broken", 0)


def test_a_slow_try_leaves_what_a_faster_one_made(actor, address, media, monkeypatch):
    upload = uploading.from_url(actor, url=URL)
    take_in = intake.take_in

    def overtaken(*args, **kwargs):
        file = take_in(*args, **kwargs)
        monkeypatch.setattr(intake, "take_in", take_in)
        Upload.objects.update(lease_until=clock.ago(1))
        uploading.work(upload.pk)
        return file

    monkeypatch.setattr(intake, "take_in", overtaken)
    uploading.work(upload.pk)
    ready = now(upload)
    assert (ready.state, ready.tries, StoredFile.objects.count()) == (UploadState.READY, 2, 1)
    assert ready.file.path == f"{tidying.stem(ready, 2)}.png"
    assert stored(media) == set(ready.file.names)


def away(upload):
    raise OSError("The storage is away.")


def test_a_storage_in_trouble_is_asked_again(actor, media, monkeypatch):
    upload = received(actor)
    with monkeypatch.context() as broken:
        broken.setattr(tidying, "_clear", away)
        assert uploading.confirm(upload).state == UploadState.READY
    assert len(stored(media)) == 3
    with later(600):
        tidying.sweep()
    assert stored(media) == set(now(upload).file.names)


# -- vanishing


def test_what_nobody_confirms_vanishes_with_its_bytes(actor, media, settings):
    waiting, unconfirmed = uploading.presign(actor, filename="a.png"), received(actor)
    ready = uploading.confirm(received(actor, makers.a_photo()))
    with later(settings.UPLOAD_WAIT_S - 60):
        assert tidying.sweep() == 0
    with later(settings.UPLOAD_WAIT_S + 60):
        assert tidying.sweep() == 2
    assert not Upload.objects.filter(pk__in=[waiting.pk, unconfirmed.pk]).exists()
    assert stored(media) == set(ready.file.names)


def test_bytes_of_a_put_that_crashed_vanish_too(actor, media, monkeypatch):
    upload = uploading.presign(actor, filename="a.png")
    with monkeypatch.context() as broken:
        broken.setattr(uploading, "_note_received", crash)
        with pytest.raises(Crash):
            put(upload)
    assert len(stored(media)) == 1
    with later(90_000):
        assert tidying.sweep() == 1
    assert not stored(media)


# -- whose turn it is


def test_of_each_tenant_two_are_fetched_at_once_and_six_in_all(actor, address, monkeypatch):
    others = [an_actor() for _ in range(3)]
    uploads = [uploading.from_url(who, url=URL) for who in (actor, *others) for _ in range(3)]
    woken = []
    monkeypatch.setattr("revidweb.lib.wake.up", lambda task, *args, **options: woken.extend(args))
    uploading.tick()
    assert len(woken) == 8
    Upload.objects.filter(pk__in=[uploads[0].pk, uploads[1].pk]).update(lease_until=clock.after(60))
    uploading.work(uploads[2].pk)
    assert address.asked == 0
    uploading.work(uploads[3].pk)
    assert address.asked == 1
    at_work = [uploads[number].pk for number in (4, 5, 6, 7)]
    Upload.objects.filter(pk__in=at_work).update(lease_until=clock.after(60))
    uploading.work(uploads[9].pk)
    assert address.asked == 1


# -- limits


def test_uploads_in_an_hour_are_counted_for_each_member_and_all_their_keys(actor, key, settings):
    settings.UPLOADS_PER_HOUR = 2
    with time_machine.travel(clock.ago(1800), tick=False):
        uploading.presign(key, filename="a.png")
    uploading.bring(key, makers.an_upload(PICTURE))
    for deed in (
        lambda: uploading.presign(key, filename="b.png"),
        lambda: uploading.from_url(key, url=URL),
        lambda: uploading.keep(key, makers.an_upload(PICTURE)),
        lambda: uploading.presign(a_key_of(actor, 2), filename="b.png"),
        lambda: uploading.presign(actor, filename="b.png"),
    ):
        with pytest.raises(Refusal) as refusal:
            deed()
        assert (refusal.value.code, refusal.value.facts["most"]) == ("uploads_too_many", 2)
        assert 1750 < refusal.value.facts["retry_after_s"] <= 1800
    uploading.presign(an_actor(actor.tenant), filename="a.png")
    with later(1801):
        uploading.presign(key, filename="b.png")


def test_each_standalone_key_has_a_count_of_its_own(actor, settings):
    settings.UPLOADS_PER_HOUR = 1
    for number in (1, 2):
        standalone = a_key_of(replace(actor, member=None), number)
        uploading.presign(standalone, filename="a.png")
        with refused("uploads_too_many"):
            uploading.presign(standalone, filename="b.png")


def test_a_tenants_inputs_have_room_only_for_so_much(actor, key, address, settings):
    size = uploading.keep(actor, makers.an_upload(makers.a_photo())).size_bytes
    settings.UPLOAD_DISK_BYTES = size + len(PICTURE) - 1
    with refused("disk_full"):
        uploading.keep(key, makers.an_upload(PICTURE))
    upload = uploading.presign(key, filename="a.png")
    with refused("disk_full"):
        put(upload)
    fetched = uploading.from_url(key, url=URL)
    uploading.work(fetched.pk)
    assert now(fetched).error == "disk_full"
    uploading.keep(an_actor(), makers.an_upload(PICTURE))
    settings.UPLOAD_DISK_BYTES += 1
    put(upload)
    put(now(upload))
    with refused("disk_full"):
        uploading.keep(key, makers.an_upload(makers.encoded(makers.a_picture(10, 10))))


def test_deleted_inputs_make_room(actor, settings):
    file = uploading.keep(actor, makers.an_upload(PICTURE))
    settings.UPLOAD_DISK_BYTES = file.size_bytes
    with refused("disk_full"):
        uploading.keep(actor, makers.an_upload(makers.a_photo()))
    StoredFile.objects.update(deleted_at=clock.now())
    uploading.keep(actor, makers.an_upload(PICTURE))
