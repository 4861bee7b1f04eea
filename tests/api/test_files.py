"""Uploads by programs: at once, in steps, from an address."""

import io
import json

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from revidweb.api.endpoints import files
from revidweb.files import erasing, fetching, uploading
from revidweb.files.models import StoredFile, Upload, UploadState
from revidweb.jobs.models import JobInput
from revidweb.lib import clock
from tests.files import makers

from .makers import a_program, a_user

pytestmark = pytest.mark.django_db

PICTURE = makers.encoded()
URL = "https://images.example.com/fox.png"


def a_file(content=PICTURE, name="fox.png"):
    return SimpleUploadedFile(name, content, content_type="image/png")


def told(answer):
    return answer.status_code, answer.json()


def a_detail(answer):
    return answer.status_code, answer.json()["detail"]


def put(url, content=PICTURE, **headers):
    return Client().put(url.partition("8000")[2], content, content_type="image/png", headers=headers)


def presigned(program):
    return program.post("/files/upload/presign", {"filename": "fox.png"}).json()


def opened(url):
    return Client().get("/v1/" + url.partition("/v1/")[2]).getvalue()


# -- at once


@pytest.mark.parametrize("field", ["file", "input_image"])
def test_an_image_is_kept_and_its_address_opens(program, field):
    status, answer = told(program.form("/files/upload/image", {field: a_file()}))
    file = StoredFile.objects.get()
    assert status == 200
    assert answer == {
        "upload_id": Upload.objects.get().public_id,
        "file_id": file.public_id,
        "url": answer["url"],
        "type": "image",
        "status": "ready",
        "content_type": "image/png",
        "size_bytes": file.size_bytes,
    }
    assert file.key == program.key.public_id
    assert len(opened(answer["url"])) == file.size_bytes


def test_it_is_an_input_that_is_never_fetched(program, upstream):
    url = program.form("/files/upload/image", {"file": a_file()}).json()["url"]
    order = {"prompt": "A fox", "model": "nano-banana", "img_url": url}
    answer = program.post("/image/generate", order)
    assert answer.status_code == 200, answer.content
    assert JobInput.objects.get().file == StoredFile.objects.get()


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"", "file: the file is empty"),
        (b"<svg>", "file: not a PNG, JPEG, WebP or GIF image"),
        (PICTURE[:-30], "file: the file is damaged or incomplete"),
        (makers.an_animation("GIF"), "file: an animated image is not taken"),
        (makers.a_png_of_zeros(10_000, 10), "file: 10000 x 10 pixels; at most 8192 on a side are taken"),
    ],
)
def test_a_bad_image_is_refused_and_nothing_is_kept(program, content, detail):
    assert a_detail(program.form("/files/upload/image", {"file": a_file(content)})) == (400, detail)
    assert Upload.objects.get().state == UploadState.FAILED
    assert not StoredFile.objects.exists()


def test_one_that_is_too_large_is_refused(program, settings):
    settings.UPLOAD_MAX_BYTES = 1_048_576
    answer = program.form("/files/upload/image", {"file": a_file(PICTURE + bytes(3_000_000))})
    assert a_detail(answer) == (400, "file: the file is larger than 1 MB")


@pytest.mark.parametrize("body", [None, {}, {"file": "fox.png"}, {"file": None}])
def test_a_request_without_a_file_is_told_so(program, body):
    assert a_detail(program.post("/files/upload/image", body)) == (400, "file: required")
    assert a_detail(program.form("/files/upload/image", {"file": "text"})) == (400, "file: required")


# -- in steps


def test_bytes_are_put_without_a_key_and_confirmed(program):
    begun = presigned(program)
    assert sorted(begun) == ["expires_at", "method", "upload_id", "upload_url"]
    assert (begun["method"], begun["upload_id"][:3]) == ("PUT", "up_")
    status, answer = told(put(begun["upload_url"]))
    assert (status, answer) == (200, {"upload_id": begun["upload_id"], "size_bytes": len(PICTURE)})
    first = program.post("/files/upload/confirm", {"upload_id": begun["upload_id"]})
    assert first.status_code == 200
    assert first.json()["status"] == "ready"
    assert told(program.post("/files/upload/confirm", {"upload_id": begun["upload_id"]})) == (200, first.json())
    assert opened(first.json()["url"])


