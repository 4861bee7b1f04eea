"""The endpoints: what each request does and answers when nothing goes wrong."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from . import media, orders, troubles
from .book import BalanceShort, QueueFull
from .http import Answer
from .orders import Invalid
from .records import Fate, Job, Kind, Transaction, UpstreamAccount
from .script import Call
from .uploads import Upload

if TYPE_CHECKING:
    from .catalog import Model, Row
    from .stand_in import StandIn

Deed = Callable[["StandIn", Call], Answer]


@dataclass(frozen=True)
class Route:
    """One endpoint: its method, its path under /v1 (one group at most), what it is for, and its deed."""

    method: str
    path: re.Pattern[str]
    endpoint: str
    deed: Deed


def _route(method: str, path: str, endpoint: str, deed: Deed) -> Route:
    return Route(method, re.compile(path), endpoint, deed)


def find(method: str, path: str) -> tuple[Route | None, str, bool]:
    """The route of a request, the text of its group, and whether the path is known under another method."""
    hits = [(route, hit) for route in ROUTES if (hit := route.path.fullmatch(path))]
    for route, hit in hits:
        if route.method == ("GET" if method == "HEAD" else method):
            return route, hit[1] if hit.re.groups else "", False
    return None, "", bool(hits)


def no(status: int, detail: object) -> Answer:
    """A refusal."""
    return Answer(status, {"detail": detail})


def account_of(call: Call) -> UpstreamAccount:
    """Whose request it is; routes with a key always know."""
    assert call.request.account is not None
    return call.request.account


# Orders.


def create(stand_in: "StandIn", call: Call) -> Answer:
    """POST /image/generate and /video/generate: charge, make the job, answer its id."""
    order = call.order
    assert order is not None
    try:
        said = orders.body(call.request)
        model, _ = said.text("model"), said.text("prompt")
    except Invalid as invalid:
        return no(422, invalid.detail)
    sold = stand_in.catalog.find(model)
    if sold is None or sold.type != order.kind:
        return no(400, f"Model {model} is not available for {order.kind} generation")
    if foreign := [url for url in order.urls if not stand_in.gave_out(url)]:
        stand_in.uploads.refused.extend(foreign)
        return no(400, "Invalid image URL")
    if sold.needs_mode and (order.urls or order.files) and order.fields.get("mode") != "i2v":
        return no(500, "400: For Kling I2V, provide 'img_id' & 'img_url'")
    row = sold.row_for(order.fields)
    return _charge(stand_in, call, row) if row else no(400, f"No pricing config for {model} with these parameters")


def _charge(stand_in: "StandIn", call: Call, row: "Row") -> Answer:
    account, order = account_of(call), call.order
    assert order is not None
    cue = stand_in.script.strike(call, "fate")
    fate = Fate(**cue.trouble.act(**cue.facts)) if cue else Fate()  # type: ignore[arg-type]
    order.trouble = " ".join(filter(None, [order.trouble, cue.trouble.name if cue else ""]))
    seconds = stand_in.image_s if order.kind == "image" else stand_in.video_s
    try:
        job = call.job = stand_in.book.make(order, account=account, row=row, fate=fate, seconds=seconds)
    except BalanceShort:
        return troubles.short(row.credits, account.balance)
    except QueueFull:
        return troubles.full(stand_in.book.usage(account), _limits(account))
    answer = {"job_id": job.id, "status": "pending", "cost": job.charge, "balance_remaining": account.balance}
    if job.state == "completed":
        answer |= {"status": "completed", "result": _result(stand_in, job)}
    return Answer(200, answer)


def poll(stand_in: "StandIn", call: Call) -> Answer:
    """GET /jobs/{id}."""
    job = call.job
    if job is None:
        return no(404, "Job not found")
    with stand_in.book.up_to_date() as now:
        result = _result(stand_in, job) if job.state == "completed" or job.fate.keeps_result else None
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
        return no(404, "Job not found")
    if not stand_in.book.cancel(job, refunds=refunds):
        return no(400, f"Cannot cancel job with status: {status_of(job)}")
    answer: dict[str, object] = {"job_id": job.id, "status": "cancelled", "message": "Job cancelled"}
    if refunds:
        answer |= {"refunded": True, "new_balance": job.account.balance}
    return Answer(200, answer)


def status_of(job: Job) -> str:
    """A job's state in the vendor's words."""
    return {"queued": "pending", "running": "processing"}.get(job.state, job.state)


def _address(stand_in: "StandIn", job: Job) -> str:
    suffix = "png" if _is_picture(job) else "mp4"
    return f"{stand_in.origin}/outputs/{job.token[:2]}/{job.token}.{suffix}"


def _is_picture(job: Job) -> bool:
    return (job.kind == "image") != (job.fate.media == "wrong")


def _result(stand_in: "StandIn", job: Job) -> object:
    url = _address(stand_in, job)
    return {"url": url, "list": [url], "object": {"url": url}, "none": None}[job.fate.result]


# The account.


def models(stand_in: "StandIn", call: Call) -> Answer:
    """GET /models."""
    return Answer(200, {"models": [model.printed() for model in stand_in.catalog.all()]})


def pricing(stand_in: "StandIn", call: Call) -> Answer:
    """GET /models/pricing?model=&server_id=: every row, flat."""
    asked, server = call.request.query.get("model", ""), call.request.query.get("server_id", "")
    wanted: list[Model] = [model for model in stand_in.catalog.all() if asked in {"", model.id}]
    rows = [(model, row) for model in wanted for row in model.rows if server in {"", row.server}]
    printed = [{"model": model.id} | row.printed() for model, row in rows]
    return Answer(200, {"pricing": printed, "count": len(printed)})


def _limits(account: UpstreamAccount) -> dict[str, int]:
    slots = account.slots
    return {
        "total_concurrent": slots.total,
        "image_concurrent": slots.image,
        "video_concurrent": slots.video,
        "queue": slots.queue,
    }


def limits(stand_in: "StandIn", call: Call) -> Answer:
    """GET /limits: slots, and how many are taken."""
    account = account_of(call)
    slots, usage = account.slots, stand_in.book.usage(account)
    free = slots.total - usage["total"]
    available = {
        "image_slots": max(min(slots.image - usage["image"], free), 0),
        "video_slots": max(min(slots.video - usage["video"], free), 0),
        "queue_slots": max(slots.queue - usage["queued"], 0),
    }
    return Answer(200, {"limits": _limits(account), "active": usage, "available": available})


def balance(stand_in: "StandIn", call: Call) -> Answer:
    """GET /balance."""
    account = account_of(call)
    with stand_in.book.up_to_date():
        credits = account.balance
    prefix = call.request.key[:11]
    return Answer(
        200,
        {"balance": credits, "currency": "credits", "key_prefix": prefix, "organization": account.organization},
    )


def me(stand_in: "StandIn", call: Call) -> Answer:
    """GET /dashboard/me: the key and its account. No sample of the vendor's is public; this is the best guess."""
    account = account_of(call)
    with stand_in.book.up_to_date():
        credits = account.balance
    key = {"key_prefix": call.request.key[:11], "name": account.organization, "type": "shared", "is_active": True}
    return Answer(200, {"user_id": account.id, "username": account.organization, "balance": credits} | key)


