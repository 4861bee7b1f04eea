"""Trouble on script: what each does to an answer, a job and the book, and when it strikes."""

import io

import pytest
import requests
from PIL import Image

from .customer import Customer, a_picture
from .revidapi import TROUBLES, StandIn

LOST = (requests.ConnectionError, requests.ReadTimeout)


# When it strikes.


def test_a_trouble_strikes_as_often_as_it_is_played(upstream, customer):
    upstream.play("unavailable", on="create", times=2)
    assert [customer.order("image").status_code for _ in range(3)] == [503, 503, 200]


def test_it_waits_for_the_request_and_the_prompt_that_it_is_meant_for(upstream, customer):
    upstream.play("unavailable", on="poll", prompt="wolf")
    fox, wolf = (customer.image(prompt=f"a {animal}")["job_id"] for animal in ("fox", "wolf"))
    assert [customer.get(f"jobs/{job}").status_code for job in (fox, wolf, wolf)] == [200, 503, 200]


def test_a_window_closes_by_itself(upstream, customer):
    upstream.window("key_disabled", 5)
    assert customer.get("limits").json() == {"detail": "API key is disabled"}
    upstream.skip(5)
    assert customer.get("limits").status_code == 200


def test_odds_are_drawn_for_every_matching_request_and_the_same_for_a_seed():
    def drawn():
        with StandIn(seed=3) as upstream, Customer(upstream, upstream.open_account()) as customer:
            upstream.odds |= {"unavailable on limits": 0.5, "fails": 0.5}
            return [customer.get("limits").status_code for _ in range(20)], customer.get("balance").status_code

    first, balance = drawn()
    assert drawn() == (first, balance)
    assert (set(first), balance) == ({200, 503}, 200)


def test_words_in_a_prompt_strike_only_where_they_are_read():
    for reads, statuses in ((True, ["failed", "completed"]), (False, ["completed", "completed"])):
        with StandIn(reads_prompts=reads) as upstream, Customer(upstream, upstream.open_account()) as customer:
            jobs = [customer.image(prompt=prompt)["job_id"] for prompt in ("a fox [fail]", "a fox [nothing known]")]
            upstream.skip(1)
            assert [customer.status(job) for job in jobs] == statuses


def test_a_script_that_makes_no_sense_is_refused(upstream):
    with pytest.raises(KeyError):
        upstream.play("earthquake")
    with pytest.raises(TypeError):
        upstream.play("fails", colour="red")
    with pytest.raises(ValueError, match="no request is for nothing"):
        upstream.play("unavailable", on="nothing")
    with pytest.raises(ValueError, match="decided when a job is made"):
        upstream.play("fails", on="poll")


def test_every_trouble_says_what_it_does():
    assert all(trouble.act.__doc__ for trouble in TROUBLES.values())


# Answers that are lost or late.


@pytest.mark.parametrize("how", ["reset", "close"])
def test_an_answer_that_is_lost_before_leaves_nothing_and_one_lost_after_leaves_a_job(upstream, customer, how):
    upstream.play("lost_before", how=how)
    upstream.play("lost_after", how=how)
    for prompt in ("before", "after"):
        with pytest.raises(LOST):
            customer.order("image", prompt=prompt)
    assert [job.prompt for job in upstream.book.jobs] == ["after"]
    assert upstream.book.charged == 4
    assert [order.trouble for order in upstream.book.orders] == ["lost_before", "lost_after"]
    assert upstream.calls[-1].status == 0


def test_a_slow_create_makes_the_job_at_once_and_a_late_one_at_the_end(upstream, customer):
    upstream.play("slow", seconds=0.3)
    upstream.play("late_made", seconds=0.3)
    for prompt in ("slow", "late"):
        before = upstream.now()
        customer.image(prompt=prompt)
        assert upstream.now() - before >= 0.3
        made = upstream.book.jobs_of(prompt)[0].created_at - before
        assert (made >= 0.3) == (prompt == "late")


def test_a_late_job_is_made_even_when_nobody_waits_for_it(upstream, customer):
    upstream.play("late_made", seconds=0.2)
    with pytest.raises(requests.ReadTimeout):
        customer.session.post(
            f"{upstream.url}/image/generate", json={"model": "nano-banana", "prompt": "a"}, timeout=0.05
        )
    assert not upstream.book.jobs
    with Customer(upstream, customer.account) as other:
        while not upstream.book.jobs:
            other.get("limits")
    assert upstream.book.charged == 4


def test_a_truncated_answer_breaks_off_after_the_deed(upstream, customer):
    upstream.play("truncated", on="create")
    with pytest.raises(requests.exceptions.RequestException):
        customer.order("image")
    assert len(upstream.book.jobs) == 1
    url = customer.finished_image()
    upstream.play("truncated", on="result")
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        requests.get(url, timeout=5)


# Answers instead of the deed.


