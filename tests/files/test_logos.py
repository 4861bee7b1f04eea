"""A tenant's logo."""

import io

import pytest
from PIL import Image

from revidweb.files import logos, probe, storage
from revidweb.lib.refusal import Refusal
from tests.makers import a_tenant

from . import makers

pytestmark = pytest.mark.django_db


def picture_of(name):
    with storage.read(name) as file:
        return Image.open(io.BytesIO(file.read()))


def test_a_logo_is_fitted_and_keeps_its_transparency():
    tenant, picture = a_tenant(), makers.a_picture(1024, 512, "RGBA")
    picture.putalpha(0)
    logos.put(tenant, makers.an_upload(makers.encoded(picture)))
    tenant.refresh_from_db()
    logo = picture_of(tenant.logo)
    assert (logo.format, logo.size, logo.mode) == ("WEBP", (256, 128), "RGBA")
    assert logo.getpixel((9, 9))[3] == 0


def test_a_new_logo_replaces_the_old_one_and_removing_it_leaves_nothing(django_capture_on_commit_callbacks):
    tenant = a_tenant()
    with django_capture_on_commit_callbacks(execute=True):
        logos.put(tenant, makers.an_upload(makers.encoded()))
    first = tenant.logo
    with django_capture_on_commit_callbacks(execute=True):
        logos.put(tenant, makers.an_upload(makers.encoded(makers.a_picture(32, 32))))
    second = tenant.logo
    assert (first != second, storage.exists(first), storage.exists(second)) == (True, False, True)
    with django_capture_on_commit_callbacks(execute=True):
        logos.remove(tenant)
        logos.remove(tenant)
    assert (tenant.logo, storage.exists(second)) == ("", False)


def test_the_same_logo_again_changes_nothing(django_capture_on_commit_callbacks):
    tenant = a_tenant()
    for _ in range(2):
        with django_capture_on_commit_callbacks(execute=True):
            logos.put(tenant, makers.an_upload(makers.encoded()))
    assert storage.exists(tenant.logo)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "file_unknown_type"),
        (b"", "file_empty"),
        (makers.encoded()[:-40], "file_broken"),
        (makers.an_animation("GIF"), "image_animated"),
        (makers.a_png_of_zeros(9000, 10), "image_too_large"),
    ],
)
def test_a_bad_logo_is_refused_and_the_old_one_stays(content, code):
    tenant = a_tenant()
    logos.put(tenant, makers.an_upload(makers.encoded()))
    logo = tenant.logo
    with pytest.raises(Refusal) as refused:
        logos.put(tenant, makers.an_upload(content))
    assert (refused.value.code, refused.value.field) == (code, "logo")
    tenant.refresh_from_db()
    assert (tenant.logo, storage.exists(logo)) == (logo, True)


def test_a_clip_is_no_logo(tmp_path):
    with pytest.raises(Refusal, match="not_an_image"):
        logos.put(a_tenant(), makers.an_upload(makers.a_clip(tmp_path).read_bytes()))


def test_a_clip_as_a_logo_is_refused_before_it_is_decoded(monkeypatch, tmp_path):
    monkeypatch.setattr(probe, "look", None)
    with pytest.raises(Refusal, match="not_an_image"):
        logos.put(a_tenant(), makers.an_upload(makers.a_clip(tmp_path).read_bytes()))
