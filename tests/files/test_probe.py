"""What a file is, told by its content."""

import pytest
from PIL import Image

from revidweb.files import probe
from revidweb.files.models import MediaKind
from revidweb.lib.refusal import Refusal

from . import makers

SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!doctype html><script>alert(1)</script>"


def code_of(path):
    with pytest.raises(Refusal) as refused:
        probe.look(path)
    return refused.value.code


@pytest.mark.parametrize(
    ("kind", "content_type"),
    [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp"), ("GIF", "image/gif")],
)
def test_an_image_is_what_its_content_says(written, kind, content_type):
    look = probe.look(written(makers.encoded(kind=kind)))
    assert (look.kind, look.content_type, look.width, look.height) == (MediaKind.IMAGE, content_type, 96, 64)
    assert look.duration_ms is None
    assert not look.has_audio


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "I;16", "RGBA", "RGB"])
def test_every_kind_of_png_is_taken(written, mode):
    picture = makers.a_picture().convert("L").convert("I").point(lambda v: v * 256) if mode == "I;16" else None
    picture = picture.convert("I;16") if picture else makers.a_picture(mode="P" if mode == "PA" else mode)
    assert probe.look(written(makers.encoded(picture))).width == 96


def test_a_clip_tells_its_length_and_sound(tmp_path):
    look = probe.look(makers.a_clip(tmp_path, has_audio=True))
    assert (look.kind, look.content_type, look.width, look.height) == (MediaKind.VIDEO, "video/mp4", 96, 64)
    assert 900 <= (look.duration_ms or 0) <= 1100
    assert look.has_audio
    assert look.picture.size == (96, 64)


def test_a_webm_is_a_clip(tmp_path):
    look = probe.look(makers.a_clip(tmp_path, name="clip.webm", codec="libvpx"))
    assert (look.content_type, look.has_audio) == ("video/webm", False)
    assert 900 <= (look.duration_ms or 0) <= 1100


def test_a_clip_filmed_sideways_stands_upright(tmp_path, written):
    look = probe.look(written(makers.filmed_sideways(makers.a_clip(tmp_path).read_bytes())))
    assert (look.width, look.height, look.picture.size) == (64, 96, (64, 96))
    red_left, red_right = (look.picture.convert("RGB").getpixel((x, 48))[1] for x in (2, 61))
    assert red_left > red_right  # the frame's bottom (green) came to the left: a clockwise turn


@pytest.mark.parametrize(("orientation", "size"), [(1, (96, 64)), (3, (96, 64)), (6, (64, 96)), (8, (64, 96))])
def test_a_turned_photo_has_the_dimensions_it_is_seen_in(written, orientation, size):
    look = probe.look(written(makers.a_photo(orientation=orientation)))
    assert (look.width, look.height) == look.picture.size == size


def test_a_large_photo_keeps_its_dimensions_though_it_is_decoded_smaller(written):
    look = probe.look(written(makers.a_photo(width=4000, height=3000, orientation=6)))
    assert (look.width, look.height) == (3000, 4000)
    assert max(look.picture.size) < 3000


def test_a_photo_with_a_second_picture_inside_is_one_jpeg(written):
    second = makers.a_picture(32, 32)
    look = probe.look(written(makers.encoded(kind="MPO", save_all=True, append_images=[second])))
    assert (look.content_type, look.width) == ("image/jpeg", 96)


@pytest.mark.parametrize("content", [SVG, HTML, b"GIF8", b"\x00" * 200, b"%PDF-1.7\n", b"PK\x03\x04" + bytes(60), b"x"])
def test_anything_else_is_refused_whatever_it_is_called(written, content):
    assert code_of(written(content)) == "file_unknown_type"


def test_an_svg_named_png_is_refused(tmp_path):
    path = tmp_path / "drawing.png"
    path.write_bytes(SVG)
    assert code_of(path) == "file_unknown_type"


@pytest.mark.parametrize("brand", [b"heic", b"avif", b"qt  "])
def test_other_files_in_mp4_clothes_are_refused(written, brand):
    assert code_of(written(b"\x00\x00\x00\x18ftyp" + brand + bytes(12))) == "file_unknown_type"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
@pytest.mark.parametrize("part", [0.2, 0.6, 0.95])
def test_a_cut_image_is_refused(written, kind, part):
    content = makers.encoded(makers.a_picture(600, 400), kind)
    assert code_of(written(content[: int(len(content) * part)])) == "file_broken"


@pytest.mark.parametrize("head", [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\x00\x00\x00\x00WEBP", b"GIF89a"])
def test_a_disguised_file_is_refused(written, head):
    assert code_of(written(head + HTML)) == "file_broken"


@pytest.mark.parametrize("head", [b"\x00\x00\x00\x18ftypisom", b"\x1aE\xdf\xa3\x42\x82\x84webm"])
def test_a_disguised_clip_is_refused(written, head):
    assert code_of(written(head + HTML * 50)) == "file_broken"


@pytest.mark.parametrize("part", [0.3, 0.9])
def test_a_cut_clip_is_refused(tmp_path, written, part):
    content = makers.a_clip(tmp_path, seconds=2).read_bytes()
    assert code_of(written(content[: int(len(content) * part)])) == "file_broken"


def test_a_clip_without_a_picture_is_refused(tmp_path, written):
    clip = makers.a_clip(tmp_path, has_audio=True).read_bytes()
    assert code_of(written(clip.replace(b"avc1", b"xxxx"))) in {"clip_unplayable", "file_broken"}


def test_a_codec_that_browsers_do_not_play_is_refused(tmp_path):
    assert code_of(makers.a_clip(tmp_path, codec="mpeg4")) == "clip_unplayable"


def test_a_playlist_in_disguise_opens_nothing(written):
    assert code_of(written(b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n")) == "file_unknown_type"


@pytest.mark.parametrize(("width", "height"), [(10_000, 4), (4, 10_000), (8_193, 8_193), (8_192, 8_192)])
def test_an_image_over_the_limit_is_refused_before_it_is_decoded(written, monkeypatch, width, height):
    monkeypatch.setattr(Image.Image, "load", None)
    with pytest.raises(Refusal) as refused:
        probe.look(written(makers.a_png_of_zeros(width, height)))
    assert refused.value.code == "image_too_large"
    assert refused.value.facts == {"width": width, "height": height, "max_px": 8192}


@pytest.mark.parametrize("side", [10_000, 30_000])
def test_a_bomb_is_refused_before_it_is_decoded(written, side):
    content = makers.a_png_of_zeros(side, side)
    assert len(content) < 150_000
    assert code_of(written(content)) in {"image_bomb", "image_too_large"}


def test_the_limit_is_a_setting(written, settings):
    settings.IMAGE_MAX_SIDE_PX = 90
    assert code_of(written(makers.encoded())) == "image_too_large"


def test_a_huge_clip_is_refused_by_its_header(tmp_path, settings):
    clip = makers.a_clip(tmp_path)
    settings.IMAGE_MAX_SIDE_PX = 90
    assert code_of(clip) == "image_too_large"


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_a_moving_image_is_refused(written, kind):
    assert code_of(written(makers.an_animation(kind))) == "image_animated"


def test_an_empty_file_and_a_huge_one_are_refused(written):
    with pytest.raises(Refusal, match="file_empty"):
        probe.measure(written(b""), max_bytes=10)
    with pytest.raises(Refusal) as refused:
        probe.measure(written(bytes(3 * 1_048_576 + 1)), max_bytes=3 * 1_048_576)
    assert (refused.value.code, refused.value.facts) == ("file_too_large", {"max_mb": 3})
