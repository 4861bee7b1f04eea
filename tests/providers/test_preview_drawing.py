"""What the preview provider draws, decoded for real."""

from io import BytesIO
from itertools import pairwise

import av
import numpy as np
import pytest
from PIL import Image

from revidweb.providers.base import ProviderRefused
from revidweb.providers.preview import basis, caption, palette, picture, scene, sizes
from revidweb.providers.preview import ticket as tickets

from .makers import bytes_input, clip_order, drawn, fetched, opened, order, picture_input, submitted


@pytest.mark.parametrize(
    ("resolution", "ratio", "size"),
    [
        ("1k", "1:1", (1024, 1024)),
        ("1k", "16:9", (1024, 576)),
        ("1k", "9:16", (576, 1024)),
        ("1k", "4:3", (1024, 768)),
        ("1k", "2:3", (682, 1024)),
        ("1k", "21:9", (1024, 438)),
        ("2k", "16:9", (2048, 1152)),
        ("2K", "3:4", (1536, 2048)),
        ("4k", "16:9", (4096, 2304)),
        ("4k", "9:16", (2304, 4096)),
        ("default", "auto", (1024, 1024)),
        ("", "", (1024, 1024)),
        ("1k", "100:1", (1024, 256)),
    ],
)
def test_a_picture_has_the_asked_long_side_and_shape(resolution, ratio, size):
    assert sizes.picture_size({"resolution": resolution, "aspect_ratio": ratio}) == size


@pytest.mark.parametrize(
    ("resolution", "ratio", "size"),
    [
        ("480p", "16:9", (854, 480)),
        ("480p", "1:1", (480, 480)),
        ("480p", "9:16", (480, 854)),
        ("720p", "16:9", (1280, 720)),
        ("720p", "9:16", (720, 1280)),
        ("1080p", "16:9", (1920, 1080)),
        ("1080p", "1:1", (1080, 1080)),
        ("1080p", "4:3", (1440, 1080)),
        ("", "", (1280, 720)),
        ("default", "21:9", (1680, 720)),
    ],
)
def test_a_clip_has_the_asked_short_side_and_shape(resolution, ratio, size):
    assert sizes.clip_size({"resolution": resolution, "aspect_ratio": ratio}) == size


@pytest.mark.parametrize(
    ("params", "image_format", "size"),
    [
        ({"aspect_ratio": "16:9"}, "PNG", (1024, 576)),
        ({"aspect_ratio": "9:16"}, "PNG", (576, 1024)),
        ({"aspect_ratio": "1:1"}, "PNG", (1024, 1024)),
        ({"aspect_ratio": "21:9", "resolution": "2k"}, "WEBP", (2048, 878)),
        ({"aspect_ratio": "16:9", "resolution": "4k"}, "WEBP", (4096, 2304)),
    ],
)
def test_a_picture_is_a_real_file_of_its_size(params, image_format, size):
    image = opened(drawn(order(**params)))
    assert (image.format, image.size) == (image_format, size)
    assert np.asarray(image).std() > 15


def test_one_ticket_gives_the_same_bytes_each_time():
    ticket = submitted(order("dusk over the sea", aspect_ratio="16:9"))
    assert fetched(ticket) == fetched(ticket)


def test_a_batch_is_different_pictures():
    one, other = (np.asarray(opened(drawn(order("dusk", aspect_ratio="16:9"))), np.int16) for _ in range(2))
    assert np.abs(one - other).mean() > 5


@pytest.mark.parametrize("land", list(palette.Land))
def test_every_land_can_be_drawn_in_every_shape(land, monkeypatch):
    monkeypatch.setattr(scene, "land_for", lambda prompt, rng: land)
    for seed, size in enumerate([(160, 90), (90, 160), (96, 96), (256, 64)]):
        drawing = scene.compose("at night", seed, size).draw(0.5, 1.0)
        assert drawing.size == size


@pytest.mark.parametrize(("word", "strongest"), [("red", 0), ("green", 1), ("blue", 2)])
def test_colour_words_steer_the_colours(word, strongest):
    drawings = [scene.compose(f"a {word} hill", seed, (96, 96)).draw() for seed in range(3)]
    assert np.mean([np.asarray(drawing).mean(axis=(0, 1)) for drawing in drawings], axis=0).argmax() == strongest


def test_night_is_darker_than_noon():
    night, noon = (
        np.asarray(scene.compose(f"a hill at {time}", 1, (96, 96)).draw()).mean() for time in ("night", "noon")
    )
    assert night < noon * 0.7


