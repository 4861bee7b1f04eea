"""A request as programs of three languages make it, ready to copy. The key comes from the environment."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import bodies

Schema = Mapping[str, Any]

LANGUAGES = (("curl", "curl"), ("python", "Python"), ("javascript", "JavaScript"))
_IDS = {"job_id": "job_4f0z81c2", "upload_id": "up_9k2m47xq"}
_FILE = "fox.png"
_VARIABLE = "REVIDWEB_KEY"


@dataclass(frozen=True)
class _Call:
    """A request: what is sent as JSON, else the fields of a form that hold a file."""

    url: str
    method: str
    sent: Mapping[str, str]
    files: Sequence[str]

    def json(self, indent: int = 0) -> str:
        """What is sent; on one line, or each field on a line of its own, inside something indented by half of that."""
        if not indent:
            return json.dumps(dict(self.sent), ensure_ascii=False)
        fields = [f'{" " * indent}"{name}": {json.dumps(value)},' for name, value in self.sent.items()]
        return "\n".join(["{", *fields, " " * (indent // 2) + "}"])


@dataclass(frozen=True)
class Example:
    """The request in one language. label: what it is an example of, read aloud."""

    language: str
    label: str
    text: str


def of(base: str, path: str, method: str, content: Schema, *, title: str) -> list[Example]:
    """The request in each language: JSON where it is taken, a form where there is a file to send.

    base: where `/v1` is; content: the bodies that the operation takes, by content type. title: what
    the request does.
    """
    schema = content.get(bodies.JSON, content.get(bodies.FORM, {})).get("schema", {})
    fields: Mapping[str, Schema] = schema.get("properties", {})
    call = _Call(
        url=base + path.removeprefix("/v1").format_map(_IDS),
        method=method,
        sent={name: _sample(name, fields[name]) for name in schema.get("required", ())},
        files=[name for name, one in fields.items() if one.get("format") == "binary"],
    )
    texts = (_curl(call), _python(call), _javascript(call))
    named = zip(LANGUAGES, texts, strict=True)
    return [Example(language, f"{title}: {name}", text) for (language, name), text in named]


def _sample(name: str, schema: Schema) -> str:
    return _IDS.get(name) or str(schema.get("examples", [""])[0])


def _curl(call: _Call) -> str:
    method = f"-X {call.method} " if call.method != "GET" else ""
    lines = [f"curl {method}{call.url}", f'-H "Authorization: Bearer ${_VARIABLE}"']
    if call.sent:
        lines += ['-H "Content-Type: application/json"', f"-d '{call.json()}'"]
    lines += [f'-F "{name}=@{_FILE}"' for name in call.files]
    return " \\\n  ".join(lines)


def _python(call: _Call) -> str:
    lines = [
        "import os",
        "",
        "import requests",
        "",
        f"answer = requests.{call.method.lower()}(",
        f'    "{call.url}",',
        f'    headers={{"Authorization": "Bearer " + os.environ["{_VARIABLE}"]}},',
        *([f"    json={call.json(8)},"] if call.sent else []),
        *(f'    files={{"{name}": open("{_FILE}", "rb")}},' for name in call.files),
        "    timeout=60,",
        ")",
        "answer.raise_for_status()",
        "print(answer.json())",
    ]
    return "\n".join(lines)


def _javascript(call: _Call) -> str:
    content_type = ['    "Content-Type": "application/json",'] if call.sent else []
    body = [f"  body: JSON.stringify({call.json(4)}),"] if call.sent else []
    lines = [
        *_form(call),
        f'const answer = await fetch("{call.url}", {{',
        *([f'  method: "{call.method}",'] if call.method != "GET" else []),
        "  headers: {",
        f'    Authorization: "Bearer " + process.env.{_VARIABLE},',
        *content_type,
        "  },",
        *(["  body: form,"] if call.files else body),
        "});",
        "if (!answer.ok) throw new Error(await answer.text());",
        "console.log(await answer.json());",
    ]
    return "\n".join(lines)


def _form(call: _Call) -> list[str]:
    """JavaScript that makes the form of a call with files."""
    if not call.files:
        return []
    files = [f'form.append("{name}", await openAsBlob("{_FILE}"), "{_FILE}");' for name in call.files]
    return ['import { openAsBlob } from "node:fs";', "", "const form = new FormData();", *files, ""]