@pytest.mark.parametrize(
    ("trouble", "status", "detail"),
    [
        ("unauthorized", 401, "Invalid API key"),
        ("key_disabled", 401, "API key is disabled"),
        ("no_credits", 402, "Insufficient user balance. Required: 30, Available: 12"),
        ("forbidden", 403, "API key has no permission for this resource"),
        ("rate_limited", 429, "Rate limit exceeded. Limit: 1000 requests per minute."),
        ("unavailable", 503, "No active Kling accounts available"),
        ("server_error", 500, "Internal Server Error"),
        ("wrapped_error", 500, "400: For Kling I2V, provide 'img_id' & 'img_url'"),
        ("detail_string", 400, "Invalid aspect_ratio"),
        ("detail_dict", 400, {"error": "Bad request", "message": "Prompt violates the content policy"}),
        ("detail_list", 422, [{"loc": ["body", "prompt"], "msg": "Field required", "type": "missing"}]),
    ],
)
def test_a_refusal_is_said_in_the_vendors_words_and_nothing_is_made(upstream, customer, trouble, status, detail):
    upstream.play(trouble, on="create")
    answer = customer.order("image")
    assert (answer.status_code, answer.json()) == (status, {"detail": detail})
    assert ("Retry-After" in answer.headers) == (trouble == "rate_limited")
    assert upstream.book.charged == 0
    assert upstream.book.orders[0].status == status


def test_a_full_queue_is_said_in_a_dict(upstream, customer):
    upstream.play("queue_full")
    answer = customer.order("image")
    assert answer.status_code == 429
    assert set(answer.json()["detail"]) == {"error", "message", "current_usage", "limits"}


def test_the_gateways_page_hides_whether_a_job_was_made(upstream, customer):
    upstream.play("gateway_html", on="create", after=False)
    upstream.play("gateway_html", on="create", after=True)
    answers = [customer.order("image", prompt=prompt) for prompt in ("lost", "made")]
    assert [(answer.status_code, answer.headers["Content-Type"][:9]) for answer in answers] == [(524, "text/html")] * 2
    assert [job.prompt for job in upstream.book.jobs] == ["made"]


def test_a_key_that_is_switched_off_midway_leaves_its_job_behind(upstream, customer):
    upstream.play("key_disabled_midway", seconds=5)
    job = customer.image()["job_id"]
    assert customer.get(f"jobs/{job}").status_code == 401
    upstream.skip(5)
    assert customer.status(job) == "completed"


def test_a_price_row_that_vanishes_refuses_the_order_that_was_quoted_by_it(upstream, customer):
    upstream.play("price_row_gone")
    assert customer.order("video", model="veo3.1-low").status_code == 400
    assert customer.get("models/pricing?model=veo3.1-low").json() == {"pricing": [], "count": 0}


# Answers that are spoilt.


@pytest.mark.parametrize("trouble", ["garbage", "not_an_object", "html_page"])
def test_an_answer_that_is_no_json_object_has_status_200(upstream, customer, trouble):
    upstream.play(trouble, on="models")
    answer = customer.get("models")
    assert answer.status_code == 200
    try:
        assert not isinstance(answer.json(), dict)
    except requests.JSONDecodeError:
        assert trouble != "not_an_object"


def test_a_redirect_leads_to_a_private_address(upstream, customer):
    upstream.play("redirect", on="models")
    upstream.play("redirect", on="result", to="http://10.0.0.1/a.png")
    assert customer.get("models").headers["Location"] == "http://169.254.169.254/latest/meta-data/"
    result = requests.get(customer.finished_image(), timeout=5, allow_redirects=False)
    assert (result.status_code, result.headers["Location"]) == (302, "http://10.0.0.1/a.png")


@pytest.mark.parametrize(
    ("trouble", "fields"),
    [
        ("missing", {"job_id", "status"}),
        ("only_job_id", {"job_id"}),
        ("null_result", {"job_id", "status", "cost", "balance_remaining", "result"}),
    ],
)
def test_the_answer_to_an_order_comes_with_other_fields(upstream, customer, trouble, fields):
    upstream.play(trouble)
    answer = customer.image()
    assert set(answer) == fields
    assert answer.get("result") is None


def test_a_status_may_be_in_capitals(upstream, customer):
    job = customer.image()["job_id"]
    upstream.play("upper_case", on="poll")
    assert customer.status(job) == "PROCESSING"


def test_a_job_may_be_out_of_sight_for_a_while(upstream, customer):
    job = customer.image()["job_id"]
    upstream.play("not_found", on="poll")
    upstream.play("job_set_not_found")
    upstream.skip(1)
    assert customer.get(f"jobs/{job}").json() == {"detail": "Job not found"}
    assert customer.look(job) == {"status": "failed", "result": None, "error": "Job set not found"}
    assert customer.status(job) == "completed"


def test_lists_may_cut_prompts_and_forget_the_zone(upstream, customer):
    customer.image(prompt="a very long prompt")
    upstream.play("short_prompts", length=6)
    assert customer.get("dashboard/jobs").json()["jobs"][0]["prompt"] == "a very"
    assert customer.get("dashboard/jobs").json()["jobs"][0]["created_at"].endswith("Z")
    upstream.play("zoneless_times")
    assert not customer.get("dashboard/jobs").json()["jobs"][0]["created_at"].endswith("Z")


