"""POST image/generate and video/generate: one job for one request, charged by one row, answered in RevidAPI's words."""

import json

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from revidweb.catalog.models import Offer
from revidweb.connections.models import Connection
from revidweb.credits import ledger
from revidweb.files import links
from revidweb.files.models import StoredFile
from revidweb.jobs import submit
from revidweb.jobs.models import Job, JobInput
from revidweb.keys import checking
from revidweb.keys.models import ApiKey
from revidweb.lib import clock
from tests.files.makers import a_picture, encoded
from tests.web.world import changed, everything

from .makers import CLIP, PICTURE, Program, a_program

pytestmark = pytest.mark.django_db

HERE = "https://pictures.example.com/fox.png"


def generate(program: Program, kind: str = "image", **fields) -> dict:
    answer = program.post(f"/{kind}/generate", (PICTURE if kind == "image" else CLIP) | fields)
    assert answer.status_code == 200, answer.content
    return answer.json()


def refused(program: Program, body, kind: str = "image", **also) -> tuple[int, object]:
    """Status and detail; nothing is written."""
    before = everything()
    answer = program.post(f"/{kind}/generate", body, **also)
    assert set(changed(before)) <= {"keys.ApiKey"}
    return answer.status_code, answer.json()["detail"]


def a_file() -> SimpleUploadedFile:
    return SimpleUploadedFile("fox.png", encoded(), "image/png")


def test_a_picture_is_taken_charged_and_told(program, user):
    told = generate(program)
    job = Job.objects.get()
    assert told == {"job_id": job.public_id, "status": "pending", "cost": 4, "balance_remaining": 96}
    assert (job.key, job.member, job.credits, job.prompt) == (program.key, user.member, 4, PICTURE["prompt"])
    assert ledger.wallet_of(user.member).held == 4


def test_a_form_is_taken_as_json_is(program):
    answer = program.form("/image/generate", PICTURE)
    assert answer.json().items() >= {"status": "pending", "cost": 4}.items()
    plain = program.post(
        "/image/generate", data="prompt=Boats&model=image-4.0", content_type="application/x-www-form-urlencoded"
    )
    assert plain.json()["cost"] == 4


def test_an_owners_key_is_told_what_the_connection_has_left(owner):
    Connection.objects.update(balance=500)
    assert generate(a_program(owner))["balance_remaining"] == 496


def test_a_budgeted_key_is_told_what_its_own_wallet_has_left(user):
    budgeted = a_program(user, kind="budgeted", credits=10)
    assert [generate(budgeted)["balance_remaining"] for _ in range(2)] == [6, 2]
    assert refused(budgeted, PICTURE) == (402, "Insufficient key balance. Required: 4, Available: 2")


@pytest.mark.parametrize("seconds", [5, "5", "5s", " 5S ", 5.0])
def test_a_duration_is_read_however_it_is_written(program, seconds):
    generate(program, "video", duration=seconds)
    assert Job.objects.get().params["duration"] == 5


@pytest.mark.parametrize(
    ("name", "model", "params"),
    [
        ("imagen-4.0", "image-4.0", {}),
        ("NANO-Banana-Fast", "nano-banana", {"speed": "fast"}),
        ("nano-banana-pro-fast", "nano-banana-pro", {"speed": "fast"}),
        ("chatgpt-image", "image-gpt", {}),
    ],
)
def test_another_name_is_the_same_model(program, name, model, params):
    generate(program, model=name)
    job = Job.objects.get()
    assert job.media_model.name == model
    assert job.params.items() >= params.items()


def test_words_that_nobody_knows_are_ignored(program):
    assert generate(program, negative_prompt="fog", n=4, provider_mode=["x"], nothing=None)["cost"] == 4


