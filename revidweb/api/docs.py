"""`/v1/docs`: the OpenAPI document as a page, with a line to copy for every endpoint in three languages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from . import bodies, examples, v1
from .examples import Example

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Field:
    """A word of a request or of an answer. kind: what may stand there, in words."""

    name: str
    kind: str
    description: str
    is_required: bool = False
    place: str = ""


@dataclass(frozen=True)
class Endpoint:
    """One operation as the page shows it. takes: the content types of its body; refusals: statuses besides 200."""

    anchor: str
    method: str
    path: str
    summary: str
    description: str
    takes: str
    fields: list[Field]
    answer: list[Field]
    refusals: list[str]
    examples: list[Example]


@dataclass(frozen=True)
class Group:
    """Endpoints that belong together."""

    title: str
    anchor: str
    endpoints: list[Endpoint]


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """The page, to anybody."""
    base = request.build_absolute_uri("/v1")
    context = {"groups": groups(base), "languages": examples.LANGUAGES, "base": base, "problems": _problems()}
    return render(request, "api/docs.html", context)


@lru_cache(maxsize=64)
def groups(base: str) -> list[Group]:
    """All endpoints by what they are about. base: where they are, as the examples write it."""
    told = v1.document()
    found: dict[str, list[Endpoint]] = {}
    for path, methods in told["paths"].items():
        for method, operation in methods.items():
            endpoint = _endpoint(told, base, path, method.upper(), operation)
            found.setdefault(operation["tags"][0], []).append(endpoint)
    return [Group(title, slugify(title), endpoints) for title, endpoints in found.items()]


def _endpoint(told: Schema, base: str, path: str, method: str, operation: Schema) -> Endpoint:
    content = operation.get("requestBody", {}).get("content", {})
    return Endpoint(
        anchor=operation["operationId"].replace("_", "-"),
        method=method,
        path=path,
        summary=operation["summary"],
        description=_worded(operation.get("description", "")),
        takes=_(" or ").join(content),
        fields=[*_parameters(operation), *_body(told, content)],
        answer=_answer(told, operation["responses"][200]),
        refusals=[str(status) for status in operation["responses"] if status != 200],
        examples=examples.of(base, path, method, content, title=operation["summary"]),
    )


def _parameters(operation: Schema) -> list[Field]:
    return [
        Field(one["name"], _kind(one["schema"]), _worded(one.get("description", "")), one["required"], one["in"])
        for one in operation["parameters"]
    ]


def _body(told: Schema, content: Schema) -> list[Field]:
    """The form's fields: it takes all that JSON does, and files besides."""
    schema = content.get(bodies.FORM, {}).get("schema", {})
    return _fields(told, schema, place="body")


def _answer(told: Schema, response: Schema) -> list[Field]:
    schema = response["content"].get(bodies.JSON, {}).get("schema", {})  # a file has no fields
    shapes = [_resolved(told, one) for one in _shapes(schema)]
    return list({field.name: field for shape in shapes for field in _fields(told, shape)}.values())


def _shapes(schema: Schema) -> Sequence[Schema]:
    shapes: Sequence[Schema] = schema.get("anyOf", [schema])
    return shapes


def _fields(told: Schema, schema: Schema, place: str = "") -> list[Field]:
    required = schema.get("required", ())
    return [
        Field(
            name,
            _kind(one),
            _worded(one.get("description") or _resolved(told, one).get("description", "")),
            name in required,
            place,
        )
        for name, one in schema.get("properties", {}).items()
    ]


def _worded(text: str) -> SafeString:
    """A description as the page shows it: what stands between backticks is code."""
    parts = enumerate(" ".join(text.split()).split("`"))
    return format_html_join(
        "", "{}", ((format_html("<code>{}</code>", part) if at % 2 else part,) for at, part in parts)
    )


def _resolved(told: Schema, schema: Schema) -> Schema:
    """The shape that a reference means, of a list that of its items."""
    named = schema.get("$ref") or schema.get("items", {}).get("$ref", "")
    return told["components"]["schemas"][named.rpartition("/")[2]] if named else schema


def _kind(schema: Schema) -> str:
    """What may stand there, in words: "string", "integer or string", "list of Job"."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return _(" or ").join(dict.fromkeys(_kind(one) for one in schema["anyOf"] if one.get("type") != "null"))
    if "enum" in schema or "const" in schema:
        return " | ".join(f'"{value}"' for value in schema.get("enum", [schema.get("const")]) if value != "")
    if schema.get("type") == "array":
        return _("list of %(what)s") % {"what": _kind(schema["items"])}
    return _("file") if schema.get("format") == "binary" else str(schema.get("format") or schema.get("type", "any"))


def _problems() -> list[tuple[int, str]]:
    """What each status means here, for the table above the endpoints."""
    return [
        (400, _("Something in the request is not as it is to be; the text begins with the field.")),
        (401, _("The key is missing, unknown, revoked, expired or paused.")),
        (
            402,
            _(
                "The wallet is short of credits, or a limit of the key is used up; the text says which, and when it "
                "resets."
            ),
        ),
        (403, _("The key may not use this kind, this model, or come from this address.")),
        (404, _("There is no such thing for this key.")),
        (422, _("The Idempotency-Key was used for another request.")),
        (429, _("Too many requests in a minute, or too many jobs. Retry-After says how many seconds to wait.")),
        (503, _("No connection offers the model at this moment.")),
    ]
