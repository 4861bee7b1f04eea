"""Taking files in."""

import hashlib
import io

import pytest
from PIL import Image

from revidweb.accounts.actors import of
from revidweb.accounts.models import Role
from revidweb.files import intake, storage, uploading
from revidweb.files.models import Purpose, StoredFile
from revidweb.lib.refusal import Refusal
from tests.keys.makers import a_key_actor
from tests.makers import a_member, an_actor

from . import makers

pytestmark = pytest.mark.django_db


def take_in(path, *, stem="outputs/tnt_x/job_x/0", purpose=Purpose.OUTPUT, **options):
    member = a_member()
    return intake.take_in(path, tenant=member.tenant, member=member, purpose=purpose, stem=stem, **options)


def content_of(name):
    with storage.read(name) as file:
        return file.read()


def picture_of(name):
    return Image.open(io.BytesIO(content_of(name)))


def everything_stored(settings):
    root = settings.VAR_DIR / "media"
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_an_output_is_kept_byte_for_byte_with_its_small_pictures(written):
    content = makers.encoded(makers.a_picture(1000, 500))
    file = take_in(written(content), name="a sunset")
    assert file.pk is None
    assert (file.path, file.thumb_path) == ("outputs/tnt_x/job_x/0.png", "outputs/tnt_x/job_x/0-thumb.webp")
    assert content_of(file.path) == content
    assert file.sha256 == hashlib.sha256(content).hexdigest()
    assert (file.size_bytes, file.width, file.height, file.name) == (len(content), 1000, 500, "a sunset")
    assert (picture_of(file.thumb_path).size, picture_of(file.thumb_path).format) == ((640, 320), "WEBP")
    assert file.poster_path == ""
    file.save()


def test_a_clip_has_a_poster_in_full_size(tmp_path):
    file = take_in(makers.a_clip(tmp_path, width=960, height=540, has_audio=True))
    assert file.path == "outputs/tnt_x/job_x/0.mp4"
    assert picture_of(file.poster_path).size == (960, 540)
    assert picture_of(file.thumb_path).size == (640, 360)
    assert file.has_audio
    assert file.duration_ms


def test_the_blur_is_a_tiny_picture(written):
    noise = Image.effect_noise((400, 400), 200).convert("RGB")
    file = take_in(written(makers.encoded(noise)))
    assert file.blur.startswith("data:image/webp;base64,")
    assert len(file.blur) < 300


def test_a_second_run_leaves_no_orphan(tmp_path, written, settings):
    before = everything_stored(settings)
    take_in(makers.a_clip(tmp_path), stem="outputs/t/again/0")
    file = take_in(written(makers.encoded(kind="JPEG")), stem="outputs/t/again/0")
    file = take_in(written(makers.encoded(kind="JPEG")), stem="outputs/t/again/0")
    assert everything_stored(settings) - before == {file.path, file.thumb_path}


def test_what_is_refused_leaves_nothing(written, settings):
    before = everything_stored(settings)
    with pytest.raises(Refusal, match="file_broken"):
        take_in(written(makers.encoded()[:-40]), stem="outputs/t/broken/0")
    assert everything_stored(settings) == before
    assert list(settings.TMP_DIR.iterdir()) == []


def test_stored_files_are_private_on_the_disk(written, settings):
    file = take_in(written(makers.encoded()))
    assert (settings.VAR_DIR / "media" / file.path).stat().st_mode & 0o777 == 0o600


def test_an_upload_becomes_an_input():
    actor = an_actor()
    file = uploading.keep(actor, makers.an_upload(makers.encoded(), "../../My photo\n.png"))
    assert (file.tenant, file.member, file.purpose) == (actor.tenant, actor.member, Purpose.INPUT)
    assert file.name == "My photo.png"
    assert StoredFile.objects.get() == file
    assert content_of(file.path) == makers.encoded()


def test_the_same_upload_twice_is_the_first_row(settings):
    actor = an_actor()
    first = uploading.keep(actor, makers.an_upload(makers.encoded()))
    before = everything_stored(settings)
    assert uploading.keep(actor, makers.an_upload(makers.encoded(), "other.png")) == first
    assert everything_stored(settings) == before


def test_what_a_key_brings_is_the_keys_own():
    member = a_member()
    actors = [of(member), a_key_actor(member), a_key_actor(member)]
    kept = [uploading.keep(actor, makers.an_upload(makers.encoded())) for actor in actors for _ in range(2)]
    assert kept[0::2] == kept[1::2]
    assert [file.key for file in kept[0::2]] == ["", *(actor.key.public_id for actor in actors[1:])]
    assert {file.member for file in kept} == {member}


