"""What a bad request is, as a row of a table, and how it is sent."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from tests.api.makers import Program

MORE = "…"  # at the end of a detail: what follows is not compared


@dataclass(frozen=True)
class Bad:
    """One request and its answer.

    line: method and path under /v1, where "{job}" stands for an id of the world. who: which program of the world asks.
    body: sent as JSON; form: as a multipart form; raw: as it is, of the content type. settings: of the installation.
    """

    what: str
    line: str
    status: int
    detail: Any
    body: Any = None
    form: Mapping[str, Any] | None = None
    raw: bytes | str | None = None
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    who: str = "shared"
    settings: Mapping[str, Any] = field(default_factory=dict)

    def told(self, detail: Any) -> Any:
        """The detail as far as it is compared."""
        if isinstance(self.detail, str) and self.detail.endswith(MORE) and isinstance(detail, str):
            return detail[: len(self.detail) - 1] + MORE
        return detail


def posted(path: str, usual: Mapping[str, Any], what: str, status: int, detail: Any, **changes: Any) -> Bad:
    """A JSON body as usual but for these fields; a field that is None is left out."""
    body = {name: value for name, value in (usual | changes).items() if value is not None}
    return Bad(what, f"POST {path}", status, detail, body=body)


def of(who: str, bad: Bad) -> Bad:
    """The same request by another program."""
    return replace(bad, who=who)


def sent(bad: Bad, program: Program, ids: Mapping[str, str]) -> HttpResponse:
    """The answer to it. A path that begins with a slash of its own (`//…`) is asked as a whole, without a key."""
    method, path = bad.line.split(" ", 1)
    for name, value in ids.items():
        path = path.replace(f"{{{name}}}", value)
    headers = {name: _filled(value, ids) for name, value in bad.headers.items()}
    if bad.form is not None:
        return program.form(path, _form(bad.form, ids), **headers)
    raw = json.dumps(_filled(bad.body, ids)) if bad.raw is None and bad.body is not None else bad.raw
    carried = {} if raw is None else {"data": raw, "content_type": bad.content_type}
    return program.ask(method, path, headers=headers, **carried)


def put(url: str, content: bytes, **headers: str) -> HttpResponse:
    """Bytes for a signed address."""
    return Client().generic("PUT", f"/v1/{url.partition('/v1/')[2]}", content, "image/png", headers=headers)


def a_file(content: bytes, name: str = "fox.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, content_type="image/png")


def _form(fields: Mapping[str, Any], ids: Mapping[str, str]) -> dict[str, Any]:
    """A file is read to its end when it is sent, so each request gets a fresh one."""
    made = {name: a_file(value) if isinstance(value, bytes) else value for name, value in fields.items()}
    return {name: _filled(value, ids) for name, value in made.items()}


def _filled(value: Any, ids: Mapping[str, str]) -> Any:
    if isinstance(value, str) and value.startswith("{") and value.endswith("}"):
        return ids.get(value[1:-1], value)
    if isinstance(value, dict):
        return {name: _filled(each, ids) for name, each in value.items()}
    return value