def test_larger_bodies_than_forms_may_have_are_streamed(program, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    begun = program.form("/files/upload/presign", {"filename": "fox.png"}).json()
    assert put(begun["upload_url"], PICTURE).status_code == 200
    answer = program.form("/files/upload/confirm", {"upload_id": begun["upload_id"]})
    assert answer.json()["status"] == "ready"


def test_a_body_that_will_not_do_is_refused(program, settings):
    settings.UPLOAD_MAX_BYTES = 1_048_576
    url = presigned(program)["upload_url"]
    assert a_detail(put(url, bytes(1_048_577))) == (400, "the file is larger than 1 MB")
    assert a_detail(put(url, b"")) == (400, "the file is empty")


@pytest.mark.parametrize(("size", "status"), [(900_000, 200), (50_000_000, 400)])
def test_a_chunked_body_is_taken_up_to_the_limit(program, settings, size, status):
    settings.UPLOAD_MAX_BYTES = 1_048_576
    body = io.BytesIO(bytes(size))
    client, url = Client(), presigned(program)["upload_url"].partition("8000")[2]
    answer = client.generic("PUT", url, **{"wsgi.input": body, "wsgi.input_terminated": True, "CONTENT_LENGTH": ""})
    assert answer.status_code == status
    assert body.tell() < 1_500_000


def test_an_address_for_bytes_expires_and_cannot_be_forged(program):
    begun = presigned(program)
    assert told(put(begun["upload_url"][:-1])) == (404, {"detail": "Upload not found"})
    assert put(begun["upload_url"].replace("up_", "up_x")).status_code == 404
    with time_machine.travel(clock.after(50_000), tick=False):
        answer = put(begun["upload_url"])
    assert (answer.status_code, "expired" in answer.json()["detail"]) == (410, True)
    Upload.objects.all().delete()
    assert put(begun["upload_url"]).status_code == 404


def test_pages_of_anybody_may_put(program):
    url = presigned(program)["upload_url"]
    assert put(url, Origin="https://app.example")["Access-Control-Allow-Origin"] == "*"
    asked = Client().options(url.partition("8000")[2])
    assert (asked.status_code, asked["Access-Control-Allow-Methods"]) == (204, "PUT, OPTIONS")
    for method in ("get", "post", "delete"):
        assert getattr(Client(), method)(url.partition("8000")[2]).status_code == 405


def test_nothing_more_is_put_once_it_was_confirmed(program):
    begun = presigned(program)
    put(begun["upload_url"])
    program.post("/files/upload/confirm", {"upload_id": begun["upload_id"]})
    assert put(begun["upload_url"]).status_code == 400


def test_confirming_refuses_what_cannot_be(program):
    begun = presigned(program)
    confirm = {"upload_id": begun["upload_id"]}
    assert program.post("/files/upload/confirm", confirm).status_code == 400
    put(begun["upload_url"], b"no image")
    for _time in range(2):
        assert a_detail(program.post("/files/upload/confirm", confirm)) == (
            400,
            "file: not a PNG, JPEG, WebP or GIF image",
        )
    assert a_detail(program.post("/files/upload/confirm", {})) == (400, "upload_id: required")
    assert program.post("/files/upload/confirm", {"upload_id": 5}).status_code == 400
    assert a_detail(program.post("/files/upload/confirm", {"upload_id": "up_no"})) == (404, "Upload not found")
    assert a_detail(program.post("/files/upload/presign", {})) == (400, "filename: required")


# -- from an address


@pytest.fixture
def delivers(monkeypatch):
    def fetch(url, target, *, max_bytes):
        target.write_bytes(PICTURE if url == URL else b"nothing")

    monkeypatch.setattr(fetching, "fetch", fetch)


@pytest.mark.usefixtures("delivers")
def test_an_address_is_fetched_in_the_background(program):
    status, answer = told(program.post("/files/upload-url", {"url": URL, "type": "image"}))
    assert (status, answer) == (200, {"upload_id": answer["upload_id"], "status": "processing"})
    path = f"/files/upload/{answer['upload_id']}/status"
    assert told(program.get(path)) == (200, answer)
    uploading.work(Upload.objects.get().pk)
    stand = program.get(path).json()
    assert sorted(stand) == ["content_type", "file_id", "size_bytes", "status", "type", "upload_id", "url"]
    assert (stand["status"], stand["type"]) == ("completed", "image")
    assert opened(stand["url"])


@pytest.mark.usefixtures("delivers")
def test_why_it_failed_is_told(program):
    upload_id = program.post("/files/upload-url", {"url": f"{URL}?other"}).json()["upload_id"]
    uploading.work(Upload.objects.get().pk)
    assert told(program.get(f"/files/upload/{upload_id}/status")) == (
        200,
        {"upload_id": upload_id, "status": "failed", "error": "not a PNG, JPEG, WebP or GIF image"},
    )


def test_an_address_of_ours_is_ready_at_once(program):
    first = program.form("/files/upload/image", {"file": a_file()}).json()
    second = program.post("/files/upload-url", {"url": first["url"]}).json()
    assert (second["status"], second["file_id"]) == ("ready", first["file_id"])
    assert second["upload_id"] != first["upload_id"]


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({}, "url: must be a full http or https address"),
        ({"url": "fox.png"}, "url: must be a full http or https address"),
        ({"url": "http://10.0.0.1/a.png"}, "url: 10.0.0.1 is not a public address"),
        ({"url": "http://localhost:8000/a.png"}, "url: no such file"),
        ({"url": URL, "type": "video"}, "type: only images are taken"),
        ({"url": URL, "type": 7}, "type: must be a string"),
        ({"url": [URL, 5]}, "url: must be a string"),
    ],
)
def test_a_bad_address_is_refused(program, body, detail):
    assert a_detail(program.post("/files/upload-url", body)) == (400, detail)
    assert not Upload.objects.exists()