def jobs(stand_in: "StandIn", call: Call) -> Answer:
    """GET /dashboard/jobs?page=&limit=&status=&type=: newest first."""
    account, query = account_of(call), call.request.query
    with stand_in.book.up_to_date() as now:
        mine = [job for job in stand_in.book.jobs if job.account is account]
        listed = [job for job in reversed(mine) if now - job.created_at >= job.fate.listed_s]
        rows = [_job_row(stand_in, job) for job in listed]
    wanted = [row for row in rows if all(query.get(name) in {None, "", row[name]} for name in ("status", "type"))]
    return _page(call, "jobs", wanted)


def _job_row(stand_in: "StandIn", job: Job) -> dict[str, object]:
    return {
        "job_id": job.id,
        "type": job.mode,
        "model": job.model,
        "prompt": job.prompt,
        "status": status_of(job),
        "output_url": _address(stand_in, job) if job.state == "completed" else None,
        "credits_cost": job.charge,
        "created_at": _iso(job.created_at),
        "completed_at": _iso(job.ended_at) if job.ended_at else None,
        "input_params": {name: value for name, value in job.params.items() if name != "prompt"},
        "input_images": [url for url in job.inputs if url.startswith("http")],
    }


def credits(stand_in: "StandIn", call: Call) -> Answer:
    """GET /dashboard/credits?page=&limit=: every move of credits, newest first."""
    account = account_of(call)
    mine = [_transaction_row(each) for each in reversed(stand_in.book.transactions) if each.account == account.id]
    return _page(call, "transactions", mine)


