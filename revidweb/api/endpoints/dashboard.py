"""What the key is, what it made, and what became of its credits."""

from typing import Annotated, Any, Literal

from django.http import HttpResponse
from ninja import Router
from ninja.params.functions import Query

from revidweb.api import errors, limits, openapi, shapes
from revidweb.api.auth import KeyRequest
from revidweb.credits import statements
from revidweb.credits.models import TransferKind
from revidweb.credits.statements import Line
from revidweb.files import links
from revidweb.jobs import balance, programs, told
from revidweb.jobs.models import Job, Settlement
from revidweb.jobs.states import State
from revidweb.keys import budgets
from revidweb.keys.budgets import Meter

router = Router()

_MOST, _USUAL = 100, 20
_PAGES_MOST = 100_000
_TYPES = {TransferKind.CAPTURE: "deduct"}

Limit = Annotated[int, Query(ge=1, le=_MOST, description="How many.")]
Cursor = Annotated[str, Query(max_length=60, description="`next_cursor` of the answer before.")]
Type = Literal["", "image", "video", "t2i", "i2i", "t2v", "i2v", "motion", "avatar"]


@router.get("/dashboard/me", response=openapi.answers(shapes.Me), summary="This key", operation_id="dashboard_me")
def me(request: KeyRequest) -> HttpResponse:
    """The key that asks: whose credits it spends, its limits with what is used of them, and when they begin anew."""
    key, now = request.key, balance.of(request.actor)
    answer = {
        "key_id": key.public_id,
        "key_prefix": request.key_prefix,
        "name": key.name,
        "type": key.kind,
        "organization": key.tenant.name,
        "balance": now.credits,
        "held": now.held,
        "is_active": True,  # another one does not get here
        "created_at": told.moment(key.created_at),
        "expires_at": told.moment(key.expires_at),
        "last_used_at": told.moment(key.last_used_at),
        "limits": [_meter(meter) for meter in budgets.meters(key)],
        **limits.set_on(key),
    }
    return errors.say(answer)


@router.get(
    "/dashboard/jobs", response=openapi.answers(shapes.Jobs, 400), summary="Jobs", operation_id="dashboard_jobs"
)
def jobs(
    request: KeyRequest,
    page: Annotated[int, Query(ge=1, le=_PAGES_MOST, description="From 1 on; not together with a cursor.")] = 1,
    limit: Limit = _USUAL,
    cursor: Cursor = "",
    status: Literal["", "pending", "processing", "completed", "failed", "cancelled"] = "",
    type: Annotated[Type, Query(description="A kind or a mode.")] = "",  # noqa: A002 — RevidAPI's word
) -> HttpResponse:
    """The key's jobs, newest first: by pages, or from a cursor on, which stays right while new jobs come in."""
    wanted = programs.Wanted(status=status, type=type)
    before = programs.find(request.actor, cursor) if cursor else None
    if cursor and before is None:
        raise errors.bad("cursor", "no such job")
    skip = 0 if before else (page - 1) * limit
    found, has_more = programs.page(request.actor, wanted, limit=limit, skip=skip, before=before)
    origin = links.origin_of(request.actor.tenant.pk)
    answer: dict[str, Any] = {
        "jobs": [_job(job, origin) for job in found],
        "limit": limit,
        "next_cursor": found[-1].public_id if has_more else None,
    }
    if before is None:
        total = programs.count(request.actor, wanted)
        answer |= {"total": total, "page": page, "pages": -(-total // limit)}
    return errors.say(answer)


@router.get(
    "/dashboard/credits",
    response=openapi.answers(shapes.Transactions, 400),
    summary="Credits",
    operation_id="dashboard_credits",
)
def credits(request: KeyRequest, limit: Limit = _USUAL, cursor: Cursor = "") -> HttpResponse:
    """What moved in the key's own wallet, newest first; of a shared key, what its jobs cost."""
    before = _before(cursor)
    wallet = request.key.wallet
    if wallet is None:
        charges, has_more = programs.charges(request.actor, limit=limit, before=before)
        told_lines, last = [_charge(charge) for charge in charges], charges[-1].pk if has_more else None
    else:
        page = statements.page(wallet, before=before, limit=limit)
        told_lines, last = [_line(line) for line in page.lines], page.older
    return errors.say({"transactions": told_lines, "limit": limit, "next_cursor": None if last is None else str(last)})


def _before(cursor: str) -> int | None:
    if not cursor:
        return None
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 19):
        raise errors.bad("cursor", "no such place")
    return int(cursor)


def _meter(meter: Meter) -> dict[str, Any]:
    return {
        "limit": meter.limit,
        "used": meter.used,
        "most": meter.most,
        "left": max(0, meter.most - meter.used),
        "resets_at": told.moment(meter.resets_at),
    }


def _job(job: Job, origin: str) -> dict[str, Any]:
    return {
        "job_id": job.public_id,
        "type": job.mode,
        "model": job.media_model.name,
        "prompt": job.prompt,
        "status": told.status(job),
        "output_url": _output(job, origin),
        "credits_cost": job.cost,
        "refunded": not job.cost,
        "error": told.error(job),
        "input_params": {**job.params, "server_id": job.server},
        "created_at": told.moment(job.created_at),
        "completed_at": told.moment(job.ended_at),
    }


def _output(job: Job, origin: str) -> str | None:
    is_there = job.state == State.DONE and job.cover is not None and job.cover.deleted_at is None
    return links.sign(job.cover, origin=origin) if is_there and job.cover else None


def _line(line: Line) -> dict[str, Any]:
    return {
        "id": str(line.id),
        "type": _TYPES.get(line.kind, line.kind.value),
        "amount": line.credits,
        "balance_before": None if line.balance_after is None else line.balance_after - line.credits,
        "balance_after": line.balance_after,
        "reason": line.note or line.kind.value,
        "job_id": statements.job_of(line.reference) or None,
        "created_at": told.moment(line.at),
    }


def _charge(charge: Settlement) -> dict[str, Any]:
    return {
        "id": str(charge.pk),
        "type": "deduct",
        "amount": -charge.credits,
        "balance_before": None,
        "balance_after": None,
        "reason": charge.job.media_model.name,
        "job_id": charge.job.public_id,
        "created_at": told.moment(charge.at),
    }
