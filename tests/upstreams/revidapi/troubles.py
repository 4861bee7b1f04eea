"""What can go wrong with one request, by name. The keyword arguments of each are the facts that a script may set.

A trouble stands between a request and its deed: it prevents the deed, delays it, or spoils what it answers.
With after=True the deed is done first.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import cast

from . import refusals
from .http import Answer, Delivery
from .script import CALLS, Call, trouble

Change = Callable[[dict[str, object]], dict[str, object]]
ChangeValue = Callable[[str, object], object]
STORAGE_TOO = CALLS | {"put", "result"}


def _no(call: Call, status: int, detail: object, *, after: bool) -> Answer:
    """Refuse instead of the deed, or after it."""
    if after:
        call.deed()
    return refusals.no(status, detail)


# Answers that are lost or late.


@trouble("answer", on="create")
def lost_before(call: Call, *, how: Delivery = "reset", seconds: float = 0) -> Answer:
    """Nothing is done and nothing answered: the connection is reset or closed, after so many seconds."""
    return Answer(200, delivery=how, wait_s=seconds)


@trouble("answer", on="create")
def lost_after(call: Call, *, how: Delivery = "reset", seconds: float = 0) -> Answer:
    """The deed is done, its answer lost."""
    return replace(call.deed(), delivery=how, wait_s=seconds)


@trouble("answer", on="create")
def slow(call: Call, *, seconds: float = 60) -> Answer:
    """The deed is done at once, its answer comes late."""
    return replace(call.deed(), wait_s=seconds)


@trouble("answer", on="create")
def late_made(call: Call, *, seconds: float = 60) -> Answer:
    """The deed is done late, even when whoever asked has gone by then."""
    call.sleep(seconds)
    return call.deed()


@trouble("answer", on=STORAGE_TOO)
def truncated(call: Call) -> Answer:
    """The deed is done, its answer breaks off in the middle."""
    return replace(call.deed(), delivery="cut")


# Accounts that are refused.


@trouble("answer", on=CALLS)
def unauthorized(call: Call, *, detail: str = "Invalid API key", after: bool = False) -> Answer:
    """401: the key is no key."""
    return _no(call, 401, detail, after=after)


@trouble("answer", on=CALLS)
def key_disabled(call: Call) -> Answer:
    """401: the key is switched off, for this request."""
    return refusals.no(401, "API key is disabled")


@trouble("answer", on="create")
def key_disabled_midway(call: Call, *, seconds: float = 15) -> Answer:
    """The deed is done; from then on the key is switched off for so many seconds."""
    answer = call.deed()
    call.key_off(seconds)
    return answer


@trouble("answer", on="create")
def no_credits(call: Call, *, required: int = 30, available: int = 12) -> Answer:
    """402: the balance is short, whatever the book says."""
    return refusals.short(required, available)


@trouble("answer", on=CALLS)
def forbidden(call: Call, *, detail: str = "API key has no permission for this resource") -> Answer:
    """403."""
    return refusals.no(403, detail)


# Not now.


@trouble("answer", on=CALLS)
def rate_limited(call: Call, *, retry_after_s: int = 1, limit: int = 1000) -> Answer:
    """429 for too many requests, with a Retry-After."""
    return refusals.too_many(limit, retry_after_s)


@trouble("answer", on="create")
def queue_full(call: Call) -> Answer:
    """429 for a full queue, whatever the book says."""
    return refusals.full({"total": 5, "image": 3, "video": 2, "queued": 3}, {"total_concurrent": 5, "queue": 3})


@trouble("answer", on=CALLS)
def unavailable(call: Call, *, detail: str = "No active Kling accounts available", after: bool = False) -> Answer:
    """503."""
    return _no(call, 503, detail, after=after)


@trouble("answer", on=CALLS)
def server_error(call: Call, *, after: bool = False) -> Answer:
    """500."""
    return _no(call, 500, "Internal Server Error", after=after)


@trouble("answer", on=CALLS)
def gateway_html(call: Call, *, status: int = 524, after: bool = False) -> Answer:
    """A page of the gateway in front of it: nobody knows what became of the request."""
    if after:
        call.deed()
    return refusals.gateway(status)


# Orders that are refused.


@trouble("answer", on="create")
def wrapped_error(call: Call, *, detail: str = "400: For Kling I2V, provide 'img_id' & 'img_url'") -> Answer:
    """A client's error in a server's clothes: 500 with "400: ..."."""
    return refusals.no(500, detail)


@trouble("answer", on="create")
def detail_string(call: Call, *, status: int = 400, detail: str = "Invalid aspect_ratio") -> Answer:
    """Refused, in a string."""
    return refusals.no(status, detail)


@trouble("answer", on="create")
def detail_dict(call: Call, *, status: int = 400, message: str = "Prompt violates the content policy") -> Answer:
    """Refused, in a dict."""
    return refusals.no(status, {"error": "Bad request", "message": message})


@trouble("answer", on="create")
def detail_list(call: Call, *, name: str = "prompt", message: str = "Field required") -> Answer:
    """422: refused, in a validation list."""
    return refusals.no(422, [{"loc": ["body", name], "msg": message, "type": "missing"}])


@trouble("answer", on="create")
def price_row_gone(call: Call) -> Answer:
    """The price row of this very order vanishes from the catalog just before."""
    call.price_off()
    return call.deed()


@trouble("answer", on="poll cancel upload_status")
def not_found(call: Call, *, detail: str = "Job not found") -> Answer:
    """404 for something that is there."""
    return refusals.no(404, detail)


@trouble("answer", on="poll")
def job_set_not_found(call: Call) -> Answer:
    """200 with a failure that is none: the job is looked for in the wrong place."""
    return Answer(200, {"status": "failed", "result": None, "error": "Job set not found"})


# Answers that are spoilt.


@trouble("answer", on=CALLS)
def garbage(call: Call, *, text: str = '{"job_id": "3f0c', after: bool = True) -> Answer:
    """200 with JSON that is none."""
    if after:
        call.deed()
    return Answer(200, text, content_type="application/json")


@trouble("answer", on=CALLS)
def not_an_object(call: Call, *, after: bool = True) -> Answer:
    """200 with JSON of another shape."""
    if after:
        call.deed()
    return Answer(200, ["ok"])


@trouble("answer", on=CALLS)
def html_page(call: Call) -> Answer:
    """200 with somebody's home page."""
    return Answer(200, "<!DOCTYPE html><html><head><title>Welcome</title></head><body>It works!</body></html>")