def _transaction_row(moved: Transaction) -> dict[str, object]:
    return {
        "id": moved.id,
        "user_id": moved.account,
        "job_id": moved.job_id or None,
        "type": moved.type,
        "amount": moved.amount,
        "balance_before": moved.balance_before,
        "balance_after": moved.balance_after,
        "reason": f"Job {moved.type}" if moved.job_id else moved.type,
        "created_at": _iso(moved.at),
    }


def _page(call: Call, name: str, rows: list[dict[str, object]]) -> Answer:
    """One page of a list, at most a hundred rows."""
    try:
        page, limit = (int(call.request.query.get(word, usual)) for word, usual in (("page", "1"), ("limit", "20")))
    except ValueError:
        return no(422, [{"loc": ["query"], "msg": "Input should be a valid integer", "type": "int_parsing"}])
    if page < 1 or not 1 <= limit <= 100:
        return no(422, [{"loc": ["query", "limit"], "msg": "Input should be 1 to 100", "type": "less_than_equal"}])
    pages = math.ceil(len(rows) / limit)
    shown = rows[(page - 1) * limit : page * limit]
    return Answer(200, {name: shown, "total": len(rows), "page": page, "pages": pages, "limit": limit})


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


# Uploads.


def upload(stand_in: "StandIn", call: Call) -> Answer:
    """POST /files/upload/image: a file in the field `file`."""
    file = next((part for part in call.request.parts() if part.name == "file" and part.filename), None)
    if file is None:
        return no(422, [{"loc": ["body", "file"], "msg": "Field required", "type": "missing"}])
    opened = stand_in.uploads.open(account_of(call).id, "direct", name=file.filename)
    return _fill(stand_in, call, opened, file.body)


def presign(stand_in: "StandIn", call: Call) -> Answer:
    """POST /files/upload/presign: where to PUT a file of this name."""
    try:
        name = orders.body(call.request).text("filename")
    except Invalid as invalid:
        return no(422, invalid.detail)
    opened = stand_in.uploads.open(account_of(call).id, "presign", name=name)
    return Answer(200, {"upload_url": f"{stand_in.origin}/put/{opened.id}", "upload_id": opened.id})


def put(stand_in: "StandIn", call: Call) -> Answer:
    """PUT to the address that `presign` gave: storage, which knows no key."""
    opened = stand_in.uploads.find(call.argument)
    if opened is None or opened.way != "presign":
        return Answer(403, "<Error><Code>AccessDenied</Code></Error>", content_type="application/xml")
    try:
        stand_in.uploads.fill(opened, call.request.body, wait_s=math.inf)
    except ValueError:
        return Answer(400, "<Error><Code>InvalidRequest</Code></Error>", content_type="application/xml")
    return Answer(200, b"", {"ETag": f'"{opened.id}"'})


def confirm(stand_in: "StandIn", call: Call) -> Answer:
    """POST /files/upload/confirm: the file was PUT, give its address."""
    try:
        found = stand_in.uploads.find(orders.body(call.request).text("upload_id"))
    except Invalid as invalid:
        return no(422, invalid.detail)
    if found is None or found.account != account_of(call).id:
        return no(404, "Upload not found")
    return _fill(stand_in, call, found, found.body) if found.body else no(400, "File has not been uploaded")


def upload_url(stand_in: "StandIn", call: Call) -> Answer:
    """POST /files/upload-url: fetch a file from elsewhere. It reaches nobody: what comes is a picture of its own."""
    try:
        source = orders.body(call.request).text("url")
    except Invalid as invalid:
        return no(422, invalid.detail)
    opened = stand_in.uploads.open(account_of(call).id, "url", source=source)
    usual: dict[str, object] = {"wait_s": stand_in.upload_s, "said": "completed"}
    call.notes["upload"] = usual | cast("dict[str, object]", call.notes.get("upload", {}))
    _fill(stand_in, call, opened, media.picture({}, mark=source).body)
    return Answer(200, {"upload_id": opened.id, "status": "processing"})


def upload_status(stand_in: "StandIn", call: Call) -> Answer:
    """GET /files/upload/{id}/status."""
    found = stand_in.uploads.find(call.argument)
    if found is None or found.account != account_of(call).id:
        return no(404, "Upload not found")
    if found.error:
        return Answer(200, {"upload_id": found.id, "status": "failed", "error": found.error})
    return Answer(200, _upload_row(stand_in, found))