# Uploads and cancels.


def test_an_upload_may_be_worked_on_first_or_completed_or_come_to_nothing(upstream, customer):
    upstream.play("upload_completed")
    assert customer.upload(a_picture())["status"] == "completed"
    upstream.play("upload_waits", seconds=5)
    upstream.play("upload_fails")
    waits, fails = (customer.upload(a_picture()) for _ in range(2))
    assert set(waits) == set(fails) == {"upload_id", "status"}
    assert customer.get(f"files/upload/{fails['upload_id']}/status").json()["status"] == "failed"
    upstream.skip(5)
    status = customer.get(f"files/upload/{waits['upload_id']}/status").json()
    assert (status["status"], upstream.is_usable(status["url"])) == ("completed", True)


def test_an_uploads_address_may_stand_under_data(upstream, customer):
    upstream.play("under_data", on="upload")
    assert set(customer.upload(a_picture())) == {"data"}


def test_a_cancel_may_give_the_charge_back(upstream, customer):
    job = customer.image()["job_id"]
    upstream.play("cancel_refunds")
    answer = customer.post(f"jobs/{job}/cancel").json()
    assert (answer["refunded"], answer["new_balance"]) == (True, 1000)
    assert upstream.book.net == 0


# What becomes of a job.


@pytest.mark.parametrize("form", ["error", "error_message", "message", "detail"])
def test_a_failed_job_says_why_and_its_charge_is_given_back(upstream, customer, form):
    upstream.play("fails", form=form, reason="Gateway timeout")
    job = customer.image()["job_id"]
    upstream.skip(1)
    assert customer.look(job) == {"status": "failed", "result": None, "progress": 0, form: "Gateway timeout"}
    assert (upstream.book.charged, upstream.book.refunded) == (4, 4)


def test_a_failure_may_stand_in_the_status_itself(upstream, customer):
    upstream.play("failed_prefix")
    job = customer.image()["job_id"]
    upstream.skip(1)
    assert customer.look(job) == {"status": "failed: Server timeout", "result": None, "progress": 0}


def test_a_failed_job_may_still_have_its_result(upstream, customer):
    upstream.play("failed_with_result")
    job = customer.image()["job_id"]
    upstream.skip(1)
    seen = customer.look(job)
    assert (seen["status"], seen["result"][:5]) == ("failed", "http:")


def test_a_failed_job_may_turn_out_done_later(upstream, customer):
    upstream.play("late_done", late_s=5, refunds=False)
    job = customer.image()["job_id"]
    upstream.skip(1)
    assert customer.status(job) == "failed"
    upstream.skip(5)
    assert customer.status(job) == "completed"
    assert upstream.book.net == 4


def test_a_job_may_be_done_when_its_order_is_answered(upstream, customer):
    upstream.play("complete_at_create")
    answer = customer.image()
    assert set(answer) == {"job_id", "status", "cost", "balance_remaining", "result"}
    assert answer["status"] == "completed"
    assert requests.get(answer["result"], timeout=5).headers["Content-Type"] == "image/png"


@pytest.mark.parametrize(
    ("trouble", "kind"), [("result_list", list), ("result_object", dict), ("no_result", type(None))]
)
def test_a_result_comes_in_several_shapes(upstream, customer, trouble, kind):
    upstream.play(trouble)
    job = customer.image()["job_id"]
    upstream.skip(1)
    assert isinstance(customer.look(job)["result"], kind)


def test_a_result_may_be_of_the_wrong_kind_or_a_page_or_gone(upstream, customer):
    for trouble in ("wrong_media", "page_result", "gone_result"):
        upstream.play(trouble)
    wrong, page, gone = (requests.get(customer.finished_video(), timeout=5) for _ in range(3))
    assert Image.open(io.BytesIO(wrong.content)).format == "PNG"
    assert page.headers["Content-Type"].startswith("text/html")
    assert gone.status_code == 404


def test_a_stuck_job_never_ends_and_one_may_take_its_time(upstream, customer):
    upstream.play("stuck")
    upstream.play("takes", seconds=50)
    stuck, slow = (customer.image()["job_id"] for _ in range(2))
    upstream.skip(49)
    assert [customer.status(job) for job in (stuck, slow)] == ["processing", "processing"]
    upstream.skip(100_000)
    assert [customer.status(job) for job in (stuck, slow)] == ["processing", "completed"]


def test_a_job_may_be_listed_only_later(upstream, customer):
    upstream.play("unlisted", seconds=5)
    customer.image()
    assert customer.get("dashboard/jobs").json()["total"] == 0
    upstream.skip(5)
    assert customer.get("dashboard/jobs").json()["total"] == 1


def test_a_fate_is_not_used_up_by_an_order_that_is_refused(upstream, customer):
    upstream.play("fails")
    customer.order("image", model="nano-banana", server_id="nowhere")
    job = customer.image()["job_id"]
    upstream.skip(1)
    assert customer.status(job) == "failed"
