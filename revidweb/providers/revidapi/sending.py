"""An order as the create call takes it, and what that call answers."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import BinaryIO

from django.conf import settings

from revidweb.lib import multipart
from revidweb.providers.base import (
    Account,
    Input,
    Kind,
    Mode,
    Order,
    OutcomeUnknown,
    Param,
    ProviderRefused,
    Receipt,
    Sighting,
    Status,
)

from . import client, errors, looking, shapes
from .client import Answer

_SEEDANCE = "seedance"
_ENDINGS = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/gif": "gif",
    "video/mp4": "mp4",
    "video/webm": "webm",
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
}


def send(account: Account, order: Order) -> Receipt:
    """Create the job. Inputs that stand upstream go by address, as JSON; if one has only bytes, the order is a form.

    Raises all four; OutcomeUnknown wherever a job may have been made.
    """
    path = _path(order)
    with ExitStack() as opened:
        files = [_part(one, opened) for one in order.inputs if not one.url]
        answer = _post_form(account, path, order, files) if files else _post(account, path, order)
    if not answer.is_good:
        raise errors.of(answer, is_create=True)
    return _receipt(answer)


def fields(order: Order) -> dict[str, Param]:
    """Every field of the order but its inputs: words in lower case, seconds as "5s", which all their pages take."""
    told: dict[str, Param] = {"prompt": order.prompt, "model": order.model.lower()}
    if order.mode in (Mode.T2V, Mode.I2V):
        told["mode"] = order.mode.value
    told |= {name: _written(name, value) for name, value in order.params.items()}
    return told | ({"server_id": order.server} if order.server else {})


def filename(content_type: str) -> str:
    """A name for a file that has none to tell: upstream looks at its ending."""
    return f"input.{_ENDINGS.get(content_type, 'bin')}"


def opened_file(file: Input, opened: ExitStack) -> BinaryIO:
    """The bytes, closed with `opened`. Raises ProviderRefused "input" when they are not there."""
    if file.open is None:
        raise ProviderRefused("The input has neither an address nor bytes.", code="input")
    try:
        return opened.enter_context(file.open())
    except OSError as error:
        raise ProviderRefused(f"The input cannot be read: {type(error).__name__}.", code="input") from error


def _path(order: Order) -> str:
    if order.kind is Kind.IMAGE:
        return "/image/generate"
    if order.kind is Kind.VIDEO:
        return "/seedance/generate" if order.model.lower().startswith(_SEEDANCE) else "/video/generate"
    raise ProviderRefused(f"{order.kind.value} is not made here.", code="input")


def _written(name: str, value: Param) -> Param:
    if isinstance(value, bool):
        return value
    if name == "duration":
        return f"{str(value).lower().removesuffix('s')}s"
    return value.lower() if isinstance(value, str) else value


def _post(account: Account, path: str, order: Order) -> Answer:
    addresses = [one.url for one in order.inputs]
    pictures = {"img_url": addresses[0] if len(addresses) == 1 else addresses} if addresses else {}
    return client.ask(
        account,
        "POST",
        path,
        sent={**fields(order), **pictures},
        timeout_s=settings.REVIDAPI_CREATE_TIMEOUT_S,
        is_create=True,
    )


def _post_form(account: Account, path: str, order: Order, files: list[multipart.FilePart]) -> Answer:
    limit_s = settings.REVIDAPI_CREATE_TIMEOUT_S
    body, content_type = multipart.encode(list(_form(order)), files, until=time.monotonic() + limit_s)
    return client.ask(account, "POST", path, body=body, content_type=content_type, timeout_s=limit_s, is_create=True)


def _form(order: Order) -> Iterator[tuple[str, str]]:
    for name, value in fields(order).items():
        yield name, str(value).lower() if isinstance(value, bool) else str(value)
    for one in order.inputs:
        if one.url:
            yield "img_url", one.url


def _part(file: Input, opened: ExitStack) -> multipart.FilePart:
    kind = file.content_type or "application/octet-stream"
    return multipart.FilePart("input_image", filename(file.content_type), kind, opened_file(file, opened))


def _receipt(answer: Answer) -> Receipt:
    """The ticket, what it cost and what is left; a job that ended inside the call comes with its verdict."""
    ticket = shapes.ticket(answer.body)
    if not ticket:
        raise OutcomeUnknown(f"{errors.reason_of(answer)}: the answer names no job.")
    return Receipt(
        ticket,
        cost=shapes.whole(shapes.first(answer.body, "cost", "credits_cost")),
        balance=shapes.floored(shapes.first(answer.body, "balance_remaining", "new_balance", "balance")),
        seen=_seen(answer.body),
    )


def _seen(body: Mapping[str, object]) -> Sighting | None:
    """A verdict that is worth more than another look."""
    seen = looking.sighting(body)
    if seen is None or (seen.status is Status.DONE and not seen.results):
        return None
    return seen if seen.status in (Status.DONE, Status.FAILED, Status.CANCELLED) else None