def _fill(stand_in: "StandIn", call: Call, opened: Upload, body: bytes) -> Answer:
    facts = cast("dict[str, float | str]", call.notes.get("upload", {}))
    try:
        filled = stand_in.uploads.fill(opened, body, **facts)  # type: ignore[arg-type]
    except ValueError:
        return no(400, "Unsupported file type")
    return Answer(200, _upload_row(stand_in, filled))


def _upload_row(stand_in: "StandIn", upload: Upload) -> dict[str, object]:
    """An upload as it is answered; without its address until that can be used."""
    if not stand_in.uploads.is_ready(upload):
        return {"upload_id": upload.id, "status": "processing"}
    return {
        "upload_id": upload.id,
        "file_id": upload.id.replace("up_", "file_"),
        "url": f"{stand_in.origin}/inputs/{upload.id}",
        "type": upload.content_type.partition("/")[0],
        "status": upload.said,
        "content_type": upload.content_type,
        "size_bytes": len(upload.body),
    }


# Storage: no key, ranges, HEAD.


def output(stand_in: "StandIn", call: Call) -> Answer:
    """GET a result."""
    job = stand_in.book.by_token(call.argument)
    if job is None or job.fate.media == "gone":
        return Answer(404, "<Error><Code>NoSuchKey</Code></Error>", content_type="application/xml")
    if job.fate.media == "page":
        return Answer(200, troubles.GATEWAY_PAGE.format(status=200))
    if _is_picture(job):
        made = media.picture(job.params, mark=job.id)
    else:
        seconds = int(job.row.duration.removesuffix("s") or 2)
        made = media.clip(job.params, audio=job.row.audio, seconds=seconds, mark=job.id)
    return _file(call, made.body, made.content_type)


def input_file(stand_in: "StandIn", call: Call) -> Answer:
    """GET an upload."""
    found = stand_in.uploads.find(call.argument)
    if found is None or not stand_in.uploads.is_ready(found):
        return Answer(404, "<Error><Code>NoSuchKey</Code></Error>", content_type="application/xml")
    return _file(call, found.body, found.content_type)


def _file(call: Call, body: bytes, content_type: str) -> Answer:
    """A file, or the range of it that was asked for."""
    headers = {"Accept-Ranges": "bytes"}
    asked = re.fullmatch(r"bytes=(\d*)-(\d*)", call.request.headers.get("range", ""))
    if asked is None or asked[0] == "bytes=-":
        return Answer(200, body, headers, content_type)
    first = int(asked[1]) if asked[1] else max(len(body) - int(asked[2]), 0)
    last = min(int(asked[2]), len(body) - 1) if asked[1] and asked[2] else len(body) - 1
    if first > last:
        return Answer(416, b"", headers | {"Content-Range": f"bytes */{len(body)}"}, content_type)
    spot = {"Content-Range": f"bytes {first}-{last}/{len(body)}"}
    return Answer(206, body[first : last + 1], headers | spot, content_type)


KIND_OF: dict[str, Kind] = {"/v1/image/generate": "image", "/v1/video/generate": "video"}
ROUTES = (
    _route("POST", "/v1/(image|video)/generate", "create", create),
    _route("GET", "/v1/jobs/([^/]+)", "poll", poll),
    _route("POST", "/v1/jobs/([^/]+)/cancel", "cancel", cancel),
    _route("GET", "/v1/models", "models", models),
    _route("GET", "/v1/models/pricing", "pricing", pricing),
    _route("GET", "/v1/limits", "limits", limits),
    _route("GET", "/v1/balance", "balance", balance),
    _route("POST", "/v1/files/upload/image", "upload", upload),
    _route("POST", "/v1/files/upload/presign", "presign", presign),
    _route("POST", "/v1/files/upload/confirm", "confirm", confirm),
    _route("POST", "/v1/files/upload-url", "upload_url", upload_url),
    _route("GET", "/v1/files/upload/([^/]+)/status", "upload_status", upload_status),
    _route("GET", "/v1/dashboard/me", "me", me),
    _route("GET", "/v1/dashboard/jobs", "jobs", jobs),
    _route("GET", "/v1/dashboard/credits", "credits", credits),
    _route("PUT", "/put/([^/]+)", "put", put),
    _route("GET", "/outputs/../([0-9a-f]+)[.](?:png|mp4)", "result", output),
    _route("GET", "/inputs/([^/]+)", "result", input_file),
)
