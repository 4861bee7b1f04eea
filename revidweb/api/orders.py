"""From what a program sends to a job: the order, its inputs, and the answer."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse

from revidweb.catalog import params, quoting
from revidweb.credits.ledger import NotEnoughCredits
from revidweb.credits.models import WalletKind
from revidweb.files import links, uploading
from revidweb.jobs import balance, submit
from revidweb.jobs.models import Batch, Job
from revidweb.keys import budgets, checking, payers
from revidweb.lib.refusal import Refusal
from revidweb.providers.base import Input, Kind, Mode, Order, Param

from . import bodies, errors
from .auth import KeyRequest
from .bodies import Body
from .errors import bad

REPLAYED = "Idempotency-Replayed"
_PARAMS: Mapping[Kind, tuple[str, ...]] = {
    Kind.IMAGE: ("aspect_ratio", "resolution", "quality", "speed"),
    Kind.VIDEO: ("aspect_ratio", "resolution", "quality", "duration", "speed"),
}
_ADDRESSES = ("img_url", "image_url", "image_urls")
_FILE = "input_image"
_MOST_INPUTS = 16  # of any model; each has its own most
_NAME = re.compile(r"[!-~]{1,255}")
_DROPPABLE = ("no_audio", "not_taken")
_DROPPED = "_dropped"
T = TypeVar("T")


def generate(request: KeyRequest, kind: Kind) -> HttpResponse:
    """Take the order of one job, or answer as the same Idempotency-Key was answered before.

    What the model has no such thing of is dropped, as RevidAPI does, and named in `warnings`: a parameter that it does
    not take, and sound where the rest rules it out.
    """
    name, body = _name(request), bodies.read(request)
    fingerprint = body.fingerprint(kind) if name else ""
    batch = submit.repeat(request.actor, name, fingerprint) or _taken(request, kind, body, name, fingerprint)
    return _answer(request, batch, name)


def _taken(request: KeyRequest, kind: Kind, body: Body, name: str, fingerprint: str) -> Batch:
    order, files = _order(kind, body), body.files.getlist(_FILE)
    order = replace(order, inputs=(*_addressed(request, body), *(Input() for _ in files)))
    _check_mode(body, order)
    _check_allowed(request, order)
    callback_url = body.text("callback_url").strip()
    if files:
        order = _kept(request, order, files)
    said = {"count": 1, "token": name, "callback_url": callback_url, "fingerprint": fingerprint}
    return _lenient(order, [], partial(_submitted, request, said))


# -- what is asked ---------------------------------------------------------------------------------------------------


def _name(request: KeyRequest) -> str:
    """What the program calls this request, "" where it calls it nothing."""
    name = request.headers.get("Idempotency-Key")
    if name is not None and not _NAME.fullmatch(name):
        raise bad("Idempotency-Key", "must have 1 to 255 visible ASCII characters")
    return name or ""


def _order(kind: Kind, body: Body) -> Order:
    """The order without its inputs. A parameter that cannot be one is refused here, whatever the model."""
    asked: dict[str, Param] = {}
    for name in _PARAMS[kind]:
        value = body.scalar(name)
        if value is not None:
            asked[name] = value
    if kind is Kind.VIDEO:
        asked |= _sound(body)
        _check_duration(asked)
    return Order(
        kind=kind,
        mode=Mode.T2I if kind is Kind.IMAGE else Mode.T2V,  # the quote says which
        model=_required(body, "model"),
        prompt=_required(body, "prompt", most=bodies.PROMPT_MOST),
        params=asked,
        server=str(body.scalar("server_id") or ""),
    )


def _required(body: Body, name: str, *, most: int = 80) -> str:
    value = body.text(name, most=most).strip()
    if not value:
        raise bad(name, "required")
    return value


def _sound(body: Body) -> dict[str, Param]:
    sound = body.flag("audio")
    return {} if sound is None else {"audio": sound}


def _check_duration(asked: Mapping[str, Param]) -> None:
    """5, "5" and "5s" are one duration."""
    if "duration" not in asked:
        return
    value = asked["duration"]
    seconds = value.lower().removesuffix("s").strip() if isinstance(value, str) else value
    if not bodies.is_whole(seconds) or int(seconds) <= 0:
        raise bad("duration", 'must be whole seconds, such as 5 or "5s"')


def _check_mode(body: Body, order: Order) -> None:
    """The mode follows from the inputs; one that says otherwise is a slip of the program."""
    said, meant = body.text("mode", most=80).strip().lower(), quoting.mode_of(order)
    if order.kind is not Kind.VIDEO or said in ("", meant):
        return
    if said not in (Mode.T2V, Mode.I2V):
        raise bad("mode", f"must be {Mode.T2V} or {Mode.I2V}")
    raise bad("mode", "i2v needs an image: img_url or input_image" if said == Mode.I2V else "t2v takes no image")


def _check_allowed(request: KeyRequest, order: Order) -> None:
    """Only a key that is restricted asks which model a name means."""
    key = request.key
    if key.allowed_kinds or key.allowed_models:
        checking.allow(key, kind=order.kind, model=params.resolve(order.model).media_model.name)


# -- its inputs ------------------------------------------------------------------------------------------------------


def _addressed(request: KeyRequest, body: Body) -> list[Input]:
    """An address of ours is the file behind it, and never fetched; any other is fetched before the job is sent."""
    addresses = body.texts(*_ADDRESSES)
    if len(addresses) + len(body.files.getlist(_FILE)) > _MOST_INPUTS:
        raise bad("img_url", f"at most {_MOST_INPUTS} images are taken")
    return [_input(request, url) for url in addresses]


def _input(request: KeyRequest, url: str) -> Input:
    file = links.own(request.actor, url)
    return Input(file_id=file.public_id, is_lent=True) if file else Input(url=url)


def _kept(request: KeyRequest, order: Order, files: "Sequence[UploadedFile[bytes]]") -> Order:
    """The order with its files kept, in the places that were left for them; nothing is kept of what is refused."""
    submit.check(order, 1)
    quote = _lenient(order, [], lambda asked, _warnings: quoting.quote(request.actor.tenant, asked))
    budgets.peek(request.key, credits=quote.credits, jobs=1)
    _check_credits(request, quote.credits)
    kept = [Input(file_id=uploading.keep(request.actor, file).public_id) for file in files]
    return replace(order, inputs=(*order.inputs[: -len(kept)], *kept))


def _check_credits(request: KeyRequest, needed: int) -> None:
    """Refuse early what the hold would refuse. What the house pays is not counted here."""
    payer = payers.of(request.actor)
    if payer.is_metered and payer.free < needed:
        raise NotEnoughCredits(needed=needed, free=payer.free)


# -- the job ---------------------------------------------------------------------------------------------------------


def _submitted(request: KeyRequest, said: Mapping[str, Any], order: Order, dropped: Sequence[str]) -> Batch:
    return submit.submit(request.actor, order, **said, warnings=[name + _DROPPED for name in dropped])


def _lenient(order: Order, dropped: Sequence[str], deed: Callable[[Order, Sequence[str]], T]) -> T:
    """Do it without what the model has no such thing of. dropped: what is known to be none already."""
    try:
        return deed(_without(order, dropped), dropped)
    except Refusal as refusal:
        field = refusal.field
        if refusal.code not in _DROPPABLE or field in dropped or field not in order.params:
            raise
    return _lenient(order, [*dropped, field], deed)


def _without(order: Order, names: Sequence[str]) -> Order:
    return replace(order, params={name: value for name, value in order.params.items() if name not in names})


def _answer(request: KeyRequest, batch: Batch, name: str) -> HttpResponse:
    """What was told first is told again: the job may be far on by now."""
    (job,) = batch.in_order
    left = _left(request, job)
    told: dict[str, Any] = {
        "job_id": job.public_id,
        "status": "pending",
        "cost": job.credits,
        "balance_remaining": submit.tell(batch, left) if name else left,
    }
    told |= {"warnings": job.warnings} if job.warnings else {}
    return errors.say(told, headers={REPLAYED: "true"} if batch.is_repeat else None)


def _left(request: KeyRequest, job: Job) -> int:
    """What its payer may still spend; where the house pays, what is left at the connection that was quoted."""
    if job.hold is None or job.hold.wallet.kind == WalletKind.HOUSE:
        return balance.of_connection(job.connection).credits
    return balance.of(request.actor).credits
