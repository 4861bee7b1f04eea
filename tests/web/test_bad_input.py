"""What cannot be made is refused at its field, in words, and writes nothing: no order, no credits, no file."""

from pathlib import Path

import pytest

from revidweb.credits import ledger
from revidweb.files.models import Upload, UploadState
from revidweb.jobs.models import Batch, Job
from tests.files.makers import a_clip, a_picture, a_png_of_zeros, an_animation, an_upload, encoded

from .create_page import CLIP, IMAGE, error_above, error_at, sent
from .world import changed, everything

pytestmark = pytest.mark.django_db

STARTER = IMAGE | {"model": "nano-banana"}  # takes a picture
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.fixture(params=["page", "part"])
def part(request: pytest.FixtureRequest) -> bool:
    """Every refusal once without and once with scripts."""
    return request.param == "part"


def refused(actor, order, *, at: str, kind: str = "image", part: bool) -> str:
    """What the form says at the field, after proving that nothing was written and that the prompt stayed."""
    before = everything()
    answer = sent(actor, order, kind=kind, part=part)
    assert answer.status_code == 422
    # That a file was looked at counts towards an hour's uploads; nothing of it is kept.
    assert set(changed(before)) <= ({"files.Upload"} if order.get("input_image") else set())
    assert not Upload.objects.exclude(state=UploadState.FAILED, path="", file=None).exists()
    assert order["prompt"].strip() in answer.content.decode()
    return error_at(answer, at)


@pytest.mark.parametrize("prompt", ["", "   \n\t "])
def test_an_empty_prompt(user, part, prompt):
    assert refused(user, IMAGE | {"prompt": prompt}, at="prompt", part=part) == "Write what you want to see."


def test_an_over_long_prompt(user, part):
    words = refused(user, IMAGE | {"prompt": "x" * 5001}, at="prompt", part=part)
    assert words == "The prompt has 5,001 characters; 5,000 is the most."


@pytest.mark.parametrize(
    ("model", "kind", "words"),
    [
        ("no-such-model", "image", "There is no model of this name. Choose one from the list."),
        ("<script>", "image", "There is no model of this name. Choose one from the list."),
        ("seedance-2.0", "video", "is not offered yet. Choose another model."),
        ("kling-2.6", "image", "makes something else. Choose a model from the list."),
    ],
)
def test_a_model_that_cannot_be_used_here(user, part, model, kind, words):
    assert words in refused(user, IMAGE | {"model": model}, kind=kind, at="model", part=part)


@pytest.mark.parametrize(
    ("chosen", "at", "words"),
    [
        ({"speed": "slow", "server": "fast"}, "server", "is not possible together with the rest. Possible: VIP 1"),
        ({"speed": "slow", "audio": "true"}, "audio", "This combination has no sound."),
        ({"aspect_ratio": "7:3"}, "aspect_ratio", "7:3 is not a choice here. Possible: 16:9, 9:16, 1:1."),
        ({"duration": "7"}, "duration", "is not a choice here. Possible:"),
        ({"resolution": "8k"}, "resolution", "is not a choice here. Possible:"),
        ({"server": "no-such"}, "server", "is not a choice here. Possible:"),
    ],
)
def test_a_combination_that_is_not_sold(user, part, chosen, at, words):
    assert words in refused(user, CLIP | chosen, kind="video", at=at, part=part)


def test_a_choice_that_the_model_does_not_have_is_refused_above_the_form(user, part):
    before = everything()
    answer = sent(user, IMAGE | {"quality": "high"}, part=part)
    assert (answer.status_code, changed(before)) == (422, [])
    assert error_above(answer) == "This model has no such choice."


@pytest.mark.parametrize("count", ["0", "9", "-1", "100000000000000000000"])
def test_a_batch_has_one_to_eight(user, part, count):
    assert refused(user, IMAGE | {"count": count}, at="count", part=part) == "Choose between 1 and 8 at once."


def test_no_count_means_one(user, part):
    assert sent(user, IMAGE | {"count": ""}, part=part).status_code in (200, 302)
    assert Job.objects.count() == 1


def test_a_count_that_is_no_number(user, part):
    assert refused(user, IMAGE | {"count": "many"}, at="count", part=part) == "Choose how many at once."


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (encoded()[:200], "The file is damaged or incomplete. Save it again, or choose another one."),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 500, "The file is damaged or incomplete."),
        (b"<!doctype html><script>alert(1)</script>", "This is not a picture that can be read here."),
        (SVG, "This is not a picture that can be read here."),
        (b'<?xml version="1.0"?>' + SVG, "This is not a picture that can be read here."),
        (b"PK\x03\x04" + b"\0" * 100, "This is not a picture that can be read here."),
        (a_png_of_zeros(10_000, 10), "The picture measures 10,000 × 10 pixels. At most 8,192 on a side are possible"),
        (a_png_of_zeros(30_000, 30_000), "The picture is far too large. At most 8,192 pixels on a side are possible"),
        (an_animation("WEBP"), "The picture is animated. Choose a still one."),
        (b"", "The file is empty. Choose another one."),
    ],
    ids=["truncated", "broken", "html", "svg", "xml", "zip", "10000px", "bomb", "animated", "empty"],
)
def test_an_upload_that_is_no_usable_picture(user, part, content, words):
    order = STARTER | {"input_image": an_upload(content)}
    assert words in refused(user, order, at="input_image", part=part)


def test_a_clip_that_calls_itself_a_picture(user, part, tmp_path: Path):
    order = STARTER | {"input_image": an_upload(a_clip(tmp_path).read_bytes(), "photo.png")}
    assert refused(user, order, at="input_image", part=part) == "This is a clip. Choose a picture."