# -- how it stands


def test_what_was_put_is_processing_until_it_is_confirmed(program):
    begun = presigned(program)
    path = f"/files/upload/{begun['upload_id']}/status"
    assert program.get(path).json()["status"] == "processing"
    put(begun["upload_url"])
    assert program.get(path).json()["status"] == "processing"
    program.post("/files/upload/confirm", {"upload_id": begun["upload_id"]})
    assert program.get(path).json()["status"] == "completed"


def test_an_upload_whose_file_was_deleted_failed(program, django_capture_on_commit_callbacks):
    upload_id = program.form("/files/upload/image", {"file": a_file()}).json()["upload_id"]
    with django_capture_on_commit_callbacks(execute=True):
        erasing.erase(StoredFile.objects.all())
    stand = program.get(f"/files/upload/{upload_id}/status").json()
    assert stand == {"upload_id": upload_id, "status": "failed", "error": "This file was deleted"}
    answer = program.post("/files/upload/confirm", {"upload_id": upload_id})
    assert a_detail(answer) == (404, "This file was deleted")


def test_nobody_else_sees_or_confirms_it(program, user, owner):
    begun = presigned(program)
    put(begun["upload_url"])
    for other in (a_program(user), a_program(a_user(owner)), a_program(owner)):
        for upload_id in (begun["upload_id"], "up_no", "%00", "%F0%9F%A6%8A"):
            assert told(other.get(f"/files/upload/{upload_id}/status")) == (404, {"detail": "Upload not found"})
        assert other.post("/files/upload/confirm", {"upload_id": begun["upload_id"]}).status_code == 404
    assert not StoredFile.objects.exists()


# -- limits


def test_too_many_in_an_hour_are_told_when_to_come_back(program, settings):
    settings.UPLOADS_PER_HOUR = 1
    presigned(program)
    for answer in (
        program.post("/files/upload/presign", {"filename": "b.png"}),
        program.post("/files/upload-url", {"url": URL}),
        program.form("/files/upload/image", {"file": a_file()}),
        program.form("/image/generate", {"prompt": "A fox", "model": "nano-banana", "input_image": a_file()}),
    ):
        assert a_detail(answer) == (429, "Too many uploads. Limit: 1 per hour.")
        assert 3500 < int(answer["Retry-After"]) <= 3600


def test_a_full_disk_is_bad_input(program, settings):
    settings.UPLOAD_DISK_BYTES = 100
    answer = program.form("/files/upload/image", {"file": a_file()})
    assert (answer.status_code, "storage for uploads is full" in answer.json()["detail"]) == (400, True)
    url = presigned(program)["upload_url"]
    assert put(url).status_code == 400


def test_answers_are_of_the_shapes_that_are_told(program):
    uploaded = program.form("/files/upload/image", {"file": a_file()}).json()
    files.Uploaded.model_validate(uploaded)
    files.Presigned.model_validate_json(json.dumps(presigned(program)))
    files.Stand.model_validate(program.get(f"/files/upload/{uploaded['upload_id']}/status").json())