def test_sound_that_is_not_to_be_had_is_dropped_and_the_silent_row_charged(program):
    told = generate(program, "video", model="veo-3.1", duration=8, audio=True)
    job = Job.objects.get()
    assert (told["warnings"], told["cost"]) == (["audio_dropped"], 15)
    assert job.warnings == ["audio_dropped"]
    assert "audio" not in job.params or job.params["audio"] is False
    assert program.get(f"/jobs/{told['job_id']}").json()["warnings"] == ["audio_dropped"]


def test_sound_that_is_to_be_had_is_charged(program):
    told = generate(program, "video", resolution="720p", audio="true", server_id="fast")
    assert "warnings" not in told
    assert Job.objects.get().params["audio"] is True


def test_what_the_model_does_not_take_is_dropped(program):
    told = generate(program, model="veo-3.1-fast", kind="video", duration="8s", quality="high", resolution="4k")
    assert sorted(told["warnings"]) == ["quality_dropped", "resolution_dropped"]


@pytest.mark.parametrize("mode", ["", "t2v", "T2V", "i2v"])
def test_the_mode_follows_from_the_input(program, mode):
    picture = {"img_url": HERE} if mode == "i2v" else {}
    generate(program, "video", mode=mode, **picture)
    assert Job.objects.get().mode == (mode.lower() or "t2v")


# -- inputs ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["img_url", "image_url", "image_urls"])
@pytest.mark.parametrize("several", [False, True])
def test_an_address_is_fetched_later(program, name, several):
    generate(program, model="nano-banana", **{name: [HERE] if several else HERE})
    assert JobInput.objects.get().url == HERE
    assert Job.objects.get().mode == "i2i"


def test_several_pictures_go_where_the_model_takes_them(program):
    addresses = [f"https://pictures.example.com/{number}.png" for number in range(3)]
    generate(program, model="nano-banana", img_url=addresses)
    assert [row.url for row in JobInput.objects.all()] == addresses
    form = program.form("/image/generate", PICTURE | {"model": "nano-banana", "img_url": addresses})
    text = program.form("/image/generate", PICTURE | {"model": "nano-banana", "img_url": json.dumps(addresses)})
    assert (form.status_code, text.status_code, JobInput.objects.count()) == (200, 200, 9)


def test_several_pictures_are_refused_where_it_takes_one(program):
    status, detail = refused(program, CLIP | {"img_url": [HERE, f"{HERE}?2"]}, "video")
    assert (status, detail) == (400, "input_image: Kling 2.6 starts from at most 1, not from 2")


def test_as_many_are_taken_as_the_prose_says(program):
    Offer.objects.filter(media_model__name="nano-banana").update(params={"img_url": "up to 2 urls, optional"})
    addresses = [f"https://pictures.example.com/{number}.png" for number in range(3)]
    assert refused(program, PICTURE | {"model": "nano-banana", "img_url": addresses})[0] == 400
    generate(program, model="nano-banana", img_url=addresses[:2])


def test_a_picture_of_ours_is_never_fetched(program):
    uploaded = program.form("/files/upload/image", {"file": a_file()}).json()
    generate(program, model="nano-banana", img_url=uploaded["url"])
    row = JobInput.objects.get()
    assert (row.url, row.file.public_id) == ("", uploaded["file_id"])


def test_another_keys_picture_is_used_by_its_signed_address(program, user):
    other = a_program(user)
    uploaded = other.form("/files/upload/image", {"file": a_file()}).json()
    generate(program, model="nano-banana", img_url=uploaded["url"])
    assert JobInput.objects.get().file.key == other.key.public_id


def test_a_picture_comes_with_the_form(program):
    answer = program.form("/image/generate", PICTURE | {"model": "nano-banana", "input_image": a_file()})
    assert answer.status_code == 200
    file = JobInput.objects.get().file
    assert (file.key, file.content_type) == (program.key.public_id, "image/png")


@pytest.mark.parametrize(
    "fields", [{"model": "no-such"}, {"prompt": " "}, {"resolution": "9k"}, {"model": "image-4.0"}]
)
def test_no_picture_is_kept_of_a_form_that_is_refused(program, fields):
    before = everything()
    answer = program.form("/image/generate", PICTURE | {"model": "nano-banana-pro", "input_image": a_file()} | fields)
    assert answer.status_code == 400
    assert set(changed(before)) <= {"keys.ApiKey"}