def test_another_members_same_upload_is_their_own():
    first = uploading.keep(an_actor(), makers.an_upload(makers.encoded()))
    assert uploading.keep(an_actor(), makers.an_upload(makers.encoded())) != first


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_an_input_loses_what_it_tells_about_its_maker_and_stays_upright(kind):
    photo = makers.a_photo(orientation=6, kind=kind)
    assert b"Telltale" in photo
    file = uploading.keep(an_actor(), makers.an_upload(photo))
    kept = content_of(file.path)
    assert b"Telltale" not in kept
    assert dict(Image.open(io.BytesIO(kept)).getexif()) == {makers.ORIENTATION: 6}
    assert (file.width, file.height, picture_of(file.thumb_path).size) == (64, 96, (64, 96))
    assert Image.open(io.BytesIO(kept)).tobytes() == Image.open(io.BytesIO(photo)).tobytes()


def test_what_hangs_behind_an_image_is_cut_off():
    for kind in ("PNG", "JPEG", "WEBP"):
        content = makers.encoded(kind=kind)
        file = uploading.keep(an_actor(), makers.an_upload(content + b"<script>alert(1)</script>PK\x03\x04"))
        assert content_of(file.path) == content


def test_a_still_gif_is_kept_as_png():
    file = uploading.keep(an_actor(), makers.an_upload(makers.encoded(kind="GIF", comment=b"Telltale"), "a.gif"))
    assert (file.content_type, picture_of(file.path).format) == ("image/png", "PNG")
    assert b"Telltale" not in content_of(file.path)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "file_empty"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "file_unknown_type"),
        (makers.encoded()[:-40], "file_broken"),
        (makers.encoded(kind="JPEG")[:-200], "file_broken"),
        (makers.a_png_of_zeros(10_000, 8), "image_too_large"),
        (makers.a_png_of_zeros(30_000, 30_000), "image_bomb"),
        (makers.an_animation("GIF"), "image_animated"),
        (b"\xff\xd8\xff\xe0", "file_broken"),
        (b"RIFF\xff\xff\xff\x7fWEBPVP8 ", "file_broken"),
    ],
)
def test_a_bad_upload_is_refused_at_its_field_and_writes_nothing(settings, content, code):
    actor, before = an_actor(), everything_stored(settings)
    with pytest.raises(Refusal) as refused:
        uploading.keep(actor, makers.an_upload(content))
    assert (refused.value.code, refused.value.field) == (code, "input_image")
    assert everything_stored(settings) == before
    assert not StoredFile.objects.exists()


def test_a_clip_is_no_input_image(tmp_path):
    with pytest.raises(Refusal, match="not_an_image"):
        uploading.keep(an_actor(), makers.an_upload(makers.a_clip(tmp_path).read_bytes()))


def test_a_huge_upload_is_refused_before_it_is_read(settings):
    settings.UPLOAD_MAX_BYTES = 1_048_576
    upload = makers.an_upload(bytes(1_048_577))
    upload.chunks = None
    with pytest.raises(Refusal) as refused:
        uploading.keep(an_actor(), upload)
    assert (refused.value.code, refused.value.facts) == ("file_too_large", {"max_mb": 1})


def test_a_jpeg_of_endless_scans_is_refused():
    photo = makers.encoded(kind="JPEG", progressive=True)
    start, end = photo.index(b"\xff\xda"), photo.rindex(b"\xff\xd9")
    with pytest.raises(Refusal, match="file_broken"):
        uploading.keep(an_actor(), makers.an_upload(photo[:end] + photo[start:end] * 40 + photo[end:]))


@pytest.mark.parametrize("mode", ["L", "CMYK", "RGBA", "P", "LA", "1"])
def test_every_colour_mode_gets_a_thumbnail(written, mode):
    kind = "JPEG" if mode == "CMYK" else "PNG"
    file = take_in(written(makers.encoded(makers.a_picture(mode=mode), kind)))
    assert picture_of(file.thumb_path).size == (96, 64)


def test_transparency_shows_in_the_thumbnail(written):
    picture = makers.a_picture(mode="RGBA")
    picture.putalpha(0)
    assert picture_of(take_in(written(makers.encoded(picture))).thumb_path).getpixel((5, 5))[3] == 0


def test_a_wide_gamut_profile_follows_into_the_thumbnail(written):
    file = take_in(written(makers.encoded(icc_profile=b"p" * 548)))
    assert picture_of(file.thumb_path).info["icc_profile"] == b"p" * 548
    assert b"p" * 20 not in file.blur.encode()


def test_the_row_is_seen_by_its_member_and_by_who_sees_all():
    actor = an_actor()
    file = uploading.keep(actor, makers.an_upload(makers.encoded()))
    for other, sees in ((an_actor(actor.tenant), False), (an_actor(actor.tenant, role=Role.OWNER), True)):
        assert StoredFile.objects.visible_to(other).filter(pk=file.pk).exists() is sees
