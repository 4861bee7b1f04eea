"""How endpoints are told in the OpenAPI document: both content types of every write, every status with its shape.

ninja knows one content type an operation, so what a body may hold is written here, and `bodies` reads it.
"""

from collections.abc import Mapping
from typing import Any

from . import bodies, shapes

Schema = dict[str, Any]

EVERYWHERE = (401, 403, 429)  # any endpoint that takes a key may answer so
_SHAPES: dict[int, Any] = {429: shapes.Busy}
ADDRESSES: Schema = {
    "anyOf": [{"type": "string", "maxLength": 2000}, {"type": "array", "items": {"type": "string", "maxLength": 2000}}]
}
FILE: Schema = {"type": "string", "format": "binary"}
FLAG: Schema = {"anyOf": [{"type": "boolean"}, {"type": "string", "enum": ["true", "false"]}]}
SECONDS: Schema = {"anyOf": [{"type": "integer"}, {"type": "string"}], "examples": ["5s"]}


def text(*examples: str, most: int = 2000, least: int = 0) -> Schema:
    """A text of so many characters."""
    schema: Schema = {"type": "string", "maxLength": most}
    return schema | ({"minLength": least} if least else {}) | ({"examples": list(examples)} if examples else {})


def said(schema: Schema, description: str) -> Schema:
    """The schema with what it is for."""
    return {**schema, "description": description}


def body(
    fields: Mapping[str, Schema],
    *,
    required: tuple[str, ...] = (),
    files: Mapping[str, Schema] | None = None,
    parameters: tuple[Schema, ...] = (),
    is_form_alone: bool = False,
) -> dict[str, Any]:
    """Ninja's `openapi_extra` of a write. fields: in both content types; files: in the form alone.

    is_form_alone: it makes no sense without a file, so JSON is not told of.
    """
    json, form = _object(fields, required), _object({**fields, **(files or {})}, required)
    content = {} if is_form_alone else {bodies.JSON: {"schema": json}}
    content |= {bodies.FORM: {"schema": form}}
    told: dict[str, Any] = {"requestBody": {"required": True, "content": content}}
    return told | ({"parameters": list(parameters)} if parameters else {})


def header(name: str, schema: Schema, description: str) -> Schema:
    """A header that a request may carry."""
    return {"in": "header", "name": name, "required": False, "schema": schema, "description": description}


def answers(good: Any, *statuses: int) -> dict[int, Any]:
    """Ninja's `response`: the shape of what is answered, and those of the statuses besides."""
    also = sorted({*EVERYWHERE, *statuses})
    return {200: good, **{status: _SHAPES.get(status, shapes.Problem) for status in also}}


def file(content_type: str, description: str) -> dict[str, Any]:
    """Ninja's `openapi_extra` of an answer that is a file."""
    content = {content_type: {"schema": {"type": "string"}}}
    return {"responses": {200: {"description": description, "content": content}}}


def _object(fields: Mapping[str, Schema], required: tuple[str, ...]) -> Schema:
    return (
        {"type": "object", "properties": dict(fields), "required": list(required)}
        if required
        else {
            "type": "object",
            "properties": dict(fields),
        }
    )