def test_no_picture_is_kept_where_the_key_may_not_spend(user):
    program = a_program(user, day=1)
    answer = program.form("/image/generate", PICTURE | {"model": "nano-banana", "input_image": a_file()})
    assert (answer.status_code, StoredFile.objects.exists()) == (402, False)


def test_a_private_address_is_refused(program):
    for url in ("http://169.254.169.254/latest/", "http://localhost:1/x.png", "ftp://example.com/x.png"):
        status, detail = refused(program, PICTURE | {"model": "nano-banana", "img_url": url})
        assert (status, detail.partition(":")[0]) == (400, "img_url")


# -- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"model": "image-4.0"}, "prompt"),
        ({"prompt": "", "model": "image-4.0"}, "prompt"),
        ({"prompt": ["a"], "model": "image-4.0"}, "prompt"),
        ({"prompt": 5, "model": "image-4.0"}, "prompt"),
        ({"prompt": "a\x00b", "model": "image-4.0"}, "prompt"),
        ({"prompt": "a\ud800b", "model": "image-4.0"}, "prompt"),
        ({"prompt": "x" * (settings.PROMPT_MAX_CHARS + 1), "model": "image-4.0"}, "prompt"),
        ({"prompt": "a"}, "model"),
        (PICTURE | {"model": "no-such"}, "model"),
        (PICTURE | {"model": "kling-2.6"}, "model"),
        (PICTURE | {"model": "image-4.0\x00"}, "model"),
        (PICTURE | {"model": {"id": 1}}, "model"),
        (PICTURE | {"model": "nano-banana-pro", "resolution": "9k"}, "resolution"),
        (PICTURE | {"model": "nano-banana-pro", "resolution": ["1k"]}, "resolution"),
        (PICTURE | {"server_id": "vip9"}, "server_id"),
        (PICTURE | {"img_url": 7}, "img_url"),
        (PICTURE | {"img_url": [[HERE]]}, "img_url"),
        (PICTURE | {"img_url": "[broken"}, "img_url"),
        (PICTURE | {"img_url": "no address"}, "img_url"),
        (PICTURE | {"callback_url": "http://127.0.0.1/hook"}, "callback_url"),
        (PICTURE | {"callback_url": "javascript:alert(1)"}, "callback_url"),
    ],
)
def test_bad_input_names_its_field(program, body, field):
    status, detail = refused(program, body)
    assert (status, detail.partition(":")[0]) == (400, field), detail


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"duration": "five"}, "duration"),
        ({"duration": 0}, "duration"),
        ({"duration": -5}, "duration"),
        ({"duration": 10**30}, "duration"),
        ({"duration": 7}, "duration"),
        ({"audio": "maybe"}, "audio"),
        ({"mode": "i2v"}, "mode"),
        ({"mode": "t2v", "img_url": HERE}, "mode"),
        ({"mode": "sideways"}, "mode"),
    ],
)
def test_bad_input_of_a_clip_names_its_field(program, fields, field):
    status, detail = refused(program, CLIP | fields, "video")
    assert (status, detail.partition(":")[0]) == (400, field), detail


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        ("{broken", "application/json"),
        ("[1]", "application/json"),
        ('"text"', "application/json"),
        ('{"prompt": NaN}', "application/json"),
        ("[" * 100_000, "application/json"),
        ("9" * 10_000, "application/json"),
        (b"\xff\xfe", "application/json"),
        ("", "application/json"),
        ("<xml/>", "application/xml"),
        ("prompt=a", "text/plain"),
        ("--x\r\n", "multipart/form-data"),
        ("--x\r\nbroken", "multipart/form-data; boundary=x"),
        ('{"prompt": "' + "x" * 2_000_000 + '"}', "application/json"),
    ],
)
def test_a_body_that_cannot_be_read_is_bad_input(program, data, content_type):
    assert refused(program, None, data=data, content_type=content_type)[0] == 400


