"""Uploads: an input image before its form is sent."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from revidweb.files.models import StoredFile
from tests.files import makers
from tests.makers import a_client, a_member

pytestmark = pytest.mark.django_db


def send(member, content=None, name="photo.png", client=None):
    upload = SimpleUploadedFile(name, makers.encoded() if content is None else content, content_type="image/png")
    return (client or a_client(member)).post(reverse("uploads", args=[member.tenant.slug]), {"input_image": upload})


def test_an_image_is_kept_and_its_thumbnail_is_there():
    member = a_member()
    answer = send(member)
    file = StoredFile.objects.get()
    assert answer.status_code == 201
    assert answer.json() == {
        "id": file.public_id,
        "name": "photo.png",
        "width": 96,
        "height": 64,
        "thumb_url": reverse("media", args=[member.tenant.slug, file.public_id, "thumb"]),
    }
    assert file.member == member
    thumb = a_client(member).get(answer.json()["thumb_url"])
    assert (thumb.status_code, thumb["Content-Type"], thumb.getvalue()[:4]) == (200, "image/webp", b"RIFF")


def test_the_same_image_again_is_the_same_file():
    member = a_member()
    assert send(member).json()["id"] == send(member, name="copy.png").json()["id"]
    assert StoredFile.objects.count() == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "not a picture that can be read"),
        (b"<!doctype html><script>alert(1)</script>", "not a picture that can be read"),
        (b"\x89PNG\r\n\x1a\n<script>alert(1)</script>", "damaged"),
        (makers.encoded(kind="JPEG")[:-300], "damaged"),
        (makers.a_png_of_zeros(10_000, 10), "measures 10,000 × 10 pixels. At most 8,192"),
        (makers.a_png_of_zeros(30_000, 30_000), "far too large"),
        (makers.an_animation("GIF"), "animated"),
        (b"", "empty"),
    ],
)
def test_a_bad_upload_is_refused_in_words_and_writes_nothing(content, words):
    answer = send(a_member(), content)
    assert answer.status_code == 422
    assert words in answer.json()["error"]
    assert not StoredFile.objects.exists()


def test_a_huge_upload_is_refused_in_words(settings):
    settings.UPLOAD_MAX_BYTES = 1_048_576
    answer = send(a_member(), makers.encoded() + bytes(5_000_000))
    assert (answer.status_code, answer.json()["error"]) == (
        422,
        "The file is larger than 1 MB. Choose a smaller one.",
    )


def test_a_huge_upload_is_not_written_to_the_disk(settings, monkeypatch):
    settings.UPLOAD_MAX_BYTES = 1_048_576
    settings.FILE_UPLOAD_HANDLERS = [
        "revidweb.files.receiving.BoundedUploadHandler",
        "django.core.files.uploadhandler.TemporaryFileUploadHandler",
    ]
    sizes = []
    monkeypatch.setattr("revidweb.web.views.uploads.uploading.keep", lambda _, upload: sizes.append(upload.size))
    with pytest.raises(AttributeError):
        send(a_member(), bytes(5_000_000))
    assert 1_048_576 < sizes[0] < 1_300_000


def test_a_form_without_a_file_is_told_so():
    member = a_member()
    answer = a_client(member).post(reverse("uploads", args=[member.tenant.slug]))
    assert (answer.status_code, answer.json()) == (422, {"error": "Choose a file first."})


def test_so_many_in_an_hour_are_enough(settings):
    settings.UPLOADS_PER_HOUR = 1
    member = a_member()
    assert send(member).status_code == 201
    answer = send(member, makers.a_photo())
    assert (answer.status_code, answer.json()["error"]) == (
        422,
        "You have brought 1 file in an hour. Wait a while, or use one that is here already.",
    )
    assert send(a_member(member.tenant)).status_code == 201
    assert StoredFile.objects.count() == 2


def test_a_full_disk_is_told(settings):
    settings.UPLOAD_DISK_BYTES = 100
    answer = send(a_member())
    assert (answer.status_code, "Ask the operator" in answer.json()["error"]) == (422, True)
    assert not StoredFile.objects.exists()


def test_strangers_nobody_and_other_methods_are_turned_away():
    member = a_member()
    path = reverse("uploads", args=[member.tenant.slug])
    assert send(member, client=a_client(a_member())).status_code == 404
    assert send(member, client=Client()).status_code == 302
    assert a_client(member).get(path).status_code == 405
    assert not StoredFile.objects.exists()


def test_a_form_from_elsewhere_is_refused():
    member = a_member()
    client = Client(enforce_csrf_checks=True)
    client.force_login(member.person)
    assert send(member, client=client).status_code == 403
    assert not StoredFile.objects.exists()