@trouble("answer", on=STORAGE_TOO)
def redirect(call: Call, *, to: str = "http://169.254.169.254/latest/meta-data/", status: int = 302) -> Answer:
    """Send whoever asks to a private address."""
    return Answer(status, "", {"Location": to})


@trouble("answer", on="create balance")
def missing(call: Call, *, fields: Sequence[str] = ("cost", "balance", "balance_remaining")) -> Answer:
    """The answer without some of its fields."""
    return _reshaped(call.deed(), lambda old: {name: value for name, value in old.items() if name not in fields})


@trouble("answer", on="create")
def only_job_id(call: Call) -> Answer:
    """The answer to an order as the image page shows it."""
    return _reshaped(call.deed(), lambda old: {"job_id": old["job_id"]})


@trouble("answer", on="create")
def null_result(call: Call) -> Answer:
    """The answer to an order with a result that is not there yet."""
    return _reshaped(call.deed(), lambda old: {"result": None} | old)


@trouble("answer", on="create poll cancel upload upload_status confirm")
def upper_case(call: Call) -> Answer:
    """The status in capitals."""
    return _reshaped(call.deed(), lambda old: old | ({"status": str(old["status"]).upper()} if "status" in old else {}))


@trouble("answer", on="upload confirm upload_status")
def under_data(call: Call) -> Answer:
    """Everything one level deeper."""
    return _reshaped(call.deed(), lambda old: {"data": old})


@trouble("answer", on="jobs credits")
def zoneless_times(call: Call) -> Answer:
    """Times in UTC that do not say so."""
    return _relisted(call.deed(), lambda key, value: str(value).removesuffix("Z") if key.endswith("_at") else value)


@trouble("answer", on="jobs")
def short_prompts(call: Call, *, length: int = 100) -> Answer:
    """Prompts that are cut."""
    return _relisted(call.deed(), lambda key, value: str(value)[:length] if key == "prompt" else value)


# Uploads and cancels that go another way.


@trouble("answer", on="upload confirm upload_url")
def upload_waits(call: Call, *, seconds: float = 1, said: str = "completed") -> Answer:
    """The upload is still being worked on for so many seconds; then its status says `said`."""
    call.notes["upload"] = {"wait_s": seconds, "said": said}
    return call.deed()


@trouble("answer", on="upload confirm upload_url")
def upload_completed(call: Call) -> Answer:
    """The upload is there, and the word for it is "completed"."""
    call.notes["upload"] = {"said": "completed"}
    return call.deed()


@trouble("answer", on="upload confirm upload_url")
def upload_fails(call: Call, *, error: str = "Could not process the file") -> Answer:
    """The upload comes to nothing."""
    call.notes["upload"] = {"error": error}
    return call.deed()


@trouble("answer", on="cancel")
def cancel_refunds(call: Call) -> Answer:
    """The cancelled job's charge is given back."""
    call.notes["refunds"] = True
    return call.deed()


def _reshaped(answer: Answer, change: Change) -> Answer:
    """A good answer in another shape; refusals stay as they are."""
    if answer.status != 200 or not isinstance(answer.content, dict):
        return answer
    return replace(answer, content=change(answer.content))


def _relisted(answer: Answer, change: ChangeValue) -> Answer:
    """A list's items with values of another form."""

    def changed(old: dict[str, object]) -> dict[str, object]:
        return {
            name: [_item(each) for each in value] if isinstance(value, list) else value for name, value in old.items()
        }

    def _item(item: object) -> object:
        return {key: change(key, value) for key, value in cast("dict[str, object]", item).items()}

    return _reshaped(answer, changed)