def test_a_model_that_no_connection_offers_is_unavailable(program):
    Connection.objects.update(is_enabled=False)
    assert refused(program, PICTURE) == (503, "No connection offers Imagen 4.0 at this moment")


def test_too_few_credits_name_the_wallet(program):
    status, detail = refused(program, CLIP | {"resolution": "1080p", "server_id": "vip1"}, "video")
    assert (status, detail.split(".")[0]) == (402, "Insufficient user balance")


def test_kinds_and_models_may_be_fenced(user):
    pictures, imagen = a_program(user, kinds=("image",)), a_program(user, models=("image-4.0",))
    assert refused(pictures, CLIP, "video") == (403, "API key has no permission for this kind")
    assert refused(imagen, PICTURE | {"model": "nano-banana"}) == (403, "API key has no permission for this model")
    assert generate(imagen, model="imagen-4.0")["cost"] == 4


def test_limits_of_the_key_say_which_and_when_it_begins_anew(user):
    program = a_program(user, day=5, lifetime=7)
    generate(program)
    status, detail = refused(program, PICTURE)
    assert (status, detail) == (402, "Lifetime limit reached. Limit: 7, Used: 4, Required: 4")
    daily = a_program(user, day=5)
    generate(daily)
    status, detail = refused(daily, PICTURE)
    assert status == 402
    assert detail.startswith("Daily limit reached. Limit: 5, Used: 4, Required: 4. Resets at 20")


def test_a_full_queue_says_so(user):
    program = a_program(user, running=1, queue=1)
    generate(program)
    generate(program)
    answer = program.post("/image/generate", PICTURE)
    assert (answer.status_code, int(answer["Retry-After"]) > 0) == (429, True)
    assert answer.json()["detail"] == {
        "error": "Queue full",
        "message": "Queue full (1/1)",
        "current_usage": {"total": 1, "queued": 1},
        "limits": {"total_concurrent": 1, "queue": 1},
    }


def test_a_rate_is_told_and_kept(user):
    program = a_program(user, per_minute=2)
    first, second, third = (program.get("/balance") for _ in range(3))
    assert [answer.status_code for answer in (first, second, third)] == [200, 200, 429]
    assert third.json() == {"detail": "Rate limit exceeded. Limit: 2 requests per minute."}
    left = [(answer["X-RateLimit-Limit"], answer["X-RateLimit-Remaining"]) for answer in (first, second, third)]
    assert left == [("2", "1"), ("2", "0"), ("2", "0")]
    assert third["Retry-After"] == third["X-RateLimit-Reset"]
    assert 0 < int(third["Retry-After"]) <= 60


def test_the_callback_stands_on_the_job(program):
    generate(program, callback_url=" https://hooks.example.com/done ")
    assert Job.objects.get().callback_url == "https://hooks.example.com/done"


# -- Idempotency-Key -------------------------------------------------------------------------------------------------


def named(program: Program, name: str, kind: str = "image", **fields):
    body = (PICTURE if kind == "image" else CLIP) | fields
    return program.post(f"/{kind}/generate", body, headers={"Idempotency-Key": name})


def test_the_same_name_again_is_answered_as_at_first(program):
    first = named(program, "order-1")
    generate(program)
    again = named(program, "order-1")
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    assert ("Idempotency-Replayed" in first, again["Idempotency-Replayed"]) == (False, "true")
    assert Job.objects.count() == 2


def test_the_same_name_for_another_body_is_refused(program):
    named(program, "order-1")
    for other in ({"prompt": "Other boats"}, {"model": "nano-banana"}, {"callback_url": "https://hooks.example.com"}):
        answer = named(program, "order-1", **other)
        assert (answer.status_code, answer.json()["detail"]) == (
            422,
            "This Idempotency-Key was used for another request",
        )
    assert Job.objects.count() == 1


