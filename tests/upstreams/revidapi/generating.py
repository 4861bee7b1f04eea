"""Orders and jobs: generate, look, cancel."""

from typing import TYPE_CHECKING

from . import orders, refusals
from .book import BalanceShort, QueueFull
from .http import Answer
from .orders import Invalid
from .records import Fate, Job, Order
from .script import Call
from .uploads import is_media

if TYPE_CHECKING:
    from .catalog import Row
    from .stand_in import StandIn


def create(stand_in: "StandIn", call: Call) -> Answer:
    """POST /image/generate and /video/generate: charge, make the job, answer its id."""
    order = call.order
    assert order is not None
    try:
        said = orders.body(call.request)
        model, _ = said.text("model"), said.text("prompt")
    except Invalid as invalid:
        return refusals.no(422, invalid.detail)
    sold = stand_in.catalog.find(model)
    if sold is None or sold.type != order.kind:
        return refusals.no(400, f"Model {model} is not available for {order.kind} generation")
    if foreign := [url for url in order.urls if stand_in.upload_at(url) is None]:
        stand_in.uploads.refused.extend(foreign)
        return refusals.no(400, "Invalid image URL")
    if not all(map(stand_in.is_usable, order.urls)):
        return refusals.no(400, "Image URL is not accessible")
    if sold.needs_mode and (order.urls or order.files) and order.fields.get("mode") != "i2v":
        return refusals.no(500, "400: For Kling I2V, provide 'img_id' & 'img_url'")
    if not all(map(is_media, said.inputs)):
        return refusals.no(400, "Invalid image file")
    if row := sold.row_for(order.fields):
        return _charge(stand_in, call, row)
    return refusals.no(400, f"No pricing config for {model} with these parameters")


def _charge(stand_in: "StandIn", call: Call, row: "Row") -> Answer:
    account, order = call.account, call.order
    assert order is not None
    seconds = stand_in.image_s if order.kind == "image" else stand_in.video_s
    try:
        job = call.job = stand_in.book.make(
            order, account=account, row=row, seconds=seconds, fate=lambda: _fate(stand_in, call, order)
        )
    except BalanceShort:
        return refusals.short(row.credits, account.balance)
    except QueueFull:
        return refusals.full(stand_in.book.usage(account), account.slots.printed())
    answer = {"job_id": job.id, "status": "pending", "cost": job.charge, "balance_remaining": account.balance}
    if job.state == "completed":
        answer |= {"status": "completed", "result": _result(stand_in, job)}
    return Answer(200, answer)


def _fate(stand_in: "StandIn", call: Call, order: Order) -> Fate:
    """What the script wants to become of an order that is being accepted."""
    cue = stand_in.script.strike(call, "fate")
    if cue is None:
        return Fate()
    order.trouble = f"{order.trouble} {cue.trouble.name}".strip()
    return Fate(**cue.trouble.act(**cue.facts))  # type: ignore[arg-type]


def poll(stand_in: "StandIn", call: Call) -> Answer:
    """GET /jobs/{id}."""
    job = call.job
    if job is None:
        return refusals.no(404, "Job not found")
    with stand_in.book.up_to_date() as now:
        has_result = job.state == "completed" or (job.state == "failed" and job.fate.keeps_result)
        result = _result(stand_in, job) if has_result else None
        answer = {"status": status_of(job), "result": result, "progress": job.progress(now)}
        if job.state == "failed" and job.fate.form == "prefix":
            answer["status"] = f"failed: {job.fate.reason}"
        elif job.state == "failed":
            answer[job.fate.form] = job.fate.reason
    return Answer(200, answer)


def cancel(stand_in: "StandIn", call: Call) -> Answer:
    """POST /jobs/{id}/cancel. The charge is kept, unless the script says otherwise."""
    job, refunds = call.job, bool(call.notes.get("refunds"))
    if job is None:
        return refusals.no(404, "Job not found")
    if not stand_in.book.cancel(job, refunds=refunds):
        return refusals.no(400, f"Cannot cancel job with status: {status_of(job)}")
    answer: dict[str, object] = {"job_id": job.id, "status": "cancelled", "message": "Job cancelled"}
    if refunds:
        answer |= {"refunded": True, "new_balance": job.account.balance}
    return Answer(200, answer)


def status_of(job: Job) -> str:
    """A job's state in the vendor's words."""
    return {"queued": "pending", "running": "processing"}.get(job.state, job.state)


def address(stand_in: "StandIn", job: Job) -> str:
    """Where a job's result lies."""
    suffix = "png" if is_picture(job) else "mp4"
    return f"{stand_in.origin}/outputs/{job.token[:2]}/{job.token}.{suffix}"


def is_picture(job: Job) -> bool:
    """Whether a job's result is a picture, which is not always what was ordered."""
    return (job.kind == "image") != (job.fate.media == "wrong")


def _result(stand_in: "StandIn", job: Job) -> object:
    url = address(stand_in, job)
    return {"url": url, "list": [url], "object": {"url": url}, "none": None}[job.fate.result]