@pytest.mark.parametrize(("colour", "channel"), [("red", 0), ("lime", 1), ("blue", 2)])
def test_a_picture_starts_visibly_from_its_input(colour, channel):
    image = np.asarray(opened(drawn(order("a portrait", inputs=[picture_input(colour)]))), np.float32)
    upper = image[: image.shape[0] // 2].mean(axis=(0, 1))
    assert upper.argmax() == channel
    assert upper[channel] > 2 * np.delete(upper, channel).max()


def test_a_clip_starts_visibly_from_its_input():
    first, *_ = frames_of(drawn(clip_order(inputs=[picture_input("blue")])))
    assert first[:200].mean(axis=(0, 1)).argmax() == 2


def test_without_a_ratio_the_input_gives_the_shape():
    assert opened(drawn(order(inputs=[picture_input(size=(400, 200))]))).size == (1024, 512)


def test_a_big_noisy_input_travels_in_at_most_12_kb():
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 255, (900, 900, 3), np.uint8))
    buffer = BytesIO()
    noise.save(buffer, "PNG")
    folded = basis.shrink(bytes_input(buffer.getvalue()))
    assert len(folded) <= 16_000  # base64 of 12 KB
    assert basis.unfold(folded).size == (256, 256)


def test_a_transparent_input_and_a_turned_one_are_understood():
    buffer = BytesIO()
    Image.new("RGBA", (40, 20), (0, 0, 0, 0)).save(buffer, "PNG")
    assert basis.unfold(basis.shrink(bytes_input(buffer.getvalue()))).getpixel((5, 5)) == (255, 255, 255)
    exif, turned = Image.Exif(), BytesIO()
    exif[0x0112] = 6  # a phone held upright
    Image.new("RGB", (40, 20)).save(turned, "JPEG", exif=exif)
    assert basis.unfold(basis.shrink(bytes_input(turned.getvalue()))).size == (20, 40)


def test_the_caption_marks_every_picture():
    job = tickets.read(submitted(order("a quiet valley", aspect_ratio="16:9")))
    marked, plain = picture.draw(job), scene.compose(job.prompt, job.seed, (1024, 576)).draw()
    strip = caption.strip(job.prompt, (1024, 576))
    away = np.abs(np.asarray(marked, np.int16) - np.asarray(plain, np.int16)).max(axis=-1) > 60
    assert away[-strip.height - 20 :, : strip.width + 20].sum() > 300  # the letters
    assert away[: -strip.height - 20].sum() == 0


def test_the_caption_tells_the_first_words_and_fits():
    short, long = (caption.strip(prompt, (576, 1024)) for prompt in ("a cat", "a cat " + "in a very long story " * 40))
    assert short.width < long.width <= 576 - 2 * 16
    assert caption.strip("", (576, 1024)).width < short.width


def test_words_that_the_font_lacks_are_left_out():
    assert caption.strip("川 🦊", (576, 1024)).width == caption.strip("", (576, 1024)).width


def test_a_result_beyond_the_allowed_bytes_is_refused():
    ticket = submitted(order(aspect_ratio="16:9"))
    with pytest.raises(ProviderRefused):
        fetched(ticket, max_bytes=1000)
    with pytest.raises(ProviderRefused):
        fetched(submitted(clip_order()), max_bytes=1000)


def frames_of(content):
    with av.open(BytesIO(content)) as clip:
        return [frame.to_ndarray(format="rgb24") for frame in clip.decode(video=0)]


@pytest.mark.parametrize(
    ("params", "size"),
    [
        ({"aspect_ratio": "16:9", "duration": 2}, (854, 480)),
        ({"aspect_ratio": "9:16", "duration": 1}, (480, 854)),
        ({"aspect_ratio": "1:1", "duration": "1s"}, (480, 480)),
    ],
)
def test_a_silent_clip_is_h264_of_its_size_and_length(params, size):
    seconds = int(str(params["duration"]).removesuffix("s"))
    with av.open(BytesIO(drawn(clip_order(**params)))) as clip:
        (video,) = clip.streams
        assert (video.codec_context.name, video.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (video.width, video.height) == size
        assert float(video.average_rate) == 24
        assert float(video.duration * video.time_base) == seconds
        assert len(list(clip.decode(video))) == 24 * seconds


def test_a_clip_with_sound_has_an_aac_track_as_long_as_the_clip():
    content = drawn(clip_order(duration=2, audio=True))
    with av.open(BytesIO(content)) as clip:
        (audio,) = clip.streams.audio
        assert audio.codec_context.name == "aac"
        samples = np.concatenate([frame.to_ndarray() for frame in clip.decode(audio)], axis=1)
        assert abs(samples.shape[1] / audio.rate - 2) < 0.1
        assert 0.01 < np.abs(samples).max() < 0.9
        assert clip.duration / av.time_base == pytest.approx(2, abs=0.05)


def test_a_clip_streams_from_its_first_bytes():
    content = drawn(clip_order())
    assert 0 < content.index(b"moov") < content.index(b"mdat")


def test_a_clip_moves_gently_and_keeps_its_caption():
    frames = [frame.astype(np.int16) for frame in frames_of(drawn(clip_order("mountains at dusk", duration=2)))]
    steps = [np.abs(after - before).mean() for before, after in pairwise(frames)]
    assert max(steps) < 4  # nothing jumps
    assert np.abs(frames[-1] - frames[0]).mean() > 1  # and it does move
    strip = np.s_[-38:-14, 14:120]
    assert np.abs(frames[-1][strip] - frames[0][strip]).mean() < 12
