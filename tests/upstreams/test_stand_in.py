"""The stand-in answers as the vendor's documents say: its shapes, its prices, its slots and its book."""

import hashlib
import io
import json
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import av
import pytest
import requests
from PIL import Image

from .customer import Customer, a_picture
from .revidapi import Model, Row, StandIn

LISTED = {"job_id", "type", "model", "prompt", "status", "output_url", "credits_cost", "created_at", "completed_at"}
LISTED |= {"input_params", "input_images"}


def media(url):
    return requests.get(url, timeout=10).content


# Keys.


def test_without_a_key_it_says_that_one_is_missing(upstream):
    answer = requests.get(f"{upstream.url}/models", timeout=5)
    assert (answer.status_code, answer.json()) == (401, {"detail": "Missing Authorization header"})


def test_an_unknown_key_is_invalid_and_one_switched_off_is_disabled(upstream, customer):
    customer.session.headers["Authorization"] = "Bearer sk_live_nobody"
    assert customer.get("balance").json() == {"detail": "Invalid API key"}
    customer.use(customer.account.key)
    customer.account.disable()
    assert customer.get("balance").json() == {"detail": "API key is disabled"}
    customer.account.enable()
    assert customer.get("balance").status_code == 200


def test_a_second_key_of_an_account_sees_its_jobs_and_a_strangers_does_not(upstream, customer):
    job_id = customer.image()["job_id"]
    customer.use(customer.account.add_key())
    assert customer.get(f"jobs/{job_id}").status_code == 200
    customer.use(upstream.open_account().key)
    assert customer.get(f"jobs/{job_id}").json() == {"detail": "Job not found"}


