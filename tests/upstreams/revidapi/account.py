"""What an account may ask about itself: models and prices, slots, balance, and its dashboard."""

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from . import generating, refusals
from .http import Answer
from .records import Job, Transaction, UpstreamAccount
from .script import Call

if TYPE_CHECKING:
    from .stand_in import StandIn


def models(stand_in: "StandIn", call: Call) -> Answer:
    """GET /models."""
    return Answer(200, {"models": [model.printed() for model in stand_in.catalog.all()]})


def pricing(stand_in: "StandIn", call: Call) -> Answer:
    """GET /models/pricing?model=&server_id=: every row, flat."""
    asked, server = call.request.query.get("model", ""), call.request.query.get("server_id", "")
    wanted = [model for model in stand_in.catalog.all() if asked in {"", model.id}]
    rows = [(model, row) for model in wanted for row in model.rows if server in {"", row.server}]
    printed = [{"model": model.id} | row.printed() for model, row in rows]
    return Answer(200, {"pricing": printed, "count": len(printed)})


def limits(stand_in: "StandIn", call: Call) -> Answer:
    """GET /limits: slots, and how many are taken."""
    account = call.account
    slots, usage = account.slots, stand_in.book.usage(account)
    free = slots.total - usage["total"]
    available = {
        "image_slots": max(min(slots.image - usage["image"], free), 0),
        "video_slots": max(min(slots.video - usage["video"], free), 0),
        "queue_slots": max(slots.queue - usage["queued"], 0),
    }
    return Answer(200, {"limits": slots.printed(), "active": usage, "available": available})


def balance(stand_in: "StandIn", call: Call) -> Answer:
    """GET /balance."""
    account = call.account
    with stand_in.book.up_to_date():
        credits = account.balance
    prefix = call.request.key[:11]
    return Answer(
        200,
        {"balance": credits, "currency": "credits", "key_prefix": prefix, "organization": account.organization},
    )


def me(stand_in: "StandIn", call: Call) -> Answer:
    """GET /dashboard/me: the key and its account. No sample of the vendor's is public; this is the best guess."""
    account = call.account
    with stand_in.book.up_to_date():
        credits = account.balance
    key = {"key_prefix": call.request.key[:11], "name": account.organization, "type": "shared", "is_active": True}
    return Answer(200, {"user_id": account.id, "username": account.organization, "balance": credits} | key)


def jobs(stand_in: "StandIn", call: Call) -> Answer:
    """GET /dashboard/jobs?page=&limit=&status=&type=: newest first."""
    account, query = call.account, call.request.query
    with stand_in.book.up_to_date() as now:
        mine = sorted(_jobs_of(stand_in, account), key=lambda job: job.created_at)
        listed = [job for job in reversed(mine) if now - job.created_at >= job.fate.listed_s]
        rows = [_job_row(stand_in, job) for job in listed]
    wanted = [row for row in rows if all(query.get(name) in {None, "", row[name]} for name in ("status", "type"))]
    return page(call, "jobs", wanted)


def _jobs_of(stand_in: "StandIn", account: UpstreamAccount) -> list[Job]:
    return [job for job in stand_in.book.jobs if job.account is account]


def _job_row(stand_in: "StandIn", job: Job) -> dict[str, object]:
    return {
        "job_id": job.id,
        "type": job.mode,
        "model": job.model,
        "prompt": job.prompt,
        "status": generating.status_of(job),
        "output_url": generating.address(stand_in, job) if job.state == "completed" else None,
        "credits_cost": job.charge,
        "created_at": iso(job.created_at),
        "completed_at": iso(job.ended_at) if job.ended_at else None,
        "input_params": {name: value for name, value in job.params.items() if name != "prompt"},
        "input_images": [url for url in job.inputs if url.startswith("http")],
    }


def credits(stand_in: "StandIn", call: Call) -> Answer:
    """GET /dashboard/credits?page=&limit=: every move of credits, newest first."""
    account = call.account
    mine = [_transaction_row(each) for each in reversed(stand_in.book.transactions) if each.account == account.id]
    return page(call, "transactions", mine)


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
        "created_at": iso(moved.at),
    }


def stats(stand_in: "StandIn", call: Call) -> Answer:
    """GET /dashboard/stats: totals, and the same by model and by day, which add up to them."""
    account = call.account
    with stand_in.book.up_to_date():
        mine, balance = _jobs_of(stand_in, account), account.balance
        totals = {"total_jobs": len(mine), "credits_spent": _spent(mine), "credits_refunded": _refunded(mine)}
        by_model = [{"model": model} | _sums(some) for model, some in _grouped(mine, lambda job: job.model)]
        by_day = [{"date": day} | _sums(some) for day, some in _grouped(mine, _day)]
    return Answer(200, totals | {"current_balance": balance, "by_model": by_model, "by_day": by_day})


def export(stand_in: "StandIn", call: Call) -> Answer:
    """GET /dashboard/stats/export: a line for each day and model."""
    with stand_in.book.up_to_date():
        groups = _grouped(_jobs_of(stand_in, call.account), lambda job: f"{_day(job)},{job.model}")
        lines = [",".join([name, *map(str, _sums(some).values())]) for name, some in groups]
    text = "\r\n".join(["date,model,jobs,completed,failed,credits,refunded", *lines, ""])
    named = {"Content-Disposition": 'attachment; filename="usage.csv"'}
    return Answer(200, text, named, content_type="text/csv; charset=utf-8")


def _grouped(jobs: list[Job], name: Callable[[Job], str]) -> list[tuple[str, list[Job]]]:
    groups: dict[str, list[Job]] = {}
    for job in jobs:
        groups.setdefault(name(job), []).append(job)
    return sorted(groups.items())


def _sums(jobs: list[Job]) -> dict[str, int]:
    completed, failed = (sum(job.state == state for job in jobs) for state in ("completed", "failed"))
    figures = {"jobs": len(jobs), "completed": completed, "failed": failed}
    return figures | {"credits": _spent(jobs), "refunded": _refunded(jobs)}


def _spent(jobs: list[Job]) -> int:
    return sum(job.charge for job in jobs)


def _refunded(jobs: list[Job]) -> int:
    return sum(job.refund for job in jobs)


def _day(job: Job) -> str:
    return iso(job.created_at)[:10]


def page(call: Call, name: str, rows: list[dict[str, object]]) -> Answer:
    """One page of a list, at most a hundred rows."""
    try:
        number, limit = (int(call.request.query.get(word, usual)) for word, usual in (("page", "1"), ("limit", "20")))
    except ValueError:
        return refusals.no(422, [{"loc": ["query"], "msg": "Input should be a valid integer", "type": "int_parsing"}])
    if number < 1 or not 1 <= limit <= 100:
        return refusals.no(
            422, [{"loc": ["query", "limit"], "msg": "Input should be 1 to 100", "type": "less_than_equal"}]
        )
    pages = math.ceil(len(rows) / limit)
    shown = rows[(number - 1) * limit : number * limit]
    return Answer(200, {name: shown, "total": len(rows), "page": number, "pages": pages, "limit": limit})


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
