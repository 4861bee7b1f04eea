"""Reading an order: JSON or a form, its prompt and model, and the inputs that it names."""

import contextlib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass

from .http import Part, Request
from .records import Kind, Order

ADDRESSES = ("img_url", "image_url", "image_urls", "video_url")


class Invalid(Exception):
    """The body is no order: the validation list that says why."""

    def __init__(self, name: str, message: str, code: str) -> None:
        super().__init__(message)
        self.detail = [{"loc": ["body", name] if name else ["body"], "msg": message, "type": code}]


@dataclass(frozen=True)
class Body:
    """The fields and the files of a request."""

    fields: dict[str, object]
    files: tuple[Part, ...]

    @property
    def inputs(self) -> list[Part]:
        """The files that an order starts from; files in other fields are ignored like any unknown field."""
        return [part for part in self.files if part.name == "input_image"]

    def text(self, name: str) -> str:
        """A field's text. Raises Invalid when it is missing, empty or no text."""
        value = self.fields.get(name)
        if value is None or value == "":
            raise Invalid(name, "Field required", "missing")
        if not isinstance(value, str):
            raise Invalid(name, "Input should be a valid string", "string_type")
        return value


def body(request: Request) -> Body:
    """What a request says, in JSON or as a form. Raises Invalid for JSON that is none."""
    if "json" not in request.headers.get("content-type", ""):
        return _form(request.parts())
    try:
        fields = json.loads(request.body)
    except ValueError as failed:
        raise Invalid("", "JSON decode error", "json_invalid") from failed
    if not isinstance(fields, dict):
        raise Invalid("", "Input should be a valid dictionary", "dict_type")
    return Body(fields, ())


def _form(parts: list[Part]) -> Body:
    fields: dict[str, object] = {}
    for part in parts:
        if not part.filename:
            value = part.body.decode("utf-8", "replace")
            old = fields.get(part.name)
            fields[part.name] = value if old is None else [*old, value] if isinstance(old, list) else [old, value]
    return Body(fields, tuple(part for part in parts if part.filename))


def note(request: Request, kind: Kind, at: float) -> Order:
    """The order as it came in, however wrong it may be."""
    account = request.account.id if request.account else ""
    try:
        said = body(request)
    except Invalid:
        return Order(at, account, kind, "", "", {}, (), ())
    files = tuple(hashlib.sha256(part.body).hexdigest() for part in said.inputs)
    model, prompt = (str(said.fields.get(name) or "") for name in ("model", "prompt"))
    return Order(at, account, kind, model, prompt, said.fields, tuple(_addresses(said.fields)), files)


def _addresses(fields: dict[str, object]) -> Iterator[str]:
    """The inputs' addresses: one string, a JSON list in a string, a list, or a repeated field."""
    seen = [url for name in ADDRESSES for url in _flat(fields.get(name))]
    return iter(dict.fromkeys(seen))


def _flat(value: object) -> Iterator[str]:
    if isinstance(value, str) and value.lstrip().startswith("["):
        with contextlib.suppress(ValueError):
            value = json.loads(value)
    if isinstance(value, list):
        for each in value:
            yield from _flat(each)
    elif value:
        yield str(value)