def test_too_many_requests_with_one_key_are_told_when_to_come_back(upstream, customer):
    upstream.per_minute = 3
    assert [customer.get("limits").status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = customer.get("limits")
    assert refused.json() == {"detail": "Rate limit exceeded. Limit: 3 requests per minute."}
    assert 0 < int(refused.headers["Retry-After"]) <= 61
    upstream.skip(61)
    assert customer.get("limits").status_code == 200


# Orders.


def test_an_order_is_charged_at_once_and_answered_with_its_job(upstream, customer):
    assert customer.image(model="nano-banana-pro", resolution="1k") == {
        "job_id": upstream.book.jobs[0].id,
        "status": "pending",
        "cost": 30,
        "balance_remaining": 970,
    }


def test_a_form_says_the_same_as_json(upstream, customer):
    words = {"model": "kling-2.6", "prompt": "a fox", "duration": "10s", "resolution": "720p", "audio": "true"}
    form = {name: (None, value) for name, value in words.items()}
    assert customer.post("video/generate", files=form).json()["cost"] == 50
    assert customer.video(**words | {"duration": 10, "audio": True})["cost"] == 50
    urlencoded = customer.post("video/generate", data=words)
    assert urlencoded.json()["cost"] == 50


@pytest.mark.parametrize(
    ("fields", "cost"),
    [
        ({"model": "kling-2.6"}, 15),
        ({"model": "kling-2.6", "audio": True}, 25),
        ({"model": "kling-2.6", "resolution": "1080p", "duration": "10", "server_id": "vip1", "speed": "slow"}, 320),
        ({"model": "kling-2.6", "resolution": "1080p", "audio": True, "server_id": "vip2"}, 45),
        ({"model": "kling-2.6", "config_key": "1080p-10s-audio-slow"}, 640),
        ({"model": "veo3.1-low", "resolution": "1080p", "duration": "8"}, 15),
        ({"model": "grok-i2v", "resolution": "720p", "duration": "6s"}, 50),
    ],
)
def test_an_order_costs_what_the_row_of_its_key_says(customer, fields, cost):
    assert customer.video(**fields)["cost"] == cost


def test_what_it_does_not_sell_is_refused_and_not_charged(upstream, customer):
    refused = [
        customer.order("image", model="nano-banana-9"),
        customer.order("image", model="Nano-Banana"),
        customer.order("image", model="kling-2.6"),
        customer.order("image", model="nano-banana-pro", resolution="8k"),
        customer.order("video", model="kling-2.6", duration="7"),
        customer.order("video", model="kling-2.6", server_id="vip9"),
    ]
    assert {answer.status_code for answer in refused} == {400}
    assert upstream.book.net == 0


def test_an_order_without_a_prompt_is_answered_with_a_list(customer):
    answer = customer.order("image", prompt="")
    assert answer.status_code == 422
    assert answer.json() == {"detail": [{"loc": ["body", "prompt"], "msg": "Field required", "type": "missing"}]}


def test_an_order_above_the_balance_is_refused_with_both_numbers(upstream, customer):
    upstream.book.top_up(customer.account, -988)
    answer = customer.order("image", model="nano-banana-pro")
    assert answer.status_code == 402
    assert answer.json() == {"detail": "Insufficient user balance. Required: 30, Available: 12"}


def test_kling_turbo_wants_to_be_told_that_an_image_is_one(customer):
    picture = {"input_image": ("a.png", a_picture(), "image/png")}
    words = {"model": "kling-2.5-turbo", "prompt": "a fox"}
    assert customer.post("video/generate", data=words, files=picture).status_code == 500
    assert customer.post("video/generate", data=words | {"mode": "i2v"}, files=picture).status_code == 200


# Slots.


def test_jobs_wait_for_a_slot_of_their_kind_and_then_the_queue_is_full(upstream, customer):
    upstream.image_s = 60
    jobs = [customer.image()["job_id"] for _ in range(6)]
    assert [customer.status(job) for job in jobs] == ["processing"] * 3 + ["pending"] * 3
    refused = customer.order("image")
    assert refused.status_code == 429
    assert refused.json()["detail"]["error"] == "Queue full"
    assert refused.json()["detail"]["message"] == "Queue full (3/3)"
    upstream.skip(60)
    assert [customer.status(job) for job in jobs] == ["completed"] * 3 + ["processing"] * 3


def test_pictures_that_wait_do_not_keep_a_clip_from_its_slot(upstream, customer):
    upstream.image_s = upstream.video_s = 60
    for _ in range(4):
        customer.image()
    assert customer.status(customer.video()["job_id"]) == "processing"
    assert customer.get("limits").json() == {
        "limits": {"total_concurrent": 5, "image_concurrent": 3, "video_concurrent": 3, "queue": 3},
        "active": {"total": 4, "image": 3, "video": 1, "queued": 1},
        "available": {"image_slots": 0, "video_slots": 1, "queue_slots": 2},
    }


def test_a_cancelled_job_gives_its_slot_back_and_keeps_its_charge(upstream, customer):
    upstream.image_s = 60
    jobs = [customer.image()["job_id"] for _ in range(4)]
    answer = customer.post(f"jobs/{jobs[0]}/cancel")
    assert answer.json() == {"job_id": jobs[0], "status": "cancelled", "message": "Job cancelled"}
    assert [customer.status(job) for job in jobs] == ["cancelled"] + ["processing"] * 3
    assert upstream.book.net == upstream.book.charged == 16
    assert customer.post(f"jobs/{jobs[0]}/cancel").status_code == 400
    assert customer.post("jobs/nothing/cancel").status_code == 404


# Results.


def test_a_finished_picture_is_a_real_one_of_the_ordered_size(upstream, customer):
    job = customer.image(model="nano-banana-pro", resolution="2k", aspect_ratio="16:9")["job_id"]
    assert set(customer.get(f"jobs/{job}").json()) == {"status", "result", "progress"}
    upstream.skip(1)
    seen = customer.get(f"jobs/{job}").json()
    assert (seen["status"], seen["progress"]) == ("completed", 100)
    assert Image.open(io.BytesIO(media(seen["result"]))).size == (2048, 1152)


def test_a_finished_clip_is_a_real_one_of_the_ordered_size_length_and_sound(upstream, customer):
    url = customer.finished_video(resolution="720p", duration="5", aspect_ratio="9:16", audio=True)
    with av.open(io.BytesIO(media(url))) as clip:
        assert (clip.streams.video[0].width, clip.streams.video[0].height) == (720, 1280)
        assert clip.duration == pytest.approx(5_000_000, rel=0.02)
        assert len(clip.streams.audio) == 1


def test_no_two_results_have_the_same_bytes(upstream, customer):
    urls = [customer.finished_image() for _ in range(4)] + [customer.finished_video() for _ in range(3)]
    assert len({hashlib.sha256(media(url)).digest() for url in urls}) == 7


def test_results_answer_ranges_and_head_and_know_no_key(upstream, customer):
    url = customer.finished_image()
    body = media(url)
    part = requests.get(url, headers={"Range": "bytes=1-3"}, timeout=5)
    assert (part.status_code, part.content) == (206, b"PNG")
    assert part.headers["Content-Range"] == f"bytes 1-3/{len(body)}"
    assert requests.get(url, headers={"Range": "bytes=-4"}, timeout=5).content == body[-4:]
    assert requests.get(url, headers={"Range": f"bytes={len(body)}-"}, timeout=5).status_code == 416
    head = requests.head(url, timeout=5)
    assert (head.headers["Content-Length"], head.content) == (str(len(body)), b"")


def test_a_key_that_is_sent_to_storage_is_noted(upstream, customer):
    url = customer.finished_image()
    assert customer.session.get(url, timeout=5).status_code == 400
    assert upstream.leaks == [url.removeprefix(upstream.origin)]


# The catalog.


def test_every_model_is_printed_as_the_documents_show_it(customer):
    models = customer.get("models").json()["models"]
    shape = {"model", "name", "type", "modes", "servers", "credits_min", "credits_max", "pricing", "params", "notes"}
    assert all(set(model) == shape for model in models)
    kling = next(model for model in models if model["model"] == "kling-2.6")
    assert (kling["servers"], kling["credits_min"], kling["credits_max"]) == (["fast", "vip1", "vip2"], 15, 640)
    ordinary = {"server": "fast", "key": "720p-5s-fast", "credits": 15, "resolution": "720p", "duration": "5s"}
    assert kling["pricing"][0] == ordinary | {"config_key": "720p-5s-fast"}
    slow = next(row for row in kling["pricing"] if row["key"] == "1080p-10s-slow")
    assert (slow["server"], slow["credits"], slow["speed"]) == ("vip1", 320, "slow")


def test_the_flat_price_list_is_filtered_by_model_and_server(customer):
    answer = customer.get("models/pricing?model=kling-2.6&server_id=vip2").json()
    assert answer["count"] == len(answer["pricing"]) == 3
    assert {(row["model"], row["server"]) for row in answer["pricing"]} == {("kling-2.6", "vip2")}


def test_the_catalog_changes_while_it_is_on_sale(upstream, customer):
    upstream.catalog.set_price("image-4.0", "default-fast", 13)
    assert customer.image(model="image-4.0")["cost"] == 13
    upstream.catalog.remove_row("image-4.0", "default-fast")
    assert customer.order("image", model="image-4.0").status_code == 400
    upstream.catalog.remove("image-4.0")
    upstream.catalog.add(
        Model("new-one", "New One", "image", ("t2i",), (Row("fast", "1k-fast", 7, "1k", speed="fast"),))
    )
    models = [model["model"] for model in customer.get("models").json()["models"]]
    assert "new-one" in models
    assert "image-4.0" not in models


# Uploads.


def test_an_uploaded_picture_has_an_address_that_orders_may_name(upstream, customer):
    picture = a_picture()
    answer = customer.upload(picture)
    assert set(answer) == {"upload_id", "file_id", "url", "type", "status", "content_type", "size_bytes"}
    assert (answer["type"], answer["status"], answer["size_bytes"]) == ("image", "ready", len(picture))
    assert media(answer["url"]) == picture
    assert customer.image(img_url=answer["url"])["status"] == "pending"
    assert upstream.uploads.all[0].sha256 == hashlib.sha256(picture).hexdigest()


def test_inputs_come_as_an_address_a_list_a_list_in_text_a_repeated_field_or_files(upstream, customer):
    first, second = (customer.upload(a_picture())["url"] for _ in range(2))
    both, words = [first, second], {"model": "nano-banana", "prompt": "a fox"}
    customer.image(img_url=both)
    customer.image(img_url=json.dumps(both))
    customer.post("image/generate", data=[*words.items(), ("img_url", first), ("img_url", second)])
    files = [("input_image", (name, a_picture(), "image/png")) for name in ("a.png", "b.png")]
    customer.post("image/generate", data=words, files=files)
    assert [order.urls for order in upstream.book.orders[:3]] == [tuple(both)] * 3
    assert upstream.book.orders[3].files == (hashlib.sha256(a_picture()).hexdigest(),) * 2
    assert {job.mode for job in upstream.book.jobs} == {"i2i"}


def test_an_address_that_it_never_gave_out_is_refused_and_remembered(upstream, customer):
    ours = "https://studio.example/files/f_1?expires=9&token=abc"
    answer = customer.order("video", img_url=ours)
    assert (answer.status_code, answer.json()) == (400, {"detail": "Invalid image URL"})
    assert upstream.uploads.refused == [ours]
    assert upstream.book.net == 0


def test_an_upload_that_has_expired_is_refused_though_it_was_given_out(upstream, customer):
    url = customer.upload(a_picture())["url"]
    upstream.uploads.expire()
    assert customer.order("image", img_url=url).json() == {"detail": "Image URL is not accessible"}
    assert requests.get(url, timeout=5).status_code == 404
    assert upstream.uploads.refused == []


def test_a_presigned_upload_is_put_and_confirmed(upstream, customer):
    made = customer.post("files/upload/presign", json={"filename": "a.png"}).json()
    assert set(made) == {"upload_url", "upload_id"}
    named = {"upload_id": made["upload_id"]}
    assert customer.post("files/upload/confirm", json=named).status_code == 400
    assert requests.put(made["upload_url"], data=a_picture(), timeout=5).status_code == 200
    confirmed = customer.post("files/upload/confirm", json=named).json()
    assert confirmed["status"] == "ready"
    assert media(confirmed["url"]) == a_picture()


def test_an_upload_from_an_address_is_worked_on_first_and_then_completed(upstream, customer):
    begun = customer.post("files/upload-url", json={"url": "https://example.com/a.png", "type": "image"}).json()
    assert begun == {"upload_id": begun["upload_id"], "status": "processing"}
    status = f"files/upload/{begun['upload_id']}/status"
    assert customer.get(status).json() == begun
    upstream.skip(1)
    assert customer.get(status).json()["status"] == "completed"
    assert upstream.is_usable(customer.get(status).json()["url"])
    assert upstream.uploads.asked == ["https://example.com/a.png"]


def test_what_is_no_picture_is_not_taken(customer):
    assert customer.post("files/upload/image", files={"file": ("a.png", b"no picture")}).status_code == 400
    words = {"model": "nano-banana", "prompt": "a fox"}
    answer = customer.post("image/generate", data=words, files={"input_image": ("a.png", b"no picture")})
    assert answer.status_code == 400


# The dashboard and the book.


def test_the_balance_speaks_of_its_key_and_its_organization(customer):
    assert customer.get("balance").json() == {
        "balance": 1000,
        "currency": "credits",
        "key_prefix": customer.account.key[:11],
        "organization": "Acme",
    }
    assert customer.get("dashboard/me").json()["balance"] == 1000


def test_the_dashboard_lists_jobs_newest_first_in_pages(upstream, customer):
    for prompt in ("one", "two", "three"):
        customer.image(prompt=prompt, aspect_ratio="1:1")
    upstream.skip(1)
    page = customer.get("dashboard/jobs?page=1&limit=2").json()
    assert {name: page[name] for name in ("total", "page", "pages", "limit")} == {
        "total": 3,
        "page": 1,
        "pages": 2,
        "limit": 2,
    }
    assert [job["prompt"] for job in page["jobs"]] == ["three", "two"]
    assert set(page["jobs"][0]) == LISTED
    assert [job["prompt"] for job in customer.get("dashboard/jobs?page=2&limit=2").json()["jobs"]] == ["one"]
    assert customer.get("dashboard/jobs?status=failed").json()["total"] == 0
    assert customer.get("dashboard/jobs?type=t2i&status=completed").json()["total"] == 3
    assert customer.get("dashboard/jobs?limit=101").status_code == 422


def test_the_book_shows_every_move_and_every_order(upstream, customer):
    upstream.play("fails")
    customer.image(prompt="a wolf")
    customer.image(prompt="a fox")
    customer.order("image", prompt="a fox", model="nothing")
    upstream.skip(1)
    moves = customer.get("dashboard/credits").json()["transactions"]
    assert [(move["type"], move["amount"], move["balance_after"]) for move in moves] == [
        ("refund", 4, 996),
        ("deduct", -4, 992),
        ("deduct", -4, 996),
        ("initial", 1000, 1000),
    ]
    assert (upstream.book.charged, upstream.book.refunded, upstream.book.net) == (8, 4, 4)
    assert [order.status for order in upstream.book.orders_of("a fox")] == [200, 400]
    assert upstream.book.doubles() == []
    upstream.book.prove()


def test_the_dashboard_counts_by_model_and_by_day_and_both_add_up(upstream, customer):
    upstream.play("fails")
    customer.image(prompt="a wolf")
    customer.image(prompt="a fox")
    customer.video()
    upstream.skip(1)
    stats = customer.get("dashboard/stats").json()
    totals = {name: stats[name] for name in ("total_jobs", "credits_spent", "credits_refunded", "current_balance")}
    assert totals == {"total_jobs": 3, "credits_spent": 23, "credits_refunded": 4, "current_balance": 981}
    assert [(row["model"], row["jobs"], row["failed"]) for row in stats["by_model"]] == [
        ("kling-2.6", 1, 0),
        ("nano-banana", 2, 1),
    ]
    for rows in (stats["by_model"], stats["by_day"]):
        assert [sum(row[name] for row in rows) for name in ("jobs", "credits", "refunded")] == [3, 23, 4]


def test_the_figures_are_exported_as_a_file(upstream, customer):
    customer.image()
    answer = customer.get("dashboard/stats/export")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    head, row = answer.text.split()
    assert head == "date,model,jobs,completed,failed,credits,refunded"
    assert row.split(",")[1:] == ["nano-banana", "1", "0", "0", "4", "0"]


def test_moves_of_credits_come_in_pages_newest_first(upstream, customer):
    for _ in range(3):
        customer.image(prompt="a fox")
    pages = [customer.get(f"dashboard/credits?page={page}&limit=2").json() for page in (1, 2, 3)]
    assert [[move["balance_after"] for move in page["transactions"]] for page in pages] == [[988, 992], [996, 1000], []]
    assert {(page["total"], page["pages"]) for page in pages} == {(4, 2)}


@pytest.mark.parametrize("path", ["users", "subs", "revenue"])
def test_a_tenants_figures_are_for_its_owners_keys_alone(path, upstream, customer):
    refused = customer.get(f"dashboard/tenant/{path}")
    assert (refused.status_code, refused.json()) == (403, {"detail": "Tenant owner key required"})
    customer.use(upstream.open_account(is_owner=True).key)
    assert customer.get(f"dashboard/tenant/{path}").status_code == 200


def test_a_tenants_revenue_is_what_its_subscribers_paid(upstream, customer):
    customer.use(upstream.open_account(is_owner=True).key)
    revenue = customer.get("dashboard/tenant/revenue").json()
    assert sum(month["total"] for month in revenue["by_month"]) == revenue["total_revenue"] > 0
    assert all(month["unlimited"] + month["credit"] == month["total"] for month in revenue["by_month"])
    assert sum(plan["revenue"] for plan in revenue["by_plan"]) == revenue["total_revenue"]
    people = [customer.get(f"dashboard/tenant/users?page={page}&limit=100").json() for page in (1, 2)]
    subscribers = customer.get("dashboard/tenant/subs?limit=100").json()
    assert people[0]["total"] == sum(len(page["users"]) for page in people)
    assert sum(user["plan"] is not None for page in people for user in page["users"]) == subscribers["total"]
    assert {sub["type"] for sub in subscribers["subs"]} == {"unlimited", "credit"}


# Differences that a test plants.


def amounts(customer, job_id):
    moves = customer.get("dashboard/credits?limit=100").json()["transactions"]
    return [move["amount"] for move in moves if move["job_id"] == job_id]


def test_a_job_that_nobody_ordered_is_listed_and_charged_at_its_time(upstream, customer):
    newer = customer.image()["job_id"]
    job = upstream.book.plant_job(customer.account, model="nano-banana", credits=7, ago_s=3600)
    assert [row["job_id"] for row in customer.get("dashboard/jobs").json()["jobs"]] == [newer, job.id]
    assert amounts(customer, job.id) == [-7]
    assert customer.status(job.id) == "completed"
    assert upstream.book.orders_of(job.prompt) == []
    assert customer.get("balance").json()["balance"] == 989


def test_a_charge_is_lost_or_changed_and_the_balances_follow(upstream, customer):
    lost, changed, kept = (customer.image()["job_id"] for _ in range(3))
    upstream.book.lose_charge(upstream.book.find(lost, customer.account))
    upstream.book.change_charge(upstream.book.find(changed, customer.account), 9)
    assert [amounts(customer, job) for job in (lost, changed, kept)] == [[], [-9], [-4]]
    assert customer.get("balance").json()["balance"] == 987
    upstream.book.prove()


def test_a_finished_job_is_given_back_late_and_a_refund_is_lost(upstream, customer):
    upstream.play("fails", prompt="a wolf")
    failed, done = (customer.image(prompt=prompt)["job_id"] for prompt in ("a wolf", "a fox"))
    upstream.skip(1)
    upstream.book.refund_late(upstream.book.find(done, customer.account))
    upstream.book.lose_refund(upstream.book.find(failed, customer.account))
    assert [amounts(customer, job) for job in (failed, done)] == [[-4], [4, -4]]
    assert customer.status(done) == "completed"
    upstream.book.prove()


def test_planted_differences_leave_other_accounts_alone(upstream, customer):
    with Customer(upstream, upstream.open_account(balance=50)) as other:
        other.image()
        upstream.book.plant_job(customer.account, model="nano-banana", credits=7)
        assert other.get("balance").json()["balance"] == 46
        assert [move["amount"] for move in other.get("dashboard/credits").json()["transactions"]] == [-4, 50]


def test_a_book_that_does_not_add_up_is_found(upstream, customer):
    customer.image()
    customer.account.balance += 1
    with pytest.raises(AssertionError):
        upstream.prove()
    customer.account.balance -= 1


def test_forty_at_once_are_served_and_the_book_still_adds_up(upstream):
    account = upstream.open_account(balance=100_000, total=40, image=40, video=40, queue=400)

    def order_and_look(number):
        with Customer(upstream, account) as one:
            job = one.image(prompt=f"fox {number}")["job_id"]
            return [one.status(job) for _ in range(3)]

    with ThreadPoolExecutor(20) as threads:
        looks = list(threads.map(order_and_look, range(200)))
    assert len(looks) == len(upstream.book.jobs) == 200
    assert {status for look in looks for status in look} <= {"pending", "processing", "completed"}
    assert upstream.book.doubles() == []


def test_by_hand_it_prints_how_to_reach_it_and_ends_on_ctrl_c():
    command = [sys.executable, "-m", "tests.upstreams.revidapi", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        printed = "".join(iter(running.stdout.readline, "Ctrl-C stops it.\n"))
        host = re.search(r"PRIVATE_HOSTS=(127\.0\.0\.1:\d+)", printed)[1]
        key = re.search(r"sk_live_\w+", printed)[0]
        answer = requests.get(f"http://{host}/v1/balance", headers={"Authorization": f"Bearer {key}"}, timeout=5)
        running.send_signal(signal.SIGINT)
        assert (answer.json()["balance"], running.wait(timeout=10)) == (5000, 0)


def test_a_port_that_is_taken_is_named(upstream):
    command = [sys.executable, "-m", "tests.upstreams.revidapi", "--port", upstream.host.partition(":")[2]]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert ran.returncode == 1
    assert "cannot be used (Address already in use)" in ran.stderr


def test_leaving_ends_requests_that_still_wait():
    with StandIn() as upstream, ThreadPoolExecutor(1) as threads:
        upstream.play("slow")
        with Customer(upstream, upstream.open_account()) as one:
            waiting = threads.submit(one.order, "image")
            while not upstream.book.jobs:
                assert not waiting.done()
            upstream.stop()
            with pytest.raises(requests.ConnectionError):
                waiting.result(timeout=5)