def test_a_name_counts_for_one_key_alone(program, user):
    assert named(program, "order-1").json()["job_id"] != named(a_program(user), "order-1").json()["job_id"]


def test_a_replay_of_what_was_dropped_is_the_same(program):
    first, again = (named(program, "a", "video", model="veo-3.1", duration=8, audio=True).json() for _ in range(2))
    assert (again, again["warnings"]) == (first, ["audio_dropped"])


def test_what_is_dropped_was_asked_all_the_same(program):
    named(program, "a", "video", model="veo-3.1", duration=8, audio=True)
    assert named(program, "a", "video", model="veo-3.1", duration=8).status_code == 422


def test_the_same_name_again_is_answered_whatever_has_changed_since(program):
    uploaded = program.form("/files/upload/image", {"file": a_file()}).json()
    fields = {"model": "nano-banana", "img_url": uploaded["url"]}
    first = named(program, "order-1", **fields).json()
    StoredFile.objects.update(deleted_at=clock.now())
    ApiKey.objects.update(allowed_models=["veo-3.1"], allowed_kinds=["video"])
    again = named(program, "order-1", **fields)
    assert (again.status_code, again.json()) == (200, first)


def test_the_same_name_for_another_file_is_refused_before_it_is_kept(program):
    body, name = PICTURE | {"model": "nano-banana"}, {"Idempotency-Key": "with-a-file"}
    program.form("/image/generate", body | {"input_image": a_file()}, **name)
    other = SimpleUploadedFile("fox.png", encoded(a_picture(40, 40)), "image/png")
    before = everything()
    assert program.form("/image/generate", body | {"input_image": other}, **name).status_code == 422
    assert set(changed(before)) <= {"keys.ApiKey"}


def test_the_same_name_for_the_other_kind_is_refused(program):
    assert named(program, "a", "video").status_code == 200
    assert program.post("/image/generate", CLIP, headers={"Idempotency-Key": "a"}).status_code == 422


def test_of_two_at_once_both_are_told_what_was_dropped(program, monkeypatch):
    first = named(program, "a", "video", model="veo-3.1", duration=8, audio=True).json()
    known, looks = submit.first, []

    def too_early_at_first(actor, token):
        looks.append(token)
        return known(actor, token) if len(looks) > 1 else None

    monkeypatch.setattr(submit, "first", too_early_at_first)
    twin = named(program, "a", "video", model="veo-3.1", duration=8, audio=True)
    assert (twin.status_code, twin.json()) == (200, first)
    assert Job.objects.count() == 1


def test_a_file_that_cannot_be_paid_for_is_not_kept(user):
    poor = a_program(user, kind="budgeted", credits=1)
    answer = poor.form("/image/generate", PICTURE | {"model": "nano-banana", "input_image": a_file()})
    assert answer.status_code == 402
    assert not StoredFile.objects.exists()


def test_a_replay_with_a_file_is_the_same(program):
    sent = [
        program.form(
            "/image/generate",
            PICTURE | {"model": "nano-banana", "input_image": a_file()},
            **{"Idempotency-Key": "with-a-file"},
        ).json()
        for _ in range(2)
    ]
    assert sent[0] == sent[1]
    assert Job.objects.count() == 1


@pytest.mark.parametrize("name", ["", "a b", "x" * 256, "naïve"])
def test_a_name_is_visible_characters(program, name):
    assert named(program, name).status_code == 400
    assert not Job.objects.exists()


def test_a_submission_costs_few_statements(program, django_assert_max_num_queries):
    generate(program)
    with django_assert_max_num_queries(12):
        generate(program)


def test_an_address_of_ours_stays_one_whatever_the_host(program):
    uploaded = program.form("/files/upload/image", {"file": a_file()}).json()
    actor = checking.actor_of(checking.by_secret(program.secret, address=""))
    assert links.own(actor, uploaded["url"]).public_id == uploaded["file_id"]