def test_an_upload_that_is_too_large(user, part, settings):
    settings.UPLOAD_MAX_BYTES = 1_048_576
    order = STARTER | {"input_image": an_upload(encoded() + b"\0" * 1_048_576)}
    words = refused(user, order, at="input_image", part=part)
    assert words == "The file is larger than 1 MB. Choose a smaller one."


def test_a_picture_for_a_model_that_takes_none(user, part):
    before = everything()
    answer = sent(user, IMAGE | {"input_image": an_upload(encoded())}, part=part)
    assert (answer.status_code, changed(before)) == (422, [])
    assert "works from text alone" in answer.content.decode()


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/a.png",
        "http://localhost:8000/a.png",
        "http://10.0.0.8/a.png",
        "http://192.168.1.1/a.png",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/a.png",
        "http://[::ffff:127.0.0.1]/a.png",
        "http://2130706433/a.png",
        "http://0x7f000001/a.png",
        "http://0/a.png",
    ],
)
def test_an_address_inside_the_house(user, part, url):
    words = refused(user, STARTER | {"img_url": url}, at="img_url", part=part)
    assert "is not an address on the open internet, so it is not fetched." in words


@pytest.mark.parametrize(
    "url", ["ftp://example.com/a.png", "file:///etc/passwd", "picture", "https://", "javascript:1"]
)
def test_an_address_that_is_none(user, part, url):
    words = refused(user, STARTER | {"img_url": url}, at="img_url", part=part)
    assert words.startswith("This is not an address that we can fetch.")


@pytest.mark.parametrize("file_id", ["fil_somebodys", "x" * 40, "'; drop table jobs_job; --"])
def test_a_picture_that_is_not_there(user, part, file_id):
    words = refused(user, STARTER | {"input_file": file_id}, at="input_image", part=part)
    assert words == "This picture is no longer here. Pick another one."


def test_too_few_credits(user, part):
    ledger.hold(ledger.wallet_of(user.member), credits=90, reference="other")
    before = everything()
    answer = sent(user, IMAGE | {"count": "3"}, part=part)
    assert (answer.status_code, changed(before)) == (422, [])
    assert error_above(answer).startswith("This costs 12 credits, and 10 are free.")


def test_a_good_picture_is_not_kept_for_an_order_that_cannot_be_paid(user, part):
    ledger.hold(ledger.wallet_of(user.member), credits=100, reference="other")
    before = everything()
    answer = sent(user, STARTER | {"input_image": an_upload(encoded(a_picture()))}, part=part)
    assert (answer.status_code, changed(before)) == (422, [])
    assert "and 0 are free." in error_above(answer)


def test_the_same_form_with_its_picture_twice_is_one_batch_though_the_first_took_the_last_credits(user, part):
    first = sent(user, STARTER | {"input_image": an_upload(encoded(a_picture()))}, part=part)
    wallet = ledger.wallet_of(user.member)
    ledger.hold(wallet, credits=wallet.free, reference="other")
    again = sent(user, STARTER | {"input_image": an_upload(encoded(a_picture()))}, part=part)
    assert first.status_code == again.status_code < 400
    assert Batch.objects.count() == Job.objects.count() == 1


def test_a_good_picture_with_a_bad_order_is_not_kept(user, part):
    order = STARTER | {"prompt": "", "input_image": an_upload(encoded(a_picture()))}
    assert refused(user, order, at="prompt", part=part) == "Write what you want to see."


def test_an_address_for_a_model_that_takes_no_picture_is_refused_above_the_form(user, part):
    before = everything()
    answer = sent(user, IMAGE | {"img_url": "http://127.0.0.1/a.png"}, part=part)
    assert (answer.status_code, changed(before)) == (422, [])
    assert "is not an address on the open internet" in error_above(answer)


def test_the_same_form_twice_is_one_batch(user, part):
    order = IMAGE | {"count": "2"}
    answers = [sent(user, order, part=part).status_code for _ in range(2)]
    assert answers == ([200, 200] if part else [302, 302])
    assert (Batch.objects.count(), Job.objects.count()) == (1, 2)
    assert ledger.wallet_of(user.member).held == 8


def test_a_used_form_with_another_order_is_refused(user, part):
    sent(user, IMAGE, part=part)
    before = everything()
    answer = sent(user, IMAGE | {"prompt": "Another"}, part=part)
    assert (answer.status_code, changed(before)) == (422, [])
    assert error_above(answer).startswith("This form was sent already with other contents.")


def test_a_nul_in_a_prompt_is_refused_at_the_prompt(user, part):
    before = everything()
    answer = sent(user, IMAGE | {"prompt": "Boats \x00"}, part=part)
    assert (answer.status_code, changed(before)) == (422, [])
    assert error_at(answer, "prompt")


@pytest.mark.parametrize("junk", ["\ud83d", "' or 1=1", "{{ 7*7 }}", "<img src=x onerror=alert(1)>"])
def test_odd_signs_in_a_prompt_are_only_text(user, part, junk):
    answer = sent(user, IMAGE | {"prompt": f"Boats {junk}".encode("utf-8", "replace").decode()}, part=part)
    assert answer.status_code in (200, 302)
    assert "<img src=x" not in answer.content.decode()


def test_a_form_of_nothing_is_refused(user, part):
    before = everything()
    answer = sent(user, {}, part=part)
    assert (answer.status_code, changed(before)) == (422, [])
    assert error_at(answer, "prompt") == "Write what you want to see."
